"""Keeps the garbage collector out of work of ours that makes many objects and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class _Pauses:
    def __init__(self) -> None:
        self.count = 0


_PAUSES = _Pauses()  # process-wide, as the collector is


@contextmanager
def paused() -> Generator[None, None, None]:
    """Let no collection begin by itself; leave a collector that is off as it is."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    _PAUSES.count += 1
    try:
        yield
    finally:
        _PAUSES.count -= 1
        gc.enable()


def collector() -> tuple[Any, ...]:
    """Say whether garbage is collected, pauses aside, and when."""
    return (gc.isenabled() or _PAUSES.count > 0, *gc.get_threshold())


def put_collector(before: tuple[Any, ...]) -> None:
    """Set what ``collector`` gave."""
    (gc.enable if before[0] and not _PAUSES.count else gc.disable)()
    gc.set_threshold(*before[1:])
