"""Finds the units that read what others left behind (``producers``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.gathering import Gathered, places_in
from pytest_cellcache.lifecycle.looking import Condition, Edges, Looking, is_start
from pytest_cellcache.model.keys import Key


class Readers:
    """Tells which units read what was left behind.

    Args:
        roots: of the units, by their keys; bodies that ran, and names, count.
        edges: ``Closure.live_edges``.
        first: files that were loaded as modules before the first test.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        roots: Mapping[Key, frozenset[Key]],
        edges: Edges,
        first: Collection[str] = (),
    ) -> None:
        # Sets of units are the bits of numbers, in the order of ``roots``.
        self._order = list(roots)
        self._places = {unit: place for place, unit in enumerate(self._order)}
        self._sets: dict[int, frozenset[Key]] = {}
        self._units: dict[Key, int] = {}
        for place, own in enumerate(roots.values()):
            for root in filter(is_start, own):
                self._units[root] = self._units.get(root, 0) | 1 << place
        self._looking = Looking(project, names, edges, first)
        self._looking.add(self._units)
        self._gathered = Gathered(lambda key: self._units.get(key, 0), self._looking.sources_of)
        self._ids: dict[str, int] | None = None
        self._whole: dict[Key, Condition] = {}
        # By identity, as long as the conditions are kept.
        self._meeting: dict[int, tuple[Condition, int]] = {}

    def of(self, change: Change) -> frozenset[Key]:
        """Give the units that may see a change."""
        return self.units_in(self.bits_of(change))

    def of_register(self, register: Place) -> frozenset[Key]:
        """Give the units that may see what statements come to enter in a global, or in one
        attribute of what it stands for."""
        return self.units_in(self._meeting_all(self._looking.registers(register)))

    def units_in(self, bits: int) -> frozenset[Key]:
        """Give the units that bits stand for."""
        if bits not in self._sets:
            self._sets[bits] = frozenset(self._order[place] for place in places_in(bits))
        return self._sets[bits]

    def bits_for(self, units: Iterable[Key]) -> int:
        """Give the bits that stand for units: the same for the same ``roots`` in their order."""
        return sum(1 << self._places[unit] for unit in units)

    def bits_of(self, change: Change) -> int:
        """Give the units that may see a change as bits: by their places among ``roots``."""
        return self._meeting_all(self._looking.conditions_of(change))

    def sized_by(self, change: Change, bits: int) -> int:
        """Give those among units that see no more of a change than how many keys there are."""
        if not (change.is_keyed and self._looking.is_sized(change.key)):
            return 0
        return bits & ~self._meeting_all(self._looking.conditions_of(change, by_size=False))

    def looking_whole(self, change: Change, bits: int) -> int:
        """Give those among units that look at all that is in a changed mapping, not at a key."""
        if not (bits and change.is_keyed):
            return 0
        if change.key not in self._whole:
            found = self._looking.taking_whole(change.key, is_keyed=True, by_size=True)
            self._whole[change.key] = Condition(frozenset(found))
        return bits & self._bits_meeting(self._whole[change.key])

    def _meeting_all(self, conditions: Iterable[Condition]) -> int:
        found = -1
        for condition in conditions:
            found &= self._bits_meeting(condition)
            if not found:
                break
        return found

    def _bits_meeting(self, condition: Condition) -> int:
        _, found = self._meeting.get(id(condition), (None, None))
        if found is None:
            found = self._gathered.of(condition.ends)
            for start in condition.starts:
                found |= self._units.get(start, 0)
            if condition.word:
                found |= self._naming_in_ids(condition.word)
            self._meeting[id(condition)] = condition, found
        return found

    def _naming_in_ids(self, word: str) -> int:
        """Give the units whose parameters, as far as their ids show them, name a word."""
        if self._ids is None:
            self._ids = {}
            for place, unit in enumerate(self._order):
                for found in words_of(unit.name.partition("[")[2]):
                    self._ids[found] = self._ids.get(found, 0) | 1 << place
        return self._ids.get(word, 0)
