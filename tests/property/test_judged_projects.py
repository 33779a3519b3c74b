"""Small projects of every style, one edit each: the tests that it can change run, hardly others.

Each is run plainly and with the cache before and after the edit, and outcomes are compared.
"""

# ruff: noqa: E501  # code under test is written as such code is

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


@dataclass(frozen=True)
class Case:
    """A project and an edit of it.

    Attributes:
        edit: per file the replacements of texts, or what the file holds then; ``None``: it goes.
        run: names of the tests that the edit can change; new ones run besides.
        may: those that may run, too, as what they read is not told apart.
    """

    files: dict[str, str]
    edit: dict[str, str | list[tuple[str, str]] | None]
    run: str
    may: str = ""


CASES: Final = {
    "redefined twice": Case(
        files={
            "m.py": """
                def f(): return 1
                saved = f
                def f(): return saved() + 1
                X = 1
                X = X + 1
                def g(): return X
                def h(): return 5
                """,
            "test_m.py": """
                import m
                def test_f(): assert m.f() in (2, 3)
                def test_g(): assert m.g() == 2
                def test_h(): assert m.h() == 5
                """,
        },
        edit={
            "m.py": [
                ("def f(): return 1", "def f(): return 2"),
            ],
        },
        run="test_f",
    ),
    "redef added later": Case(
        files={
            "m.py": """
                def f(): return 1
                def caller(): return f()
                def h(): return 5
                """,
            "test_m.py": """
                import m
                def test_f(): assert m.f() in (1, 2)
                def test_caller(): assert m.caller() in (1, 2)
                def test_h(): assert m.h() == 5
                """,
        },
        edit={
            "m.py": [
                ("def h()", "def f(): return 2\ndef h()"),
            ],
        },
        run="test_f test_caller",
    ),
    "loop table": Case(
        files={
            "m.py": """
                SQUARES = []
                for n in range(3):
                    SQUARES.append(n * n)
                CUBES = {}
                for n in range(3):
                    CUBES[n] = n ** 3
                def sq(n): return SQUARES[n]
                def cube(n): return CUBES[n]
                def other(): return 1
                """,
            "test_m.py": """
                from m import sq, cube, other
                def test_sq(): assert sq(2) == 4
                def test_cube(): assert cube(2) == 8
                def test_other(): assert other() == 1
                """,
        },
        edit={
            "m.py": [
                ("n ** 3", "n * n * n"),
            ],
        },
        run="test_cube",
    ),
    "star all shadow": Case(
        files={
            "pkg/__init__.py": """
                from .a import *
                from .b import *
                """,
            "pkg/a.py": """
                __all__ = ['shared', 'only_a']
                def shared(): return 'a'
                def only_a(): return 1
                """,
            "pkg/b.py": """
                __all__ = ['only_b']
                def shared(): return 'b'
                def only_b(): return 2
                """,
            "test_star.py": """
                import pkg
                def test_shared(): assert pkg.shared() in "ab"
                def test_a(): assert pkg.only_a() == 1
                def test_b(): assert pkg.only_b() == 2
                """,
        },
        edit={
            "pkg/b.py": [
                ("['only_b']", "['only_b', 'shared']"),
            ],
        },
        run="test_shared",
    ),
    "star all drop": Case(
        files={
            "base.py": """
                __all__ = ['A', 'B']
                A = 1
                B = 2
                C = 3
                """,
            "impl.py": "from base import *\n",
            "test_impl.py": """
                import impl
                def test_a(): assert impl.A == 1
                def test_b(): assert getattr(impl, 'B', None) in (2, None)
                def test_c(): assert getattr(impl, 'C', None) in (3, None)
                """,
        },
        edit={
            "base.py": [
                ("['A', 'B']", "['A', 'C']"),
            ],
        },
        run="test_b test_c",
    ),
    "reexport switch": Case(
        files={
            "lib/__init__.py": "from .api import connect, close\n",
            "lib/api.py": """
                from ._v1 import connect
                from ._v2 import close
                """,
            "lib/_v1.py": """
                def connect(): return 1
                def close(): return 1
                """,
            "lib/_v2.py": """
                def connect(): return 2
                def close(): return 2
                """,
            "test_lib.py": """
                import lib
                from lib import close
                def test_connect(): assert lib.connect() in (1, 2)
                def test_close(): assert close() == 2
                def test_v1_close():
                    from lib._v1 import close
                    assert close() == 1
                """,
        },
        edit={
            "lib/api.py": [
                ("from ._v1 import connect\n", "from ._v2 import connect\n"),
            ],
        },
        run="test_connect",
    ),
    "namespace pkg": Case(
        files={
            "ns/one.py": "def f(): return 1\n",
            "ns/two.py": "def g(): return 2\n",
            "test_ns.py": """
                def test_one():
                    from ns import one
                    assert one.f() == 1
                def test_two():
                    import ns.two
                    assert ns.two.g() in (2, 3)
                def test_file():
                    import ns
                    assert getattr(ns, "__file__", None) is None
                """,
        },
        edit={
            "ns/two.py": [
                ("return 2", "return 3"),
            ],
        },
        run="test_two",
    ),
    "namespace becomes regular": Case(
        files={
            "ns/one.py": "def f(): return 1\n",
            "test_ns.py": """
                def test_one():
                    from ns import one
                    assert one.f() in (1, 5)
                def test_file():
                    import ns
                    assert getattr(ns, "__file__", None) is None or True
                def test_other(): assert True
                """,
        },
        edit={
            "ns/__init__.py": """
                from . import one
                one.f = lambda: 5
                """,
        },
        run="test_one test_file",
    ),
    "func level import": Case(
        files={
            "svc.py": """
                def heavy(x):
                    from impl import compute
                    return compute(x)
                def light(x): return x
                def maybe(flag):
                    if flag:
                        from . import nothing
                    import impl2 as z
                    return z.K
                """,
            "impl.py": """
                def compute(x): return x * 2
                def unused(): return 0
                """,
            "impl2.py": "K = 4\n",
            "test_svc.py": """
                import svc
                def test_heavy(): assert svc.heavy(2) in (4, 5)
                def test_light(): assert svc.light(2) == 2
                def test_maybe(): assert svc.maybe(False) == 4
                """,
        },
        edit={
            "impl.py": [
                ("x * 2", "x * 2 + 0"),
            ],
        },
        run="test_heavy",
    ),
    "type checking": Case(
        files={
            "model.py": """
                class Model:
                    size = 1
                """,
            "svc.py": """
                from __future__ import annotations
                from typing import TYPE_CHECKING
                if TYPE_CHECKING:
                    from model import Model
                def use(m: Model) -> int: return m + 1
                """,
            "test_svc.py": """
                import svc
                def test_use(): assert svc.use(1) == 2
                def test_model():
                    import model
                    assert model.Model.size in (1, 2)
                """,
        },
        edit={
            "model.py": [
                ("size = 1", "size = 2"),
            ],
        },
        run="test_model",
    ),
    "module getattr added": Case(
        files={
            "lazy/__init__.py": "VERSION = '1'\n",
            "lazy/big.py": "def run(): return 'big'\n",
            "test_lazy.py": """
                import lazy
                def test_big():
                    try:
                        assert lazy.anything == 42
                    except AttributeError:
                        pass
                def test_version(): assert lazy.VERSION == '1'
                """,
        },
        edit={
            "lazy/__init__.py": [
                (
                    "VERSION = '1'",
                    "VERSION = '1'\ndef __getattr__(name):\n    if name.startswith('_'): raise AttributeError(name)\n    return 42",
                ),
            ],
        },
        run="test_big",
    ),
    "module getattr lazy": Case(
        files={
            "lazy/__init__.py": """
                import importlib
                _SUB = {"run": ".big", "walk": ".small"}
                def __getattr__(name):
                    if name in _SUB:
                        return getattr(importlib.import_module(_SUB[name], __name__), name)
                    raise AttributeError(name)
                def __dir__(): return sorted(_SUB)
                def eager(): return 0
                """,
            "lazy/big.py": "def run(): return 'big'\n",
            "lazy/small.py": "def walk(): return 'small'\n",
            "test_lazy.py": """
                import lazy
                def test_run(): assert lazy.run() == "big"
                def test_walk(): assert lazy.walk() in ("small", "tiny")
                def test_dir(): assert "run" in dir(lazy)
                def test_eager(): assert lazy.eager() == 0
                """,
        },
        edit={
            "lazy/small.py": [
                ("'small'", "'tiny'"),
            ],
        },
        run="test_walk",
    ),
    "match stmt": Case(
        files={
            "conf.py": """
                MODE = "dev"
                match MODE:
                    case "dev":
                        LEVEL = 10
                    case "prod":
                        LEVEL = 20
                    case _:
                        LEVEL = 0
                def level(): return LEVEL
                def kind(x):
                    match x:
                        case {"a": v}: return v
                        case [first, *_]: return first
                        case int(): return "int"
                    return None
                """,
            "test_conf.py": """
                import conf
                def test_level(): assert conf.level() in (10, 20)
                def test_kind(): assert conf.kind([1, 2]) == 1
                def test_kind2(): assert conf.kind({"a": 2}) == 2
                """,
        },
        edit={
            "conf.py": [
                ('MODE = "dev"', 'MODE = "prod"'),
            ],
        },
        run="test_level",
    ),
    "decorator order removed": Case(
        files={
            "m.py": """
                def tag(name):
                    def deco(f):
                        f.tags = getattr(f, "tags", ()) + (name,)
                        return f
                    return deco
                @tag("x")
                @tag("y")
                def a(): return 1
                @tag("z")
                def b(): return 2
                """,
            "test_m.py": """
                import m
                def test_tags(): assert "y" in m.a.tags
                def test_call(): assert m.a() == 1
                def test_b(): assert m.b() == 2 and m.b.tags == ("z",)
                """,
        },
        edit={
            "m.py": [
                ('@tag("x")\n', ""),
            ],
        },
        run="test_tags test_call",
    ),
    "metaclass registry": Case(
        files={
            "meta.py": """
                class Meta(type):
                    registry = {}
                    def __new__(mcls, name, bases, ns):
                        cls = super().__new__(mcls, name, bases, ns)
                        if bases:
                            mcls.registry[name.lower()] = cls
                        return cls
                    def __call__(cls, *a):
                        obj = super().__call__(*a)
                        obj.made = True
                        return obj
                class Base(metaclass=Meta):
                    pass
                """,
            "impl.py": """
                from meta import Base
                class Csv(Base):
                    def dump(self): return "csv"
                class Xml(Base):
                    def dump(self): return "xml"
                """,
            "test_meta.py": """
                import impl
                from meta import Meta
                def get(name): return Meta.registry[name]()
                def test_csv(): assert get("csv").dump() in ("csv", "CSV")
                def test_xml(): assert get("xml").dump() == "xml"
                def test_names(): assert {"csv", "xml"} <= set(Meta.registry)
                def test_direct(): assert impl.Xml().made
                """,
        },
        edit={
            "impl.py": [
                ('return "csv"', 'return "CSV"'),
            ],
        },
        run="test_csv",
    ),
    "init subclass kwargs": Case(
        files={
            "base.py": """
                class Handler:
                    by_code = {}
                    default_rank = 1
                    def __init_subclass__(cls, /, code=None, rank=None, **kw):
                        super().__init_subclass__(**kw)
                        cls.code = code
                        cls.rank = rank or cls.default_rank
                        Handler.by_code[code] = cls
                    def handle(self): return self.code
                """,
            "impl.py": """
                from base import Handler
                class Ok(Handler, code=200): pass
                class Bad(Handler, code=400, rank=5): pass
                """,
            "test_h.py": """
                import impl
                from base import Handler
                def test_ok(): assert impl.Ok().handle() in (200, 201)
                def test_bad(): assert impl.Bad().rank == 5
                def test_lookup(): assert Handler.by_code[400] is impl.Bad
                def test_all(): assert len(Handler.by_code) == 2
                """,
        },
        edit={
            "impl.py": [
                ("code=200", "code=201"),
            ],
        },
        run="test_ok test_all",
        may="test_lookup test_bad",
    ),
    "set name descriptor": Case(
        files={
            "fields.py": """
                class Field:
                    def __init__(self, default=None): self.default = default
                    def __set_name__(self, owner, name):
                        self.name = "_" + name
                        owner.fields = getattr(owner, "fields", ()) + (name,)
                    def __get__(self, obj, cls=None):
                        if obj is None: return self
                        return obj.__dict__.get(self.name, self.default)
                    def __set__(self, obj, v): obj.__dict__[self.name] = self.check(v)
                    def check(self, v): return v
                class Int(Field):
                    def check(self, v): return int(v)
                """,
            "model.py": """
                from fields import Field, Int
                class User:
                    name = Field("x")
                    age = Int(0)
                class Pet:
                    kind = Field("dog")
                """,
            "test_model.py": """
                import model
                def test_age():
                    u = model.User(); u.age = "3"
                    assert u.age in (3, 4)
                def test_name():
                    u = model.User(); u.name = "n"
                    assert u.name == "n"
                def test_default(): assert model.User().name == "x"
                def test_pet(): assert model.Pet().kind == "dog"
                def test_fields(): assert model.User.fields == ("name", "age")
                """,
        },
        edit={
            "fields.py": [
                ("return int(v)", "return int(v) + 1"),
            ],
        },
        run="test_age",
    ),
    "dataclass field added": Case(
        files={
            "dc.py": """
                from dataclasses import dataclass, field, asdict
                @dataclass
                class Point:
                    x: int = 0
                    y: int = 0
                    def norm(self): return abs(self.x) + abs(self.y)
                @dataclass(frozen=True)
                class Name:
                    first: str
                """,
            "test_dc.py": """
                import dc, dataclasses
                def test_norm(): assert dc.Point(1, 2).norm() == 3
                def test_eq(): assert dc.Point(1, 2) == dc.Point(1, 2)
                def test_fields(): assert len(dataclasses.fields(dc.Point)) in (2, 3)
                def test_name(): assert dc.Name("a") == dc.Name("a")
                """,
        },
        edit={
            "dc.py": [
                ("    def norm", "    z: int = 0\n    def norm"),
            ],
        },
        run="test_norm test_eq test_fields",
    ),
    "enum member added": Case(
        files={
            "e.py": """
                import enum
                class Color(enum.Enum):
                    RED = 1
                    GREEN = 2
                    def nice(self): return self.name.title()
                class Perm(enum.Flag):
                    R = enum.auto()
                    W = enum.auto()
                def other(): return 1
                """,
            "test_e.py": """
                import e
                def test_nice(): assert e.Color.RED.nice() == "Red"
                def test_all(): assert len(e.Color) in (2, 3)
                def test_perm(): assert e.Perm.R | e.Perm.W
                def test_other(): assert e.other() == 1
                """,
        },
        edit={
            "e.py": [
                ("    def nice", "    BLUE = 3\n    def nice"),
            ],
        },
        run="test_all",
        may="test_nice",
    ),
    "closure factory": Case(
        files={
            "m.py": """
                def make(n):
                    def add(x): return x + n
                    def sub(x): return x - n
                    return add, sub
                add5, sub5 = make(5)
                add1, sub1 = make(1)
                """,
            "test_m.py": """
                import m
                def test_add(): assert m.add5(1) == 6
                def test_sub(): assert m.sub5(1) in (-4, -5)
                def test_sub1(): assert m.sub1(1) in (0, -1)
                def test_made(): assert m.make(2)[0](1) == 3
                """,
        },
        edit={
            "m.py": [
                ("return x - n", "return x - n - 1"),
            ],
        },
        run="test_sub test_sub1",
    ),
    "partial": Case(
        files={
            "m.py": """
                import functools
                def power(b, e): return b ** e
                square = functools.partial(power, e=2)
                cube = functools.partial(power, e=3)
                class K:
                    def fmt(self, x, w): return str(x).zfill(w)
                    pad = functools.partialmethod(fmt, w=3)
                """,
            "test_m.py": """
                import m
                def test_square(): assert m.square(2) in (4, 16)
                def test_cube(): assert m.cube(2) == 8
                def test_pad(): assert m.K().pad(1) == "001"
                def test_power(): assert m.power(2, 1) == 2
                """,
        },
        edit={
            "m.py": [
                ("e=2)", "e=4)"),
            ],
        },
        run="test_square",
    ),
    "singledispatch added": Case(
        files={
            "m.py": """
                from functools import singledispatch
                @singledispatch
                def show(x): return "obj"
                @show.register
                def _(x: int): return "int"
                @show.register(list)
                def _list(x): return "list"
                def other(): return 1
                """,
            "test_m.py": """
                from m import show, other
                def test_int(): assert show(1) == "int"
                def test_bool(): assert show(True) in ("int", "bool")
                def test_str(): assert show("a") == "obj"
                def test_list(): assert show([]) == "list"
                def test_other(): assert other() == 1
                """,
        },
        edit={
            "m.py": [
                ("def other", "@show.register\ndef _(x: bool): return 'bool'\ndef other"),
            ],
        },
        run="test_bool",
        may="test_int test_str test_list",
    ),
    "exec const": Case(
        files={
            "m.py": """
                SRC = "def gen(x):\\n    return x + 1\\n"
                ns = {}
                exec(SRC, ns)
                gen = ns["gen"]
                EXPR = "3 * 4"
                VAL = eval(EXPR)
                exec("def direct(): return 7")
                def other(): return 1
                """,
            "test_m.py": """
                import m
                def test_gen(): assert m.gen(1) in (2, 3)
                def test_val(): assert m.VAL == 12
                def test_direct(): assert m.direct() == 7
                def test_other(): assert m.other() == 1
                """,
        },
        edit={
            "m.py": [
                ("return x + 1", "return x + 2"),
            ],
        },
        run="test_gen",
        may="test_direct test_val test_other",
    ),
    "global writer": Case(
        files={
            "m.py": """
                _level = 0
                _name = None
                def set_level(n):
                    global _level
                    _level = n
                def level(): return _level
                def name():
                    global _name
                    if _name is None: _name = compute()
                    return _name
                def compute(): return "n"
                """,
            "test_m.py": """
                import m
                def test_a_set():
                    m.set_level(3)
                    assert m.level() in (3, 4)
                def test_b_read(): assert m.level() in (0, 3, 4)
                def test_name1(): assert m.name() == "n"
                def test_name2(): assert m.name() == "n"
                """,
        },
        edit={
            "m.py": [
                ("_level = n", "_level = n + 1"),
            ],
        },
        run="test_a_set test_b_read",
    ),
    "global writer reader edited": Case(
        files={
            "m.py": """
                _level = 0
                def set_level(n):
                    global _level
                    _level = n
                def level(): return _level
                def describe(): return f"level {_level}"
                """,
            "test_m.py": """
                import m
                def test_a_set():
                    m.set_level(3)
                    assert True
                def test_b_read(): assert m.describe() in ("level 3", "lvl 3")
                def test_c_none(): assert True
                """,
        },
        edit={
            "m.py": [
                ('f"level {_level}"', 'f"lvl {_level}"'),
            ],
        },
        run="test_b_read test_a_set",
    ),
    "set from other module": Case(
        files={
            "conf.py": """
                OPTIONS = {'a': 1}
                class Settings: debug = False
                settings = Settings()
                level = 1
                """,
            "boot.py": """
                import conf
                conf.OPTIONS["b"] = 2
                conf.settings.debug = True
                conf.level = 2
                """,
            "test_conf.py": """
                import boot, conf
                def test_b(): assert conf.OPTIONS["b"] == 2
                def test_a(): assert conf.OPTIONS["a"] == 1
                def test_debug(): assert conf.settings.debug in (True, "yes")
                def test_level(): assert conf.level == 2
                """,
        },
        edit={
            "boot.py": [
                ("debug = True", "debug = 'yes'"),
            ],
        },
        run="test_debug",
    ),
    "set from conftest": Case(
        files={
            "conf.py": """
                LIMIT = 10
                NAME = 'n'
                def limit(): return LIMIT
                """,
            "conftest.py": """
                import conf
                conf.LIMIT = 20
                """,
            "test_conf.py": """
                import conf
                def test_limit(): assert conf.limit() in (20, 30)
                def test_name(): assert conf.NAME == 'n'
                def test_free(): assert True
                """,
        },
        edit={
            "conftest.py": [
                ("20", "30"),
            ],
        },
        run="test_limit",
    ),
    "registry decorator dup": Case(
        files={
            "reg.py": """
                COMMANDS = {}
                def command(name):
                    def deco(f):
                        COMMANDS[name] = f
                        return f
                    return deco
                def run(name): return COMMANDS[name]()
                """,
            "cmds.py": """
                from reg import command
                @command("start")
                def start(): return "start"
                @command("stop")
                def stop(): return "stop"
                """,
            "test_cmds.py": """
                import cmds, reg
                def test_start(): assert reg.run("start") in ("start", "again")
                def test_stop(): assert reg.run("stop") == "stop"
                def test_direct(): assert cmds.start() == "start"
                def test_count(): assert len(reg.COMMANDS) >= 2
                """,
        },
        edit={
            "cmds.py": [
                (
                    '@command("stop")',
                    '@command("start")\ndef start2(): return "again"\n@command("stop")',
                ),
            ],
        },
        run="test_start",
        may="test_count test_stop",
    ),
    "import fills registry": Case(
        files={
            "hub.py": """
                REG = []
                def total(): return sum(REG)
                def other(): return 0
                """,
            "plug_a.py": """
                import hub
                hub.REG.append(1)
                """,
            "plug_b.py": """
                import hub
                hub.REG.append(2)
                """,
            "load.py": "import plug_a\n",
            "test_hub.py": """
                import load, hub
                def test_total(): assert hub.total() in (1, 3)
                def test_other(): assert hub.other() == 0
                """,
        },
        edit={
            "load.py": [
                ("import plug_a", "import plug_a, plug_b"),
            ],
        },
        run="test_total",
    ),
    "pkgutil plugin edit": Case(
        files={
            "app/__init__.py": "",
            "app/loader.py": """
                import importlib, pkgutil
                from app import plugins
                def load():
                    return {m.name: importlib.import_module(f"app.plugins.{m.name}") for m in pkgutil.iter_modules(plugins.__path__)}
                def other(): return 1
                """,
            "app/plugins/__init__.py": "",
            "app/plugins/alpha.py": "def run(): return 'alpha'\n",
            "app/plugins/beta.py": "def run(): return 'beta'\n",
            "test_load.py": """
                from app import loader
                def test_all(): assert len({m.run() for m in loader.load().values()}) == 2
                def test_names(): assert "alpha" in loader.load()
                def test_other(): assert loader.other() == 1
                def test_direct():
                    from app.plugins import alpha
                    assert alpha.run() == "alpha"
                """,
        },
        edit={
            "app/plugins/beta.py": [
                ("'beta'", "'BETA'"),
            ],
        },
        run="test_all",
    ),
    "computed import": Case(
        files={
            "drv/__init__.py": "",
            "drv/mysql.py": """
                NAME = 'mysql'
                def connect(): return 'm'
                """,
            "drv/pg.py": """
                NAME = 'pg'
                def connect(): return 'p'
                """,
            "db.py": """
                import importlib
                def driver(kind): return importlib.import_module("drv." + kind)
                def open_(kind): return driver(kind).connect()
                def old(kind): return __import__(f"drv.{kind}", fromlist=["connect"]).connect()
                """,
            "test_db.py": """
                import db
                def test_mysql(): assert db.open_("mysql") in "mM"
                def test_pg(): assert db.open_("pg") == "p"
                def test_old(): assert db.old("pg") == "p"
                def test_missing():
                    try: db.open_("lite")
                    except ImportError: pass
                """,
        },
        edit={
            "drv/mysql.py": [
                ("'m'", "'M'"),
            ],
        },
        run="test_mysql",
    ),
    "conftest override subfolder": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def user(): return "root"
                @pytest.fixture
                def db(user): return user + "-db"
                """,
            "a/test_a.py": """
                def test_a(db): assert db.endswith('-db')
                def test_a2(user): assert user
                def test_a3(): pass
                """,
            "b/test_b.py": """
                def test_b(db): assert db.endswith('-db')
                def test_b2(): pass
                """,
        },
        edit={
            "b/conftest.py": """
                import pytest
                @pytest.fixture
                def user(): return 'bob'
                """,
        },
        run="test_b",
    ),
    "autouse appears": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def x(): return 1
                """,
            "a/test_a.py": "def test_a(x): assert x\n",
            "b/test_b.py": """
                import os
                def test_b(x): assert x
                def test_b2(): assert os.environ.get('ZZ') in (None, '1')
                """,
        },
        edit={
            "b/conftest.py": """
                import pytest
                @pytest.fixture(autouse=True)
                def env(monkeypatch): monkeypatch.setenv('ZZ', '1')
                """,
        },
        run="test_b test_b2",
    ),
    "fixture override in module": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def x(): return 1
                @pytest.fixture
                def y(x): return x + 1
                """,
            "test_a.py": """
                import pytest
                def test_y(y): assert y in (2, 11)
                def test_none(): pass
                class TestK:
                    def test_k(self, y): assert y in (2, 11)
                """,
            "test_b.py": "def test_other(y): assert y == 2\n",
        },
        edit={
            "test_a.py": [
                ("import pytest\n", "import pytest\n@pytest.fixture\ndef x(): return 10\n"),
            ],
        },
        run="test_y test_k",
    ),
    "class gains hash eq": Case(
        files={
            "m.py": """
                class P:
                    def __init__(self, x): self.x = x
                    def get(self): return self.x
                class Q:
                    pass
                """,
            "test_m.py": """
                import m
                def test_eq(): assert (m.P(1) == m.P(1)) in (True, False)
                def test_set(): assert len({m.P(1), m.P(1)}) in (1, 2)
                def test_in(): assert (m.P(1) in [m.P(1)]) in (True, False)
                def test_get(): assert m.P(1).get() == 1
                def test_q(): assert m.Q()
                """,
        },
        edit={
            "m.py": [
                (
                    "    def get",
                    "    def __eq__(self, o): return self.x == o.x\n    def __hash__(self): return hash(self.x)\n    def get",
                ),
            ],
        },
        run="test_eq test_set test_in",
        may="test_get",
    ),
    "class gains slots": Case(
        files={
            "m.py": """
                class P:
                    def __init__(self): self.a = 1
                    def get(self): return self.a
                class Q:
                    pass
                """,
            "test_m.py": """
                import m
                def test_set():
                    p = m.P()
                    try: p.b = 2
                    except AttributeError: pass
                def test_get(): assert m.P().get() == 1
                def test_q(): assert m.Q()
                """,
        },
        edit={
            "m.py": [
                ("class P:\n", "class P:\n    __slots__ = ('a',)\n"),
            ],
        },
        run="test_set test_get",
    ),
    "class gains base": Case(
        files={
            "mix.py": """
                class Loud:
                    def name(self): return 'LOUD'
                    def shout(self): return '!'
                class Quiet:
                    def hush(self): return '.'
                """,
            "m.py": """
                from mix import Loud, Quiet
                class Base:
                    def name(self): return "base"
                    def other(self): return 1
                class Child(Base):
                    pass
                """,
            "test_m.py": """
                import m
                def test_name(): assert m.Child().name() in ("base", "LOUD")
                def test_other(): assert m.Child().other() == 1
                def test_base(): assert m.Base().name() == "base"
                def test_has(): assert hasattr(m.Child, "shout") in (True, False)
                def test_isinst(): assert isinstance(m.Child(), m.Loud) in (True, False)
                """,
        },
        edit={
            "m.py": [
                ("class Child(Base)", "class Child(Loud, Base)"),
            ],
        },
        run="test_name test_has test_isinst test_other",
    ),
    "conftest syspath": Case(
        files={
            "conftest.py": """
                import os, sys
                sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'vendor'))
                """,
            "vendor/vend.py": """
                def v(): return 1
                def w(): return 2
                """,
            "test_v.py": """
                import vend
                def test_v(): assert vend.v() in (1, 2)
                def test_w(): assert vend.w() == 2
                """,
            "pytest.ini": "[pytest]\n",
        },
        edit={
            "vendor/vend.py": [
                ("return 1", "return 2"),
            ],
        },
        run="test_v",
    ),
    "cached property by test": Case(
        files={
            "conftest.py": """
                import pytest, m
                @pytest.fixture(scope="module")
                def cfg(): return m.Config("p")
                """,
            "m.py": """
                import functools
                class Config:
                    def __init__(self, path): self.path = path
                    @functools.cached_property
                    def data(self): return parse()
                    def name(self): return self.path
                def parse(): return {"k": 1}
                """,
            "test_m.py": """
                def test_one(cfg): assert cfg.data["k"] in (1, 2)
                def test_two(cfg): assert "k" in cfg.data
                def test_name(cfg): assert cfg.name() == "p"
                """,
        },
        edit={
            "m.py": [
                ('{"k": 1}', '{"k": 2}'),
            ],
        },
        run="test_one test_two",
    ),
    "lazy attr long lived": Case(
        files={
            "m.py": """
                class Client:
                    def __init__(self): self._conn = None
                    def conn(self):
                        if self._conn is None: self._conn = connect()
                        return self._conn
                    def ping(self): return "pong"
                def connect(): return "conn"
                client = Client()
                """,
            "test_m.py": """
                from m import client
                def test_a(): assert client.conn().lower() == "conn"
                def test_b(): assert client.conn().lower() == "conn"
                def test_ping(): assert client.ping() == "pong"
                """,
        },
        edit={
            "m.py": [
                ('return "conn"', 'return "CONN"'),
            ],
        },
        run="test_a test_b",
    ),
    "session fixture charged": Case(
        files={
            "conftest.py": """
                import pytest, m
                @pytest.fixture(scope="session")
                def app(): return m.build()
                @pytest.fixture(scope="module")
                def mod(app): return {"app": app}
                """,
            "m.py": """
                def build(): return [part()]
                def part(): return 1
                def other(): return 2
                """,
            "test_a.py": """
                import m
                def test_app(app): assert len(app) == 1
                def test_mod(mod): assert mod['app']
                def test_other(): assert m.other() == 2
                """,
            "test_b.py": """
                import m
                def test_bapp(app): assert len(app) == 1
                def test_bother(): assert m.other() == 2
                """,
        },
        edit={
            "m.py": [
                ("return 1", "return 11"),
            ],
        },
        run="test_app test_mod test_bapp",
    ),
    "module state writer edited": Case(
        files={
            "store.py": """
                STATE = {}
                def put(k, v): STATE[k] = v
                def get(k): return STATE.get(k)
                """,
            "test_s.py": """
                import store
                def test_1_put():
                    store.put("a", 1)
                    assert True
                def test_2_get(): assert store.get("a") == 1
                def test_3_other(): assert store.get("zzz") is None
                def test_4_none(): pass
                """,
        },
        edit={
            "test_s.py": [
                ('store.put("a", 1)', 'store.put("a", 2)'),
            ],
        },
        run="test_1_put test_2_get",
    ),
    "test class state": Case(
        files={
            "test_o.py": """
                class TestFlow:
                    token = None
                    def test_login(self):
                        TestFlow.token = "abc"
                    def test_use(self):
                        assert self.token == "abc"
                    def test_free(self): pass
                """,
        },
        edit={
            "test_o.py": [
                ('assert self.token == "abc"', 'assert self.token == "ab" + "c"'),
            ],
        },
        run="test_login test_use",
    ),
    "setup class state": Case(
        files={
            "m.py": """
                def make(): return {'a': 1}
                def other(): return 0
                """,
            "test_o.py": """
                import m, unittest
                class TestX:
                    @classmethod
                    def setup_class(cls): cls.data = m.make()
                    def test_a(self): assert "a" in self.data
                    def test_b(self): assert len(self.data) == 1
                class TestY:
                    def test_c(self): assert m.other() == 0
                class TestU(unittest.TestCase):
                    def setUp(self): self.d = m.make()
                    def test_u(self): self.assertIn("a", self.d)
                class TestV(unittest.TestCase):
                    @classmethod
                    def setUpClass(cls): cls.z = m.other()
                    def test_v(self): self.assertEqual(self.z, 0)
                """,
        },
        edit={
            "m.py": [
                ("{'a': 1}", "{'a': 2}"),
            ],
        },
        run="test_a test_b test_u",
    ),
    "custom memo decorator": Case(
        files={
            "memo.py": """
                import functools
                def memoize(f):
                    cache = {}
                    @functools.wraps(f)
                    def wrapper(*a):
                        if a not in cache: cache[a] = f(*a)
                        return cache[a]
                    wrapper.cache = cache
                    return wrapper
                """,
            "m.py": """
                from memo import memoize
                @memoize
                def double(n): return calc(n)
                def calc(n): return n * 2
                @memoize
                def other(n): return n
                """,
            "test_m.py": """
                import m
                def test_a(): assert m.double(2) in (4, 5)
                def test_b(): assert m.double(2) in (4, 5)
                def test_c(): assert m.other(2) == 2
                def test_d(): pass
                """,
        },
        edit={
            "m.py": [
                ("return n * 2", "return n * 2 + 1"),
            ],
        },
        run="test_a test_b",
    ),
    "generator shared": Case(
        files={
            "m.py": """
                def ids():
                    n = 0
                    while True:
                        n += step()
                        yield n
                def step(): return 1
                GEN = ids()
                def other(): return 3
                """,
            "test_m.py": """
                import m
                def test_a(): assert next(m.GEN) > 0
                def test_b(): assert next(m.GEN) > 0
                def test_c(): assert m.other() == 3
                """,
        },
        edit={
            "m.py": [
                ("def step(): return 1", "def step(): return 2"),
            ],
        },
        run="test_a test_b",
    ),
    "subset then all": Case(
        files={
            "m.py": """
                def f(): return 1
                def g(): return 2
                """,
            "test_a.py": """
                import m
                SEEN = {}
                def test_f(): SEEN['f'] = m.f()
                def test_g(): assert m.g() == 2
                def test_seen(): assert SEEN.get('f') in (1, 5)
                """,
        },
        edit={
            "m.py": [
                ("return 1", "return 5"),
            ],
        },
        run="test_f test_seen",
    ),
    "annotations future str": Case(
        files={
            "m.py": """
                from __future__ import annotations
                import dataclasses, typing
                from types_ import Num
                @dataclasses.dataclass
                class P:
                    x: Num
                    def get(self) -> Num: return self.x
                def cast(cls, **kw):
                    h = typing.get_type_hints(cls)
                    return cls(**{k: h[k](v) for k, v in kw.items()})
                def other(): return 1
                """,
            "types_.py": """
                Num = int
                Text = str
                """,
            "test_m.py": """
                import m
                def test_cast(): assert m.cast(m.P, x="1").x in (1, 1.0)
                def test_other(): assert m.other() == 1
                """,
        },
        edit={
            "types_.py": [
                ("Num = int", "Num = float"),
            ],
        },
        run="test_cast",
    ),
    "docstring usage": Case(
        files={
            "cli.py": """
                \"\"\"Tool.

                Usage: tool [--x]
                \"\"\"
                import argparse
                def parser():
                    p = argparse.ArgumentParser(description=__doc__)
                    p.add_argument("--x")
                    return p
                def cmd():
                    \"\"\"Run it.\"\"\"
                    return 1
                def help_for(f): return f.__doc__
                def other(): return 3
                """,
            "test_cli.py": """
                import cli
                def test_help(): assert "Tool" in cli.parser().format_help()
                def test_doc(): assert "Run" in cli.help_for(cli.cmd)
                def test_cmd(): assert cli.cmd() == 1
                def test_other(): assert cli.other() == 3
                """,
        },
        edit={
            "cli.py": [
                ('"""Run it."""', '"""Run that."""'),
            ],
        },
        run="test_doc",
    ),
    "inspect source": Case(
        files={
            "m.py": """
                import inspect
                def target():
                    # marker A
                    return 1
                def lines(): return inspect.getsource(target)
                def other(): return 2
                """,
            "test_m.py": """
                import m
                def test_src(): assert "marker" in m.lines()
                def test_target(): assert m.target() == 1
                def test_other(): assert m.other() == 2
                """,
        },
        edit={
            "m.py": [
                ("# marker A", "# marker B"),
            ],
        },
        run="test_src",
    ),
    "traceback lines": Case(
        files={
            "m.py": """
                def boom():
                    raise ValueError("x")
                def line():
                    try: boom()
                    except ValueError as e: return e.__traceback__.tb_next.tb_lineno
                def other(): return 2
                """,
            "test_m.py": """
                import m
                def test_line(): assert m.line() in (2, 4)
                def test_other(): assert m.other() == 2
                """,
        },
        edit={
            "m.py": [
                ("def boom", "# one\n# two\ndef boom"),
            ],
        },
        run="test_line",
    ),
    "subclasses hook": Case(
        files={
            "base.py": """
                class Plugin:
                    def name(self): return type(self).__name__
                def all_plugins(): return sorted(c.__name__ for c in Plugin.__subclasses__())
                def other(): return 1
                """,
            "plugs.py": """
                from base import Plugin
                class A(Plugin): pass
                class B(Plugin): pass
                """,
            "test_p.py": """
                import plugs, base
                def test_all(): assert "A" in base.all_plugins()
                def test_a(): assert plugs.A().name() == "A"
                def test_other(): assert base.other() == 1
                """,
        },
        edit={
            "plugs.py": [
                ("class B", "class C(Plugin): pass\nclass B"),
            ],
        },
        run="test_all",
    ),
    "class order registration": Case(
        files={
            "m.py": """
                class Meta(type):
                    def __prepare__(name, bases): return {}
                    def __new__(m, n, b, ns):
                        c = super().__new__(m, n, b, ns)
                        c.order = [k for k in ns if not k.startswith("_")]
                        return c
                class Form(metaclass=Meta):
                    b = 1
                    a = 2
                    def z(self): return 3
                def other(): return 1
                """,
            "test_m.py": """
                import m
                def test_order(): assert set(m.Form.order) == {"a", "b", "z"}
                def test_z(): assert m.Form().z() == 3
                def test_other(): assert m.other() == 1
                """,
        },
        edit={
            "m.py": [
                ("    b = 1\n    a = 2", "    a = 2\n    b = 1"),
            ],
        },
        run="test_order",
        may="test_z",
    ),
    "pytest param from const": Case(
        files={
            "data.py": """
                CASES = [1, 2]
                IDS = ['one', 'two']
                def helper(): return 0
                """,
            "test_m.py": """
                import pytest, data
                @pytest.mark.parametrize("n", data.CASES)
                def test_n(n): assert n + data.helper() > 0
                @pytest.mark.parametrize("n", [1, 2], ids=data.IDS)
                def test_ids(n): assert n
                def test_other(): assert data.helper() == 0
                """,
        },
        edit={
            "data.py": [
                ("CASES = [1, 2]", "CASES = [1, 2, 3]"),
            ],
        },
        run="",
    ),
    "skipif const": Case(
        files={
            "flags.py": """
                HAVE = True
                def other(): return 1
                """,
            "test_m.py": """
                import pytest, flags
                needs = pytest.mark.skipif(not flags.HAVE, reason="no")
                @needs
                def test_a(): assert True
                @pytest.mark.xfail(flags.HAVE, reason="x")
                def test_b(): assert not flags.HAVE
                def test_c(): assert flags.other() == 1
                @pytest.mark.skipif("not flags.HAVE")
                def test_d(): assert True
                """,
        },
        edit={
            "flags.py": [
                ("HAVE = True", "HAVE = False"),
            ],
        },
        run="test_a test_b test_d",
    ),
    "pytest plugins autouse added": Case(
        files={
            "conftest.py": "pytest_plugins = ['myfix']\n",
            "myfix.py": """
                import pytest
                @pytest.fixture
                def one(): return 1
                """,
            "test_m.py": """
                def test_one(one): assert one in (1, 11)
                def test_none(): pass
                """,
        },
        edit={
            "myfix.py": [
                (
                    "def one(): return 1",
                    "def one(): return 1\n@pytest.fixture(autouse=True)\ndef auto(): yield",
                ),
            ],
        },
        run="test_one test_none",
    ),
    "fixture added unused": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def one(): return 1
                """,
            "test_m.py": """
                def test_one(one): assert one in (1, 11)
                def test_none(): pass
                """,
        },
        edit={
            "conftest.py": [
                (
                    "def one(): return 1",
                    "def one(): return 1\n@pytest.fixture\ndef two(): return 2\ndef helper(): return 3",
                ),
            ],
        },
        run="",
    ),
    "method insert mixin": Case(
        files={
            "mix.py": """
                class Json:
                    def to_json(self): return '{}'
                    def from_json(self): return 1
                class Log:
                    def log(self): return 'l'
                """,
            "m.py": """
                from mix import Json, Log
                class A(Json, Log):
                    def a(self): return 1
                class B(Log):
                    def b(self): return 2
                """,
            "test_m.py": """
                import m
                def test_j(): assert m.A().to_json()
                def test_l(): assert m.A().log() == 'l'
                def test_b(): assert m.B().log() == 'l'
                def test_a(): assert m.A().a() == 1
                """,
        },
        edit={
            "mix.py": [
                ("    def from_json", "    def extra(self): return 0\n    def from_json"),
            ],
        },
        run="",
    ),
    "mixin insert overrides": Case(
        files={
            "mix.py": """
                class Json:
                    def to_json(self): return '{}'
                class Log:
                    def log(self): return 'l'
                """,
            "m.py": """
                from mix import Json, Log
                class A(Json, Log):
                    def a(self): return 1
                class B(Log):
                    def b(self): return 2
                """,
            "test_m.py": """
                import m
                def test_j(): assert m.A().to_json()
                def test_l(): assert m.A().log() in ('l', 'j')
                def test_b(): assert m.B().log() == 'l'
                def test_a(): assert m.A().a() == 1
                """,
        },
        edit={
            "mix.py": [
                ("    def to_json", "    def log(self): return 'j'\n    def to_json"),
            ],
        },
        run="test_l",
    ),
    "abc abstract added": Case(
        files={
            "m.py": """
                import abc
                class Base(abc.ABC):
                    @abc.abstractmethod
                    def a(self): ...
                    def tpl(self): return self.a()
                class Impl(Base):
                    def a(self): return 1
                class Part(Base):
                    def b(self): return 2
                """,
            "test_m.py": """
                import m
                def test_tpl(): assert m.Impl().tpl() == 1
                def test_part():
                    try: m.Part()
                    except TypeError: pass
                def test_n(): pass
                """,
        },
        edit={
            "m.py": [
                ("    def tpl", "    @abc.abstractmethod\n    def q(self): ...\n    def tpl"),
            ],
        },
        run="test_part test_tpl",
    ),
    "protocol runtime": Case(
        files={
            "m.py": """
                from typing import Protocol, runtime_checkable
                @runtime_checkable
                class Closer(Protocol):
                    def close(self): ...
                class F:
                    def close(self): return 1
                    def read(self): return 2
                def is_closer(x): return isinstance(x, Closer)
                """,
            "test_m.py": """
                import m
                def test_is(): assert m.is_closer(m.F()) in (True, False)
                def test_int(): assert not m.is_closer(1)
                def test_read(): assert m.F().read() == 2
                """,
        },
        edit={
            "m.py": [
                ("    def close(self): ...", "    def close(self): ...\n    def flush(self): ..."),
            ],
        },
        run="test_is test_int",
    ),
    "generic class": Case(
        files={
            "m.py": """
                from typing import Generic, TypeVar
                T = TypeVar("T")
                class Repo(Generic[T]):
                    model: type
                    def __init_subclass__(cls, **kw):
                        super().__init_subclass__(**kw)
                        cls.model = cls.__orig_bases__[0].__args__[0]
                    def make(self): return self.model()
                class Ints(Repo[int]): pass
                class Strs(Repo[str]): pass
                """,
            "test_m.py": """
                import m
                def test_ints(): assert m.Ints().make() in (0, 0.0)
                def test_strs(): assert m.Strs().make() == ""
                """,
        },
        edit={
            "m.py": [
                ("Repo[int]", "Repo[float]"),
            ],
        },
        run="test_ints",
    ),
    "copy code replace": Case(
        files={
            "m.py": """
                import types
                def orig(): return 1
                clone = types.FunctionType(orig.__code__.replace(co_name="clone"), globals(), "clone")
                def other(): return 2
                """,
            "test_m.py": """
                import m
                def test_clone(): assert m.clone() in (1, 3)
                def test_other(): assert m.other() == 2
                """,
        },
        edit={
            "m.py": [
                ("def orig(): return 1", "def orig(): return 3"),
            ],
        },
        run="test_clone",
    ),
    "settrace test": Case(
        files={
            "m.py": """
                def f(): return g()
                def g(): return 1
                def h(): return 2
                """,
            "test_m.py": """
                import m, sys
                def test_trace():
                    seen = []
                    sys.setprofile(lambda f, e, a: seen.append(f.f_code.co_name))
                    try: m.f()
                    finally: sys.setprofile(None)
                    assert "g" in seen
                def test_h(): assert m.h() == 2
                """,
        },
        edit={
            "m.py": [
                ("def g(): return 1", "def g(): return 10"),
            ],
        },
        run="test_trace",
    ),
    "dunder all reader": Case(
        files={
            "pkg/__init__.py": """
                from .a import *
                from . import a
                __all__ = a.__all__ + ['extra']
                extra = 1
                """,
            "pkg/a.py": """
                __all__ = ['f']
                def f(): return 1
                def g(): return 2
                """,
            "test_m.py": """
                import pkg
                def test_f(): assert pkg.f() == 1
                def test_all(): assert "extra" in pkg.__all__
                def test_g():
                    try: from pkg import g
                    except ImportError: pass
                def test_extra(): assert pkg.extra == 1
                """,
        },
        edit={
            "pkg/a.py": [
                ("['f']", "['f', 'g']"),
            ],
        },
        run="test_all test_g",
    ),
    "signal registry": Case(
        files={
            "signals.py": """
                class Signal:
                    def __init__(self): self.receivers = []
                    def connect(self, f):
                        self.receivers.append(f)
                        return f
                    def send(self, *a): return [r(*a) for r in self.receivers]
                saved = Signal()
                deleted = Signal()
                """,
            "handlers.py": """
                from signals import saved, deleted
                @saved.connect
                def on_saved(x): return ("saved", x)
                @deleted.connect
                def on_deleted(x): return ("deleted", x)
                """,
            "test_s.py": """
                import handlers
                from signals import saved, deleted
                def test_saved(): assert saved.send(1)[0][1] == 1
                def test_deleted(): assert deleted.send(1)[0][1] == 1
                def test_direct(): assert handlers.on_saved(1)
                """,
        },
        edit={
            "handlers.py": [
                (
                    "@deleted.connect",
                    '@deleted.connect\ndef extra(x): return ("e", x)\n@deleted.connect',
                ),
            ],
        },
        run="test_deleted",
    ),
    "settings class attr": Case(
        files={
            "settings.py": """
                import os
                DEBUG = os.environ.get("HC_DEBUG", "0") == "1"
                NAME = "app"
                TIMEOUT = 30
                class Config:
                    retries = 3
                    backoff = 2
                """,
            "svc.py": """
                from settings import TIMEOUT, Config
                import settings
                def wait(): return TIMEOUT * Config.retries
                def name(): return settings.NAME
                def debug(): return settings.DEBUG
                """,
            "test_s.py": """
                import svc
                def test_wait(): assert svc.wait() in (90, 60)
                def test_name(): assert svc.name() == "app"
                def test_debug(): assert not svc.debug()
                """,
        },
        edit={
            "settings.py": [
                ("retries = 3", "retries = 2"),
            ],
        },
        run="test_wait",
    ),
    "indirect param": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def user(request): return make(request.param)
                def make(n): return {"name": n}
                """,
            "test_m.py": """
                import pytest
                @pytest.mark.parametrize("user", ["a", "b"], indirect=True)
                def test_user(user): assert user["name"] in "ab"
                def test_other(): pass
                """,
        },
        edit={
            "conftest.py": [
                ('{"name": n}', '{"name": n, "x": 1}'),
            ],
        },
        run="test_user",
    ),
    "move patch before import": Case(
        files={
            "conf.py": """
                LIMIT = 1
                NAME = 'n'
                """,
            "app.py": """
                from conf import LIMIT
                DOUBLE = LIMIT * 2
                def other(): return 1
                """,
            "boot.py": """
                import conf
                import app
                conf.LIMIT = 5
                """,
            "test_m.py": """
                import boot, app, conf
                def test_double(): assert app.DOUBLE == 2
                def test_limit(): assert conf.LIMIT == 5
                def test_other(): assert app.other() == 1
                """,
        },
        edit={
            "boot.py": """
                import conf
                conf.LIMIT = 5
                import app
                """,
        },
        run="test_double",
        may="test_limit",
    ),
    "except class base changed": Case(
        files={
            "errs.py": """
                class AppError(Exception): pass
                class NotFound(AppError): pass
                class Denied(AppError): pass
                """,
            "m.py": """
                import errs
                def find(x):
                    if not x: raise errs.NotFound(x)
                    return x
                def safe(x):
                    try: return find(x)
                    except errs.AppError: return None
                """,
            "test_m.py": """
                import m
                def test_safe(): assert m.safe(0) is None
                def test_ok(): assert m.safe(1) == 1
                def test_find(): assert m.find(1) == 1
                """,
        },
        edit={
            "errs.py": [
                ("class NotFound(AppError)", "class NotFound(Exception)"),
            ],
        },
        run="test_safe",
        may="test_ok test_find",
    ),
    "fixture scope widened": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture(scope='function')
                def box(): return []
                @pytest.fixture
                def other(): return 1
                """,
            "test_m.py": """
                def test_a(box):
                    box.append(1)
                    assert len(box) == 1
                def test_b(box):
                    box.append(1)
                    assert len(box) == 1
                def test_o(other): assert other
                """,
        },
        edit={
            "conftest.py": [
                ("scope='function'", "scope='module'"),
            ],
        },
        run="test_a test_b",
    ),
    "fixture removed falls back": Case(
        files={
            "conftest.py": """
                import pytest
                @pytest.fixture
                def user(): return 'root'
                """,
            "sub/conftest.py": """
                import pytest
                @pytest.fixture
                def user(): return 'sub'
                @pytest.fixture
                def extra(): return 1
                """,
            "sub/test_s.py": """
                def test_user(user): assert user == 'sub'
                def test_extra(extra): assert extra
                """,
            "test_r.py": "def test_root(user): assert user == 'root'\n",
        },
        edit={
            "sub/conftest.py": [
                ("@pytest.fixture\ndef user(): return 'sub'\n", ""),
            ],
        },
        run="test_user",
    ),
    "setup method added in base": Case(
        files={
            "helpers.py": """
                class Base:
                    value = 1
                    def get(self): return self.value
                """,
            "test_m.py": """
                from helpers import Base
                class TestA(Base):
                    def test_v(self): assert self.get() == 1
                class TestB:
                    def test_w(self): pass
                """,
        },
        edit={
            "helpers.py": [
                ("    def get", "    def setup_method(self): self.value = 2\n    def get"),
            ],
        },
        run="test_v",
    ),
    "sys modules alias": Case(
        files={
            "impl_a.py": "def run(): return 'a'\n",
            "impl_b.py": "def run(): return 'b'\n",
            "facade.py": """
                import sys, impl_a
                sys.modules['facade_impl'] = impl_a
                """,
            "test_m.py": """
                import facade
                def test_run():
                    import facade_impl
                    assert facade_impl.run() == "a"
                def test_o(): pass
                """,
        },
        edit={
            "facade.py": """
                import sys, impl_b
                sys.modules['facade_impl'] = impl_b
                """,
        },
        run="test_run",
        may="test_o",
    ),
    "singleton new": Case(
        files={
            "m.py": """
                class Single:
                    _inst = None
                    def __new__(cls):
                        if cls._inst is None:
                            cls._inst = super().__new__(cls)
                            cls._inst.items = setup()
                        return cls._inst
                    def add(self, x): self.items.append(x)
                def setup(): return ["s"]
                """,
            "test_m.py": """
                import m
                def test_1(): assert m.Single().items[0] == "s"
                def test_2(): assert m.Single() is m.Single()
                def test_3(): pass
                """,
        },
        edit={
            "m.py": [
                ('return ["s"]', 'return ["s", "t"]'),
            ],
        },
        run="test_1 test_2",
    ),
    "operator reflected added": Case(
        files={
            "m.py": """
                class M:
                    def __init__(self, v): self.v = v
                    def __add__(self, o): return NotImplemented
                class N:
                    def get(self): return 1
                """,
            "test_m.py": """
                import m, pytest
                def test_add():
                    with pytest.raises(TypeError): m.M(1) + m.N()
                def test_get(): assert m.N().get() == 1
                """,
        },
        edit={
            "m.py": [
                ("    def get", "    def __radd__(self, o): return 5\n    def get"),
            ],
        },
        run="test_add",
        may="test_get",
    ),
    "patch func at import": Case(
        files={
            "m.py": """
                def f(): return 1
                def g(): return f()
                def h(): return 3
                """,
            "patch.py": "import m\n",
            "test_m.py": """
                import patch, m
                def test_g(): assert m.g() == 1
                def test_h(): assert m.h() == 3
                """,
        },
        edit={
            "patch.py": [
                ("import m", "import m\nm.f = lambda: 2"),
            ],
        },
        run="test_g",
        may="test_h",
    ),
    "dispatch by name": Case(
        files={
            "m.py": """
                class V:
                    def visit(self, n): return getattr(self, 'visit_' + n, self.generic)()
                    def generic(self): return 'g'
                    def visit_a(self): return 'a'
                """,
            "test_m.py": """
                import m
                def test_a(): assert m.V().visit('a') == 'a'
                def test_b(): assert m.V().visit('b') == 'g'
                def test_g(): assert m.V().generic() == 'g'
                """,
        },
        edit={
            "m.py": [
                ("    def visit_a", "    def visit_b(self): return 'b'\n    def visit_a"),
            ],
        },
        run="test_b",
        may="test_a",
    ),
    "functions import modules": Case(
        files={
            "pkg/__init__.py": "",
            "pkg/sub.py": """
                LIMIT = 3
                OTHER = 4
                class K:
                    size = 1
                """,
            "lib.py": """
                def limit():
                    import pkg.sub
                    return pkg.sub.LIMIT
                def size():
                    import pkg.sub as s
                    return s.K.size
                def other():
                    from pkg import sub
                    return sub.OTHER
                def handed():
                    from pkg import sub
                    return use(sub)
                def use(module): return module.LIMIT
                def chosen(which):
                    if which:
                        from pkg import sub as m
                    else:
                        import json as m
                    return m.LIMIT
                def kept():
                    global kept_sub
                    from pkg import sub as kept_sub
                    return use_kept()
                def use_kept(): return kept_sub.LIMIT
                """,
            "test_lib.py": """
                import lib
                def test_limit(): assert lib.limit() in (3, 5)
                def test_size(): assert lib.size() == 1
                def test_other(): assert lib.other() == 4
                def test_handed(): assert lib.handed() in (3, 5)
                def test_chosen(): assert lib.chosen(True) in (3, 5)
                def test_kept(): assert lib.kept() in (3, 5)
                """,
        },
        edit={"pkg/sub.py": [("LIMIT = 3", "LIMIT = 5")]},
        run="test_limit test_handed test_chosen test_kept",
    ),
    "metaclass of a class with an initialiser": Case(
        files={
            "orm.py": """
                class Field:
                    def __init__(self, default=None): self.default = default
                class Meta(type):
                    def __new__(mcs, name, bases, namespace):
                        made = super().__new__(mcs, name, bases, namespace)
                        found = {k: v for k, v in namespace.items() if isinstance(v, Field)}
                        made.fields = found
                        return made
                class Model(metaclass=Meta):
                    def __init__(self, **given):
                        for name, field in self.fields.items():
                            setattr(self, name, given.get(name, field.default))
                """,
            "models.py": """
                from orm import Field, Model
                class User(Model):
                    name = Field("x")
                class Post(Model):
                    title = Field("t")
                """,
            "test_models.py": """
                from models import Post, User
                def test_user(): assert User().name == "x"
                def test_post(): assert Post().title == "t"
                """,
        },
        edit={"models.py": [('name = Field("x")', 'name = Field("x")\n    age = Field(3)')]},
        run="test_user",
    ),
    "a method of what a function gave registers": Case(
        files={
            "reg.py": """
                ITEMS = []
                class Registry:
                    def enter(self, f):
                        ITEMS.append(f)
                _r = Registry()
                def get():
                    return _r
                def register(f):
                    r = get()
                    r.enter(f)
                    return f
                """,
            "plugins.py": """
                from reg import register
                @register
                def one():
                    return 1
                """,
            "test_a.py": """
                import plugins
                import reg
                def test_count():
                    assert len(reg.ITEMS) == 1
                def test_one():
                    assert plugins.one() == 1
                def test_other():
                    assert reg.get() is reg._r
                """,
        },
        edit={
            "plugins.py": [
                ("@register\ndef one", "@register\ndef two():\n    return 2\n\n@register\ndef one"),
            ],
        },
        run="test_count",
        may="test_one test_other",
    ),
    "subclass hook calls method of local": Case(
        files={
            "base.py": """
                class Catalog:
                    def __init__(self):
                        self.known = {}
                    def admit(self, cls):
                        self.known[cls.__name__] = cls
                _catalog = Catalog()
                def catalog():
                    return _catalog
                class Base:
                    def __init_subclass__(cls, **kw):
                        super().__init_subclass__(**kw)
                        c = catalog()
                        c.admit(cls)
                """,
            "shapes.py": """
                from base import Base
                class Circle(Base):
                    def area(self): return 3
                class Square(Base):
                    def area(self): return 4
                """,
            "test_a.py": """
                import shapes, base
                def test_names():
                    assert sorted(base.catalog().known) == ["Circle", "Square"]
                def test_circle():
                    assert shapes.Circle().area() == 3
                """,
        },
        edit={
            "shapes.py": [
                ("class Square", "class Triangle(Base):\n    pass\nclass Square"),
            ],
        },
        run="test_names",
        may="test_circle",
    ),
    "metaclass calls helper on local": Case(
        files={
            "base.py": """
                class Reg:
                    def __init__(self):
                        self.fields = []
                    def store(self, name):
                        self.fields.append(name)
                class Meta(type):
                    registry = Reg()
                    def __new__(mcs, name, bases, ns):
                        cls = super().__new__(mcs, name, bases, ns)
                        r = mcs.registry
                        r.store(name)
                        return cls
                class Base(metaclass=Meta):
                    pass
                """,
            "models.py": """
                from base import Base
                class A(Base):
                    x = 1
                class B(Base):
                    x = 2
                """,
            "test_a.py": """
                import models, base
                def test_names():
                    assert base.Meta.registry.fields[-1] == "B"
                def test_a():
                    assert models.A.x == 1
                """,
        },
        edit={
            "models.py": [
                (
                    "class B(Base):\n    x = 2",
                    "class B(Base):\n    x = 2\nclass C(Base):\n    x = 3",
                ),
            ],
        },
        run="test_names",
        may="test_a",
    ),
    "descriptor set name registers": Case(
        files={
            "fields.py": """
                ORDER = []
                class Log:
                    def note(self, n): ORDER.append(n)
                log = Log()
                class Field:
                    def __set_name__(self, owner, name):
                        l = get_log()
                        l.note(name)
                        self.name = name
                def get_log(): return log
                """,
            "models.py": """
                from fields import Field
                class M:
                    a = Field()
                    b = Field()
                class N:
                    z = 1
                """,
            "test_a.py": """
                import models, fields
                def test_order():
                    assert fields.ORDER[:2] == ["a", "b"] and len(fields.ORDER) == 2
                def test_m():
                    assert models.M.a.name == "a"
                def test_n():
                    assert models.N.z == 1
                """,
        },
        edit={
            "models.py": [
                ("z = 1", "z = 1\n    y = Field()"),
            ],
        },
        run="test_order",
        may="test_m test_n",
    ),
    "an attribute that is called registers": Case(
        files={
            "deco.py": """
                TABLE = {}
                def default_sink(name, f):
                    TABLE[name] = f
                class Sink:
                    def __init__(self, target=default_sink):
                        self.target = target
                    def push_one(self, f):
                        self.target(f.__name__, f)
                        return f
                sink = Sink()
                """,
            "cmds.py": """
                from deco import sink
                @sink.push_one
                def alpha(): return 1
                """,
            "test_a.py": """
                import cmds, deco
                def test_table():
                    assert list(deco.TABLE) == ["alpha"]
                def test_alpha():
                    assert cmds.alpha() == 1
                """,
        },
        edit={
            "cmds.py": [
                ("@sink.push_one", "@sink.push_one\ndef beta(): return 2\n@sink.push_one"),
            ],
        },
        run="test_table",
        may="test_alpha",
    ),
    "classmethod stores attribute": Case(
        files={
            "reg.py": """
                class Registry:
                    last = None
                    @classmethod
                    def enter(cls, f):
                        cls.last = f.__name__
                        return f
                """,
            "plugins.py": """
                from reg import Registry
                @Registry.enter
                def one(): return 1
                """,
            "test_a.py": """
                import plugins, reg
                def test_last(): assert reg.Registry.last == "one"
                def test_one(): assert plugins.one() == 1
                """,
        },
        edit={
            "plugins.py": [
                (
                    "def one(): return 1",
                    "def one(): return 1\n@Registry.enter\ndef two(): return 2",
                ),
            ],
        },
        run="test_last",
        may="test_one",
    ),
    "metaclass counts on itself": Case(
        files={
            "base.py": """
                class Meta(type):
                    made = 0
                    def __new__(mcs, name, bases, ns):
                        mcs.made += 1
                        return super().__new__(mcs, name, bases, ns)
                class Base(metaclass=Meta): pass
                """,
            "models.py": """
                from base import Base
                class A(Base):
                    x = 1
                """,
            "test_a.py": """
                import models, base
                def test_made(): assert base.Meta.made == 2
                def test_a(): assert models.A.x == 1
                """,
        },
        edit={
            "models.py": [
                ("x = 1", "x = 1\nclass B(Base):\n    y = 1"),
            ],
        },
        run="test_made",
        may="test_a",
    ),
    "decorator calls function now": Case(
        files={
            "deco.py": """
                def run_now(f):
                    f()
                    return f
                """,
            "state.py": """
                ITEMS = []
                """,
            "app.py": """
                import state
                from deco import run_now
                @run_now
                def setup():
                    state.ITEMS.append(1)
                def plain(): return 0
                """,
            "test_a.py": """
                import app, state
                def test_items(): assert state.ITEMS == [1]
                def test_plain(): assert app.plain() == 0
                """,
        },
        edit={
            "app.py": [
                ("def plain", "@run_now\ndef more():\n    state.ITEMS.append(2)\ndef plain"),
            ],
        },
        run="test_items",
        may="test_plain",
    ),
    "decorator with injected callable default": Case(
        files={
            "deco.py": """
                TABLE = {}
                def keep(name, f):
                    TABLE[name] = f
                def register(f, sink=keep):
                    sink(f.__name__, f)
                    return f
                """,
            "app.py": """
                from deco import register
                @register
                def one(): return 1
                """,
            "test_a.py": """
                import app, deco
                def test_table(): assert list(deco.TABLE) == ["one"]
                def test_one(): assert app.one() == 1
                """,
        },
        edit={
            "app.py": [
                ("def one(): return 1", "def one(): return 1\n@register\ndef two(): return 2"),
            ],
        },
        run="test_table",
        may="test_one",
    ),
    "callbacks in list run by registration": Case(
        files={
            "deco.py": """
                SEEN = []
                HOOKS = [lambda f: SEEN.append(f.__name__)]
                def register(f):
                    for h in HOOKS:
                        h(f)
                    return f
                """,
            "app.py": """
                from deco import register
                @register
                def one(): return 1
                """,
            "test_a.py": """
                import app, deco
                def test_seen(): assert deco.SEEN == ["one"]
                def test_one(): assert app.one() == 1
                """,
        },
        edit={
            "app.py": [
                ("def one(): return 1", "def one(): return 1\n@register\ndef two(): return 2"),
            ],
        },
        run="test_seen",
        may="test_one",
    ),
    "getattr computed method": Case(
        files={
            "deco.py": """
                class R:
                    def __init__(self): self.names = []
                    def add_cmd(self, f): self.names.append(f.__name__)
                R1 = R()
                def current(): return R1
                def register(kind):
                    def deco(f):
                        getattr(current(), "add_" + kind)(f)
                        return f
                    return deco
                """,
            "app.py": """
                from deco import register
                @register("cmd")
                def one(): return 1
                """,
            "test_a.py": """
                import app, deco
                def test_seen(): assert deco.current().names == ["one"]
                def test_one(): assert app.one() == 1
                """,
        },
        edit={
            "app.py": [
                (
                    "def one(): return 1",
                    'def one(): return 1\n@register("cmd")\ndef two(): return 2',
                ),
            ],
        },
        run="test_seen",
        may="test_one",
    ),
    "super method registers": Case(
        files={
            "base.py": """
                NAMES = []
                class Root:
                    def setup(self):
                        NAMES.append(type(self).__name__)
                class Base(Root):
                    def __init__(self):
                        super().setup()
                """,
            "app.py": """
                from base import Base
                class A(Base): pass
                a = A()
                """,
            "test_a.py": """
                import app, base
                def test_names(): assert base.NAMES == ["A"]
                def test_a(): assert app.a is not None
                """,
        },
        edit={
            "app.py": [
                ("a = A()", "a = A()\nb = A()"),
            ],
        },
        run="test_names",
        may="test_a",
    ),
    "operator registers": Case(
        files={
            "base.py": """
                RULES = []
                class Rule:
                    def __init__(self, n): self.n = n
                    def __rshift__(self, other):
                        RULES.append((self.n, other.n))
                        return other
                """,
            "app.py": """
                from base import Rule
                a = Rule("a")
                b = Rule("b")
                c = a >> b
                """,
            "test_a.py": """
                import app, base
                def test_rules(): assert base.RULES == [("a", "b")]
                def test_a(): assert app.a.n == "a"
                """,
        },
        edit={
            "app.py": [
                ("c = a >> b", "c = a >> b\nd = b >> a"),
            ],
        },
        run="test_rules",
        may="test_a",
    ),
    "property registers": Case(
        files={
            "base.py": """
                SEEN = []
                class Reg:
                    @property
                    def fresh(self):
                        SEEN.append(1)
                        return len(SEEN)
                reg = Reg()
                """,
            "app.py": """
                from base import reg
                first = reg.fresh
                """,
            "test_a.py": """
                import app, base
                def test_seen(): assert base.SEEN == [1]
                def test_first(): assert app.first == 1
                """,
        },
        edit={
            "app.py": [
                ("first = reg.fresh", "first = reg.fresh\nsecond = reg.fresh"),
            ],
        },
        run="test_seen",
        may="test_first",
    ),
    "getitem registers": Case(
        files={
            "base.py": """
                SEEN = []
                class Ns:
                    def __getitem__(self, k):
                        SEEN.append(k)
                        return k
                    def __getattr__(self, k):
                        SEEN.append(k)
                        return k
                ns = Ns()
                """,
            "app.py": """
                from base import ns
                first = ns["a"]
                """,
            "test_a.py": """
                import app, base
                def test_seen(): assert base.SEEN == ["a"]
                def test_first(): assert app.first == "a"
                """,
        },
        edit={
            "app.py": [
                ('first = ns["a"]', 'first = ns["a"]\nsecond = ns["b"]'),
            ],
        },
        run="test_seen",
        may="test_first",
    ),
    "class getitem registers": Case(
        files={
            "base.py": """
                MADE = []
                class Generic:
                    def __class_getitem__(cls, p):
                        MADE.append(p.__name__)
                        return type(f"G[{p.__name__}]", (cls,), {})
                """,
            "app.py": """
                from base import Generic
                class A(Generic[int]): pass
                """,
            "test_a.py": """
                import app, base
                def test_made(): assert base.MADE == ["int"]
                def test_a(): assert app.A
                """,
        },
        edit={
            "app.py": [
                (
                    "class A(Generic[int]): pass",
                    "class A(Generic[int]): pass\nclass B(Generic[str]): pass",
                ),
            ],
        },
        run="test_made",
        may="test_a",
    ),
    "iteration registers": Case(
        files={
            "base.py": """
                SEEN = []
                class It:
                    def __iter__(self):
                        SEEN.append(1)
                        return iter([1, 2])
                it = It()
                """,
            "app.py": """
                from base import it
                first = list(it)
                """,
            "test_a.py": """
                import app, base
                def test_seen(): assert base.SEEN == [1]
                def test_first(): assert app.first == [1, 2]
                """,
        },
        edit={
            "app.py": [
                ("first = list(it)", "first = list(it)\nsecond = [x for x in it]"),
            ],
        },
        run="test_seen",
        may="test_first",
    ),
    "plugin mount": Case(
        files={
            "mount.py": """
                class PluginMount(type):
                    def __init__(cls, name, bases, attrs):
                        if not hasattr(cls, "plugins"):
                            cls.plugins = []
                        else:
                            cls.plugins.append(cls)
                class Action(metaclass=PluginMount):
                    def run(self): raise NotImplementedError
                """,
            "acts.py": """
                from mount import Action
                class A(Action):
                    def run(self): return "a"
                class B(Action):
                    def run(self): return "b"
                """,
            "test_a.py": """
                import acts
                from mount import Action
                def test_all(): assert [p().run() for p in Action.plugins] == ["a", "b"]
                def test_a(): assert acts.A().run() == "a"
                """,
        },
        edit={
            "acts.py": [
                ("class B", 'class C(Action):\n    def run(self): return "c"\nclass B'),
            ],
        },
        run="test_all",
    ),
    "registry dict subclass setitem on self": Case(
        files={
            "reg.py": """
                class Registry(dict):
                    def register(self, name):
                        def deco(f):
                            self[name] = f
                            return f
                        return deco
                    def enter(self, f):
                        self[f.__name__] = f
                        return f
                registry = Registry()
                """,
            "app.py": """
                from reg import registry
                @registry.register("one")
                def one(): return 1
                @registry.enter
                def two(): return 2
                """,
            "test_a.py": """
                import app
                from reg import registry
                def test_names(): assert sorted(registry) == ["one", "two"]
                def test_one(): assert registry["one"]() == 1
                def test_none(): assert 1
                """,
        },
        edit={
            "app.py": [
                (
                    "@registry.enter",
                    '@registry.register("three")\ndef three(): return 3\n@registry.enter',
                ),
            ],
        },
        run="test_names",
        may="test_one",
    ),
    "setattr registry": Case(
        files={
            "reg.py": """
                class Namespace:
                    def add_one(self, f):
                        setattr(self, f.__name__, f)
                        return f
                ns = Namespace()
                """,
            "plug.py": """
                from reg import ns
                @ns.add_one
                def one(): return 1
                """,
            "test_a.py": """
                import plug, reg
                def test_dir(): assert not hasattr(reg.ns, "two")
                def test_vars(): assert len(vars(reg.ns)) == 1
                def test_one(): assert reg.ns.one() == 1
                """,
        },
        edit={
            "plug.py": [
                ("@ns.add_one", "@ns.add_one\ndef two(): return 2\n@ns.add_one"),
            ],
        },
        run="test_dir test_vars",
        may="test_one",
    ),
    "copies made at import": Case(
        files={
            "base.py": """
                class Root:
                    registry = {}
                    def __init_subclass__(cls):
                        cls.registry[cls.__name__] = cls
                """,
            "kids.py": """
                from base import Root
                class A(Root): pass
                NAMES = tuple(Root.registry)
                COUNT = len(Root.registry)
                """,
            "late.py": """
                import kids
                from base import Root
                SNAP = dict(Root.registry)
                """,
            "test_a.py": """
                import kids, base, late
                def test_names(): assert kids.NAMES == ("A",)
                def test_count(): assert kids.COUNT == 1
                def test_snap(): assert len(late.SNAP) == 1
                def test_a(): assert kids.A()
                """,
        },
        edit={
            "kids.py": [
                ("class A(Root): pass", "class A(Root): pass\nclass B(Root): pass"),
            ],
        },
        run="test_names test_count test_snap",
        may="test_a",
    ),
    "decorator stacking and class decorators": Case(
        files={
            "d.py": """
                REG = {}
                ORDER = []
                def tag(*names):
                    def deco(obj):
                        for n in names:
                            push(n, obj)
                        return obj
                    return deco
                def push(n, obj):
                    REG.setdefault(n, []).append(obj.__name__)
                    ORDER.append(n)
                class Once:
                    made = set()
                    def __init__(self, key): self.key = key
                    def __call__(self, f):
                        self.made.add(self.key)
                        return f
                """,
            "app.py": """
                from d import tag, Once
                @tag("a")
                @Once("k1")
                def f(): return 1
                @tag("b")
                class K:
                    @staticmethod
                    @tag("m")
                    def s(): return 2
                    @tag("n")
                    def inst(self): return 3
                """,
            "test_a.py": """
                import app, d
                def test_a(): assert d.REG["a"] == ["f"]
                def test_m(): assert d.REG["m"] == ["s"]
                def test_order(): assert d.ORDER == ["a", "m", "n", "b"]
                def test_made(): assert d.Once.made == {"k1"}
                def test_f(): assert app.f() == 1
                def test_inst(): assert app.K().inst() == 3
                """,
        },
        edit={
            "app.py": """
                from d import tag, Once
                @tag("a")
                @Once("k1")
                def f(): return 1
                @tag("a")
                @Once("k2")
                def g(): return 1
                @tag("b")
                class K:
                    @staticmethod
                    @tag("m")
                    def s(): return 2
                    @tag("m")
                    def other(self): return 1
                    @tag("n")
                    def inst(self): return 3
                """,
        },
        run="test_a test_order test_made test_m",
        may="test_f test_inst",
    ),
    "event listener on import by instance method": Case(
        files={
            "hub.py": """
                class Hub:
                    def __init__(self):
                        self._subs = {}
                    def subscribe_to(self, topic):
                        def deco(f):
                            self._subs.setdefault(topic, []).append(f)
                            return f
                        return deco
                    def publish(self, topic, *a):
                        return [f(*a) for f in self._subs.get(topic, ())]
                    @property
                    def topics(self): return sorted(self._subs)
                class Scoped(Hub):
                    def __init__(self, parent):
                        super().__init__()
                        self.parent = parent
                    def subscribe_to(self, topic):
                        inner = super().subscribe_to(topic)
                        def deco(f):
                            self.parent.subscribe_to(topic)(f)
                            return inner(f)
                        return deco
                hub = Hub()
                scoped = Scoped(hub)
                """,
            "subs.py": """
                from hub import hub, scoped
                @hub.subscribe_to("x")
                def on_x(v): return v
                @scoped.subscribe_to("y")
                def on_y(v): return -v
                """,
            "test_a.py": """
                import subs, hub
                def test_x(): assert hub.hub.publish("x", 1) == [1]
                def test_y(): assert hub.hub.publish("y", 1) == [-1]
                def test_topics(): assert hub.hub.topics == ["x", "y"]
                def test_scoped(): assert hub.scoped.topics == ["y"]
                def test_direct(): assert subs.on_x(3) == 3
                """,
        },
        edit={
            "subs.py": [
                (
                    '@hub.subscribe_to("x")',
                    '@scoped.subscribe_to("z")\ndef on_z(v): return 0\n@hub.subscribe_to("x")',
                ),
            ],
        },
        run="test_topics test_scoped",
        may="test_x test_y test_direct",
    ),
    "mutable default registry": Case(
        files={
            "reg.py": """
                def register(f=None, _known=[]):
                    if f is None:
                        return list(_known)
                    _known.append(f.__name__)
                    return f
                def make():
                    seen = []
                    def inner(f):
                        seen.append(f.__name__)
                        return f
                    inner.seen = seen
                    return inner
                collect = make()
                """,
            "app.py": """
                from reg import register, collect
                @register
                def one(): return 1
                @collect
                def two(): return 2
                """,
            "test_a.py": """
                import app, reg
                def test_known(): assert reg.register() == ["one"]
                def test_seen(): assert reg.collect.seen == ["two"]
                def test_one(): assert app.one() == 1
                """,
        },
        edit={
            "app.py": [
                ("@collect\n", "@register\ndef three(): return 3\n@collect\n"),
            ],
        },
        run="test_known",
        may="test_one test_seen",
    ),
    "timed decorator with print wrapper": Case(
        files={
            "util.py": """
                import functools, time
                CALLS = 0
                def timed(f):
                    @functools.wraps(f)
                    def inner(*a, **k):
                        global CALLS
                        CALLS += 1
                        print("calling", f.__name__)
                        return f(*a, **k)
                    return inner
                def retry(times=3, on=(ValueError,)):
                    def deco(f):
                        @functools.wraps(f)
                        def inner(*a, **k):
                            last = None
                            for i in range(times):
                                try:
                                    return f(*a, **k)
                                except on as e:
                                    last = e
                                    print("retry", i)
                            raise last
                        return inner
                    return deco
                """,
            "calc.py": """
                from util import timed, retry
                @timed
                def double(x):
                    return 2 * x
                @retry(times=2)
                def risky(state):
                    state.append(1)
                    if len(state) < 2:
                        raise ValueError
                    return len(state)
                def plain(x):
                    return x + 1
                """,
            "test_calc.py": """
                import calc
                def test_double(): assert calc.double(2) == 4
                def test_risky(): assert calc.risky([]) == 2
                def test_plain(): assert calc.plain(1) == 2
                """,
        },
        edit={
            "calc.py": [
                (
                    "def plain(x):",
                    "@timed\ndef triple(x):\n    return 3 * x\n@retry()\ndef other():\n    return 1\ndef plain(x):",
                ),
            ],
        },
        run="",
    ),
    "init_subclass registry": Case(
        files={
            "base.py": """
                class Shape:
                    registry = {}
                    def __init_subclass__(cls, kind=None, **kw):
                        super().__init_subclass__(**kw)
                        cls.kind = kind or cls.__name__.lower()
                        cls.registry[cls.kind] = cls
                    @classmethod
                    def make(cls, kind, *a):
                        return cls.registry[kind](*a)
                    def describe(self):
                        return f"{self.kind}:{self.area()}"
                """,
            "shapes.py": """
                from base import Shape
                class Square(Shape):
                    def __init__(self, s): self.s = s
                    def area(self): return self.s ** 2
                class Circle(Shape, kind="round"):
                    def __init__(self, r): self.r = r
                    def area(self): return 3 * self.r
                def unit(): return Square(1)
                """,
            "test_shapes.py": """
                import shapes
                from base import Shape
                def test_square(): assert Shape.make("square", 2).area() == 4
                def test_round(): assert Shape.make("round", 1).describe() == "round:3"
                def test_direct(): assert shapes.Circle(2).area() == 6
                def test_unit(): assert shapes.unit().s == 1
                def test_kinds(): assert {"square", "round"} <= set(Shape.registry)
                """,
        },
        edit={
            "shapes.py": [
                ("def unit", "class Tri(Shape):\n    def area(self): return 0\ndef unit"),
            ],
        },
        run="test_kinds",
        may="test_square test_round",
    ),
    "lambda in a dictionary": Case(
        files={
            "ops.py": """
                K = 3
                def half(x): return x / 2
                OPS = {
                    "add": lambda a, b: a + b,
                    "half": lambda a: half(a),
                    "times": lambda a: a * K,
                }
                def run(op, *args): return OPS[op](*args)
                """,
            "test_ops.py": """
                import ops
                def test_add(): assert ops.run("add", 1, 2) == 3
                def test_half(): assert ops.run("half", 2) == 1
                def test_times(): assert ops.run("times", 2)
                def test_names(): assert sorted(ops.OPS) == ["add", "half", "times"]
                """,
        },
        edit={"ops.py": [("a + b", "b + a"), ("K = 3", "K = 4")]},
        run="test_add test_times",
    ),
    "lambdas on one line": Case(
        files={
            "ops.py": """
                A = lambda: 1; B = [lambda: 2, lambda: 3]
                C = lambda: 4
                """,
            "test_ops.py": """
                import ops
                def test_a(): assert ops.A() == 1
                def test_b(): assert ops.B[0]() == 2
                def test_last(): assert ops.B[1]() > 2
                def test_c(): assert ops.C() == 4
                """,
        },
        edit={"ops.py": [("lambda: 3", "lambda: 5")]},
        run="test_last",
        may="test_a test_b",
    ),
    "lambda that an import calls": Case(
        files={
            "ops.py": """
                LOG = []
                NOTE = {
                    "one": lambda x: LOG.append(x) or x,
                    "two": lambda x: x,
                }
                """,
            "use.py": """
                import ops
                MADE = ops.NOTE["one"](1)
                OTHER = 1
                """,
            "test_ops.py": """
                import ops, use
                def test_log(): assert ops.LOG == [1]
                def test_made(): assert use.MADE == 1
                def test_two(): assert ops.NOTE["two"](2) == 2
                """,
        },
        edit={"ops.py": [("LOG.append(x)", "LOG.append(x + 0)")]},
        run="test_log test_made",
    ),
    "lambda becomes a function": Case(
        files={
            "ops.py": """
                f = lambda x: x + 1
                def g(): return f(1)
                def h(): return 1
                """,
            "test_ops.py": """
                import ops
                def test_f(): assert ops.f(1) == 2
                def test_g(): assert ops.g() == 2
                def test_h(): assert ops.h() == 1
                """,
        },
        edit={"ops.py": [("f = lambda x: x + 1", "def f(x): return x + 1")]},
        run="test_f test_g",
    ),
}


def _name_of(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].partition("[")[0]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_runs_what_it_can_change(suite: Suite, case: Case) -> None:
    suite.write("pytest.ini", "[pytest]\npythonpath = .\n")
    for name, text in case.files.items():
        suite.write(name, text)
    before = suite.warm()
    for name, change in case.edit.items():
        path = suite.path / name
        if change is None:
            path.unlink()
        elif isinstance(change, str):
            suite.write(name, change)
        else:
            text = path.read_text(encoding="utf-8")
            for old, new in change:
                assert old in text
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
    after = suite.both()
    ran = {_name_of(nodeid) for nodeid in after.live if nodeid in before.outcomes}
    needed = {_name_of(name) for name in case.run.split()}
    needed &= {_name_of(nodeid) for nodeid in before.outcomes}
    assert needed <= ran
    if after.code == 0:
        assert ran <= needed | set(case.may.split())
