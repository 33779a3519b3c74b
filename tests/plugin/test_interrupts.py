"""Ctrl-C: what had finished by then is kept, and the run ends as one that was interrupted."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Ran, Suite

AT_ITEM = """
def pytest_report_to_serializable(report):
    if report.when == "teardown" and "test_b" in report.nodeid:
        interrupt()
"""
AT_END = """
def pytest_sessionfinish():
    real = os.replace

    def replace(*args):
        os.replace = real
        interrupt()
        return real(*args)

    os.replace = replace
"""


@pytest.fixture
def three(suite: Suite) -> Suite:
    suite.write("pytest.ini", "[pytest]\ncell_cache_env_ignore = TIMES\n")
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): print(1)\ndef test_c(): pass\n")
    return suite


def interrupted(suite: Suite, times: int, where: str) -> Ran:
    """Run with so many interrupts at one moment."""
    suite.write(
        "conftest.py",
        f"""
import os, signal

def interrupt():
    for _ in range(int(os.environ.get("TIMES", 0))):
        signal.raise_signal(signal.SIGINT)
{where}
""",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMES", str(times))
        ran = suite.cached()
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "!! KeyboardInterrupt !!" in ran.text
    assert not [path for path in suite.store.rglob("tmp/*") if path.stat().st_size]
    slugs = [warning["slug"] for warning in ran.report["warnings"]]
    assert slugs == ["interrupted"] * (times - 1)
    return ran


def test_a_test_whose_reports_are_being_packed_is_kept(three: Suite) -> None:
    assert interrupted(three, 1, AT_ITEM).names == ["test_a", "test_b"]
    assert three.both().names == ["test_c"]


def test_what_is_being_written_is_written(three: Suite) -> None:
    assert "3 passed" in interrupted(three, 1, AT_END).text
    assert three.both().names == []


def test_a_second_interrupt_ends_the_writing(three: Suite) -> None:
    interrupted(three, 2, AT_END)
    assert three.both().code == 0
    assert three.both().names == []


def test_what_is_not_whole_is_not_written(three: Suite) -> None:
    """What tests that have ended were about to be blamed for would be lost."""
    assert interrupted(three, 2, AT_ITEM).names == ["test_a", "test_b"]
    assert three.both().names == ["test_a", "test_b", "test_c"]
