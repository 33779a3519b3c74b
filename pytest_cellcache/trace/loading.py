"""Tells when imports begin and end that load something, whoever they are by.

Whatever is not loaded the import statement, too, asks a function of ``importlib._bootstrap`` for,
whose name it looks up each time. There is no event at the end of an import.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from pytest_cellcache.trace import unit

_FUNCTION = "_find_and_load"
# Python leaves frames of code that claims to be its own out of tracebacks of failing imports.
_STAND_IN = compile(
    f"""
def {_FUNCTION}(name, import_):
    began(name)
    try:
        return real(name, import_)
    finally:
        ended()
""",
    "<frozen importlib._bootstrap>",
    "exec",
)


class LoadWatch:
    """The stand-in of one period of watching; imports in other threads are not told.

    Args:
        before: called with the name before the first of several imports within each other.
        after: called when this has ended, however it did.
    """

    def __init__(self, before: Callable[[str], None], after: Callable[[], None]) -> None:
        self._before = before
        self._after = after
        self._thread = 0
        self._depth = 0
        self._placed: Any = None
        self._real: Any = None

    def install(self) -> None:
        """Put the stand-in in place; nothing is told where this Python has no such function."""
        bootstrap = sys.modules.get("_frozen_importlib")
        self._real = getattr(bootstrap, _FUNCTION, None)
        if self._real is not None:
            self._thread = threading.get_ident()
            names = {"real": self._real, "began": self._begin, "ended": self._end}
            names["__name__"] = "importlib._bootstrap"
            exec(_STAND_IN, names)
            self._placed = names[_FUNCTION]
            setattr(bootstrap, _FUNCTION, self._placed)

    def uninstall(self) -> None:
        """Put the function back, except where somebody has put his own there since."""
        bootstrap = sys.modules.get("_frozen_importlib")
        if self._real is not None and getattr(bootstrap, _FUNCTION, None) is self._placed:
            setattr(bootstrap, _FUNCTION, self._real)
        self._thread = 0

    def _begin(self, name: str) -> None:
        if threading.get_ident() == self._thread:
            self._depth += 1
            if self._depth == 1:
                _call(lambda: self._before(name))

    def _end(self) -> None:
        if threading.get_ident() == self._thread and self._depth:
            if self._depth == 1:
                _call(self._after)
            self._depth -= 1


def _call(function: Callable[[], None]) -> None:
    try:
        function()
    except unit.TROUBLES:
        unit.confess()
