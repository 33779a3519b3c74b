"""An interrupt waits for the end of a block, once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from pytest_cellcache.trace.interrupts import handler_of, held


@pytest.fixture(autouse=True)
def _as_python_begins() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_waits() -> None:
    done = []

    @held()
    def work() -> None:
        with held():
            signal.raise_signal(signal.SIGINT)
            done.append("inner")
        done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]
    with held():
        done.append("again")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_does_not() -> None:
    done = []

    @held()
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_wins_over_an_error() -> None:
    @held()
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt):
        work()


def test_a_handler_of_the_user_stays() -> None:
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(1))
    with held():
        signal.raise_signal(signal.SIGINT)
        assert came == [1]


def test_other_threads_hold_nothing() -> None:
    done = []

    def run() -> None:
        with held():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def test_who_asks_for_the_handler_is_told_the_real_one() -> None:
    with held():
        assert handler_of(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
