"""Keeps runs to the sequences in which records were made (``lifecycle.sequences``).

::

    a live test needs what replayed ones left          -> they run, too
    a hit comes after other tests than when it ran     -> it runs
      known before the first test: verdicts change; known later: before the test, unreported
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import pytest

from pytest_cellcache.hooks.byname import ByName
from pytest_cellcache.hooks.earlier import Earlier
from pytest_cellcache.hooks.leavings import (
    LEAVING,
    NOTHING_SET_UP,
    Found,
    Leavings,
    SetUp,
    has_other_past,
    meet,
    put_back_in,
    set_in,
)
from pytest_cellcache.hooks.makers import Makers
from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.nodestate import NodeWatch
from pytest_cellcache.hooks.overtaking import Overtaking
from pytest_cellcache.hooks.overwriting import Overwriting
from pytest_cellcache.hooks.pathnames import PathNames
from pytest_cellcache.hooks.scopes import asked_by, may_be_wide, places_of, reach_of
from pytest_cellcache.hooks.settling import Judged, Records, is_own, settle
from pytest_cellcache.lifecycle.firstusers import FirstUsers
from pytest_cellcache.lifecycle.inheritance import Told, draws_in
from pytest_cellcache.lifecycle.precedence import needed_in, texts
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.keys import EXISTS, FILE, LISTING, Key
from pytest_cellcache.model.observation import StateChange
from pytest_cellcache.model.record import Entry, Hit, Miss
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.chance import CHANCE, SEEDED


def is_by_chance(config: pytest.Config) -> bool:
    """Say whether tests come in another order each time: in a worker, shuffled by a plugin."""
    is_shuffled = config.pluginmanager.has_plugin("randomly") and getattr(
        config.option, "randomly_reorganize", True
    )
    return is_shuffled or hasattr(config, "workerinput")


class Order:
    """What tests of this run did to wider fixtures, so far.

    Attributes:
        is_replaying: some test may be answered from the store.
        failures: per node id how tests that run fail if they do as before, see ``settle``.
        first_users: of wider fixtures; nobody where which tests come before others is chance.
        overtaking: knows of fixtures that live tests would come to set up too late.
        overwritten: replayed tests whose leavings live ones have changed since.
        named: names a path in records.
        nodes: knows what tests have left on pytest's own objects.
        unreported: what replayed tests left that ran before another one, by node id.

    Args:
        temporary: where temporary directories are made, whose names differ from run to run.
        by_chance: which tests come before another one is chance.
    """

    def __init__(self, places: Places, temporary: str, *, by_chance: bool) -> None:
        self.named = PathNames(places.root, temporary)
        self.by_chance = by_chance
        self.is_replaying = False
        self.failures: Mapping[str, Mapping[str, Entry]] = {}
        self.first_users = FirstUsers()
        self.overtaking, self.overwritten = Overtaking(), Overwriting()
        self.nodes: NodeWatch | None = None
        self._lost: set[str] = set()
        # Names of the paths that tests which ran have changed.
        self._written: set[str] = set()
        # What they have changed in modules and not when they ran last.
        self._state: dict[Told, set[str]] = {}
        self._upset_by: dict[str, tuple[str, ...]] = {}
        # Tests that are replayed and ran otherwise since their record was made.
        self._older: dict[str, Leavings] = {}
        # Places that are the same whoever makes them, and have been made.
        self._filled: set[tuple[str, str, str]] = set()
        self._running: list[pytest.Item] = []
        self._live: set[str] = set()
        self._is_disturbed = False
        self._done: dict[str, list[str]] = {}
        self._makers = Makers()
        self._by_name = ByName()
        self._earlier = Earlier(self._by_name)
        # By place of a fixture: tests that ran and changed its value before our eyes.
        self._left: dict[str, list[str]] = {}
        # By node id of tests that were replayed: what they would have left.
        self._replayed = Found()
        self.unreported = Found()
        # By node id of tests that were replayed: their records.
        self._told: dict[str, Mapping[str, Any]] = {}
        # What tests that ran have set for all; by its name the last one who did, replayed or not.
        self._set: set[str] = set()
        self._setting: dict[str, Leavings] = {}
        # Those among which ``due`` chooses, with their outcomes, in their order.
        self._ran: dict[str, tuple[pytest.Item, str]] = {}

    def settle(self, items: Iterable[pytest.Item], judged: Judged, records: Records) -> None:
        """Turn hits into misses where they must run for others, or after others."""
        self.is_replaying = any(isinstance(verdict, Hit) for _, verdict in judged.values())
        in_order = [] if self.by_chance else [*items]
        self.first_users = FirstUsers(lambda: ((i.nodeid, asked_by(i)) for i in in_order))
        known = judged, records, self.first_users, self._by_name
        self.failures = settle(in_order, *known, self.by_chance)
        self.overtaking = Overtaking(
            in_order,
            lambda name: may_be_wide(name, in_order),
            lambda nodeid: is_own(judged[nodeid][1]),
        )
        self._running = [item for item in in_order if isinstance(judged[item.nodeid][1], Miss)]

    def is_upset(
        self,
        entry: Entry,
        keys_of: Callable[[Entry], Iterable[Key]],
        sees: Callable[[Iterable[Key], set[Told]], set[Told]],
    ) -> bool:
        """Say whether a record that holds was made after other tests than ran so far.

        Args:
            keys_of: gives all that a record rests on.
            sees: gives those among changes that who rests on keys may see.
        """
        if self.nodes is not None and self.nodes.left and self.nodes.is_seen_by(keys_of(entry)):
            return True
        if self.by_chance:
            return False
        if has_other_past(entry.body, self._done):
            return True
        if self._set and not self._set.isdisjoint(set_in(entry.body) | put_back_in(entry.body)):
            return True  # it would be set anew, or put back
        older = self._older.keys() - needed_in(entry.body) if self._older else ()
        if not (self._written or self._state or older):
            return False
        again = [self._older[name] for name in older]
        keys = list(keys_of(entry))
        files = {key.path for key in keys if key.kind in (FILE, EXISTS, LISTING)}
        written = self._written.union(*(each.wrote for each in again))
        is_read = bool(files) and meet(files, written)
        found = {change for each in again for change in each.changes_for(entry.unit)}
        if found and sees(keys, found):
            return True
        seen = sees(keys, set(self._state)) if self._state else set()
        names = {name for change in seen for name in self._state[change]}
        self._upset_by[entry.unit] = tuple(sorted(names))
        return is_read or bool(seen)

    def upset_by(self, nodeid: str) -> tuple[str, ...]:
        """Name the tests that changed, unlike before, what a test reads that comes after them."""
        return self._upset_by.get(nodeid, ())

    def lose(self, places: Iterable[str]) -> None:
        """Take note that fixtures ended early: what tests did to them is gone."""
        self._lost.update(places)

    def due(
        self,
        item: pytest.Item,
        looked: Iterable[str] = (),
        seen_of: Callable[[set[Told]], set[Told]] = lambda _: set(),
        variables: Collection[str] | None = None,
        set_up: SetUp = NOTHING_SET_UP,
    ) -> list[tuple[pytest.Item, str]]:
        """Give the tests that have to run, unreported, before an item may count.

        Args:
            looked: paths that it consulted.
            seen_of: gives those among changes of module state that it may see.
            variables: those that it has read; ``None`` before it has run.
            set_up: fixtures that have been set up.
        """
        if not (self._replayed or self._lost):
            return []
        places, reach = places_of(item), reach_of(item)
        by_name = (self._by_name.places_of(item) | set_up.used) - places
        places, reach = places | by_name, reach | by_name
        lost = self._lost & places
        self._lost -= lost
        chosen = {
            name
            for place in lost
            for name in self._done.get(place, ())
            if self._makers.concern(place, name, reach, places)
        }
        chosen |= {name for place in lost for name in self._left.get(place, ())}
        chosen |= self._replayed.concerning(
            item.nodeid,
            looked={self.named(path) for path in looked},
            seen_of=seen_of,
            variables=variables,
            places=places,
            set_up=set_up,
            by_chance=self.by_chance,
        )
        chosen.discard(item.nodeid)
        self._begin_unreported(chosen)
        return [self._ran[nodeid] for nodeid in self._ran if nodeid in chosen]

    def with_producers(
        self,
        item: pytest.Item,
        mates: Mates,
        set_up: SetUp = NOTHING_SET_UP,
        comes_too_late: Callable[[pytest.Item], bool] = lambda _: False,
    ) -> Mates:
        """Add to tests that run first those that must run before them, if they were replayed.

        Args:
            item: the test that they run for.
            set_up: fixtures that have been set up.
            comes_too_late: says whether a test would set up again what has left something.
        """
        every = {mate.nodeid: (mate, outcome) for mate, outcome in mates}
        found = [*every]
        while found:
            new = needed_in(self._told.get(found.pop(), {})) & self._replayed.keys() - every.keys()
            every.update((nodeid, self._ran[nodeid]) for nodeid in sorted(new))
            found += new
            if not found:
                users = [*self._running, item, *(each for each, _ in every.values())]
                needed = {place for user in users for place in self._by_name.all_places_of(user)}
                needed.difference_update(set_up.open)
                leaving = self._replayed.leaving(item.nodeid, set_up)
                for mate, outcome in self._earlier.before({*every}, needed, leaving):
                    if mate.nodeid not in self._live and not comes_too_late(mate):
                        every[mate.nodeid] = mate, outcome
                        found.append(mate.nodeid)
        self._begin_unreported(every)
        return [*every.values()]

    def unreported_for(
        self,
        nodeid: str,
        looked: Iterable[str],
        seen_of: Callable[[set[Told]], set[Told]],
        variables: Collection[str],
    ) -> list[str]:
        """Name the tests that ran unreported and left what a test may have seen; as for ``due``.

        What they did is in no book of this run, so the record of who found it would not name them.
        """
        found = self.unreported.concerning(
            nodeid,
            looked={self.named(path) for path in looked},
            seen_of=seen_of,
            variables=variables,
            by_chance=self.by_chance,
        )
        return sorted(found - {nodeid})

    def note_state(self, nodeid: str, changes: Iterable[Told]) -> None:
        """Take what a test has changed in modules that it had not changed before.

        Not what a test changes that is replayed so far: it would have found that done.
        """
        changes = set() if self.by_chance else {*changes}
        told = self._replayed.places() if changes else ()
        for change in changes:
            # Who seeds finds nothing done.
            if change.place not in told or draws_in([change]):
                self._state.setdefault(change, set()).add(nodeid)

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything that a live test may have to wait for."""
        return bool(self._replayed or self._lost)

    @property
    def is_watching(self) -> bool:
        """Whether replayed tests left files or state that some live test may read."""
        leaving = {"wrote"} if self.by_chance else LEAVING - {"handled", "makes"}
        return any(not leaving.isdisjoint(told.kinds) for told in self._replayed.values())

    def replayed(
        self, item: pytest.Item, outcome: str, told: Mapping[str, Any], *, is_last: bool = True
    ) -> None:
        """Take a test that was answered from the store.

        Args:
            is_last: it has not run otherwise since. Where it has, records of others may have been
                made without what it leaves.
        """
        leavings = Leavings(told)
        leavings.fill(self._filled)
        if not (is_last or LEAVING.isdisjoint(told)):
            self._older[item.nodeid] = leavings
        self._supersede(leavings)
        self._earlier.note(item, outcome, told)
        self.overtaking.replayed(item, outcome)
        self.overwritten.replayed(item.nodeid, leavings.changes)
        if leavings.kinds:
            if leavings.draws:
                CHANCE.expect_seed()
                self.seeds(leavings.draws)
            self._replayed.add(item.nodeid, leavings)
            self._ran[item.nodeid] = item, outcome
        self._told[item.nodeid] = told
        self._note(item, outcome, [*leavings.handled, *self._makers.note(item.nodeid, told)])

    def ran(
        self,
        item: pytest.Item,
        outcome: str,
        told: Mapping[str, Any],
        changed: Iterable[str] = (),
        changes: Collection[StateChange] = (),
        instances: Iterable[Instance] = (),
    ) -> None:
        """Take a test that ran.

        Args:
            changed: places of the fixtures whose values it changed before our eyes.
            changes: all that it changed so.
            instances: the fixtures that it used.
        """
        self._is_disturbed |= bool(changes) or not LEAVING.isdisjoint(told)
        made = self._makers.note(item.nodeid, told)
        self._note(item, outcome, [*texts(told.get("handled")), *made])
        for place in changed:
            self._left.setdefault(place, []).append(item.nodeid)
            self._ran[item.nodeid] = item, outcome
        self._written.update(texts(told.get("wrote")))
        self._live.add(item.nodeid)
        self.overtaking.ran(item.nodeid)
        self._set |= set_in(told)
        self._set -= put_back_in(told)
        self._supersede(Leavings(told))
        self.seeds([Told(each.filename, each.name, each.word) for each in changes])
        every = {*changes}.union(*(each.changes for each in instances))
        there = {(self.named(each.filename), each.name, each.word) for each in every}
        self._filled |= there
        self.overwritten.ran(place[:2] for place in there)

    def seeds(self, changes: Iterable[Told]) -> None:
        """Take what a test did to ``random``: where it seeds, nothing is left of earlier ones."""
        if any(change.word == SEEDED for change in draws_in(changes)):
            for leavings in self._replayed.values():
                leavings.draws = ()

    def ran_first(self, nodeids: Iterable[str]) -> None:
        """Take replayed tests that ran before another one, unreported."""
        nodeids = list(nodeids)
        self._live.update(nodeids)
        for nodeid in nodeids:
            self.overtaking.ran(nodeid)
        self._begin_unreported(nodeids)

    def comes_late(self, nodeid: str) -> bool:
        """Say whether a replayed test may fail now because of what others did meanwhile.

        They left something that it would not have found, or have not left it again.
        """
        return self._is_disturbed or self._earlier.finds_otherwise(nodeid, self._live)

    # -- ours ------------------------------------------------------------------------------------

    def _begin_unreported(self, nodeids: Collection[str]) -> None:
        for nodeid in [*filter({*nodeids}.__contains__, self._replayed.keys())]:
            leavings = self._replayed.pop(nodeid)
            self.unreported.add(nodeid, leavings)
            self._set |= set(leavings.leaves)
            self._set.difference_update(leavings.resets)

    def _supersede(self, new: Leavings) -> None:
        """Let what earlier tests set be forgotten that a new one has set, or put back."""
        for name in (*new.leaves, *new.resets):
            if (last := self._setting.pop(name, None)) is not None:
                last.forget(name)
        self._setting |= dict.fromkeys(new.leaves, new)

    def _note(self, item: pytest.Item, outcome: str, handled: Iterable[str]) -> None:
        for place in handled:
            self._done.setdefault(place, []).append(item.nodeid)
            self._ran[item.nodeid] = item, outcome
