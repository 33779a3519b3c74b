"""Notices all that runs while functions run whose results are kept, however often it ran before.

Who finds such a result later rests on what made it, and runs none of that. Names tell a part of it
only: operators, and what is looked up before it is called, run bodies that nobody names.

A *span* is one run of such a function, between its start and its return. One that an exception has
ended is noticed when something else starts: its frame is not where it was.
"""

from __future__ import annotations

import dis
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Final, NamedTuple

from pytest_cellcache.model.memos import MEMO

_MOST: Final = 4_096
"""Spans of a unit; each has all code reported anew, which takes 1 us for each that runs in it."""
_MOST_FRAMES: Final = 1_000_000
"""Frames that are looked at in a unit, all those that are running at each start and return."""
_RESUMED: Final = (
    inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
    | inspect.CO_ITERABLE_COROUTINE
)
_UNSEEN: Final = 0
"""In place of the identity of a code object: something may have run that was not reported."""

_getframe = sys._getframe  # tests take it away
Seen = dict[int, CodeType | None]
"""What ran within a function, by identity."""


class Span(NamedTuple):
    """One run of a function.

    Attributes:
        depth: how many frames there were when it began.
    """

    code: CodeType
    depth: int
    seen: Seen


def remembering_in(code: CodeType) -> Iterator[CodeType]:
    """Give the functions defined right in a piece of code whose decorators keep what they give."""
    if not any(MEMO.search(name) for name in (*code.co_names, *code.co_freevars)):
        return
    lines: set[int] = set()
    for step in dis.get_instructions(code):
        positions = getattr(step, "positions", None)  # not in Python 3.10
        line = None if positions is None else positions.lineno
        is_name = step.opname.startswith("LOAD_") and step.opname != "LOAD_CONST"
        if line is not None and is_name and MEMO.search(str(step.argval)):
            lines.add(line)
    for each in code.co_consts:
        if isinstance(each, CodeType) and not each.co_flags & _RESUMED:
            first = each.co_firstlineno
            # What stands before its body: decorators, and what else is evaluated beside them.
            within = [at for *_, at in each.co_lines() if at is not None and at > first]
            if any(first <= at < min(within, default=first + 1) for at in lines):
                yield each


class Spans:
    """Spans of functions that are told of.

    Args:
        again: has all code reported anew when it starts.
    """

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self._open: dict[int, list[Span]] = {}
        self._found: dict[int, tuple[CodeType, Seen]] = {}
        self._left, self._frames_left = _MOST, _MOST_FRAMES

    def clear(self) -> None:
        """Forget everything."""
        self._open.clear()
        self._found.clear()
        self._left, self._frames_left = _MOST, _MOST_FRAMES

    def begin(self, code: CodeType) -> bool:
        """Take the start of a function; say whether its next one matters."""
        seen = self._seen_in(code)
        # The stacks of greenlets are not what they seem.
        if self._left <= 0 or self._frames_left <= 0 or "greenlet" in sys.modules:
            self.part()
            self._open.clear()  # nobody looks for their ends
            seen[_UNSEEN] = None
            return False
        spans = self._open.setdefault(threading.get_ident(), [])
        codes = self._codes(_frame_of(code))
        depth = len(codes)
        _drop_ended(spans, codes)
        while spans and spans[-1].depth >= depth:
            spans.pop()
        if not any(span.code is code for span in spans):  # else that one sees all
            self._left -= 1
            spans.append(Span(code, depth, seen))
            self._again()
        return True

    def note(self, code: CodeType) -> None:
        """Take something that starts."""
        if not self._open:
            return
        thread = threading.get_ident()
        for ident, spans in list(self._open.items()):
            if ident == thread:
                _drop_ended(spans, self._codes(_getframe(1)))
            for span in spans:
                span.seen[id(code)] = code

    def end(self, code: CodeType) -> None:
        """Take the return of a function."""
        ident = threading.get_ident()
        spans = self._open.get(ident)
        if not spans:
            return
        depth = len(self._codes(_frame_of(code)))  # it may have called itself
        for number, span in enumerate(spans):
            if span.code is code and span.depth == depth:
                del spans[number:]
                break
        if not spans:
            self._open.pop(ident, None)

    def _codes(self, frame: FrameType | None) -> list[CodeType]:
        """Give what a frame and its callers execute, outermost first."""
        found = []
        while frame is not None:
            found.append(frame.f_code)
            frame = frame.f_back
        self._frames_left -= len(found)
        return found[::-1]

    def _seen_in(self, code: CodeType) -> Seen:
        return self._found.setdefault(id(code), (code, {id(code): code}))[1]

    def part(self) -> None:
        """Take the end of a unit, or the beginning of one in it: another one is told of the rest.

        Who is told when a function gives something does not know of what ran before.
        """
        for span in [span for spans in self._open.values() for span in spans]:
            span.seen[_UNSEEN] = None

    def take(self) -> list[tuple[CodeType, CodeType | None]]:
        """Give pairs of a function and what ran within it since the last time, itself included.

        ``None`` where something may have run that is not told.
        """
        found, self._found = self._found, {}
        self._left, self._frames_left = _MOST, _MOST_FRAMES
        spans = self._open.get(threading.get_ident(), [])
        _drop_ended(spans, self._codes(_getframe(1)))
        for ident, spans in list(self._open.items()):
            for number, span in enumerate(spans):
                spans[number] = span._replace(seen=self._seen_in(span.code))
            if not spans:
                self._open.pop(ident, None)
        return [(root, code) for root, seen in found.values() for code in list(seen.values())]


def _frame_of(code: CodeType) -> FrameType | None:
    """Give the frame that starts or returns: between it and this one there are ours only."""
    frame: FrameType | None = _getframe(1)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame


def _drop_ended(spans: list[Span], codes: list[CodeType]) -> None:
    """Leave out spans whose frames are not there, and what was in them."""
    for number, span in enumerate(spans):
        if len(codes) < span.depth or codes[span.depth - 1] is not span.code:
            del spans[number:]
            return
