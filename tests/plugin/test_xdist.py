"""Under xdist workers look up, replay and record; the controller clears once and merges."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytest.importorskip("xdist")


QUIET = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest")


@pytest.fixture(autouse=True)
def _autoloading(suite: Suite) -> Iterator[None]:
    with suite.autoloading():  # as workers do
        yield


def run(suite: Suite, *args: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    """Run in a process of its own: xdist starts workers like it."""
    suite.settle()
    report = suite.path.parent / f"{suite.path.name}-xdist.json"
    result = suite.pytester.run(
        sys.executable, "-m", "pytest", *QUIET, *suite.load, "--cell-cache",
        f"--cell-cache-report={report}", *args,
    )  # fmt: skip
    return result, json.loads(report.read_text())


def test_workers_replay_record_and_report(suite: Suite) -> None:
    suite.write("lib.py", "def one(): return 1\ndef two(): return 1\n")
    suite.write(
        "test_a.py",
        """
        import warnings
        import lib
        import pytest

        @pytest.mark.parametrize("n", range(4))
        def test_one(n): assert lib.one()
        @pytest.mark.parametrize("n", range(4))
        def test_two(n): assert lib.two()
        def test_warns(): warnings.warn("w")
        @pytest.mark.skip(reason="s")
        def test_skips(): pass
        def test_fails(): assert 0
        """,
    )
    # The controller alone clears: no worker takes away what another one has written.
    suite.cached(*QUIET)
    result, report = run(suite, "-n2", "--cell-cache-clear")
    assert result.ret == 1
    result.assert_outcomes(passed=9, skipped=1, failed=1, warnings=1)
    assert report["store"]["cleared_files"] > 0
    assert report["warnings"] == []
    assert report["totals"]["ran"] == 11
    assert report["totals"]["unstored"] == 1
    result.stdout.fnmatch_lines(["*= cell cache =*", "0 replayed, 11 run, 0 requeued"])

    result, report = run(suite, "-n2", "-v")
    assert result.ret == 1
    result.assert_outcomes(passed=9, skipped=1, failed=1, warnings=1)
    assert report["totals"]["cached"] == 10
    assert [t["nodeid"] for t in report["tests"] if t["source"] == "ran"] == [
        "test_a.py::test_fails"
    ]
    result.stdout.fnmatch_lines(["*PASSED (cached)*", "10 replayed, 1 run, *"])

    # What workers recorded holds without them, and the other way round.
    suite.edit("lib.py", "def two(): return 1", "def two(): return 2")
    alone = suite.both(*QUIET)
    assert sorted(set(alone.names)) == ["test_fails", *(f"test_two[{n}]" for n in range(4))] or (
        alone.report["totals"]["requeued"] == 1
    )
    assert alone.report["totals"]["ran"] == 5
    result, report = run(suite, "-n2")
    assert report["totals"]["cached"] == 10


def test_what_was_before_a_test_in_its_worker_is_chance(suite: Suite) -> None:
    """A connection for the session: nobody sees what tests did to it."""
    suite.write(
        "test_a.py",
        """
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def connection():
            made = sqlite3.connect(":memory:")
            made.execute("create table t (n int)")
            yield made
            made.close()

        @pytest.mark.parametrize("n", range(6))
        def test_many(connection, n):
            connection.execute("insert into t values (?)", (n,))
            connection.rollback()

        def test_one(connection):
            assert connection.execute("select count(*) from t").fetchone()[0] == 0
        """,
    )
    run(suite, "-n2")
    _, report = run(suite, "-n2")
    assert report["totals"]["cached"] == 7
    suite.edit("test_a.py", "== 0", "<= 0")
    _, report = run(suite, "-n2")
    assert report["totals"]["cached"] == 6
    # A run in order takes no record for one of its own.
    _, report = run(suite)
    assert report["totals"]["cached"] < 7
    _, report = run(suite)
    assert report["totals"]["cached"] == 7
