"""Replayed tests cover nothing: runs with pytest-cov say so, and none fails for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytest.importorskip("pytest_cov")

QUIET = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest", "--cov=lib")
NOTE = "coverage is that of the tests that ran"


@pytest.fixture(autouse=True)
def _suite(suite: Suite) -> Iterator[None]:
    suite.write("lib.py", "def one():\n    return 1\ndef two():\n    return 2\n")
    suite.write(
        "test_a.py",
        "import lib\ndef test_one(): assert lib.one()\ndef test_two(): assert lib.two()\n",
    )
    with suite.autoloading():
        yield


def run(suite: Suite, *args: str) -> pytest.RunResult:
    """Run in a process of its own: coverage measures one run of a process."""
    suite.settle()
    return suite.pytester.run(
        sys.executable, "-m", "pytest", *QUIET, *suite.load, "--cell-cache", *args
    )


def test_the_summary_says_what_was_measured(suite: Suite) -> None:
    first = run(suite)
    assert NOTE not in first.outlines
    second = run(suite)
    second.assert_outcomes(passed=2)
    assert NOTE in second.outlines
    assert "2 replayed, 0 run" in second.stdout.str()
    assert NOTE not in run(suite, "--no-cov").outlines


BOUNDS = {
    "an option": (("--cov-fail-under=100",), ""),
    "a file": ((), "[report]\nfail_under = 100\n"),
    "an option, by workers": (("--cov-fail-under=100", "-n2"), ""),
    "a file, by workers": (("-n2",), "[report]\nfail_under = 100\n"),
}


@pytest.mark.parametrize(("args", "text"), BOUNDS.values(), ids=BOUNDS)
def test_where_coverage_has_a_bound_all_tests_run(
    suite: Suite, args: tuple[str, ...], text: str
) -> None:
    if "-n2" in args:
        pytest.importorskip("xdist")
    suite.write(".coveragerc", text)
    assert run(suite, *args).ret == 0
    again = run(suite, *args)
    assert again.ret == 0
    assert "2 ran because the run fails where all tests together cover too little" in again.outlines
    assert "2 replayed, 0 run" in run(suite, "--no-cov").stdout.str()
