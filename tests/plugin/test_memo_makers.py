"""Who finds what was remembered rests on all that ran as it was made, named or not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import functools

class Money:
    def __init__(self, n): self.n = n
    def __add__(self, other): return self.n + other
    def __getitem__(self, n): return self.n * n
    def __call__(self, n): return self.n - n

TABLE = {"one": Money(1)}

def double(n): return 2 * n

HANDLERS = {"double": double}

def added(): return TABLE["one"] + 3
def indexed(): return TABLE["one"][4]
def called(): return TABLE["one"](5)
def handled(): return HANDLERS["double"](6)

class Bag:
    def other(self): return 0
    def get(self): return self.other()

def unrelated(): return Bag().get()
"""

REMEMBERING: Final = {
    "lru_cache": """
@functools.lru_cache
def kept(): return MAKE()
""",
    "a cached property": """
class Holder:
    @functools.cached_property
    def kept(self): return MAKE()
HOLDER = Holder()
def kept(): return HOLDER.kept
""",
    "an attribute that is set once": """
class Holder:
    value = None
    def kept(self):
        if self.value is None:
            self.value = MAKE()
        return self.value
HOLDER = Holder()
def kept(): return HOLDER.kept()
""",
    "a mapping": """
KEPT = {}
def kept():
    if "it" not in KEPT:
        KEPT["it"] = MAKE()
    return KEPT["it"]
""",
    "a decorator of one's own": """
def memo(function):
    found = {}
    def inner():
        if "it" not in found:
            found["it"] = function()
        return found["it"]
    return inner
@memo
def kept(): return MAKE()
""",
}

MADE: Final = {
    "added": ("self.n + other", "self.n + other + 1", 4),
    "indexed": ("self.n * n", "self.n * n + 1", 4),
    "called": ("self.n - n", "self.n - n + 1", -4),
    "handled": ("2 * n", "2 * n + 1", 12),
}

TESTS: Final = """
import lib
def test_making(): assert lib.kept() is not None
def test_finding(): assert lib.kept() == {value}
def test_other(): assert lib.unrelated() == 0
"""


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("kind", REMEMBERING)
def test_what_nobody_names_counts(suite: Suite, kind: str, make: str) -> None:
    old, new, value = MADE[make]
    suite.write("lib.py", LIB + REMEMBERING[kind].replace("MAKE()", f"{make}()"))
    suite.write("test_it.py", TESTS.format(value=value))
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", old, new)
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_finding"]
    assert set(ran.names) == {"test_making", "test_finding"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring tells when functions return")
@pytest.mark.parametrize("kind", ["lru_cache", "a cached property"])
def test_namesakes_that_did_not_run_within_it_do_not_count(suite: Suite, kind: str) -> None:
    making = "def made(): return dict(one=1).get('one')\n"
    suite.write("lib.py", LIB + making + REMEMBERING[kind].replace("MAKE()", "made()"))
    suite.write(
        "test_it.py",
        """
        import lib
        def test_making():
            assert lib.kept() == 1
            assert lib.unrelated() == 0
        def test_finding(): assert lib.kept() == 1
        """,
    )
    suite.warm()
    suite.edit("lib.py", "def other(self): return 0", "def other(self): return 0 * 1")
    assert set(suite.both().names) == {"test_making"}
    suite.edit("lib.py", "get('one')", "get('one', 0)")
    assert set(suite.both().names) == {"test_making", "test_finding"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring tells when functions return")
def test_a_result_that_another_one_found_rests_on_its_makers(suite: Suite) -> None:
    suite.write(
        "lib.py",
        LIB
        + """
@functools.lru_cache
def inner(): return added()
@functools.lru_cache
def outer(): return inner() + 1
""",
    )
    suite.write(
        "test_it.py",
        """
        import lib
        def test_inner():
            assert lib.inner() == 4
        def test_outer():
            assert lib.outer() > 0
        def test_finding(): assert lib.outer() == 5
        def test_other(): assert lib.unrelated() == 0
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "self.n + other", "self.n + other + 1")
    ran = suite.both()
    assert set(ran.names) == {"test_inner", "test_outer", "test_finding"}


def test_a_module_that_is_loaded_within_it_is_no_end_of_it(suite: Suite) -> None:
    suite.write("late.py", "from lib import added\nVALUE = added()\n")
    suite.write(
        "lib.py",
        LIB
        + """
@functools.lru_cache
def kept():
    import late
    return late.VALUE + handled()
""",
    )
    suite.write("test_it.py", TESTS.format(value=16))
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "2 * n", "2 * n + 1")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_finding"]
    assert set(ran.names) == {"test_making", "test_finding"}


WRAPPERS: Final = {
    "a copy": "mine = given.copy(); mine.update(more); return function(**mine)",
    "something of its own": "mine = {**given, **more}; return function(**mine)",
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_decorator_that_keeps_nothing_remembers_nothing(suite: Suite, name: str) -> None:
    suite.write(
        "lib.py",
        f"""
        def giving(**given):
            def outer(function):
                def inner(**more):
                    {WRAPPERS[name]}
                return inner
            return outer

        def givings(function):
            KEPT.append(function())
            return function

        KEPT = []

        class Bag:
            def other(self): return 0
            def get(self): return self.other()
        """,
    )
    suite.write(
        "test_it.py",
        """
        import lib

        @lib.giving(a=1)
        def made(a, b): return dict(one=a + b).get('one')

        class Tests:
            made = 1

            def test_given(self): assert made(b=2) == 3

            def test_bag(self): assert lib.Bag().get() == 0

            def test_other(self): assert self.made

        EARLY = lib.Bag().get(), made(b=1)
        """,
    )
    suite.warm()
    suite.edit("lib.py", "def other(self): return 0", "def other(self): return 0 * 1")
    assert suite.both().live == ["test_it.py::Tests::test_bag"]
    suite.edit("lib.py", "def other(self): return 0 * 1", "def other(self): return 1")
    assert "failed" in suite.both().outcomes["test_it.py::Tests::test_bag"]


@pytest.mark.parametrize(
    "does",
    [
        "found = lib.listed(1)\n    found.append(2)",
        "found = lib.listed(1)\n    found += [2]",
        "found = lib.listed(1)\n    found[1:] = [2]",
        "lib.listed(1).append(2)",
    ],
)
def test_who_changes_what_a_memo_gave_is_found_by_others(suite: Suite, does: str) -> None:
    suite.write(
        "lib.py",
        "import functools\n@functools.lru_cache(maxsize=None)\ndef listed(n): return [n]\n",
    )
    suite.write(
        "test_a.py",
        f"import lib\ndef test_free(): assert lib\ndef test_first():\n    {does}\n"
        "def test_same(): assert lib.listed(1) == [1, 2]\n",
    )
    assert suite.warm().live == []
    suite.edit("test_a.py", does, "assert lib.listed(1) == [1]")
    assert suite.both().code == 1
    suite.edit("test_a.py", "assert lib.listed(1) == [1]", does)
    assert suite.both().code == 0
