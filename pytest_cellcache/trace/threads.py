"""Tells which threads a unit has left behind that may still do something on its behalf."""

from __future__ import annotations

import sys
import threading
import time
from typing import Final

_sleep = time.sleep  # tests put others in its place

_PAUSES_S: Final = (0.001, 0.002, 0.003, 0.004)
"""How long threads that were told to end are waited for."""
_WAITING: Final = frozenset({"threading", "queue", "_queue", "selectors"})
"""Modules whose code a thread is in while it waits."""
_IDLE: Final = frozenset({
    ("concurrent.futures.thread", "_worker"),
    ("trio._core._thread_cache", "_work"),
    ("anyio._backends._asyncio", "run"),
})  # fmt: skip
"""Where threads of a pool wait for work; who gives them some is charged for it."""

OF_FIXTURES: Final[set[object]] = set()
"""Threads, as ``living_threads`` gives them, that live as long as some fixture."""


def living_threads() -> frozenset[object]:
    """Give the threads that run: as objects, as idents are used again, and as idents.

    There are some that ``threading`` does not know.
    """
    return frozenset((*threading.enumerate(), *sys._current_frames()))


def left_since(before: frozenset[object]) -> frozenset[object]:
    """Give the threads that have begun since and go on, those of pools aside that wait for work.

    Args:
        before: what ``living_threads`` gave.
    """
    left = _busy(living_threads() - before)
    for pause_s in _PAUSES_S:
        if not left:
            break
        _sleep(pause_s)
        left = _busy(living_threads() - before)
    return left


def _busy(threads: frozenset[object]) -> frozenset[object]:
    return frozenset(thread for thread in threads if not _is_idle(thread))


def _is_idle(thread: object) -> bool:
    ident = thread.ident if isinstance(thread, threading.Thread) else thread
    frame = sys._current_frames().get(ident) if isinstance(ident, int) else None
    while frame is not None and frame.f_globals.get("__name__") in _WAITING:
        frame = frame.f_back
    return frame is not None and ((frame.f_globals.get("__name__"), frame.f_code.co_name) in _IDLE)
