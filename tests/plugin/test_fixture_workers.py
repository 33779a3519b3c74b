"""Under xdist a session fixture is set up once for all workers; one that dies blocks nobody."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytest.importorskip("xdist")

CONFTEST = """
    import os
    import sqlite3
    import pytest

    def count(name):
        # Unseen: no audit event tells of a write through a descriptor.
        os.write(LOG, f"{name}\\n".encode())

    LOG = os.open(os.environ["CELL_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def die_first():
        mark = os.environ["CELL_LOG"] + "-died"
        if not os.path.exists(mark):
            os.mkdir(mark)
            os._exit(3)

    @pytest.fixture(scope="session")
    def low():
        found = sqlite3.connect(":memory:")
        yield found
        found.close()

    @pytest.fixture(scope="session")
    def made(low):
        count("made")
        %s
        return [1, 2]

    @pytest.fixture(scope="session")
    def server():
        count("server")
        yield 1
        count("server ends")
"""
TESTS = """
    import lib
    import pytest

    @pytest.mark.parametrize("n", range(6))
    def test_a(made, n): assert made == [1, 2] and lib.one() == 1

    @pytest.mark.parametrize("n", range(6))
    def test_b(made, server, n): assert made == [1, 2]
"""


@pytest.fixture(autouse=True)
def _autoloading(suite: Suite) -> Iterator[None]:
    with suite.autoloading():  # as workers do
        yield


def run(suite: Suite, *args: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    """Run in a process of its own: xdist starts workers like it."""
    suite.settle()
    report = suite.path.parent / f"{suite.path.name}-xdist.json"
    result = suite.pytester.run(
        sys.executable, "-m", "pytest", "-p", "no:asyncio", "-p", "no:anyio",
        "-p", "no:hypothesispytest", *suite.load, "--cell-cache", f"--cell-cache-report={report}",
        *args,
    )  # fmt: skip
    return result, json.loads(report.read_text())


def begin(suite: Suite, monkeypatch: pytest.MonkeyPatch, wait: str = "") -> None:
    log = suite.path.parent / f"{suite.path.name}-calls"
    monkeypatch.setenv("CELL_LOG", str(log))
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write("lib.py", "def one():\n    return 1\n")
    suite.write("conftest.py", CONFTEST % (wait or "pass"))
    suite.write("test_a.py", TESTS)
    suite.write("test_b.py", TESTS)


def calls(suite: Suite) -> list[str]:
    log = suite.path.parent / f"{suite.path.name}-calls"
    found = log.read_text().split("\n")[:-1] if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(found)


def test_once_for_all_workers(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(suite, monkeypatch)
    result, report = run(suite, "-n2")
    result.assert_outcomes(passed=24)
    assert report["warnings"] == []
    found = calls(suite)
    assert found.count("made") == 1
    assert found.count("server") == found.count("server ends") <= 2
    run(suite, "-n2")
    assert calls(suite) == []
    suite.edit("lib.py", "return 1", "return 2 - 1")
    result, report = run(suite, "-n2")
    result.assert_outcomes(passed=24)
    assert report["totals"]["cached"] == 12
    assert "made" not in calls(suite)


def test_a_worker_that_dies_blocks_nobody(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(suite, monkeypatch, "die_first()")
    result, _ = run(suite, "-n2", "--max-worker-restart=0")
    assert "node down" in result.stdout.str() or "crashed" in result.stdout.str()
    assert 1 <= calls(suite).count("made") <= 2


def test_a_fixture_that_nobody_comes_to_ask_for_blocks_nobody(suite: Suite) -> None:
    """A plugin's autouse fixture may ask by name for one that no test uses."""
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def database(): return [1]

        @pytest.fixture(autouse=True)
        def _helper(request):
            if request.node.get_closest_marker("database"):
                request.getfixturevalue("database")
        """,
    )
    suite.write("pytest.ini", "[pytest]\nmarkers = database\n")
    suite.write(
        "test_a.py", "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test(n): pass"
    )
    suite.settle()
    result = suite.pytester.run(
        sys.executable, "-m", "pytest", *suite.load, "--cell-cache", "-n2", timeout=100
    )
    result.assert_outcomes(passed=6)
