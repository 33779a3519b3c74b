"""Selections, partial runs and their exit codes are those of plain pytest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SUITE = """
    import pytest
    import lib

    def test_one(): assert lib.one()
    @pytest.mark.slow
    def test_two(): assert lib.two()
    class TestIt:
        def test_three(self): assert lib.one()
    def test_four(): pytest.skip("four")
"""


@pytest.fixture
def stored(suite: Suite) -> Suite:
    suite.write("pytest.ini", "[pytest]\nmarkers = slow\n")
    suite.write("lib.py", "def one(): return 1\ndef two(): return 2\n")
    suite.write("test_a.py", SUITE)
    suite.write("test_b.py", SUITE)
    suite.both()
    return suite


@pytest.mark.parametrize(
    "args",
    [
        ("-k", "one or three"),
        ("-m", "slow"),
        ("--deselect", "test_a.py::test_one"),
        ("test_a.py::TestIt::test_three", "test_b.py"),
        ("-k", "nothing of this name"),
        ("test_b.py", "test_a.py"),
        ("--ignore=test_a.py",),
        ("--strict-markers", "-q"),
        ("--maxfail=1", "-x"),
        ("--durations=0",),
        ("-p", "no:terminal"),
        ("--tb=short", "-l"),
    ],
    ids=" ".join,
)
def test_selections_replay_and_leave_the_rest_alone(stored: Suite, args: tuple[str, ...]) -> None:
    part = stored.both(*args)
    assert part.live == []
    assert stored.both().live == []


def test_an_edit_in_a_partial_run_hurts_nobody(stored: Suite) -> None:
    stored.edit("lib.py", "return 2", "return 3")
    assert stored.both("test_a.py").names == ["test_two"]
    assert stored.both().live == ["test_b.py::test_two"]


def test_a_collection_error_costs_no_record(stored: Suite) -> None:
    stored.write("test_c.py", "import nothing_of_this_name\n")
    broken = stored.both()
    assert broken.code == pytest.ExitCode.INTERRUPTED
    assert broken.live == []
    going = stored.both("--continue-on-collection-errors")
    assert going.code == 1
    assert going.live == []
    (stored.path / "test_c.py").unlink()
    assert stored.both().live == []


def test_no_tests_is_still_exit_code_5(suite: Suite) -> None:
    suite.write("test_a.py", "")
    assert suite.both().code == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("option", ["--lf", "--ff", "--sw", "--nf", "--sw-skip"])
def test_options_that_remember_failures_see_what_they_would_see(stored: Suite, option: str) -> None:
    stored.edit("lib.py", "return 2", "return 0")
    cache = stored.path / ".pytest_cache" / "v"
    outcomes = []
    for run in (stored.plain, stored.cached):
        shutil.rmtree(cache, ignore_errors=True)
        first = run(option)
        second = run(option)
        outcomes.append([(ran.outcomes, ran.code) for ran in (first, second)])
    assert outcomes[0] == outcomes[1]


def test_x_stops_where_plain_pytest_stops(stored: Suite) -> None:
    stored.edit("lib.py", "return 2", "return 0")
    ran = stored.both("-x")
    assert list(ran.outcomes) == ["test_a.py::test_one", "test_a.py::test_two"]
    assert stored.both().code == 1


def test_junit_is_the_same_but_for_times(stored: Suite) -> None:
    import re

    plain = stored.plain("--junitxml=a.xml", "-o", "junit_logging=all")
    cached = stored.cached("--junitxml=b.xml", "-o", "junit_logging=all")
    assert cached.live == []
    assert plain.code == cached.code
    texts = [
        re.sub(r'(time|timestamp|hostname)="[^"]*"', "", (stored.path / name).read_text())
        for name in ("a.xml", "b.xml")
    ]
    assert texts[0] == texts[1]
