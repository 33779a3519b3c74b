"""Notices who looks for installed distributions at run time, through ``importlib.metadata``.

``importlib_metadata`` and ``pkg_resources`` have ways of their own: whoever imports them is taken
to look at everything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_cellcache.trace import unit
from pytest_cellcache.trace.origin import caller, reach


class MetadataWatch:
    """The stand-ins of one period of recording."""

    def __init__(self) -> None:
        self._placed: list[tuple[Any, str, Any]] = []
        self._is_selecting = False

    def install(self) -> None:
        metadata: Any = sys.modules.get("importlib.metadata")
        if metadata is not None:  # pytest has loaded it; a child that does rests on what it imports
            self._place(metadata.MetadataPathFinder, "find_distributions", self._find)
            self._place(metadata, "entry_points", self._select)

    def uninstall(self) -> None:
        for owner, name, original in self._placed:
            setattr(owner, name, original)
        self._placed.clear()

    def _place(self, owner: Any, name: str, stand_in: Callable[..., Any]) -> None:
        real = getattr(owner, name)
        self._placed.append((owner, name, vars(owner)[name]))

        def replaced(*args: Any, **kwargs: Any) -> Any:
            return stand_in(real, *args, **kwargs)

        replaced.__name__ = name
        replaced.__doc__ = real.__doc__
        setattr(owner, name, staticmethod(replaced) if isinstance(owner, type) else replaced)

    def _find(self, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._is_selecting:
            context = args[0] if args else kwargs.get("context")
            _note(getattr(context, "name", None) or "*")
        return real(*args, **kwargs)

    def _select(self, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        _note("entry-points")
        outer, self._is_selecting = self._is_selecting, True
        try:
            return real(*args, **kwargs)
        finally:
            self._is_selecting = outer


def _note(name: str) -> None:
    try:
        if hearers := reach(*caller(beyond_importers=True)):
            unit.charge(lambda each: each.look_up(name), hearers)
    except unit.TROUBLES:
        unit.confess()
