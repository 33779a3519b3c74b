"""Recognises the equal copy that has taken the place of a container.

What resets something to its defaults before each test would be a change by every test otherwise.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from pytest_cellcache.trace.batch import Batch
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import parts_of
from pytest_cellcache.trace.ways import Ways

_COPIED: Final = (list, dict)


class Copies:
    """Takes an equal copy for what it has replaced, if nobody else has either of them.

    Args:
        ways: who leads to an object.
        homes: groups of objects.
    """

    def __init__(self, ways: Ways, homes: dict[int, str]) -> None:
        self._ways = ways
        self._homes = homes
        # By identity, with the batch that each is in.
        self._containers: dict[int, tuple[Held, Batch]] = {}

    def note(self, held: Held, batch: Batch) -> None:
        """Take down a container."""
        if type(held.thing) in _COPIED and held.kind != "namespace":
            self._containers[held.ident] = held, batch

    def is_copied(self, holder: Held, word: str) -> bool:
        """Say whether what a changed container holds under a name is such a copy."""
        if holder.kind == "other" or not word:
            return False
        old, batch = self._containers.get(holder.named.get(word, 0), (None, None))
        if old is None or batch is None:
            return False
        new = dict(holder.items()).get(word)
        kind = type(new)
        if kind is not type(old.thing):
            return False
        if old.ids(new) != old.saved or old.ids(old.thing) != old.saved:
            return False
        # The books have the old one in a few places, its holder the new one; and the calls here.
        if sys.getrefcount(old.thing) > (4 if kind is dict else 3) or sys.getrefcount(new) > 3:
            return False
        self._rename(old.ident, identity(new), new)
        batch.replace(old, new, identity(new))
        return True

    def _rename(self, was: int, ident: int, new: Any) -> None:
        self._containers[ident] = self._containers.pop(was)
        if was in self._homes:
            self._homes[ident] = self._homes.pop(was)
        self._ways.rename(was, ident, (identity(part) for part, _ in parts_of(new)))
