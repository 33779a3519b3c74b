"""Reports of what ends with a replayed test are made by plugins that know nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LAYS_OUT_IN_SET_UP = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "setup":
        item.noted = []
    item.noted.append(report.outcome)
    return report
"""
LAYS_OUT_AROUND = """
import pytest

def pytest_runtest_protocol(item):
    item.noted = []

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.noted.append(report.outcome)
    return report
"""


@pytest.mark.parametrize("plugin", [LAYS_OUT_IN_SET_UP, LAYS_OUT_AROUND])
def test_teardown_that_fails_after_a_replayed_test(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, plugin: str
) -> None:
    """As pytest-rerunfailures: what it keeps of phases is there once the set-up was reported."""
    monkeypatch.syspath_prepend(suite.path)
    suite.write("noting.py", plugin)
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def wide():
            yield 1
            assert WORKS

        WORKS = True
        """,
    )
    suite.write("test_a.py", "def test_a(wide): pass\ndef test_b(): pass\n")
    suite.both("-p", "noting")
    suite.edit("conftest.py", "WORKS = True", "WORKS = False")
    ran = suite.both("-p", "noting")
    assert ran.code == 1
    assert ran.live == ["test_a.py::test_a"]
    assert "failed" in ran.outcomes["test_a.py::test_b"]
