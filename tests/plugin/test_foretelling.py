"""A test that will fail again: what comes before it in its module runs at once, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

BROKEN = """
    import lib

    def test_first():
        assert lib.one() == 1

    def test_second():
        assert lib.two() == 2

    def test_broken():
        assert lib.three() == 4

    def test_last():
        assert lib.one() == 1
"""
BEFORE = ["test_a.py::test_first", "test_a.py::test_second"]
FAILS = "test_a.py::test_broken"


@pytest.fixture
def broken(suite: Suite) -> Suite:
    functions = zip(("one", "two", "three"), (1, 2, 3), strict=True)
    suite.write("lib.py", "".join(f"def {n}(): return {v}\n" for n, v in functions))
    suite.write("test_a.py", BROKEN)
    suite.write("test_b.py", "import lib\ndef test_other():\n    assert lib.two() == 2\n")
    suite.cached()
    return suite


def test_tests_before_it_run_once_and_in_their_turn(broken: Suite) -> None:
    again = broken.cached()
    assert again.outcomes == broken.plain().outcomes
    assert [name for name in again.live if name != FAILS] == BEFORE
    assert again.live.index(BEFORE[1]) < again.live.index(FAILS)
    for name in BEFORE:
        decision = again.decisions[name]
        assert (decision["reason"]["slug"], decision["attempts"]) == ("foretold", 1)


def test_once_it_is_mended_nobody_runs_but_itself(broken: Suite) -> None:
    broken.edit("lib.py", "return 3", "return 4")
    again = broken.cached()
    assert again.code == 0
    assert again.live == [FAILS]
    assert broken.cached().live == []


def test_what_failed_in_between_is_no_obstacle(broken: Suite) -> None:
    broken.edit("lib.py", "return 3", "return 4")
    broken.cached()
    broken.edit("lib.py", "return 4", "return 3")
    assert FAILS in broken.cached().live  # fails again, as in the first run
    broken.edit("lib.py", "return 3", "return 4")
    assert broken.cached().live == []


def test_a_failure_is_never_replayed(broken: Suite) -> None:
    for _ in range(2):
        again = broken.cached()
        assert again.code == 1
        assert FAILS in again.live


def test_it_is_no_outcome_in_the_stock(broken: Suite) -> None:
    assert "failure of" not in broken.cached("--cell-cache-show").text
