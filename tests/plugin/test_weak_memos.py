"""What a closure remembers of objects, under weak references, is found by who has the objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
from weakref import WeakKeyDictionary

class Stream: ...

def remembering(make):
    known = WeakKeyDictionary()
    def wrapped(stream):
        found = known.get(stream)
        if found is None:
            found = known[stream] = make(stream)
        return found
    return wrapped

wrapped = remembering(lambda stream: checked(stream))

def checked(stream):
    return stream

def one(): return 1
def two(): return 2
"""
TESTS: Final = """
import lib
KEPT = []
def test_one():
    lib.wrapped(lib.Stream())
    assert lib.one() == 1
def test_two():
    lib.wrapped(lib.Stream())
    assert lib.two() == 2
def test_reading():
    assert lib.wrapped(lib.Stream()) is not None
"""


def test_entries_of_objects_that_nobody_has_make_nobody_a_producer(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_it.py", TESTS)
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "def one(): return 1", "def one(): return 2 - 1")
    assert suite.both().names == ["test_one"]
    suite.edit("lib.py", "def two(): return 2", "def two(): return 1 + 1")
    assert suite.both().names == ["test_two"]
    suite.edit("lib.py", "    return stream\n", "    return stream or None\n")
    assert set(suite.both().names) == {"test_one", "test_two", "test_reading"}


LOOKING: Final = {
    "its size": (
        "    return wrapped\n",
        "    wrapped.size = lambda: len(known)\n    return wrapped\n",
    ),
    "its size, by who is called": (
        "    def wrapped(stream):\n",
        "    def size(): return len(known)\n"
        "    def wrapped(stream):\n"
        "        if stream is None: return size()\n",
    ),
    "its size, by the same": (
        "    def wrapped(stream):\n",
        "    def wrapped(stream):\n        if stream is None: return len(known)\n",
    ),
    "all of it, by another name": (
        "    def wrapped(stream):\n",
        "    every = known\n"
        "    def wrapped(stream):\n"
        "        if stream is None: return sum(1 for each in every)\n",
    ),
    "all of it, by those whom it is handed to": (
        "    return wrapped\n",
        "    wrapped.size = len_of(known)\n    return wrapped\n"
        "def len_of(known): return lambda: len(known)\n",
    ),
    "its variables": (
        "    def wrapped(stream):\n",
        "    def wrapped(stream):\n"
        "        if stream is None: return known and len(locals()['known'])\n",
    ),
}


@pytest.mark.parametrize("kind", LOOKING)
def test_who_may_look_at_all_entries_rests_on_who_made_them(suite: Suite, kind: str) -> None:
    old, new = LOOKING[kind]
    suite.write("lib.py", LIB.replace(old, new))
    call = "lib.wrapped.size()" if "wrapped.size" in new else "lib.wrapped(None)"
    suite.write("test_it.py", TESTS + f"def test_size():\n    assert {call} == 3\n")
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "class Stream: ...", "class Stream: __hash__ = object.__hash__")
    suite.both()
    suite.edit("test_it.py", "lib.wrapped(lib.Stream())\n    assert lib.one", "assert lib.one")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_size"]


@pytest.mark.parametrize("keeping", ["KEPT.append(it)", "lib.Stream.last = it", "it.itself = [it]"])
def test_entries_of_objects_that_somebody_has_count(suite: Suite, keeping: str) -> None:
    suite.write("lib.py", LIB.replace("return stream\n", "return [stream, one()]\n"))
    suite.write(
        "test_it.py",
        f"""
        import gc
        import lib
        KEPT = []
        def test_making():
            it = lib.Stream()
            {keeping}
            lib.wrapped(it)
        def test_finding():
            every = [x for x in gc.get_objects() if type(x) is lib.Stream]
            assert all(lib.wrapped(each)[1] == 1 for each in every)
        def test_other(): assert lib.two() == 2
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "def one(): return 1", "def one(): return 5")
    ran = suite.both()
    assert "test_making" in ran.names
    assert "test_other" not in ran.names


def test_a_removed_entry_counts(suite: Suite) -> None:
    old = "        found = known.get(stream)\n"
    new = "        if drop: return known.pop(stream, None)\n" + old
    suite.write(
        "lib.py",
        LIB.replace("def wrapped(stream):", "def wrapped(stream, drop=False):").replace(old, new)
        + "LASTING = Stream()\nwrapped(LASTING)\n",
    )
    suite.write(
        "test_it.py",
        """
        import lib
        def test_removing():
            lib.wrapped(lib.LASTING, True)
            lib.wrapped(lib.Stream())
        def test_finding(): assert lib.wrapped(lib.LASTING, True) is None
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", "lib.wrapped(lib.LASTING, True)\n", "lib.wrapped(lib.LASTING)\n")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_finding"]
