"""What tests leave in registers, classes and modules: who depends on it, and who does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


class Case(NamedTuple):
    """A project, one edit of it, and the tests that must run then; no other may.

    Attributes:
        edit: file, old text, new text.
    """

    lib: str
    tests: str
    edit: tuple[str, str, str]
    run: str


REMEMBERING: Final = """
def remembering(make):
    known = {}
    def inner(key):
        if key not in known:
            known[key] = make(key)
        return known[key]
    return inner
def double(n): return n + n
stored = remembering(double)
"""
REGISTER: Final = """
KNOWN = {}

def register(name, kind):
    if name not in KNOWN:
        KNOWN[name] = [kind]

def find(name):
    return KNOWN[name][0]

class Meta(type):
    def __init__(cls, name, bases, members):
        super().__init__(name, bases, members)
        register(name, cls)

class Base(metaclass=Meta):
    pass

def one(): return 1
def two(): return 2
"""
REGISTERING: Final = """
import lib

def test_a():
    class Thing(lib.Base):
        value = lib.one()
    assert Thing.value

def test_b():
    class Thing(lib.Base):
        value = lib.two()
    assert Thing.value

def test_find():
    assert lib.find("Thing").value == 1

def test_other():
    assert lib.find("Base") is lib.Base
"""
CASES: Final = {
    "who only registers rests on nobody else who does": Case(
        REGISTER, REGISTERING, ("lib.py", "return 2", "return 2 + 0"), "test_b"
    ),
    "who looks up rests on who registered": Case(
        REGISTER, REGISTERING, ("lib.py", "return 1", "return 3"), "test_a test_b test_find"
    ),
    "a counter of objects": Case(
        """
        class Field:
            counter = 0
            def __init__(self):
                Field.counter += 1
                self.order = Field.counter
            def name(self): return "field"
        def one(): return Field()
        def set_any(thing, name, value): setattr(thing, name, value)
        class Holder: pass
        """,
        """
        import lib
        def test_a():
            assert lib.one().order
        def test_b():
            lib.set_any(lib.Holder(), "x", 1)
            assert lib.Field().order
        def test_c():
            assert lib.Field.name(None)
        """,
        ("lib.py", "return Field()", "return [Field()][0]"),
        "test_a test_b",
    ),
    "a memo on a class, found through a register, beside one who sets attributes": Case(
        """
        import functools
        KINDS = {}
        def register(name, kind): KINDS[name] = kind
        def deep(n): return n + 1
        class Thing:
            @functools.lru_cache
            def size(self, n): return deep(n)
            def change(self, name, value): setattr(self, name, value)
        register("Thing", Thing)
        """,
        """
        import lib
        def test_a():
            thing = lib.Thing()
            thing.change("x", 1)
            assert thing.size(1) == 2
        def test_b():
            assert lib.KINDS["Thing"] is not None
        def test_c():
            assert lib.Thing().size(1) == 2
        def test_d():
            assert True
        """,
        ("lib.py", "return n + 1", "return 1 + n"),
        "test_a test_b test_c",
    ),
    "a memo that a closure keeps, and who names its function without running it": Case(
        REMEMBERING
        + """
def size(n, fast=True): return n if fast else stored(n)
def slow(n): return stored(n)
""",
        """
        import lib
        def test_a(): assert lib.slow(2) == 4
        def test_b(): assert lib.size(1) == 1
        def test_c(): assert lib.slow(2) + 0 == 4
        """,
        ("lib.py", "return n if", "return 1 * n if"),
        "test_b",
    ),
    "a memo that a closure keeps, and who takes its module for a value": Case(
        REMEMBERING
        + """
FAST = False
def size(n): return n if FAST else stored(n)
""",
        """
        import lib
        def test_a(): assert lib.size(2) == 4
        def test_b(monkeypatch):
            monkeypatch.setattr(lib, "FAST", True)
            assert lib.size(2) == 2
        def test_c(): assert lib.stored(2) == 4
        """,
        ("test_it.py", "lib.size(2) == 2", "lib.size(3) == 3"),
        "test_b",
    ),
    "functions that their decorator registers": Case(
        """
        KNOWN = []
        def known(f):
            KNOWN.append(f)
            return f
        @known
        def size(n): return part(n)
        def part(n): return n
        class Box:
            def __init__(self, n): self.n = part(n)
        SIZE = size(1)
        """,
        """
        import lib
        def test_a(): assert lib.SIZE == 1
        def test_b(): assert callable(lib.size)
        """,
        ("lib.py", "def part(n): return n", "def part(n): return n + 0"),
        "test_a",
    ),
    "state of a module that is imported by a computed name": Case(
        """
        STATE = []
        def add(): STATE.append(1)
        def size(things): return len(things)
        """,
        """
        import importlib
        def test_a():
            import lib
            lib.add()
        def test_b():
            lib = importlib.import_module("li" + "b")
            assert lib.size(getattr(lib, "STA" + "TE")) == 1
        def test_c(): assert True
        """,
        ("lib.py", "return len(things)", "return sum(things)"),
        "test_a test_b",
    ),
    "methods of a class that registers itself": Case(
        """
        KNOWN = []
        class Base:
            def __init_subclass__(cls): KNOWN.append(cls)
        class Used(Base):
            def used(self): return 1
        class Other(Base):
            def method(self, a=1): return a
        """,
        """
        import lib
        def test_a(): assert lib.Used().used()
        def test_b(): assert lib.Other().method()
        def test_c(): assert True
        """,
        ("lib.py", "a=1", "a=2"),
        "test_b",
    ),
}
BY_STATEMENT: Final = {
    "what a memo called at import, and what else ran there": Case(
        """
        import functools
        class Parts:
            @staticmethod
            def one(n): return n
            @staticmethod
            def two(n): return n
        @functools.lru_cache
        def size(n): return getattr(Parts, "on" + "e")(n)
        def other(n): return n + getattr(Parts, "tw" + "o")(n)
        X = size(1)
        Y = other(1)
        """,
        """
        import lib
        def test_a(): assert lib.size(1) == 1
        def test_b(): assert lib.Y == 2
        """,
        ("lib.py", "def two(n): return n", "def two(n): return n + 0"),
        "test_b",
    ),
    "a class in a class, made at import by a metaclass": Case(
        """
        class Meta(type):
            def __init__(cls, name, bases, members): cls.names = sorted(members)
        class Model(metaclass=Meta):
            class Options:
                flag = True
            def run(self): return compute()
        def compute(): return 1
        """,
        """
        import lib
        def test_a(): assert lib.Model().run()
        def test_b(): assert lib.Model.Options.flag
        """,
        ("lib.py", "return 1", "return 2"),
        "test_a",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_runs(suite: Suite, case: Case) -> None:
    suite.write("lib.py", case.lib)
    suite.write("test_it.py", case.tests)
    suite.warm()
    suite.edit(*case.edit)
    ran = suite.both()
    assert {nodeid.partition("::")[2] for nodeid in ran.live} == set(case.run.split())


@pytest.mark.parametrize("case", BY_STATEMENT.values(), ids=BY_STATEMENT)
def test_who_runs_where_statements_are_told_apart(suite: Suite, case: Case) -> None:
    test_who_runs(suite, case)


UNNAMED: Final = {
    "operator": "X = log / 'a'",
    "item": "X = log['a']",
    "comparison": "X = log == 'a'",
    "format": "X = f'{log:a}'",
    "attribute": "X = log.a",
    "default": "def f(x=log['a']): pass",
    "member": "class F:\n    x = log['a']",
    "comprehension": "X = [n for n in ('a',) if log[n]]",
    "condition": "if log['a']: X = 1",
    "condition that binds nothing": "if log['a']: pass",
}


@pytest.mark.parametrize("statement", UNNAMED.values(), ids=UNNAMED)
def test_what_a_method_that_no_call_names_changes_at_import_counts(
    suite: Suite, statement: str
) -> None:
    suite.write(
        "lib.py",
        """
        SEEN = []
        class Log:
            def note(self, what):
                SEEN.append(what)
                return self
            def __truediv__(self, what): return note(what)
            __getitem__ = __eq__ = __format__ = __getattr__ = __truediv__
        def note(what):
            SEEN.append(what)
            return ""
        log = Log()
        """,
    )
    suite.write("plug.py", f"from lib import log\n{statement}\n")
    suite.write(
        "test_it.py",
        "import lib, plug\ndef test_a(): assert lib.SEEN == ['a']\ndef test_b(): pass\n",
    )
    suite.warm()
    for old, new in (("'a'", "'b'"), ("log.a", "log.b"), (":a}", ":b}")):
        if old in statement:
            suite.edit("plug.py", old, new)
    assert suite.both().live == ["test_it.py::test_a"]


def test_a_module_asked_for_by_a_computed_name_counts_for_who_asked(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import importlib
        def load(kind):
            return importlib.import_module("part_" + kind)
        """,
    )
    suite.write("part_a.py", "VALUE = 1\n")
    suite.write("part_b.py", "VALUE = 1\n")
    suite.write(
        "test_it.py",
        """
        import lib
        def test_a(): assert lib.load("a").VALUE == 1
        def test_b(): assert lib.load("b").VALUE == 1
        def test_again(): assert lib.load("a").VALUE == 1
        """,
    )
    suite.warm()
    suite.edit("part_a.py", "1", "1 + 0")
    ran = suite.both()
    assert {nodeid.partition("::")[2] for nodeid in ran.live} == {"test_a", "test_again"}
    (suite.path / "part_b.py").unlink()
    ran = suite.both()
    assert "test_it.py::test_b" in ran.live


def test_who_asks_for_subclasses_rests_on_what_may_be_imported_beside_what_is(
    suite: Suite,
) -> None:
    suite.write("lib.py", "class Base: pass\nclass One(Base): pass\n")
    suite.write("examples/first.py", "")
    suite.write(
        "test_a.py",
        "import lib\ndef test_a(): assert len(lib.Base.__subclasses__()) == 1\n"
        "def test_b(): pass\n",
    )
    suite.warm()
    suite.write("examples/second.py", "import lib\nclass Two(lib.Base): pass\n")
    assert suite.both().live == []
    suite.write("test_0.py", "import lib\nclass Two(lib.Base): pass\ndef test_c(): pass\n")
    assert set(suite.both().live) == {"test_0.py::test_c", "test_a.py::test_a"}


def test_a_register_of_a_module_that_an_earlier_test_imported_may_grow(suite: Suite) -> None:
    """Application factories import their parts when they are called."""
    suite.write(
        "lib.py",
        """
        class Register:
            def __init__(self): self.found = []
            def add(self, function):
                self.found.append(function.__name__)
                return function
        """,
    )
    suite.write(
        "parts.py",
        """
        from lib import Register
        register = Register()
        @register.add
        def one(): pass
        """,
    )
    factory = "def make():\n    from parts import register\n    return register.found\n"
    suite.write("app.py", factory)
    suite.write(
        "test_it.py",
        """
        import app
        def test_a(): assert "one" in app.make()
        def test_b(): assert "two" not in app.make()
        def test_c(): pass
        """,
    )
    suite.warm()
    suite.edit("parts.py", "def one(): pass", "def one(): pass\n@register.add\ndef two(): 1")
    ran = suite.both()
    assert {nodeid.partition("::")[2] for nodeid in ran.live} == {"test_a", "test_b"}


WEAK = {
    "WeakSet": "live.add(self)",
    "WeakValueDictionary": "live[value] = self",
    "WeakKeyDictionary": "live[self] = value",
}


@pytest.mark.parametrize("kind", WEAK)
def test_what_weak_containers_hold_is_state(suite: Suite, kind: str) -> None:
    suite.write(
        "lib.py",
        f"""
        import weakref
        KEPT = []
        class Node:
            live = weakref.{kind}()
            def __init__(self, value): self.{WEAK[kind]}
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib
        def test_passing(): lib.Node(0)
        def test_keeps(): lib.KEPT.append(lib.Node(1))
        def test_reads(): assert len(lib.Node.live) == 1
        def test_free(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "live) == 1", "live) != 0")
    assert suite.both().names == ["test_keeps", "test_reads"]
    assert suite.both("test_a.py::test_reads").code == 1


@pytest.mark.parametrize(
    ("now", "ran"),
    [
        ("lib.X = 2; lib.L.append(2)", ["test_sets", "test_between", "test_x", "test_list"]),
        ("lib.X = 0; lib.L.clear()", ["test_sets", "test_between", "test_x", "test_list"]),
        ("lib.X = 1", ["test_sets", "test_between"]),
    ],
    ids=["other", "undone", "same"],
)
def test_what_changes_again_after_a_replayed_test_counts(
    suite: Suite, now: str, ran: list[str]
) -> None:
    """The replayed test changes the same: it has to run before, to tell what the other does."""
    suite.write("lib.py", "X = 0\nL = []\n")
    suite.write(
        "test_a.py",
        """
        import lib
        def test_sets(): lib.X = 1; lib.L.append(1)
        def test_between(): pass
        """,
    )
    suite.write(
        "test_b.py",
        """
        import lib
        def test_x(): assert lib.X == 1
        def test_list(): assert lib.L == [1]
        def test_free(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "between(): pass", f"between(): {now}")
    assert sorted(set(suite.both().names)) == sorted(ran)


MEMO = """
import functools
@functools.lru_cache
def load(x): return [x]
@functools.lru_cache
def other(x): return x
"""


def test_who_finds_a_memo_cleared_rests_on_who_clears_it(suite: Suite) -> None:
    suite.write("lib.py", MEMO)
    suite.write(
        "test_a.py",
        """
        import lib
        def test_fill(): lib.load(1).append(2)
        def test_clear():
            lib.load.cache_clear()
            assert lib.load(1) == [1]
        def test_after(): assert lib.load(1) == [1]
        def test_other(): assert lib.other(1) == 1
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "lib.load.cache_clear()", "lib.load(1).pop()")
    ran = suite.both()
    assert ran.code == 0
    assert ran.names == ["test_fill", "test_clear", "test_after"]


def test_who_asks_how_full_a_memo_is_rests_on_who_filled_it(suite: Suite) -> None:
    suite.write("lib.py", MEMO)
    suite.write(
        "test_a.py",
        """
        import lib
        def test_fill(): assert lib.load(1) == [1]
        def test_other(): assert lib.other(1) == 1
        """,
    )
    suite.write("test_b.py", "import lib\ndef test_n(): assert lib.load.cache_info().currsize == 1")
    suite.warm()
    suite.edit("test_b.py", "currsize == 1", "currsize in (1,)")
    ran = suite.both()
    assert ran.code == 0
    assert ran.names == ["test_fill", "test_n"]
    assert suite.both("test_b.py").code == 1


def test_who_clears_a_memo_first_needs_nobody(suite: Suite) -> None:
    suite.write("lib.py", MEMO)
    suite.write(
        "conftest.py",
        """
        import lib, pytest
        @pytest.fixture(autouse=True)
        def fresh(): lib.load.cache_clear()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib
        def test_one(): assert lib.load(1) == [1]
        def test_two(): assert [lib.load(1), lib.load(2)] == [[1], [2]]
        def test_none(): assert True
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "def test_one(): assert lib.load(1) == [1]", "def test_one(): pass")
    assert suite.both().names == ["test_one"]
    suite.edit("lib.py", "return [x]", "return [x, ][:]")
    assert suite.both().names == ["test_two"]


@pytest.mark.parametrize("size", ["None", "8"])
@pytest.mark.parametrize(
    ("result", "change", "changed", "finds"),
    [
        ("[x]", "append(6)", "append(7)", "== [1, 6]"),
        ("{'x': x}", "update(y=6)", "update(y=7)", "== {'x': 1, 'y': 6}"),
        ("Kept(x)", "put(6)", "put(7)", ".value == 6"),
        ("([x],)", "__getitem__(0).append(6)", "__getitem__(0).append(7)", "== ([1, 6],)"),
    ],
    ids=["list", "dict", "object", "list in tuple"],
)
def test_who_changes_what_a_memo_gives_is_a_producer(
    suite: Suite, size: str, result: str, change: str, changed: str, finds: str
) -> None:
    suite.write(
        "lib.py",
        f"""
        import functools

        class Kept:
            def __init__(self, value): self.value = value
            def put(self, value): self.value = value

        @functools.lru_cache(maxsize={size})
        def load(x):
            return {result}
        """,
    )
    suite.write("test_a.py", "import lib\ndef test_fill(): assert lib.load(1)\n")
    suite.write("test_b.py", f"import lib\ndef test_change(): lib.load(1).{change}\n")
    suite.write("test_c.py", f"import lib\ndef test_read(): assert lib.load(1){finds}\n")
    suite.both()
    assert suite.both().live == []
    suite.edit("test_b.py", change, changed)
    assert "test_read" in suite.both().names
    suite.edit("test_b.py", changed, change)
    assert suite.both().code == 0


CONFIG: Final = """
class Config:
    mode = "plain"
    level = 0
CONFIG = Config()
def configure(mode): CONFIG.mode = mode
def reset(): CONFIG.mode = "plain"
def count(): CONFIG.level += 1
def mode(): return CONFIG.mode
"""


@pytest.mark.parametrize(
    ("done", "needed"),
    [
        ("lib.reset()", 0),
        ("lib.configure('b')", 0),
        ("assert lib.mode() in 'xyz'", 1),
        ("lib.CONFIG.mode = 'plain mode'", 0),
        ("assert lib.CONFIG.mode", 1),
        ("lib.count(); assert lib.CONFIG.level == 2", 1),
    ],
)
def test_who_only_sets_attributes_of_an_object_finds_nothing_in_it(
    suite: Suite, done: str, needed: int
) -> None:
    suite.write("lib.py", CONFIG)
    suite.write(
        "test_a.py",
        f"""
        import lib
        def test_sets():
            lib.configure("x")
            lib.count()
        def test_then(): {done}
        def test_other(): assert 'mode' 'level'
        """,
    )
    suite.warm()
    suite.edit("test_a.py", 'lib.configure("x")', 'assert not lib.configure("y")')
    ran = suite.both()
    assert ran.code == 0
    assert ran.names == ["test_sets", "test_then"][: 1 + needed]
