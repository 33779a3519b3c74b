"""Gives each attempt at a test the whole time that pytest-timeout grants the test.

pytest-timeout starts a timer around all that we do for an item: attempts that are cancelled, tests
that run before it. One that has fired would not fire again, and others take its time.
"""

from __future__ import annotations

from typing import Any

import pytest


class Timers:
    """Notes which timer is running; stopped and started by hooks of pytest-timeout's own."""

    def __init__(self) -> None:
        self._running: tuple[pytest.Item, Any] | None = None
        self._stopped: tuple[pytest.Item, Any] | None = None

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> None:
        self._running, self._stopped = (item, settings), None

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> None:
        self._running = None

    def stop(self, item: pytest.Item) -> None:
        """Stop the timer of an item, if there is one."""
        if self._running is not None and self._running[0] is item:
            stopped = self._running
            item.ihook.pytest_timeout_cancel_timer(item=item)
            self._stopped = stopped

    def start_again(self, item: pytest.Item) -> None:
        """Start the timer that was stopped from the beginning."""
        if self._stopped is not None and self._stopped[0] is item:
            item.ihook.pytest_timeout_set_timer(item=item, settings=self._stopped[1])
