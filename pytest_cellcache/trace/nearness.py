"""Decides which objects are compared after each test though there are very many.

Most caches and registers are globals, attributes of classes or variables of closures. These are
few, and what is in them is told at once, of whoever changed it; not what lies deeper, as data does.
"""

from __future__ import annotations

import types
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.limits import CALM

if TYPE_CHECKING:
    from pytest_cellcache.trace.batch import Batch

# By identity: classes may compare themselves.
_CONTAINERS: Final = frozenset(map(identity, (dict, list, tuple, set, frozenset, deque)))


class Nearness:
    """Tells globals, parts of those that are no containers, and parts of classes."""

    def __init__(self) -> None:
        # Whose parts are near, by identity: of one that takes it they are compared too often.
        self._holders: set[int] = set()

    def comes_near(self, value: Any, parent: int) -> bool:
        """Say whether an object is near.

        Args:
            parent: identity of the object that it is a part of; 0 of a global.
        """
        kind = type(value)
        is_near = not parent or parent in self._holders
        is_cell = kind is types.CellType and is_near
        if is_cell or issubclass(kind, type) or not (parent or identity(kind) in _CONTAINERS):
            self._holders.add(identity(value))
        return is_near and kind is not types.FunctionType  # many, and they change seldom


def may_wait(batch: Batch) -> bool:
    """Say whether objects need not be compared after each test, if there are very many."""
    return batch.calm >= CALM and not batch.is_near
