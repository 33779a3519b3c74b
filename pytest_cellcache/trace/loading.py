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
    begun = began(name)
    try:
        return real(name, import_)
    finally:
        ended(begun)
""",
    "<frozen importlib._bootstrap>",
    "exec",
)


class LoadHook:
    """The stand-in of one period of watching.

    Args:
        began: called with the name whenever something is about to be loaded.
        ended: called with what that gave when it has been, or has not.
    """

    def __init__(self, began: Callable[[str], Any], ended: Callable[[Any], None]) -> None:
        self._names = {"began": began, "ended": ended, "__name__": "importlib._bootstrap"}
        self._placed: Any = None
        self._real: Any = None

    def install(self) -> None:
        """Put the stand-in in place; nothing is told where this Python has no such function."""
        bootstrap = sys.modules.get("_frozen_importlib")
        self._real = getattr(bootstrap, _FUNCTION, None)
        if self._real is not None:
            names = {**self._names, "real": self._real}
            exec(_STAND_IN, names)
            self._placed = names[_FUNCTION]
            setattr(bootstrap, _FUNCTION, self._placed)

    def uninstall(self) -> None:
        """Put the function back, except where somebody has put his own there since."""
        bootstrap = sys.modules.get("_frozen_importlib")
        if self._real is not None and getattr(bootstrap, _FUNCTION, None) is self._placed:
            setattr(bootstrap, _FUNCTION, self._real)


class LoadWatch:
    """Tells of imports of one thread, the outermost ones only.

    Args:
        before: called with the name before the first of several imports within each other.
        after: called when this has ended, however it did.
    """

    def __init__(self, before: Callable[[str], None], after: Callable[[], None]) -> None:
        self._before = before
        self._after = after
        self._thread = 0
        self._depth = 0
        self._hook = LoadHook(self._begin, self._end)

    def install(self) -> None:
        """Begin to tell."""
        self._thread = threading.get_ident()
        self._hook.install()

    def uninstall(self) -> None:
        """Tell no longer."""
        self._hook.uninstall()
        self._thread = 0

    def _begin(self, name: str) -> None:
        if threading.get_ident() == self._thread:
            self._depth += 1
            if self._depth == 1:
                _call(lambda: self._before(name))

    def _end(self, _begun: object) -> None:
        if threading.get_ident() == self._thread and self._depth:
            if self._depth == 1:
                _call(self._after)
            self._depth -= 1


def _call(function: Callable[[], None]) -> None:
    try:
        function()
    except unit.TROUBLES:
        unit.confess()
