"""What a replayed test would have left for later ones, as its record tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from pytest_cellcache.lifecycle.inheritance import Told, draws_in, read
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.setters import is_within

LEAVING: Final = frozenset({"handled", "wrote", "changes", "sets", "undone", "makes"})
"""Entries of a record that tell of it."""


class Leavings:
    """Read once, for every live test asks for it.

    Attributes:
        draws: what it did to the generator that all share, until somebody seeds it.
        changes: other changes that last.
    """

    __slots__ = ("_undone", "changes", "draws", "handled", "kinds", "sets", "wrote")

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.kinds = told.keys() & LEAVING
        found = read(told.get("changes"))
        self.draws: Collection[Told] = draws_in(found)
        self.changes = [change for change in found if change not in self.draws]
        undone = told.get("undone")
        self._undone = [
            (place, read(changes))
            for place, changes in (undone.items() if isinstance(undone, dict) else ())
        ]
        self.sets = texts(told.get("sets"))
        self.wrote = texts(told.get("wrote"))
        self.handled = texts(told.get("handled"))

    def changes_for(self, nodeid: str) -> list[Told]:
        """Give the changes that concern a test, those undone later included."""
        undone = [found for place, found in self._undone if is_within(nodeid, place)]
        return [*self.changes, *self.draws, *(change for found in undone for change in found)]
