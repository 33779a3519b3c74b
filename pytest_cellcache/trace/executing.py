"""One module whose statements are being executed, for tracers that are told of calls only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Final

_MAX_LINES: Final = 1_500
"""Of a module's own code, those of function bodies aside: 10 ms in all where each is watched."""

_getframe = sys._getframe  # tests take it away
_NOWHERE: Final = -1


def is_of_module(code: CodeType) -> bool:
    """Say whether code is that of a module: not of a template, which runs as one for a test."""
    return code.co_name == "<module>" and code.co_filename.endswith((".py", ".pyw"))


def is_long(code: CodeType) -> bool:
    """Say whether the statements of a module are too many to be told apart, as of tables."""
    return len({line for *_, line in code.co_lines()}) > _MAX_LINES


def frames() -> Iterator[FrameType]:
    """Give what this thread executes, innermost first."""
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


class Executing:
    """A module, and the statement of it that called something last.

    Attributes:
        loads: how many imports it has begun that have not ended.
        is_long: its statements are not told apart.
        is_lost: somebody else was told of some of its calls.
    """

    def __init__(self, frame: FrameType) -> None:
        self.frame = frame
        self.filename = frame.f_code.co_filename
        self.loads = 0
        self.is_lost = False
        self.is_long = is_long(frame.f_code)
        self._at = _NOWHERE
        self._line = frame.f_code.co_firstlineno

    def has_moved(self) -> bool:
        """Say whether it has come to another instruction since it last called something."""
        return self.frame.f_lasti != self._at

    def move(self) -> None:
        """Take the instruction that it is at for the one that calls."""
        self._at = self.frame.f_lasti
        self._line = self.frame.f_lineno or self._line

    def label_told(self) -> tuple[str, int] | None:
        """Give file and line of the statement that called something last."""
        return None if self.is_long else (self.filename, self._line)

    def label_now(self) -> tuple[str, int] | None:
        """Give file and line of the statement that it is at."""
        return None if self.is_long else (self.filename, self.frame.f_lineno or self._line)

    def is_running(self) -> bool:
        """Say whether this thread executes it."""
        return any(frame is self.frame for frame in frames())
