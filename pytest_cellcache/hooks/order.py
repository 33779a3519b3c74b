"""Keeps runs to the sequences in which records were made (``lifecycle.sequences``).

::

    a live test needs what replayed ones left          -> they run, too
    a hit comes after other tests than when it ran     -> it runs
      known before the first test: verdicts change; known later: before the test, unreported
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import pytest

from pytest_cellcache.hooks.leavings import LEAVING, Leavings
from pytest_cellcache.hooks.makers import Makers
from pytest_cellcache.hooks.scopes import places_of, reach_of
from pytest_cellcache.lifecycle.inheritance import Told, draws_in
from pytest_cellcache.lifecycle.precedence import groups, is_of_others, is_out_of_order, texts
from pytest_cellcache.lifecycle.sequences import EVERYTHING, digest_of_sequence
from pytest_cellcache.lifecycle.setters import is_for
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.keys import EXISTS, FILE, LISTING, Key
from pytest_cellcache.model.observation import LEFT_FOR_ALL
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry, Hit, Miss, Verdict
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.chance import CHANCE, SEEDED

Judged = dict[str, tuple[TestFacts, Verdict]]


def is_by_chance(config: pytest.Config) -> bool:
    """Say whether tests come in another order each time: in a worker, shuffled by a plugin."""
    is_shuffled = config.pluginmanager.has_plugin("randomly") and getattr(
        config.option, "randomly_reorganize", True
    )
    return is_shuffled or hasattr(config, "workerinput")


class Records(Protocol):
    """What is known of tests from earlier runs."""

    def producers_of(self, facts: TestFacts) -> tuple[str, ...]: ...

    def last_of(self, facts: TestFacts) -> Mapping[str, Any]: ...

    def another(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> Entry | None: ...


class Order:
    """What tests of this run did to wider fixtures, so far.

    Attributes:
        is_replaying: some test may be answered from the store.

    Args:
        temporary: where temporary directories are made, whose names differ from run to run.
        by_chance: which tests come before another one is chance.
    """

    def __init__(self, places: Places, temporary: str, *, by_chance: bool) -> None:
        self._root = places.root + os.sep
        self._temporary = temporary.rstrip(os.sep) + os.sep
        self.by_chance = by_chance
        self.is_replaying = False
        self._lost: set[str] = set()
        # Names of the paths that tests which ran have changed.
        self._written: set[str] = set()
        # What they have changed in modules and not when they ran last.
        self._state: dict[Told, set[str]] = {}
        self._upset_by: dict[str, tuple[str, ...]] = {}
        # By node id of tests that were replayed: producers that come later.
        self._later: dict[str, list[str]] = {}
        self._live: set[str] = set()
        self._is_disturbed = False
        self._done: dict[str, list[str]] = {}
        self._makers = Makers()
        # By place of a fixture: tests that ran and changed its value before our eyes.
        self._left: dict[str, list[str]] = {}
        # By node id of tests that were replayed: what they would have left.
        self._replayed: dict[str, Leavings] = {}
        # Those among which ``due`` chooses, with their outcomes, in their order.
        self._ran: dict[str, tuple[pytest.Item, str]] = {}

    def settle(self, items: Iterable[pytest.Item], judged: Judged, records: Records) -> None:
        """Turn hits into misses where they must run for others, or after others."""
        in_order = [] if self.by_chance else [item for item in items if item.nodeid in judged]
        self.is_replaying = any(isinstance(verdict, Hit) for _, verdict in judged.values())
        ranks = {item.nodeid: number for number, item in enumerate(in_order)}
        while (
            self._keep_order(ranks, judged, records)
            or self._run_producers(judged, records)
            or self._keep_sequences(in_order, judged, records)
        ):
            pass

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
        if self.by_chance:
            return False
        if _is_upset(entry.body, self._done):
            return True
        if not (self._written or self._state):
            return False
        keys = list(keys_of(entry))
        files = {key.path for key in keys if key.kind in (FILE, EXISTS, LISTING)}
        is_read = bool(files) and _meet(files, self._written)
        seen = sees(keys, set(self._state)) if self._state else set()
        names = {name for change in seen for name in self._state[change]}
        self._upset_by[entry.unit] = tuple(sorted(names))
        return is_read or bool(seen)

    def upset_by(self, nodeid: str) -> tuple[str, ...]:
        """Name the tests that changed, unlike before, what a test reads that comes after them."""
        return self._upset_by.get(nodeid, ())

    def named(self, path: str) -> str:
        """Name a path in records; names of temporary directories count without their numbers."""
        if path.startswith(self._root):
            return path[len(self._root) :].replace(os.sep, "/")
        if path.startswith(self._temporary):
            parts = path[len(self._temporary) :].split(os.sep)
            if parts[0].startswith("pytest-of-"):
                del parts[1:2]
                return "/".join(
                    ["tmp", *(part.rstrip("0123456789") for part in parts[1:2]), *parts[2:]]
                )
            return "/".join(["temporary", *parts[1:]]) if parts[1:] else path
        return path

    def lose(self, places: Iterable[str]) -> None:
        """Take note that fixtures ended early: what tests did to them is gone."""
        self._lost.update(places)

    def due(
        self,
        item: pytest.Item,
        looked: Iterable[str] = (),
        seen_of: Callable[[set[Told]], set[Told]] = lambda _: set(),
        variables: Collection[str] | None = None,
    ) -> list[tuple[pytest.Item, str]]:
        """Give the tests that have to run, unreported, before an item may count.

        Args:
            looked: paths that it consulted.
            seen_of: gives those among changes of module state that it may see.
            variables: those that it has read; ``None`` before it has run.
        """
        if not (self._replayed or self._lost):
            return []
        places, reach = places_of(item), reach_of(item)
        lost = self._lost & places
        self._lost -= lost
        chosen = {
            name
            for place in lost
            for name in self._done.get(place, ())
            if self._makers.concern(place, name, reach, places)
        }
        chosen |= {name for place in lost for name in self._left.get(place, ())}
        names = {self.named(path) for path in looked}
        read_by = {*(variables or ()), *LEFT_FOR_ALL}
        changes = {name: told.changes_for(item.nodeid) for name, told in self._replayed.items()}
        every = {change for found in changes.values() for change in found}
        seen = seen_of(every) if every and not self.by_chance else set()
        known: set[str] = set()  # one that sets something will do
        for nodeid, told in self._replayed.items():
            sets = () if self.by_chance or variables is None else told.sets
            new = {each for each in sets if is_for(each, item.nodeid, read_by)} - known
            if new:
                known |= new
                chosen.add(nodeid)
            if not seen.isdisjoint(changes[nodeid]):
                chosen.add(nodeid)
            is_handled = not self.by_chance and not places.isdisjoint(told.handled)
            if is_handled or (names and (EVERYTHING in told.wrote or _meet(names, told.wrote))):
                chosen.add(nodeid)
        chosen.discard(item.nodeid)
        for nodeid in chosen:
            self._replayed.pop(nodeid, None)
        return [self._ran[nodeid] for nodeid in self._ran if nodeid in chosen]

    def note_state(self, nodeid: str, changes: Iterable[Told]) -> None:
        """Take what a test has changed in modules that it had not changed before.

        Not what a test changes that is replayed so far: it would have found that done.
        """
        changes = set() if self.by_chance else {*changes}
        replayed = self._replayed.values() if changes else ()
        told = {change.place for leavings in replayed for change in leavings.changes}
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

    def replayed(self, item: pytest.Item, outcome: str, told: Mapping[str, Any]) -> None:
        """Take a test that was answered from the store."""
        leavings = Leavings(told)
        if "later" in told:
            self._later[item.nodeid] = texts(told["later"])
        if not LEAVING.isdisjoint(told):
            if leavings.draws:
                CHANCE.expect_seed()
                self.seeds(leavings.draws)
            self._replayed[item.nodeid] = leavings
            self._ran[item.nodeid] = item, outcome
        self._note(item, outcome, [*leavings.handled, *self._makers.note(item.nodeid, told)])

    def ran(
        self,
        item: pytest.Item,
        outcome: str,
        told: Mapping[str, Any],
        changed: Iterable[str] = (),
        *,
        has_changed: bool = False,
    ) -> None:
        """Take a test that ran.

        Args:
            changed: places of the fixtures whose values it changed before our eyes.
            has_changed: it changed something before our eyes.
        """
        self._is_disturbed |= has_changed or not LEAVING.isdisjoint(told)
        made = self._makers.note(item.nodeid, told)
        self._note(item, outcome, [*texts(told.get("handled")), *made])
        for place in changed:
            self._left.setdefault(place, []).append(item.nodeid)
            self._ran[item.nodeid] = item, outcome
        self._written.update(texts(told.get("wrote")))
        self._live.add(item.nodeid)

    def seeds(self, changes: Iterable[Told]) -> None:
        """Take what a test did to ``random``: where it seeds, nothing is left of earlier ones."""
        if any(change.word == SEEDED for change in draws_in(changes)):
            for leavings in self._replayed.values():
                leavings.draws = ()

    def ran_first(self, nodeids: Iterable[str]) -> None:
        """Take replayed tests that ran before another one, unreported."""
        for nodeid in nodeids:
            self._live.add(nodeid)
            self._replayed.pop(nodeid, None)

    def comes_late(self, nodeid: str) -> bool:
        """Say whether a replayed test may fail now because of what others did meanwhile.

        They left something that it would not have found, or have not left it again.
        """
        return self._is_disturbed or not self._live.isdisjoint(self._later.get(nodeid, ()))

    # -- ours ------------------------------------------------------------------------------------

    def _note(self, item: pytest.Item, outcome: str, handled: Iterable[str]) -> None:
        for place in handled:
            self._done.setdefault(place, []).append(item.nodeid)
            self._ran[item.nodeid] = item, outcome

    @staticmethod
    def _run_producers(judged: Judged, records: Records) -> bool:
        """Let tests that leave something behind run where a test that reads it runs."""
        waiting = [nodeid for nodeid, (_, verdict) in judged.items() if isinstance(verdict, Miss)]
        has_changed = False
        while waiting:
            consumer = waiting.pop()
            for nodeid in records.producers_of(judged[consumer][0]):
                if _flip(judged, nodeid, consumer):
                    waiting.append(nodeid)
                    has_changed = True
            for group in groups(records.last_of(judged[consumer][0]).get("either")):
                there = [name for name in group if name in judged]
                if any(isinstance(judged[name][1], Miss) for name in there):
                    continue
                for name in there[:1]:
                    has_changed |= _flip(judged, name, consumer)
                    waiting.append(name)
        return has_changed

    @staticmethod
    def _keep_order(ranks: Mapping[str, int], judged: Judged, records: Records) -> bool:
        """Use no record that was made after other producers than stand before the test now."""

        def fits(entry: Entry) -> bool:
            # What it ran after when it failed, say, tells more than an older record.
            later = records.producers_of(judged[entry.unit][0])
            known = texts(entry.body.get("producers"))
            new = (ranks.get(name, len(ranks)) for name in later if name not in known)
            is_known = all(rank > ranks[entry.unit] for rank in new)
            if not is_known or is_of_others(entry.body, digest_of):
                return False
            return not is_out_of_order(entry.body, entry.unit, ranks)

        def digest_of(nodeid: str) -> str | None:
            return judged[nodeid][0].digest if nodeid in judged else None

        has_changed = False
        for nodeid, rank in ranks.items():
            facts, verdict = judged[nodeid]
            if isinstance(verdict, Hit):
                if fits(verdict.entry):
                    continue
                has_changed = True
                other = records.another(facts, fits)
                if other is not None:
                    judged[nodeid] = facts, Hit(other)
                    continue
                _flip(judged, nodeid, "")
            for name in texts(records.last_of(facts).get("later")):
                if ranks.get(name, rank) < rank:
                    has_changed |= _flip(judged, name, nodeid)
        return has_changed

    @staticmethod
    def _keep_sequences(items: list[pytest.Item], judged: Judged, records: Records) -> bool:
        has_changed = False
        done: dict[str, list[str]] = {}
        left: dict[str, list[str]] = {}
        makers = Makers()
        for item in items:
            facts, verdict = judged[item.nodeid]
            told = verdict.entry.body if isinstance(verdict, Hit) else records.last_of(facts)
            if isinstance(verdict, Hit) and _is_upset(told, done):
                others = [name for place in told.get("before", ()) for name in done.get(place, ())]
                has_changed |= _flip(judged, item.nodeid, others[-1] if others else "")
                verdict = judged[item.nodeid][1]
            if isinstance(verdict, Miss) and (done or left):
                # What it was given last time and did not look at it may look at now: see ``due``.
                reach = reach_of(item) & set(told.get("before", () if told else reach_of(item)))
                places = places_of(item)
                for place in places & (done.keys() | left.keys()):
                    for nodeid in (*done.get(place, ()), *left.get(place, ())):
                        if makers.concern(place, nodeid, reach, places):
                            has_changed |= _flip(judged, nodeid, item.nodeid)
            for place in texts(told.get("left")):
                left.setdefault(place, []).append(item.nodeid)
            for place in (*texts(told.get("handled")), *makers.note(item.nodeid, told)):
                done.setdefault(place, []).append(item.nodeid)
        return has_changed


def _flip(judged: Judged, nodeid: str, other: str) -> bool:
    """Turn a hit into a miss; say whether it was one."""
    facts, verdict = judged.get(nodeid, (None, None))
    if facts is None or not isinstance(verdict, Hit):
        return False
    judged[nodeid] = facts, Miss(Reason(reasons.PRODUCER, other))
    return True


def _is_upset(told: Mapping[str, Any], done: Mapping[str, list[str]]) -> bool:
    before = told.get("before")
    if not isinstance(before, dict):
        return False
    return any(
        digest != digest_of_sequence(done.get(place, ())) for place, digest in before.items()
    )


def _meet(looked: set[str], wrote: Iterable[str]) -> bool:
    """Say whether a path, one above it, or the content of a folder was written."""
    for name in wrote:
        if name in looked or name.rpartition("/")[0] in looked:
            return True
        if any(path.startswith(name + "/") for path in looked):
            return True
    return False
