"""Plugins that keep account of what the tests of a run have used must see all of them run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

PLUGIN = """
import functools
from pathlib import Path
import pytest

USED = set()

@functools.lru_cache
def read(path): return dict(line.split() for line in Path(path).read_text().splitlines())

@pytest.fixture(autouse=True)
def _patches(): yield

@pytest.fixture
def snapshot(request):
    # As syrupy: what was read is remembered, and what nobody used fails the run.
    found = read(str(request.path.parent / "snapshots.txt"))
    USED.add(request.node.name)
    return found[request.node.name]

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    unused = set(read(str(session.path / "snapshots.txt"))) - USED
    session.exitstatus = session.exitstatus or int(bool(unused))
    USED.clear()
    read.cache_clear()
"""


def test_tests_that_a_plugin_keeps_account_of_run(suite: Suite) -> None:
    suite.pytester.syspathinsert()
    suite.write("syrupy.py", PLUGIN)
    suite.write("snapshots.txt", "test_one 1\ntest_two 2\n")
    suite.write(
        "test_a.py",
        """
        def test_one(snapshot): assert snapshot == "1"
        def test_two(snapshot): assert snapshot == "2"
        def test_three(): pass
        """,
    )
    args = ("-p", "syrupy")
    assert suite.cached(*args).code == 0
    again = suite.cached(*args)
    assert (again.code, again.names) == (0, ["test_one", "test_two"])
    assert again.decisions["test_a.py::test_one"]["reason"]["slug"] == "accounted-for"
    suite.edit("snapshots.txt", "test_two 2", "test_two 3")
    ran = suite.cached(*args)
    assert ran.outcomes == suite.plain(*args).outcomes
    assert ran.code == 1
