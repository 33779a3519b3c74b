"""Who reads what an edited test leaves behind need not run where that is the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
    import enum
    import typing
    KNOWN = {}
    OTHER = {}
    class Kind(enum.Enum):
        A = 1
        B = 2
    class Limits:
        most = 5
        def __init__(self, least=0): self.least = least
    class Slotted:
        __slots__ = ("x", "y")
    T = typing.TypeVar("T", bound="Limits")
    P = typing.ParamSpec("P")
    class Box(typing.Generic[T, P]):
        def __init__(self, least): self.least = least
    LIMITS = Limits()
    STATE = {'x': []}
    TABLE = {'one': lambda: 1, 'two': lambda: 2}
    VALUE = 1
    SLOTTED = Slotted()
    SLOTTED.x = 1
    def keep(name, value): KNOWN[name] = value
    def keep_other(name, value): OTHER[name] = value
    def find(name): return KNOWN[name]
    def find_other(name): return OTHER[name]
    def named():
        "first"
        return 1
    def twice(n): return n + n
    def total(numbers): return sum(numbers.values())
"""


class Case(NamedTuple):
    """What a test leaves, how another reads it, and an edit.

    Attributes:
        edit: file, old text, new text.
        run: of the three tests.
    """

    leaving: str
    reading: str
    edit: tuple[str, str, str]
    run: str = "test_leaving test_reading"


def _in_test(old: str, new: str) -> tuple[str, str, str]:
    return "test_it.py", old, new


SAME: Final = {
    "a number": Case(
        "lib.keep('a', 1)", "assert lib.find('a') == 1", _in_test("('a', 1)", "('a', 2 - 1)")
    ),
    "beside what it asserts": Case(
        "lib.keep('a', [1]); assert lib.twice(1) == 2",
        "assert lib.find('a') == [1]",
        _in_test("twice(1) == 2", "twice(2) == 4"),
    ),
    "a class that it defines": Case(
        "class K:\n    x = [1]\n    def f(self): return self.x\nlib.keep('K', K); assert K().f()",
        "assert lib.find('K').x == [1] and lib.find('K').__name__ == 'K'",
        _in_test("assert K().f()", "assert K().f() == [1]"),
    ),
    "an object": Case(
        "lib.keep('a', lib.Limits(3)); assert True",
        "assert lib.find('a').least == 3",
        _in_test("assert True", "assert lib.twice(1)"),
    ),
    "an object of a generic class": Case(
        "lib.keep('a', lib.Box(3)); assert True",
        "assert lib.find('a').least == 3",
        _in_test("assert True", "assert lib.twice(1)"),
    ),
    "slots, members and sets": Case(
        "s = lib.Slotted(); s.x = {lib.Kind.A, 'b', 1.5}; lib.keep('s', s); assert True",
        "assert lib.find('s').x == {lib.Kind.A, 'b', 1.5}",
        _in_test("assert True", "assert lib.twice(1)"),
    ),
    "what it leaves is made by an edited function": Case(
        "lib.keep('a', lib.twice(2))",
        "assert lib.find('a') == 4",
        ("lib.py", "return n + n", "return 2 * n"),
    ),
    "an object that leads back to itself": Case(
        "a = lib.Limits(); a.own = [a]; lib.keep('a', a); assert True",
        "assert lib.find('a').own[0] is lib.find('a')",
        _in_test("assert True", "assert lib.twice(1)"),
    ),
}
COUNTING: Final = {
    "a number": Case(
        "lib.keep('a', 1)", "assert len(lib.KNOWN) == 1", _in_test("('a', 1)", "('a', 2)")
    ),
    "a class": Case(
        "class K:\n    x = 1\nlib.keep('K', K)",
        "from lib import KNOWN\nassert len(KNOWN) == 1 and 'L' not in KNOWN",
        _in_test("x = 1", "x = 2"),
    ),
    "keys in another order": Case(
        "lib.keep('a', 1); lib.keep('b', 2)",
        "assert len(lib.KNOWN) == 2",
        _in_test("lib.keep('a', 1); lib.keep('b', 2)", "lib.keep('b', 2); lib.keep('a', 1)"),
    ),
}
OTHER: Final = {
    "a number, for who counts and looks": Case(
        "lib.keep('a', 1)",
        "assert len(lib.KNOWN) == lib.KNOWN['a'] == 1",
        _in_test("('a', 1)", "('a', 2)"),
    ),
    "a number, for who counts otherwise": Case(
        "lib.keep('a', 1)",
        "from lib import total as len\nassert len(lib.KNOWN) == 1",
        _in_test("('a', 1)", "('a', 2)"),
    ),
    "one key for another, for who counts what is there": Case(
        "lib.keep('a', 1)",
        "assert len(lib.KNOWN) == 1",
        _in_test("('a', 1)", "('a', 1); del lib.KNOWN['a']"),
    ),
    "the size of what a key is for": Case(
        "lib.keep('a', [1])",
        "assert len(lib.KNOWN['a']) == 1",
        _in_test("[1]", "[1, 2]"),
    ),
    "another number": Case(
        "lib.keep('a', 1)", "assert lib.find('a') == 1", _in_test("('a', 1)", "('a', 2)")
    ),
    "True for 1": Case(
        "lib.keep('a', 1)", "assert lib.find('a') is not True", _in_test("'a', 1", "'a', True")
    ),
    "-0.0 for 0.0": Case(
        "lib.keep('a', 0.0)", "assert str(lib.find('a')) == '0.0'", _in_test("0.0)", "-0.0)")
    ),
    "a tuple for a list": Case(
        "lib.keep('a', [1])", "assert lib.find('a') == [1]", _in_test("[1])", "(1,))")
    ),
    "an object like one of the module": Case(
        "lib.keep('a', lib.LIMITS)",
        "assert lib.find('a') is lib.LIMITS",
        _in_test("'a', lib.LIMITS", "'a', lib.Limits()"),
    ),
    "one object twice, or two": Case(
        "one = []; two = one; lib.keep('a', one); lib.keep('b', two)",
        "assert lib.find('a') is lib.find('b')",
        _in_test("two = one", "two = []"),
    ),
    "one object below two globals, or two": Case(
        "one = []; two = one; lib.keep('a', one); lib.keep_other('b', two)",
        "assert lib.find('a') is lib.find_other('b')",
        _in_test("two = one", "two = []"),
    ),
    "another order of keys": Case(
        "lib.keep('a', 1); lib.keep('b', 2)",
        "assert [*lib.KNOWN] == ['a', 'b']",
        _in_test("lib.keep('a', 1); lib.keep('b', 2)", "lib.keep('b', 2); lib.keep('a', 1)"),
    ),
    "one key more": Case(
        "lib.keep('a', 1)",
        "assert len(lib.KNOWN) == 1",
        _in_test("lib.keep('a', 1)", "lib.keep('a', 1); lib.keep('b', 1)"),
    ),
    "nothing": Case(
        "lib.keep('a', 1)", "assert lib.find('a') == 1", _in_test("lib.keep('a', 1)", "pass")
    ),
    "another method": Case(
        "class K:\n    def f(self): return 1\nlib.keep('K', K)",
        "assert lib.find('K')().f() == 1",
        _in_test("return 1", "return 2"),
    ),
    "another member": Case(
        "class K:\n    x = 1\nlib.keep('K', K)",
        "assert lib.find('K').x == 1",
        _in_test("x = 1", "x = 2"),
    ),
    "another base": Case(
        "class K(lib.Limits): pass\nlib.keep('K', K)",
        "assert lib.find('K').most == 5",
        _in_test("(lib.Limits)", "(object)"),
    ),
    "another default": Case(
        "def f(n=1): return n\nlib.keep('f', f)",
        "assert lib.find('f')() == 1",
        _in_test("n=1", "n=2"),
    ),
    "another docstring": Case(
        "def f(): 'one'\nlib.keep('f', f)",
        "assert lib.find('f').__doc__ == 'one'",
        _in_test("f(): 'one'", "f(): 'two'"),
    ),
    "another annotation": Case(
        "def f(n: int): pass\nlib.keep('f', f)",
        "assert lib.find('f').__annotations__ == {'n': int}",
        _in_test("n: int", "n: str"),
    ),
    "another variable of a closure": Case(
        "n = 1\nlib.keep('f', lambda: n)",
        "assert lib.find('f')() == 1",
        _in_test("n = 1", "n = 2"),
    ),
    "another constant in a class of the module": Case(
        "lib.keep('a', lib.Limits)",
        "assert lib.find('a').most == 5",
        ("lib.py", "most = 5", "most = 6"),
    ),
    "another constant in the class of an object": Case(
        "lib.keep('a', lib.Limits())",
        "assert lib.find('a').most == 5",
        ("lib.py", "most = 5", "most = 6"),
    ),
    "another docstring of a function of the module": Case(
        "lib.keep('f', lib.named)",
        "assert lib.find('f').__doc__ == 'first'",
        ("lib.py", '"first"', '"second"'),
    ),
    "another function of the module is called": Case(
        "lib.keep('f', lib.named)",
        "assert lib.find('f')() == 1",
        ("lib.py", "return 1", "return 2"),
    ),
    "another slot": Case(
        "s = lib.Slotted(); s.x = 1; lib.keep('s', s)",
        "assert not hasattr(lib.find('s'), 'y')",
        _in_test("s.x = 1", "s.x = s.y = 1"),
    ),
    "another size of a list": Case(
        "lib.keep('a', [1, 2])", "assert len(lib.find('a')) == 2", _in_test("[1, 2]", "[1, 2, 2]")
    ),
    "another wrapped function": Case(
        "import functools; lib.keep('f', functools.partial(int, '1'))",
        "assert lib.find('f')() == 1",
        _in_test("'1'", "'2'"),
    ),
    "another line of source": Case(
        "def f(): return 1  # one\nlib.keep('f', f)",
        "import inspect\nassert '# one' in inspect.getsource(lib.find('f'))",
        _in_test("# one\n", "# two\n"),
    ),
    "other code of a function of the module": Case(
        "lib.keep('f', lib.named)",
        "assert 300 not in lib.find('f').__code__.co_consts",
        ("lib.py", "return 1", "return 300"),
    ),
    "another attribute of a class of the module, set at run time": Case(
        "lib.Limits.most = 5; lib.keep('a', lib.Limits)",
        "assert lib.find('a').most == 5",
        _in_test("most = 5", "most = 6"),
    ),
    "another function without a name": Case(
        "lib.keep('f', lib.TABLE['one'])",
        "assert lib.find('f')() == 1",
        _in_test("'one'", "'two'"),
    ),
    "another content of a module that is made": Case(
        "import types; m = types.ModuleType('m'); m.x = 1; lib.keep('m', m)",
        "assert lib.find('m').x == 1",
        _in_test("m.x = 1", "m.x = 2"),
    ),
    "another list of the module, which a third test changes": Case(
        "lib.keep('a', lib.STATE['x'])",
        "lib.STATE['x'].append(1); assert lib.find('a')",
        _in_test("'a', lib.STATE['x']", "'a', list(lib.STATE['x'])"),
    ),
    "no global for None": Case(
        "lib.VALUE = None",
        "assert lib.VALUE is None",
        _in_test("lib.VALUE = None", "del lib.VALUE"),
    ),
    "no attribute in a slot for None": Case(
        "lib.SLOTTED.x = None",
        "assert lib.SLOTTED.x is None",
        _in_test("lib.SLOTTED.x = None", "del lib.SLOTTED.x"),
    ),
    "another way to look": Case(
        "class K:\n    @property\n    def x(self): return 1\nlib.keep('K', K())",
        "assert lib.find('K').x == 1",
        _in_test("return 1", "return 2"),
    ),
}
UNTOLD: Final = {
    "an iterator": Case(
        "lib.keep('a', iter([1, 2])); assert True",
        "assert next(lib.find('a')) == 1",
        _in_test("assert True", "next(lib.find('a'))"),
    ),
    "a lock": Case(
        "import threading; lib.keep('a', threading.Lock()); assert True",
        "assert not lib.find('a').locked()",
        _in_test("assert True", "lib.find('a').acquire()"),
    ),
}


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())


def _write(suite: Suite, case: Case) -> None:
    lines = (line[4:] if line.startswith("    ") else line for line in LIB.splitlines())
    suite.write("lib.py", "\n".join(lines) + "\n")
    suite.write(
        "test_it.py",
        "import lib\n"
        f"def test_leaving():\n{_indented(case.leaving)}\n"
        f"def test_reading():\n{_indented(case.reading)}\n"
        "def test_other():\n    assert lib.KNOWN is not None\n",
    )


def _names(live: list[str]) -> set[str]:
    return {nodeid.partition("::")[2] for nodeid in live}


@pytest.mark.parametrize("case", SAME.values(), ids=SAME)
def test_the_same_is_left(suite: Suite, case: Case) -> None:
    _write(suite, case)
    suite.warm()
    suite.edit(*case.edit)
    assert _names(suite.both().live) == {"test_leaving"}
    assert suite.both().live == []


@pytest.mark.parametrize("case", COUNTING.values(), ids=COUNTING)
def test_who_only_counts_keys_need_not_run_for_what_they_are_for(suite: Suite, case: Case) -> None:
    _write(suite, case)
    suite.warm()
    suite.edit(*case.edit)
    assert _names(suite.both().live) == {"test_leaving", "test_other"}
    assert suite.both().live == []


@pytest.mark.parametrize("case", OTHER.values(), ids=OTHER)
def test_another_thing_is_left(suite: Suite, case: Case) -> None:
    _write(suite, case)
    suite.warm()
    suite.edit(*case.edit)
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_reading"]
    assert _names(ran.live) >= {"test_reading"}
    file, old, new = case.edit
    suite.edit(file, new, old)
    assert "failed" not in suite.both().outcomes["test_it.py::test_reading"]


@pytest.mark.parametrize("case", UNTOLD.values(), ids=UNTOLD)
def test_what_cannot_be_told_counts_as_another_thing(suite: Suite, case: Case) -> None:
    _write(suite, case)
    suite.warm()
    suite.edit(*case.edit)
    assert "failed" in suite.both().outcomes["test_it.py::test_reading"]


CHAIN: Final = """
import lib
def test_first():
    lib.keep("a", 1)
def test_second():
    lib.keep_other("b", lib.find("a") + 1)
def test_third():
    assert lib.find_other("b") == 2
"""


@pytest.mark.parametrize(
    ("new", "run"),
    [("2 - 1", "test_first"), ("2", "test_first test_second test_third")],
    ids=["same", "other"],
)
def test_what_is_made_of_what_others_left(suite: Suite, new: str, run: str) -> None:
    _write(suite, Case("pass", "pass", ("", "", "")))
    suite.write("test_it.py", CHAIN)
    suite.warm()
    suite.edit("test_it.py", '"a", 1', f'"a", {new}')
    assert _names(suite.both().live) == set(run.split())


READING: Final = """
import lib
def test_reading():
    assert lib.find("a") == 1
"""
LEAVING: Final = """
import lib
def test_leaving():
    lib.keep("a", 1)
    assert lib.twice(1) == 2
"""


def _two_files(suite: Suite, asserted: str = "lib.twice(1) == 2") -> None:
    _write(suite, Case("pass", "pass", ("", "", "")))
    suite.write("test_it.py", LEAVING.replace("lib.twice(1) == 2", asserted))
    suite.write("test_more.py", READING)
    suite.warm()


def test_who_leaves_it_is_not_asked_for(suite: Suite) -> None:
    _two_files(suite)
    suite.edit("test_it.py", "lib.twice(1) == 2", "lib.twice(2) == 4")
    suite.both("test_more.py")
    suite.both()
    suite.edit("test_it.py", '"a", 1', '"a", 3')
    assert "failed" in suite.both().outcomes["test_more.py::test_reading"]


def test_who_leaves_it_fails(suite: Suite) -> None:
    _two_files(suite)
    suite.edit(
        "test_it.py", 'lib.keep("a", 1)\n    assert', 'assert 0\n    lib.keep("a", 1)\n    assert'
    )
    assert "failed" in suite.both().outcomes["test_more.py::test_reading"]


FAILING: Final = "lib.twice(1) == 3"


@pytest.mark.parametrize(
    ("old", "new"),
    [(FAILING, "lib.twice(1) == 5"), (FAILING, "lib.twice(1) == 2"), ("True", FAILING)],
    ids=["as before", "no longer", "for the first time"],
)
def test_who_fails_leaves_the_same(suite: Suite, old: str, new: str) -> None:
    _two_files(suite, old)
    suite.edit("test_it.py", old, new)
    assert _names(suite.both().live) == {"test_leaving"}
    suite.edit("test_it.py", '"a", 1', '"a", 3')
    assert "failed" in suite.both().outcomes["test_more.py::test_reading"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('"a", 1)', '"a", 2)'), ('"a", 1)', '"a", 1)\n    lib.KNOWN.clear()')],
    ids=["other", "nothing"],
)
def test_who_fails_leaves_another_thing(suite: Suite, old: str, new: str) -> None:
    _two_files(suite, FAILING)
    suite.edit("test_it.py", old, new)
    found = suite.both()
    assert "failed" in found.outcomes["test_more.py::test_reading"]
    assert _names(found.live) == {"test_leaving", "test_reading"}


def test_who_leaves_it_comes_later_now(suite: Suite) -> None:
    _two_files(suite)
    suite.edit("test_it.py", "lib.twice(1) == 2", "lib.twice(2) == 4")
    suite.both("test_more.py", "test_it.py")
    suite.both()


def test_who_leaves_it_is_gone(suite: Suite) -> None:
    _two_files(suite)
    (suite.path / "test_it.py").unlink()
    assert "failed" in suite.both().outcomes["test_more.py::test_reading"]


def test_it_was_left_again_in_the_run_before(suite: Suite) -> None:
    _two_files(suite)
    suite.edit("test_it.py", "lib.twice(1) == 2", "lib.twice(2) == 4")
    assert _names(suite.both().live) == {"test_leaving"}
    suite.write("test_new.py", "def test_new(): pass\n")
    assert _names(suite.both().live) == {"test_new"}
    suite.edit("test_it.py", "lib.twice(2) == 4", "lib.twice(3) == 6")
    assert _names(suite.both().live) == {"test_leaving"}
    suite.edit("test_it.py", '"a", 1', '"a", 3')
    assert "failed" in suite.both().outcomes["test_more.py::test_reading"]


def test_something_else_is_left_too(suite: Suite) -> None:
    _two_files(suite)
    suite.write("test_more.py", READING + "\ndef test_size():\n    assert len(lib.KNOWN) == 1\n")
    suite.both()
    suite.edit("test_it.py", "assert lib.twice(1) == 2", 'lib.keep("b", 2)')
    assert "failed" in suite.both().outcomes["test_more.py::test_size"]


def test_a_file_is_written_too(suite: Suite) -> None:
    _two_files(suite)
    suite.write(
        "test_more.py",
        READING + "\nimport os\ndef test_file():\n    assert not os.path.exists('made.txt')\n",
    )
    suite.both()
    suite.edit("test_it.py", "assert lib.twice(1) == 2", 'open("made.txt", "w").close()')
    ran = suite.cached()
    assert "failed" in ran.outcomes["test_more.py::test_file"]
    assert "failed" not in ran.outcomes["test_more.py::test_reading"]


def test_workers_do_not_wait_for_each_other(suite: Suite) -> None:
    pytest.importorskip("xdist")
    _two_files(suite)
    suite.edit("test_it.py", "lib.twice(1) == 2", "lib.twice(2) == 4")
    suite.cached("-n", "1")
    suite.both()
