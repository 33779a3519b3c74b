"""Turns verdicts over that do not go together: who runs may need others to run before."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import pytest

from pytest_cellcache.hooks.byname import ByName
from pytest_cellcache.hooks.leavings import LEAVING, has_other_past, put_back_in, set_in
from pytest_cellcache.hooks.makers import Makers
from pytest_cellcache.hooks.outdated import Outdated
from pytest_cellcache.hooks.scopes import places_of, reach_of
from pytest_cellcache.lifecycle.contents import Contents, are_left, contents_in
from pytest_cellcache.lifecycle.firstusers import FirstUsers
from pytest_cellcache.lifecycle.nametable import Among
from pytest_cellcache.lifecycle.precedence import Others, Precedence, groups, texts
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry, Hit, Miss, Verdict

Judged = dict[str, tuple[TestFacts, Verdict]]
FEW: Final = 10
"""Tests that run because another one might need them."""


class Records(Protocol):
    """What is known of tests from earlier runs."""

    def producers_of(self, facts: TestFacts) -> Sequence[str]: ...

    def failures(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> Mapping[str, Entry]: ...

    def last_of(self, facts: TestFacts) -> Mapping[str, Any]: ...

    def left_once(self, facts: TestFacts, place: str, digest: str) -> Contents: ...

    def entries_of(self, facts: TestFacts) -> Sequence[Entry]: ...

    def keys_of(self, entry: Entry) -> frozenset[Key]: ...

    def another(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> Entry | None: ...


def settle(
    items: Iterable[pytest.Item],
    judged: Judged,
    records: Records,
    first_users: FirstUsers,
    by_name: ByName,
    by_chance: bool,
) -> dict[str, Mapping[str, Entry]]:
    """Turn hits into misses where they must run for others, or after others.

    Returns:
        Per node id how tests that run failed when that was confirmed, with the records of it.
    """
    for nodeid, (_, verdict) in judged.items() if by_chance else ():
        if isinstance(verdict, Hit) and verdict.after:
            _give_up(judged, nodeid, verdict)  # who comes before it is not known
            continue
        # After whom it would have to run again is not known.
        if isinstance(verdict, Hit) and set_in(verdict.entry.body):
            _flip(judged, nodeid, "")
    in_order = [item for item in items if item.nodeid in judged]
    ranks = {item.nodeid: number for number, item in enumerate(in_order)}
    fits = _Fitting(ranks, judged, records, first_users)
    failures = {
        nodeid: found
        for nodeid in ranks
        if isinstance(judged[nodeid][1], Miss)
        and (found := records.failures(judged[nodeid][0], fits))
    }
    while (
        _keep_waiting(ranks, judged, records)
        or _keep_order(ranks, judged, records, fits)
        or _run_producers(judged, records, failures)
        or _keep_early(in_order, ranks, judged, records, by_name)
        or _keep_sequences(in_order, judged, records)
        or _keep_settings(in_order, judged, records)
    ):
        pass
    return failures


class _Fitting:
    """Says of records whether they were made after the producers that stand before the test now."""

    def __init__(
        self,
        ranks: Mapping[str, int],
        judged: Judged,
        records: Records,
        first_users: FirstUsers,
    ) -> None:
        self._first_users = first_users
        self._ranks, self._judged, self._records = ranks, judged, records
        self._precedence = Precedence(ranks)
        self._outdated = Outdated(ranks, judged, records)
        self._others = Others(lambda name: judged[name][0].digest if name in judged else None)

    def __call__(self, entry: Entry) -> bool:
        ranks, name = self._ranks, entry.unit
        last = self._records.last_of(self._judged[name][0])
        if last is not entry.body:
            # What it ran after when it failed, say, tells more than an older record.
            new = {*texts(last.get("producers"))}.difference(texts(entry.body.get("producers")))
            if any(ranks.get(each, len(ranks)) <= ranks[name] for each in new):
                return False
        if self._others.are_in(entry.body) or self._first_users.is_broken(entry.body):
            return False
        return not self._precedence.is_broken(entry.body, name) and not (
            self._outdated.is_among(entry)
        )


def _keep_waiting(ranks: Mapping[str, int], judged: Judged, records: Records) -> bool:
    """Let none wait for what others leave who do not run, or have left another thing.

    Who comes after a test leaves nothing for it (``_keep_order`` sees to it that none comes before
    it that came after it when it ran).
    """
    has_changed = False
    for nodeid, rank in ranks.items():
        facts, verdict = judged[nodeid]
        if not isinstance(verdict, Hit) or not verdict.after:
            continue
        later = texts(verdict.entry.body.get("later"))
        after = tuple(
            each
            for each in verdict.after
            if (ranks[each[0]] < rank if each[0] in ranks else each[0] not in later)
        )
        judged[nodeid] = facts, verdict._replace(after=after)
        for name, place, content in after:
            other = judged[name][1] if name in judged else None
            before = records.left_once(judged[name][0], place, content) if other else {}
            if not before or not (isinstance(other, Miss) or leaves(other, place, before)):
                _give_up(judged, nodeid, verdict)
                has_changed = True
                break
    return has_changed


def leaves(verdict: Verdict | None, place: str, before: Contents) -> bool:
    """Say whether a test that is replayed has left in a place what was left before."""
    return isinstance(verdict, Hit) and are_left(before, contents_in(verdict.entry.body), place)


def _give_up(judged: Judged, nodeid: str, verdict: Hit) -> None:
    judged[nodeid] = judged[nodeid][0], Miss(verdict.otherwise)


def _run_producers(judged: Judged, records: Records, failures: Container[str]) -> bool:
    """Let tests that leave something behind run where a test that reads it runs.

    Who has failed after them, and rests on nothing that has changed, fails again without them; if
    it does not, they run before it counts.
    """
    running = [nodeid for nodeid, (_, verdict) in judged.items() if isinstance(verdict, Miss)]
    hits = judged.keys() - running
    waiting = [nodeid for nodeid in running if nodeid not in failures]
    known = Among(hits)
    has_changed = False
    while waiting and hits:
        consumer = waiting.pop()
        # A test may have thousands, of which most run already.
        for nodeid in sorted(known.among(records.producers_of(judged[consumer][0]))):
            _flip(judged, nodeid, consumer)
            hits.discard(nodeid)
            known.discard(nodeid)
            waiting.append(nodeid)
            has_changed = True
        for group in groups(records.last_of(judged[consumer][0]).get("either")):
            there = [name for name in group if name in judged]
            if any(isinstance(judged[name][1], Miss) for name in there):
                continue
            for name in there[:1]:
                has_changed |= _flip(judged, name, consumer)
                hits.discard(name)
                known.discard(name)
                waiting.append(name)
    return has_changed


def _keep_early(
    items: list[pytest.Item],
    ranks: Mapping[str, int],
    judged: Judged,
    records: Records,
    by_name: ByName,
) -> bool:
    """Let those run in their place that would be needed later, and see then what others do.

    Who runs uses a wider fixture that another test set up, or waits and may need its producer, or
    has changed and may need one that nobody knows; in between somebody runs who changes what that
    fixture, or producer, looks at. Who waits or has changed mostly needs nobody in the end: where
    many would run for it, they do not (they run late if needed, and what comes of it is not kept).
    """
    ends = {
        nodeid: end
        for nodeid, (_, verdict) in judged.items()
        if isinstance(verdict, Hit) and (end := _seen_from(nodeid, verdict, ranks, judged))
    }
    if not ends:
        return False
    has_changed = False
    leaving = [name for name in ends if not LEAVING.isdisjoint(_told_by(judged[name][1]))]
    may_run = [
        item
        for item in items
        if isinstance(verdict := judged[item.nodeid][1], Miss) or verdict.after
    ]
    for item in may_run:
        facts, verdict = judged[item.nodeid]
        if isinstance(verdict, Hit):
            needed: Iterable[str] = records.producers_of(facts)
        else:
            needed = leaving if is_own(verdict) else ()
        early = [name for name in needed if ends.get(name, len(ranks)) < ranks[item.nodeid]]
        if sum(1 + len(records.producers_of(judged[name][0])) for name in early) <= FEW:
            for name in early:
                has_changed |= _flip(judged, name, item.nodeid)
    users: dict[str, list[int]] = {}
    for item in may_run:
        for place in by_name.all_places_of(item):
            users.setdefault(place, []).append(ranks[item.nodeid])
    for item in items if users else ():
        end = ends.get(item.nodeid, len(ranks))
        for place in by_name.all_places_of(item) & users.keys() if end < len(ranks) else ():
            later = [rank for rank in users[place] if rank > end]
            live = (rank for rank in users[place] if rank < end and _runs(items[rank], judged))
            if later and not any(live):
                has_changed |= _flip(judged, item.nodeid, items[min(later)].nodeid)
                users[place].append(ranks[item.nodeid])
    return has_changed


def _seen_from(nodeid: str, verdict: Hit, ranks: Mapping[str, int], judged: Judged) -> int | None:
    """Give the place of the first test that runs after a replayed one and changes what it sees."""
    later = texts(verdict.entry.body.get("later"))
    found = (ranks[name] for name in later if name in ranks and isinstance(judged[name][1], Miss))
    return min((rank for rank in found if rank > ranks[nodeid]), default=None)


def _told_by(verdict: Verdict) -> Mapping[str, Any]:
    """Give the record of a test that is replayed; nothing for another one."""
    return verdict.entry.body if isinstance(verdict, Hit) else {}


def is_own(verdict: Verdict) -> bool:
    """Say whether a test runs on its own account, and not for others."""
    return isinstance(verdict, Miss) and verdict.reason.slug != reasons.PRODUCER


def _runs(item: pytest.Item, judged: Judged) -> bool:
    return isinstance(judged[item.nodeid][1], Miss)


def _keep_order(ranks: Mapping[str, int], judged: Judged, records: Records, fits: _Fitting) -> bool:
    """Use no record that was made after other producers than stand before the test now."""
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


def _keep_settings(items: list[pytest.Item], judged: Judged, records: Records) -> bool:
    """Let tests set anew, or put back, what tests that run have set before them."""
    has_changed = False
    there: set[str] = set()
    for item in items:
        facts, verdict = judged[item.nodeid]
        told = _told_by(verdict) or records.last_of(facts)
        names, resets = set_in(told), put_back_in(told)
        if isinstance(verdict, Hit) and not there.isdisjoint(names | resets):
            has_changed |= _flip(judged, item.nodeid, "")
            verdict = judged[item.nodeid][1]
        if isinstance(verdict, Miss):
            there = (there | names) - resets
    return has_changed


def _keep_sequences(items: list[pytest.Item], judged: Judged, records: Records) -> bool:
    has_changed = False
    done: dict[str, list[str]] = {}
    left: dict[str, list[str]] = {}
    makers = Makers()
    for item in items:
        facts, verdict = judged[item.nodeid]
        told = _told_by(verdict) or records.last_of(facts)
        if isinstance(verdict, Hit) and has_other_past(told, done):
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
