"""Ends a session whole, whoever interrupts it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cellcache.trace.interrupts import held


def end_whole(session: pytest.Session, end: Callable[[], None]) -> None:
    """Call what ends a session; an interrupt waits for it, a second one cuts it short.

    pytest lets an interrupt of ``pytest_sessionfinish`` go, with a traceback and without a summary,
    as it takes a moment only. Writing may take longer: here it is as one of the tests.
    """
    try:
        with held():
            end()
    except KeyboardInterrupt:
        session.exitstatus = pytest.ExitCode.INTERRUPTED
        hook = session.config.hook
        hook.pytest_keyboard_interrupt(excinfo=pytest.ExceptionInfo.from_current())
