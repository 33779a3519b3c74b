"""Which statements count for everyone who imports their module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
STATE = """
V = 0
D = {}
L = []
class K:
    def method(self): pass
class Desc:
    def __set_name__(self, owner, name): L.append(name)
class Known:
    def __init_subclass__(cls): L.append(cls)
class Listed:
    def __class_getitem__(cls, item): return cls
    def __init_subclass__(cls): L.append(cls)
class Box:
    class Inner:
        def __init_subclass__(cls): L.append(cls)
    class Plain: pass
try:
    from elsewhere_unknown import Chosen
except ImportError:
    class Chosen:
        def __init_subclass__(cls): L.append(cls)
if V:
    from collections import UserDict as Mapping
else:
    class Mapping(dict): pass
class Meta(type):
    def __new__(mcs, *args): L.append(args); return super().__new__(mcs, *args)
class Counting(type):
    def __call__(cls, *args): L.append(args); return super().__call__(*args)
class Counted(metaclass=Counting): pass
def register(f): D[f.__name__] = f; return f
def register_at(name):
    def deco(f): D[name] = f; return f
    return deco
def register_in(into):
    def deco(f): into[f.__name__] = f; return f
    return deco
def by_alias(f):
    known = D
    known[f.__name__] = f
    return f
def put(into, key): into[key] = 1
def set_global(value):
    global V
    V = value
def outer(value): set_global(value)
def recursive(n): return recursive(n - 1) if n else set_global(n)
class Plugin:
    def install(self): set_global(1)
    @property
    def touch(self): set_global(2)
    def __enter__(self): set_global(3)
    def __exit__(self, *args): pass
    def __lshift__(self, other): set_global(4)
def quiet(value):
    new = {}
    new[value] = 1
    return [n for n in new]
class Wild:
    @property
    def touch(self): exec("1")
    def __lshift__(self, other): exec("2")
    def read_text(self): exec("3")
class Quiet:
    def __init__(self, a, b=(), c=("x", (1, None))):
        self.a = [a]
        self.a.append(a)
class Keeping:
    def __init__(self, a, b=([],)):
        self.a = a
        b[0].append(a)
def identity(f): return f
"""

EFFECTS = {
    "target of a loop": "for state.V in (1, 2): pass",
    "setattr": "setattr(state, 'V', 1)",
    "decorator told where": "@state.register_in(state.D)\ndef f(): pass",
    "argument changed": "state.put(state.D, 'a')",
    "call": "state.set_global(1)",
    "call of a caller": "state.outer(1)",
    "recursion": "state.recursive(3)",
    "call under another name": "go = state.set_global\ngo(1)",
    "call of an item": "T = {'a': state.set_global}\nT['a'](1)",
    "consumed map": "list(map(state.set_global, [1]))",
    "partial": "import functools\nfunctools.partial(state.set_global, 1)()",
    "method of a new object": "state.Plugin().install()",
    "method in a loop": "for p in [state.Plugin()]: p.install()",
    "method in a comprehension": "done = [p.install() for p in [state.Plugin()]]",
    "property": "state.Plugin().touch",
    "with": "with state.Plugin(): pass",
    "property that is looked at": "wild = state.Wild()\nX = wild.touch",
    "operator of an object": "wild = state.Wild()\nX = wild << 1",
    "file that is written": "X = open('a', 'w').read()",
    "file of an unknown mode": "import sys\nX = open('a', sys.argv[0]).read()",
    "method of a path that writes": "import pathlib\nX = (pathlib.Path() / 'a').touch()",
    "reading method of the project's": "X = [state.Wild()][0].read_text()",
    "reading method of what a function gives": "X = state.identity(1).read_text()",
    "operator": "state.Plugin() << 1",
    "attribute of the target of a loop": "for k in (state.K,):\n    k.x = 1",
    "item of the target of a loop": "for d in (state.D,):\n    d['x'] = 1",
    "attribute of what a condition chose": "if 1:\n    k = state.K\n    k.x = 1",
    "item of what a condition chose": "if 1: d = state.D\nelse: d = {}\nd['x'] = 1",
    "new attribute of a module": "state.NEW = 1",
    "called lambda": "(lambda n: state.L.append(n))(1)",
    "conditional": "if state.V: state.set_global(1)",
    "logging": "import logging\nlogging.getLogger('x').setLevel(10)",
    "attribute of a logger": "import logging\nl = logging.getLogger('x')\nl.propagate = False",
    "handler": "import logging\nl = logging.getLogger('x')\nl.addHandler(logging.NullHandler())",
    "warnings": "import warnings\nwarnings.simplefilter('ignore')",
    "environment": "import os\nos.environ['A'] = 'b'",
    "path": "import sys\nsys.path.insert(0, 'x')",
    "decimal": "import decimal\ndecimal.getcontext().prec = 5",
    "exec": "exec('import x')",
    "optional import by name": "try:\n    X = __import__('x')\nexcept ImportError:\n    X = 0",
    "what to do without": "try:\n    import extra\nexcept ImportError:\n    state.set_global(1)",
    "unknown": "from elsewhere_unknown import f\nf.g().h()",
    "function that a condition gives": "try: from elsewhere_unknown import f\n"
    "except ImportError: f = state.set_global\nX = f(1)",
    "base that is handed over": "def f(base):\n    class F(base): pass\nf(state.Known)",
    "base that a function gives": "class F(state.identity(state.K)): pass",
    "base that a condition gives": "if state.V: X = state.K\nelse: X = dict\nclass F(X): pass",
}


@pytest.mark.parametrize("text", EFFECTS.values(), ids=EFFECTS)
def test_what_changes_something_else_counts_for_importers(world: Any, text: str) -> None:
    world.write(state=STATE, a="import state\n" + text)
    assert world.digester().effect_cells("a.py")


REGISTERING = {
    "attribute of a module": ("state.V = 1", "V"),
    "augmented attribute": ("state.V += 1", "V"),
    "deleted attribute": ("del state.V", "V"),
    "unpacking": ("state.V, x = 1, 2", "V"),
    "attribute of an object of a module": ("state.K.x = 1", "K"),
    "loop": ("for n in range(3):\n    state.L.append(n)", "L"),
    "match": ("match 1:\n    case 1: state.D['a'] = 1", "D"),
    "conditional change": ("if state.V:\n    state.D['a'] = 1", "D"),
    "mutating method": ("state.L.append(1)", "L"),
    "alias of another module's object": ("d = state.D\nd['a'] = 1", "D"),
    "set name": ("class F:\n    x = state.Desc()", "L"),
    "init subclass": ("class F(state.Known): pass", "L"),
    "init subclass, further down": ("class E(state.Known): pass\nclass F(E): pass", "L"),
    "metaclass": ("class F(metaclass=state.Meta): pass", "L"),
    "inherited metaclass": ("class E(metaclass=state.Meta): pass\nclass F(E): pass", "L"),
    "conditional class": ("if state.V: pass\nelse:\n    class F(state.Known): pass", "L"),
    "class in a class": ("class E:\n    class F(state.Known): pass", "L"),
    "class in a function": ("def f():\n    class F(state.Known): pass\nX = f()", "L"),
    "subscribed base": ("class F(state.Listed[int]): pass", "L"),
    "base in a class": ("class F(state.Box.Inner): pass", "L"),
    "base of a condition": ("class F(state.Chosen): pass", "L"),
    "function of a condition": (
        "try: from elsewhere_unknown import f\n"
        "except ImportError:\n    def f(x): state.L.append(x)\n"
        "X = f(1)",
        "L",
    ),
    "metaclass that is handed over": (
        "from six import with_metaclass\nclass F(with_metaclass(state.Meta)): pass",
        "L",
    ),
    "call of a metaclass": ("X = state.Counted(1)", "L"),
    "item": ("state.D['a'] = 1", "D"),
    "deleted item": ("del state.D['a']", "D"),
    "monkeypatched method": ("state.K.method = lambda self: 1", "K"),
    "decorator": ("@state.register\ndef f(): pass", "D"),
    "decorator with argument": ("@state.register_at('x')\ndef f(): pass", "D"),
    "decorator by an alias": ("@state.by_alias\ndef f(): pass", "D"),
    "class decorator": ("@state.register\nclass F: pass", "D"),
    "value of a call": ("X = state.set_global(1)", "V"),
    "default argument": ("def f(a=state.set_global(1)): pass", "V"),
    "class body": ("class F:\n    state.set_global(1)", "V"),
    "default that is kept": ("X = state.Keeping(1)", "Keeping"),
}


@pytest.mark.parametrize(("text", "name"), REGISTERING.values(), ids=REGISTERING)
def test_what_changes_a_known_global_counts_for_its_readers(
    world: Any, text: str, name: str
) -> None:
    world.write(state=STATE, a="import state\n" + text)
    digester = world.digester()
    assert digester.effect_cells("a.py") == []
    changed = {place for _, _, places in digester.registering_cells("a.py") for place in places}
    assert {place for place in changed if place[0] != "a.py"} == {("state.py", name)}


def test_what_changes_its_own_module_s_object_is_part_of_it(world: Any) -> None:
    world.write(a="X = []\nX.append(1)\nY = []\nY += [1]")
    digester = world.digester()
    assert digester.effect_cells("a.py") == []
    assert [(n, places) for n, _, places in digester.registering_cells("a.py")] == [
        (1, {("a.py", "X")})
    ]


NO_EFFECTS = {
    "text of a path": "import pathlib\nX = (pathlib.Path(__file__).parent / 'a').read_bytes()",
    "text of a resource": "from importlib import resources\n"
    "X = resources.files('a').joinpath('b').read_bytes().strip()",
    "data of a package": "import pkgutil\nX = pkgutil.get_data('a', 'b').decode()",
    "file that is read": "import json\nX = json.loads(open('a', 'rb').read())",
    "file that a function reads": "def read(a):\n    with open(a, encoding='utf-8') as f:\n"
    "        return [line.strip() for line in f]\nX = read('a')[0].lower()",
    "key of a sort": "X = sorted({'b', 'a'}, key=lambda text: text.lower())",
    "texts of lines": "X = [line.strip() for line in open('a')]",
    "def": "def f(): state.set_global(1)",
    "class": "class F:\n    def m(self): state.set_global(1)",
    "constant": "X = 1",
    "display": "X = [state.V, {'a': 1}]",
    "comprehension": "X = [n for n in state.L]",
    "quiet call": "X = state.quiet(1)",
    "quiet class": "X = state.Quiet(1)",
    "quiet decorator": "@state.identity\ndef f(): pass",
    "builtin": "X = sorted(len(n) for n in ())",
    "standard library": "import re\nX = re.compile('a')",
    "logger": "import logging\nlog = logging.getLogger(__name__)",
    "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass F:\n    x: int = 1",
    "enum": "import enum\nclass F(enum.Enum):\n    A = 1",
    "own list": "X = []\nX.append(1)",
    "own dict": "X = {}\nX['a'] = 1",
    "loop over own objects": "X = []\nfor n in range(3):\n    X.append(n)",
    "loop that ends early": "for n in (1, 2):\n    if n > 1: break",
    "deleted name": "def f(): pass\ndel f",
    "match": "match 1:\n    case 1: X = 1\n    case _: X = 2",
    "conditional def": "import sys\nif sys.version_info > (3,):\n    def f(): pass",
    "optional import": "try:\n    import extra\nexcept ImportError:\n    extra = None",
    "conditional class": "import sys\nif sys.version_info > (3,):\n    class F(dict): pass",
    "base of a condition": "class F(state.Mapping): pass",
    "class in a class": "class E:\n    class A: pass\n    class B(A): pass\n    class C(B): pass",
    "base in a class": "class E:\n    class F(state.Box.Plain): pass",
    "class in a function": "def f():\n    class A: pass\n    class B(A): pass\nX = f()",
    "subscribed base": "import typing\nclass A(typing.Generic[T]): pass\nclass B(A[int]): pass",
    "conditional import": "import sys\nif sys.flags.debug:\n    from state import V",
    "docstring": "'''doc'''",
    "exports": "__all__ = ['f']",
}


@pytest.mark.parametrize("text", NO_EFFECTS.values(), ids=NO_EFFECTS)
def test_what_only_binds_counts_for_its_readers(world: Any, text: str) -> None:
    world.write(state=STATE, a="import state\n" + text)
    digester = world.digester()
    assert digester.effect_cells("a.py") == []
    changed = [places for _, _, places in digester.registering_cells("a.py")]
    assert not [file for places in changed for file, _ in places if file != "a.py"]


REGISTER = """
import abc, warnings

class Meta(abc.ABCMeta):
    def __new__(mcs, name, bases, members):
        made = super().__new__(mcs, name, bases, members)
        made.fields = mcs.fields_of(members)
        return made
    @classmethod
    def fields_of(mcs, members): return dict(members)
    def __init__(cls, name, bases, members):
        super().__init__(name, bases, members)
        register.add(name, cls)
        cls.hooks = cls.find_hooks()
    def find_hooks(cls): return []

class Base: pass

class Part(Base):
    def __init__(self, old=None):
        super().__init__()
        if old: warnings.warn("old")
        self.checks.insert(0, old)
"""


@pytest.mark.parametrize("package", ["", "def __getattr__(name): raise AttributeError(name)"])
def test_a_class_that_registers_itself_by_another_module_s_function_counts_for_readers(
    world: Any, package: str
) -> None:
    world.write(
        pkg____init__=package,
        pkg__register="KNOWN = {}\ndef add(k, v): KNOWN.setdefault(k, []).append(v)",
        pkg__base="class Base:\n    def __init__(self): self.checks = []",
        pkg__meta="from pkg import base, register\nKIND = 'x'\n"
        + REGISTER.replace("class Base: pass\n", "").replace("(Base)", "(base.Base)"),
        a="from pkg import meta\nclass Thing(metaclass=meta.Meta): part = meta.Part(meta.KIND)",
    )
    digester = world.digester()
    assert digester.effect_cells("a.py") == []
    ((_, _, changed),) = digester.registering_cells("a.py")
    assert changed == {("pkg/register.py", "KNOWN")}


ELSEWHERE = {
    "another distribution's function": "from atexit import register as add",
    "a list of others": "import sys\nKNOWN = {'a': sys.path}\n"
    "def add(k, v): make().setdefault(k, []).append(v)\ndef make(): return KNOWN",
}


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_function_of_a_module_may_be_anybody_s(world: Any, text: str) -> None:
    world.write(
        pkg____init__="", pkg__register=text, a="from pkg import register\nregister.add(1, 2)"
    )
    assert world.digester().effect_cells("a.py")


NEW = {
    "in place": ("X = ()\nif state.V: X += state.L", True),
    "a container": ("if state.V: X = []\nelse: X = {}\nX.append(1)", True),
    "somebody else's": ("if state.V: X = state.L\nX.append(1)", False),
    "by an import": (
        "try: from state import L as X\nexcept ImportError: X = []\nX.append(1)",
        False,
    ),
}


@pytest.mark.parametrize(("text", "is_own"), NEW.values(), ids=NEW)
def test_a_choice_between_new_objects_binds_a_new_one(
    world: Any, text: str, *, is_own: bool
) -> None:
    world.write(state=STATE, a="import state\n" + text)
    digester = world.digester()
    changed = {place for _, _, places in digester.registering_cells("a.py") for place in places}
    is_known = not digester.effect_cells("a.py")
    assert (is_known and all(file == "a.py" for file, _ in changed)) == is_own


NOTED = """
import sys
from pathlib import Path
from tests.unit.graph.conftest import World
world = World(Path(sys.argv[1]))
digester = world.digester()
((_, cell),) = digester.effect_cells("uses.py")
print(sorted(digester.purity.noted_changes_of("uses.py", cell)))
"""


def test_what_is_known_of_a_statement_does_not_follow_from_the_order_of_sets(world: Any) -> None:
    """The same statement is looked at in runs whose texts have other hashes."""
    names = "first second third fourth".split()
    world.write(
        state="".join(
            f"{name.upper()} = []\ndef {name}(): {name.upper()}.append(1)\n" for name in names
        )
        + "def anything(code): exec(code)\n",
        uses="import state\nMADE = [state.anything(''), "
        + ", ".join(f"state.{name}()" for name in names)
        + "]",
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", NOTED, str(world.root)],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(1, 6)
    }
    assert len(found) == 1


def test_a_call_of_an_own_function_changes_what_that_changes(world: Any) -> None:
    world.write(a="N = 0\ndef setup():\n    global N\n    N = 5\nsetup()\n")
    digester = world.digester()
    assert not digester.effect_cells("a.py")
    assert [places for *_, places in digester.registering_cells("a.py")] == [{("a.py", "N")}]


def test_a_call_of_an_own_function_that_tells_somebody_is_an_effect(world: Any) -> None:
    world.write(a="def setup(): print(1)\nsetup()\n")
    assert world.digester().effect_cells("a.py")
