"""What a unit changes for those that come later: variables, the working directory, ``sys.path``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

from pytest_cellcache.model.observation import CWD, SEARCH
from pytest_cellcache.trace.surrounding import REMOVED, Surrounding, current_folder, raw_variable

_STAYED: Final = "?"
"""No name of a folder that ``os.getcwd`` gives."""


class Leaving:
    """How it was before one unit changed it.

    Attributes:
        variables: raw values of the variables that the unit itself has changed.
        has_moved: it has changed the working directory itself.
        search: ``sys.path`` when it opened, or when the last unit within it closed.
    """

    __slots__ = ("_folder", "_search_first", "_variables_first", "has_moved", "search", "variables")

    def __init__(self) -> None:
        self.variables: dict[str, object] = {}
        self.has_moved = False
        self.search = tuple(sys.path)
        # What units within it changed included.
        self._variables_first: dict[str, object] = {}
        self._folder: str | None = _STAYED
        self._search_first = self.search

    def write_variable(self, name: str, before: object) -> None:
        self.variables.setdefault(name, before)
        self._variables_first.setdefault(name, None if before is REMOVED else before)

    def move(self) -> None:
        """Note that the working directory is about to change."""
        self.has_moved = True
        if self._folder == _STAYED:
            self._folder = current_folder()

    def changed_variables(self) -> set[str]:
        """Name the variables that are not as before the unit itself changed them."""
        return {name for name, before in self.variables.items() if raw_variable(name) != before}

    def set_by_others(self, first: Mapping[bytes, bytes] | None) -> frozenset[str]:
        """Name the variables that are not as at first, and not for what the unit itself did.

        Args:
            first: ``None`` where that is not known: then none are.
        """
        now: Mapping[bytes, bytes] = os.environb._data  # type: ignore[attr-defined]
        before = now if first is None else first
        found = (name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        return frozenset(map(os.fsdecode, found)) - self.changed_variables()

    def adopt(self, part: Leaving) -> None:
        """Take what a part of the unit did for its own doing."""
        self.variables = part.variables | self.variables
        self.has_moved = self.has_moved or part.has_moved
        self.take_within(part)

    def take_within(self, inner: Leaving) -> None:
        """Take note of what a unit within this one found."""
        self._variables_first = inner._variables_first | self._variables_first
        if self._folder == _STAYED:
            self._folder = inner._folder

    @property
    def has_new_search(self) -> bool:
        """Whether ``sys.path`` has changed, inner units aside."""
        return tuple(sys.path) != self.search

    def left(self, at_first: Surrounding) -> frozenset[str]:
        """Name what is neither as the unit found it nor as it was at first.

        Args:
            at_first: how it was when recording began.
        """
        found = {
            name
            for name in self.variables
            if raw_variable(name) not in (self._variables_first[name], _raw(name, at_first))
        }
        if self.has_moved and current_folder() not in (self._folder, at_first.folder):
            found.add(CWD)
        if self.has_new_search and tuple(sys.path) not in (self._search_first, at_first.search):
            found.add(SEARCH)
        return frozenset(found)

    def put_back(self, at_first: Surrounding) -> frozenset[str]:
        """Name what is again as it was at first, which is not how the unit found it."""
        found = {
            name
            for name, before in self._variables_first.items()
            if raw_variable(name) == _raw(name, at_first) != before
        }
        if self._folder != _STAYED and current_folder() == at_first.folder != self._folder:
            found.add(CWD)
        if tuple(sys.path) == at_first.search != self._search_first:
            found.add(SEARCH)
        return frozenset(found)


def _raw(name: str, around: Surrounding) -> bytes | None:
    return around.variables.get(os.fsencode(name))
