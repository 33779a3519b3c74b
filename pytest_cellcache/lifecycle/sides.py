"""On which side of a unit its producers stand: before it, or after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pytest_cellcache.lifecycle.gathering import places_in
from pytest_cellcache.lifecycle.producers import unit_of
from pytest_cellcache.lifecycle.setters import is_within
from pytest_cellcache.model.keys import UNIT, Key

_MOST_KEYS: Final = 200
"""Keys that are looked through for each unit that rests on them."""


class Around(NamedTuple):
    """Producers of a unit, by node ids in their order.

    Attributes:
        before: tests that ran before it.
        later: tests that ran after it, and those whose fixtures were set up after it.
        either: per fixture that was set up before it, tests that used it: one of them will do.
    """

    before: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()


class _Found(NamedTuple):
    """Tests and fixtures: sets as the bits of numbers, by their places."""

    tests: int = 0
    fixtures: int = 0

    def join(self, other: _Found) -> _Found:
        return _Found(self.tests | other.tests, self.fixtures | other.fixtures)

    def without(self, other: _Found) -> _Found:
        return _Found(self.tests & ~other.tests, self.fixtures & ~other.fixtures)


class Sides:
    """Tells which producers ran before a unit; there may be thousands of both.

    Args:
        order: node ids of tests by their keys, in the order in which they ran.
        changed: keys of the units that have changed something.
        fixtures: users of the fixtures among these, and the places that share what these undo.
        used: by test, the fixtures that it has used, which it makes live itself.
        units: what producers rest on.
        hubs: keys that stand for many.
    """

    def __init__(
        self,
        order: Mapping[Key, str],
        changed: Collection[Key],
        fixtures: Mapping[Key, tuple[Sequence[Key], str]],
        used: Mapping[Key, Collection[Key]],
        units: Mapping[Key, frozenset[Key]],
        hubs: Mapping[Key, frozenset[Key]],
    ) -> None:
        self._names = list(order.values())
        self._ranks = {name: number for number, name in enumerate(self._names)}
        self._tests = {key: number for number, key in enumerate(order)}
        self._fixtures = list(fixtures)
        self._places = {key: number for number, key in enumerate(fixtures) if key in changed}
        self._users = fixtures
        self._used = used
        self._units = units
        self._hubs = hubs
        self._found: dict[Key, _Found] = {}
        self._behind: dict[int, _Found] = {}
        self._named: dict[int, tuple[str, ...]] = {}

    def before(self, unit: Key, roots: Iterable[Key]) -> tuple[str, ...]:
        """Give the node ids of the producers among roots that ran before a unit."""
        return self.around(unit, roots).before

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give node ids of tests in the order in which they ran, each once."""
        return tuple(sorted({*names}, key=self._ranks.__getitem__))

    def around(self, unit: Key, roots: Iterable[Key]) -> Around:
        """Give the producers among roots, by where they stand to a unit."""
        own = self._tests.get(unit, len(self._tests))
        used = self._join(self._used.get(unit, ()))
        found = self._join(roots).without(used)
        # What a fixture did may follow from what tests had done before it, or its teardown.
        for place in places_in(found.fixtures):
            found = found.join(self._what_is_behind(place).without(used))
        earlier = (1 << own) - 1
        before = self._names_of(found.tests & earlier)
        later = [*self._names_of(found.tests & ~(earlier | 1 << own))]
        either = []
        is_setup = unit.name.startswith("fixture ")  # its record says who was there (``around``)
        for place in () if is_setup else places_in(found.fixtures):
            users, where = self._users[self._fixtures[place]]
            if where and not is_within(unit.name, where):
                continue
            ranks = [self._tests[user] for user in users]
            if ranks[0] < own:
                either.append(tuple(self._names[rank] for rank in ranks if rank < own))
            else:
                later += [self._names[rank] for rank in ranks]
        return Around(before, tuple(later), tuple(either))

    def without_later(self, unit: Key, roots: frozenset[Key]) -> frozenset[Key]:
        """Leave out the tests that ran after a unit: what they do now makes no difference to it.

        Not where there are very many keys, which others share.
        """
        own = self._tests.get(unit)
        every = frozenset[Key]().union(*(self._hubs.get(root, (root,)) for root in roots))
        if own is None or len(every) > _MOST_KEYS:
            return roots
        return frozenset(
            key for key in every if key.kind != UNIT or self._tests.get(key, own) <= own
        )

    def _join(self, keys: Iterable[Key]) -> _Found:
        tests = fixtures = 0
        for key in keys:
            found = self._found.get(key)
            if found is None:
                found = self._found[key] = self._find(self._hubs.get(key, (key,)))
            tests |= found.tests
            fixtures |= found.fixtures
        return _Found(tests, fixtures)

    def _find(self, keys: Iterable[Key]) -> _Found:
        tests = fixtures = 0
        for key in keys:
            if (unit := unit_of(key)) in self._tests:
                tests |= 1 << self._tests[unit]
            elif key in self._places:
                fixtures |= 1 << self._places[key]
        return _Found(tests, fixtures)

    def _what_is_behind(self, place: int) -> _Found:
        found = self._behind.get(place)
        if found is None:
            found = self._join(self._units.get(self._fixtures[place], ()))
            self._behind[place] = found
        return found

    def _names_of(self, bits: int) -> tuple[str, ...]:
        if bits not in self._named:
            self._named[bits] = tuple(self._names[place] for place in places_in(bits))
        return self._named[bits]
