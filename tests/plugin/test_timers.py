"""Every attempt at a test has the time that pytest-timeout grants the test, and all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

PLUGIN = """
import pytest

LOG = []

class Hooks:
    # As those of pytest-timeout.
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_set_timer(item, settings): pass
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_cancel_timer(item): pass

def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.config.hook.pytest_timeout_set_timer(item=item, settings=7)
    try:
        return (yield)
    finally:
        item.config.hook.pytest_timeout_cancel_timer(item=item)

def pytest_timeout_set_timer(item, settings):
    assert settings == 7
    LOG.append(item.name)
    return True

def pytest_timeout_cancel_timer(item):
    LOG.clear()
    return True

def fire():
    # A timer fires once.
    if LOG:
        timed = LOG.pop()
        pytest.fail(f"Timeout of {timed}")
"""


def test_a_timer_that_fired_in_a_cancelled_attempt_is_started_again(suite: Suite) -> None:
    suite.pytester.syspathinsert()
    suite.write("timing.py", PLUGIN)
    suite.write("lib.py", "def one(): return 1\ndef is_slow(): return False\n")
    suite.write(
        "test_a.py",
        """
        import lib, timing
        def test_one(): assert lib.one()
        def test_slow():
            if lib.is_slow():
                timing.fire()
        """,
    )
    args = ("-p", "timing")
    assert suite.cached(*args).code == 0
    assert suite.cached(*args).names == []
    suite.edit("lib.py", "return False", "return True")
    ran = suite.cached(*args)
    assert ran.outcomes == suite.plain(*args).outcomes
    assert "Timeout of test_slow" in ran.text


def test_tests_that_run_before_another_take_none_of_its_time(suite: Suite) -> None:
    suite.pytester.syspathinsert()
    suite.write("timing.py", PLUGIN)
    suite.write("lib.py", "def one(): return 1\n")
    suite.write(
        "test_a.py",
        """
        import lib, timing
        NAMES = []
        def test_fills():
            NAMES.append(timing.LOG == [] or timing.LOG == ["test_fills"])
        def test_reads():
            assert NAMES == [True] and lib.one() and timing.LOG == ["test_reads"]
        """,
    )
    args = ("-p", "timing")
    assert suite.cached(*args).code == 0
    suite.edit("lib.py", "return 1", "return 2")
    ran = suite.cached(*args)
    assert ran.outcomes == suite.plain(*args).outcomes
    assert ran.code == 0
