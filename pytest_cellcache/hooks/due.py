"""Which replayed tests have to run for a live one: before it, or now that it has been tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.order import Order
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.hooks.undoing import SeenBy
from pytest_cellcache.lifecycle.inheritance import Told
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import ANYTHING, Joined, Observation, StateChange

Overtaken = Callable[[pytest.Item, Observation, frozenset[Instance], frozenset[StateChange]], Mates]
"""Gives the replayed tests that come too late once an item has done something: ``Inheriting``."""


class Due:
    """Answers for one run.

    Args:
        seen_by: as for ``Undoing``.
        joined: joins what the children of a unit saw to what it saw itself.
    """

    def __init__(
        self,
        order: Order,
        fixtures: FixtureWatch,
        changes: Changes,
        guard: Guard,
        seen_by: SeenBy,
        joined: Joined,
        overtaken: Overtaken,
    ) -> None:
        self._order = order
        self._fixtures = fixtures
        self._changes = changes
        self._guard = guard
        self._seen_by = seen_by
        self._joined = joined
        self._overtaken = overtaken

    def before(self, item: pytest.Item, *, is_blind: bool = False) -> Mates:
        """Give the tests that must run before an item because of what it shares with them.

        Args:
            is_blind: what the item reads cannot be told before it counts.
        """
        self._order.lose(self._fixtures.take_lost())
        every = (lambda changes: changes, ANYTHING) if is_blind else (lambda _: set(), None)
        found: Mates = self._guard.call(self._order.due, [], item, (), *every)
        return found

    def after(
        self,
        item: pytest.Item,
        seen: Observation,
        note_seen: Callable[[set[Told], Observation], set[Told]],
    ) -> Mates:
        """Give those that must because of what it has read in the attempt that has ended.

        Args:
            note_seen: told the changes among those of others that it sees.
        """
        instances = self._fixtures.used_by(item, is_clean=True)
        looked = self._fixtures.looked_at(seen, self._joined, instances)
        every = [seen, *(each.seen for each in instances)]
        there = self._fixtures.set_up_among(instances)

        def seen_of(changes: set[Told]) -> set[Told]:
            draws = self._changes.so_far(is_all=False)
            return note_seen(self._seen_by(every, changes, draws), seen)

        read = self._fixtures.read_by(seen, self._joined)
        found: Mates = self._guard.call(self._order.due, [], item, looked, seen_of, read, there)
        return found

    def is_overtaking(self, item: pytest.Item) -> bool:
        """Say whether an item may change what others would have found that have been replayed."""
        return self._guard.call(self._order.overtaking.is_among, False, item)

    def overtaken(self, item: pytest.Item, seen: Observation) -> Mates:
        """Give those that must because of what it has changed in the attempt that has ended."""
        if not self.is_overtaking(item):
            return []
        instances = self._fixtures.used_by(item, is_clean=True)
        known = item, seen, instances, self._changes.so_far()
        found: Mates = self._guard.call(self._overtaken, [], *known)
        return found
