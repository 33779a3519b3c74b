"""Asks, while tests run, who sees what others leave behind in modules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import pytest

from pytest_cellcache.hooks.items import code_of
from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.order import Order
from pytest_cellcache.hooks.settling import Judged, leaves
from pytest_cellcache.lifecycle.consulted import looked_at
from pytest_cellcache.lifecycle.contents import Contents, are_left
from pytest_cellcache.lifecycle.inheritance import Told, read, undone_in
from pytest_cellcache.lifecycle.precedence import needed_in, texts
from pytest_cellcache.lifecycle.record import Recording
from pytest_cellcache.lifecycle.setters import set_by_others
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.lifecycle.verify import Verifier
from pytest_cellcache.model.keys import ENV, Key
from pytest_cellcache.model.observation import Observation, StateChange
from pytest_cellcache.model.record import Entry, Hit
from pytest_cellcache.trace.collector import paused


class Inheriting:
    """What is asked of the recording before it writes.

    Args:
        around: gives the surroundings of tests as they are now.
        judged: verdicts by node id.
    """

    def __init__(
        self,
        recording: Recording,
        verifier: Verifier,
        order: Order,
        around: Callable[[], Surroundings],
        judged: Judged,
    ) -> None:
        self._judged = judged
        verdicts = (verdict for _, verdict in judged.values())
        waiting = [verdict for verdict in verdicts if isinstance(verdict, Hit)]
        self._awaited = {name for verdict in waiting for name, *_ in verdict.after}
        # By node id of those among them that ran: what they left, by content.
        self._left: dict[str, Contents] = {}
        # By fixture: what it had changed when a test that uses it was taken last.
        self._made: dict[Instance, frozenset[StateChange]] = {}
        self._recording = recording
        self._verifier = verifier
        self._order = order
        self._around = around

    def seen_by(
        self, seen: Sequence[Observation], changes: set[Told], made: Collection[StateChange]
    ) -> set[Told]:
        """Give those of changes that a test may have seen in a silent attempt.

        Args:
            made: what it has changed itself.
        """
        with paused():
            return self._recording.seen_by(seen, changes, self._around(), made)

    def joined(self, seen: Observation) -> Observation:
        """Join what the children of a unit saw to what it saw itself."""
        return self._recording.children.joined(seen)

    def note(self, attempt: Attempt) -> None:
        """Take what a test changes that it did not when it ran last: what holds may be upset."""
        if (nodeid := attempt.facts.nodeid) in self._awaited:
            with paused():
                self._left[nodeid] = self._recording.left_by(attempt, self._around())
        alone = self._alone(attempt)
        self._made.update((each, each.changes) for each in attempt.instances if each.changes)
        if not (attempt.changes and self._order.is_replaying):
            return
        if new := self._unlike_before(attempt, alone):
            self._order.note_state(attempt.facts.nodeid, new)
            overtaking = self._order.overtaking
            overtaking.spoil(attempt.facts.nodeid, lambda nodeid: self._may_see(nodeid, new))

    def overtaken_by(
        self,
        item: pytest.Item,
        seen: Observation,
        instances: frozenset[Instance],
        changes: frozenset[StateChange],
    ) -> Mates:
        """Give the replayed tests that would have set up fixtures before an item changed something.

        Args:
            seen: what it consulted in a silent attempt.
            instances: fixture instances it used.
            changes: long-lived objects that it has changed so far.
        """
        made = frozenset[StateChange]().union(changes, *(each.changes for each in instances))
        if not made:
            return []
        facts = self._judged[item.nodeid][0]
        attempt = Attempt(facts, seen, instances, None, None, 0.0, code_of(item), changes)
        new = self._unlike_before(attempt, self._alone(attempt))
        overtaking = self._order.overtaking
        return overtaking.before(item.nodeid, lambda name: self._may_see(name, new)) if new else []

    def _unlike_before(self, attempt: Attempt, alone: Attempt) -> set[Told]:
        """Give what a test has changed that it did not when it ran last."""
        with paused():
            last = self._verifier.last_of(attempt.facts)
            if any(self._recording.is_told(each, last) for each in (attempt, alone)):
                return set()
            known = {*read(last.get("changes")), *undone_in(last)}
            return {*self._recording.changes_of(alone, self._around())} - known

    def _may_see(self, nodeid: str, changes: set[Told]) -> bool:
        """Say whether a test may see changes; of one that runs nobody knows."""
        _, verdict = self._judged[nodeid]
        if not isinstance(verdict, Hit):
            return True
        return bool(self.sees(self._verifier.keys_of(verdict.entry), changes))

    def _alone(self, attempt: Attempt) -> Attempt:
        """Leave out what its fixtures had changed before: earlier users are told of that."""
        instances = set()
        for each in attempt.instances:
            known = self._made.get(each, frozenset())
            instances.add(replace(each, changes=each.changes - known) if known else each)
        return attempt._replace(instances=frozenset(instances))

    def blame(self, nodeids: Collection[str], changes: frozenset[StateChange]) -> None:
        """Count changes as made by tests that have ended, too."""
        for attempt in self._recording.blame(nodeids, changes):
            self.note(attempt)

    def found_by(self, attempt: Attempt) -> tuple[str, ...]:
        """Name the tests that ran unreported and left what an attempt may have seen.

        Also those that would have set up before what has been set up too late.
        """
        spoiled = self._order.overtaking.spoiled_for(attempt.facts.nodeid)
        if not self._order.unreported:
            return spoiled
        every = [attempt.seen, *(each.seen for each in attempt.instances)]
        joined = [*map(self.joined, every)]
        looked = {path for seen in joined for path in looked_at(seen)}
        variables = set_by_others(*joined)

        def seen_of(changes: set[Told]) -> set[Told]:
            return self.seen_by(every, changes, attempt.changes)

        nodeid = attempt.facts.nodeid
        found = self._order.unreported_for(nodeid, looked, seen_of, variables)
        return (*found, *spoiled)

    def is_upset(self, hit: Hit) -> bool:
        """Say whether a record was made after other tests than ran so far, or what they left."""
        entry = hit.entry
        for name, place, content in hit.after:
            facts, verdict = self._judged[name]
            before = self._verifier.left_once(facts, place, content)
            if name in self._left:
                if not are_left(before, self._left[name], place):
                    return True
            elif not leaves(verdict, place, before):
                return True
        return self._order.is_upset(entry, self._verifier.keys_of, self.sees) or (
            not self._order.by_chance and self._is_set_otherwise(entry)
        )

    def _is_set_otherwise(self, entry: Entry) -> bool:
        """Say whether a test has set what a record rests on that was made without it."""
        setters = self._recording.sequences.setters
        if not setters:
            return False
        variables = {key.name for key in self._verifier.keys_of(entry) if key.kind == ENV}
        variables.update(texts(entry.body.get("around")))
        found = setters.before(entry.unit, variables, texts(entry.body.get("sets")))
        known = needed_in(entry.body)
        return any(known.isdisjoint(group) for group in found)

    def sees(self, keys: Iterable[Key], changes: set[Told]) -> set[Told]:
        """Give those of changes that who rests on keys may see."""
        with paused():
            return self._recording.sees(keys, changes, self._around())
