"""Who fills a container and looks at all that is in it rests on all who fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
FILLED = {}
def get(key):
    if key not in FILLED: FILLED[key] = key * 2
    return FILLED[key]
def size(): return len(FILLED)
def keys(): return sorted(FILLED)
def first(): return next(iter(FILLED))
def other(): return 1
"""
LOOKING: Final = {
    "its size": "lib.get(3) == 6 and lib.size() == 3",
    "its size, in the test": "lib.get(3) == 6 and len(lib.FILLED) == 3",
    "all keys": "lib.get(3) == 6 and lib.keys() == [1, 2, 3]",
    "the first": "lib.get(2) == 4 and lib.first() == 1",
}


@pytest.mark.parametrize("kind", LOOKING)
def test_who_looks_at_all_rests_on_all_who_fill(suite: Suite, kind: str) -> None:
    suite.write("lib.py", LIB)
    suite.write(
        "test_it.py",
        f"""
        import lib
        def test_one(): assert lib.get(1) == 2
        def test_two(): assert lib.get(2) == 4
        def test_looking(): assert {LOOKING[kind]}
        def test_finding(): assert lib.get(1) == 2
        def test_other(): assert lib.other() == 1
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", "def test_one(): assert lib.get(1) == 2", "def test_one(): ...")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_looking"]
    assert (
        {"test_one", "test_looking"} <= set(ran.names) <= {"test_one", "test_two", "test_looking"}
    )


def test_who_looks_at_one_key_rests_on_what_fills_only(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write(
        "test_it.py",
        """
        import lib
        def test_one(): assert lib.get(1) == 2
        def test_finding(): assert lib.get(2) == 4
        """,
    )
    suite.warm()
    suite.edit("test_it.py", "def test_one(): assert lib.get(1) == 2", "def test_one(): ...")
    assert suite.both().names == ["test_one"]


LIMITED: Final = """
FILLED = {}
def get(key):
    if key not in FILLED: FILLED[key] = key * 2
    return FILLED[key] if len(FILLED) < 3 else None
def other(): return 1
"""


def test_who_fills_up_to_a_limit_rests_on_all_who_fill(suite: Suite) -> None:
    suite.write("lib.py", LIMITED)
    suite.write(
        "test_it.py",
        """
        import lib
        def test_one(): assert lib.get(1) == 2
        def test_two(): assert lib.get(2) == 4
        def test_three(): assert lib.get(3) is None
        def test_other(): assert lib.other() == 1
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", "def test_one(): assert lib.get(1) == 2", "def test_one(): ...")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_three"]
    assert "test_other" not in ran.names
