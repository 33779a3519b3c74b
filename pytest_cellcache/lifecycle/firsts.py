"""What readers of values rest on that were made when modules were imported, before any test.

They were made of what other imports had made, in turn, and of nothing that tests left: who reads
such a value does not read what the bodies that made it read, as that is by now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.left import Left
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.model.keys import Key

_MADE: Final = "made first"
_NONE: Final[frozenset[Key]] = frozenset()


class FirstValues:
    """Follows values made before the first test from one to the next.

    Each is a reader of others, under a key of its own.

    Args:
        places: changes by ``Change.place``.
    """

    def __init__(self, places: Mapping[object, Sequence[Change]], left: Left) -> None:
        self._left = left
        self._rests_on: dict[Key, frozenset[Key]] = {}
        self._made: dict[object, Key] = {}
        self._bits: dict[object, int] = {}
        self._new: dict[int, set[Key]] = {}
        # The values among the units of those readers that were asked last, as bits.
        self._of: Readers | None = None
        self._values = 0
        self._added: dict[Key, set[Key]] = {}
        for place, group in places.items():
            needs = [change.rests_on for change in group if change.is_first]
            if needs:
                made = self._made[place] = unit_key("", f"{_MADE} {len(self._made)}")
                self._rests_on[made] = _NONE.union(*needs)

    def live(self) -> dict[Key, frozenset[Key]]:
        """Give what the values rest on, by their keys."""
        return {made: own | self.of(made) for made, own in self._rests_on.items()}

    def of(self, unit: Key) -> frozenset[Key]:
        """Give what a unit, or a value, rests on because it reads such values."""
        return frozenset(self._added.get(unit, _NONE))

    def take_readers(self, place: object, bits: int, readers: Readers) -> int:
        """Note who reads a place; give those that may read there what tests left: no values."""
        made = self._made.get(place)
        if made is not None:
            new = bits & ~self._bits.get(place, 0)
            self._bits[place] = bits
            if new:
                self._new.setdefault(new, set()).update(self._rests_on[made])
        if self._of is not readers:
            self._of, self._values = readers, readers.bits_for(self._rests_on)
        return bits & ~self._values

    def grow(self, readers: Readers) -> bool:
        """Add what was noted to who reads it; say whether values rest on more than before."""
        grown = False
        for bits, needed in self._new.items():
            hub = self._left.hub_of(frozenset(needed))
            for unit in readers.units_in(bits):
                more = self._added.setdefault(unit, set())
                grown = grown or (unit in self._rests_on and hub not in more)
                more.add(hub)
        self._new.clear()
        return grown

    def for_readers(self, readers: Readers) -> Iterator[tuple[Key, frozenset[Key]]]:
        """Give what units rest on because they read such values, or values made of these."""
        for place, bits in self._bits.items():
            more = self.of(self._made[place])
            for unit in readers.units_in(bits):
                if unit not in self._rests_on:
                    yield unit, more | self.of(unit)
