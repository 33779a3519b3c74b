"""The one place that catches everything: our own failure is a miss and one warning, never more."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import pytest

from pytest_cellcache.model.events import Warned
from pytest_cellcache.trace.interrupts import held

P = ParamSpec("P")
T = TypeVar("T")

_INTERRUPTED: Final = "this run was interrupted while it noted what had run; some of it is not kept"


class Guard:
    """Runs our own code; after a failure the cache is off for the rest of the run.

    Attributes:
        warned: everything to be said at the end, ours and the store's.
        is_off: something failed; nothing is replayed or recorded any more.
    """

    def __init__(self) -> None:
        self.warned: list[Warned] = []
        self.is_off = False

    def warn(self, warned: Warned) -> None:
        """Keep a warning for the summary; equal ones once."""
        if warned not in self.warned:
            self.warned.append(warned)

    def call(self, function: Callable[P, T], default: T, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function``; give ``default`` when it fails or something failed before."""
        if self.is_off:
            return default
        try:
            return function(*args, **kwargs)
        except pytest.exit.Exception:  # from a signal handler: an interrupt like any other
            raise
        except Exception as error:  # noqa: BLE001  # see the module's docstring
            self.is_off = True
            self.warn(Warned("internal-error", _text(function, error)))
            if os.environ.get("PYTEST_CELLCACHE_DEBUG"):
                traceback.print_exc()
            return default

    def call_other(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Call what is not ours and may fail where it is called; say whether it did not."""
        try:
            function(*args, **kwargs)
        except Exception:  # noqa: BLE001  # a stranger's, of any kind
            return False
        return True

    def call_whole(
        self, function: Callable[P, T], default: T, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call what must not stop half-way: an interrupt waits until it has ended.

        A second one does not. Then the cache is off, as what is known is not whole any more.
        """
        is_whole = False
        try:
            with held():
                result = self.call(function, default, *args, **kwargs)
                is_whole = True
            return result
        finally:
            if not is_whole and not self.is_off:
                self.is_off = True
                self.warn(Warned("interrupted", _INTERRUPTED))


def _text(function: Callable[..., object], error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (
        f"{type(error).__name__} in {getattr(function, '__qualname__', function)} ({where}): "
        f"{error}; this run goes on without the cache. Please report it; PYTEST_CELLCACHE_DEBUG=1 "
        "prints the traceback."
    )
