"""The guard turns our failures into one warning and lets interrupts through."""

from __future__ import annotations

import signal

import pytest

from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.model.events import Warned


def fail() -> int:
    raise ZeroDivisionError("oops")


def test_a_failure_gives_the_default_and_switches_off() -> None:
    guard = Guard()
    assert guard.call(lambda: 1, 0) == 1
    assert guard.call(fail, 7) == 7
    assert guard.is_off
    assert guard.call(lambda: 1, 0) == 0
    (warned,) = guard.warned
    assert warned.slug == "internal-error"
    assert "ZeroDivisionError in fail (test_guard.py:" in warned.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, pytest.exit.Exception])
def test_interrupts_pass(kind: type[BaseException]) -> None:
    def interrupt() -> None:
        raise kind

    guard = Guard()
    with pytest.raises(kind):
        guard.call(interrupt, None)
    assert not guard.is_off


def test_an_interrupt_waits_for_what_must_be_whole() -> None:
    guard = Guard()
    done = []

    def work(times: int) -> None:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        done.append(times)

    with pytest.raises(KeyboardInterrupt):
        guard.call_whole(work, None, 1)
    assert done == [1]
    assert not guard.is_off
    with pytest.raises(KeyboardInterrupt):
        guard.call_whole(work, None, 2)
    assert done == [1]
    assert guard.is_off
    assert [warned.slug for warned in guard.warned] == ["interrupted"]


def test_equal_warnings_are_kept_once() -> None:
    guard = Guard()
    for _ in range(2):
        guard.warn(Warned("a", "b"))
    assert guard.warned == [Warned("a", "b")]
