"""Lets an interrupt (Ctrl-C) wait for the end of what must not stop half-way.

Only where an interrupt would raise ``KeyboardInterrupt`` anyway: not in another thread, and not
where somebody has set a handler of his own.

Example:
    >>> with held():
    ...     pass
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

_signal: Final[Any] = sys.modules["_signal"]  # ten times as fast as ``signal``: no enums
_getsignal, _setsignal = _signal.getsignal, _signal.signal
_INTERRUPT: Final = int(signal.SIGINT)


class _Waiting:
    def __init__(self) -> None:
        self.is_there = False


_WAITING = _Waiting()  # process-wide, as handlers are


def _wait(*_: object) -> None:
    if _WAITING.is_there:
        raise KeyboardInterrupt
    _WAITING.is_there = True


@contextmanager
def held() -> Generator[None, None, None]:
    """Let an interrupt wait until the block has ended; a second one does not wait.

    Blocks may be nested: the outermost one counts.

    Raises:
        KeyboardInterrupt: at the end of the block, or for a second interrupt within it.
    """
    if _getsignal(_INTERRUPT) is not _signal.default_int_handler:
        yield
        return
    _WAITING.is_there = False
    try:
        _setsignal(_INTERRUPT, _wait)
    except ValueError:  # another thread than the main one
        yield
        return
    try:
        yield
    finally:
        _setsignal(_INTERRUPT, _signal.default_int_handler)
        if _WAITING.is_there:
            raise KeyboardInterrupt


def handler_of(number: int) -> Any:
    """Give the handler of a signal, as it is while no interrupt has to wait."""
    handler = _getsignal(number)
    return _signal.default_int_handler if handler is _wait else handler
