"""Finds the stored record of a test that still holds, or says what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_cellcache.graph.members import Members
from pytest_cellcache.lifecycle.contents import Contents, contents_in, is_what
from pytest_cellcache.lifecycle.entered import EnteredNow
from pytest_cellcache.lifecycle.graphblob import StoredGraph
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.nametable import BLOB, StoredNames
from pytest_cellcache.lifecycle.precedence import SINCE, read_unstored, texts
from pytest_cellcache.lifecycle.producers import place_left, unit_of
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import CODE_KINDS, FILE, Key
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry, Hit, Miss, Verdict, collection_of, failure_of
from pytest_cellcache.sources.snapshot import Snapshot
from pytest_cellcache.store.contract import Store

_BROKEN = (KeyError, TypeError, ValueError, IndexError, RecursionError, AttributeError)
"""What reading a record written by something else may raise."""


class Verifier:
    """Looks up and verifies records; groups and graphs are read once a run.

    Args:
        max_age_s: older records are not used; ``None``: any age.

    Attributes:
        entered: what modules enter in registers of others, once they are all collected.
    """

    def __init__(
        self, store: Store, inputs: Inputs, snapshot: Snapshot, max_age_s: float | None = None
    ) -> None:
        # The clock of another machine may be ahead: what comes from the future is young.
        self._oldest_s = time.time() - max_age_s if max_age_s is not None else None
        self._store = store
        self._inputs = inputs
        self._snapshot = snapshot
        self._reached: tuple[Entry | None, frozenset[Key]] = None, frozenset()
        self._groups: dict[str, dict[str, list[Entry]]] = {}
        self._graphs: dict[str, StoredGraph | None] = {}
        self._unstored: dict[str, dict[str, dict[str, Any]]] = {}
        self._names: dict[str, StoredNames] = {}
        self._left_once: dict[tuple[str, str, str, str], Contents] = {}
        self.entered: EnteredNow | None = None

    def judge(self, facts: TestFacts, *, may_wait: bool = False) -> Verdict:
        """Give ``Hit`` with the newest record that holds, or ``Miss`` with the reason.

        Args:
            may_wait: a record will do that holds if others leave the same as they did.
        """
        if facts.barrier is not None:
            return Miss(facts.barrier)
        first: Reason | None = None
        waiting: Hit | None = None
        for entry in self._entries(facts.group).get(facts.nodeid, []):
            reason = self._reason(facts, entry)
            if reason is None:
                return Hit(entry)
            first = first or reason
            if may_wait and waiting is None and reason.slug == reasons.CHANGED:
                waiting = self._waiting(facts, entry, reason)
        return waiting or Miss(first or Reason(reasons.NEW))

    def _waiting(self, facts: TestFacts, entry: Entry, reason: Reason) -> Hit | None:
        try:
            awaited = self._graph_of(entry).awaited(entry.body["roots"])
            if not awaited or self._reason_beside(facts, entry) is not None:
                return None
        except _BROKEN:
            return None
        return Hit(
            entry,
            tuple((unit_of(key).name, place_left(key), content) for key, content in awaited),
            reason,
        )

    def entries_of(self, facts: TestFacts) -> Sequence[Entry]:
        """Give the records of a test, newest first."""
        return self._entries(facts.group).get(facts.nodeid, ())

    def another(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> Entry | None:
        """Give the newest record that holds and fits."""
        for entry in self._entries(facts.group).get(facts.nodeid, []):
            if fits(entry) and self._reason(facts, entry) is None:
                return entry
        return None

    def producers_of(self, facts: TestFacts) -> Sequence[str]:
        """Give the node ids of the tests that left something behind for a test when it last ran."""
        return texts(self.last_of(facts).get("producers"))

    def last_of(self, facts: TestFacts) -> Mapping[str, Any]:
        """Give what is known of a test since it last ran; its result may not have been kept."""
        unstored = self._unstored_of(facts)
        if unstored.keys() - {reasons.FAILED, SINCE}:
            return unstored
        entries = self._entries(facts.group).get(facts.nodeid)
        return entries[0].body if entries else {}

    def has_run_since(self, facts: TestFacts, body: Mapping[str, Any]) -> bool:
        """Say whether a test has run since a record of it was made, and left no newer one."""
        return self.last_of(facts) is not body or SINCE in self._unstored_of(facts)

    def failed_last(self, facts: TestFacts) -> bool:
        """Say whether a test failed when it ran last, and left something behind."""
        return reasons.FAILED in self._unstored_of(facts)

    def failures(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> dict[str, Entry]:
        """Give how a test failed with nothing left out, with the records that hold and fit."""
        if facts.barrier is not None:
            return {}
        entries = self._entries(facts.group).get(failure_of(facts.nodeid), ())
        of_test = [entry._replace(unit=facts.nodeid) for entry in entries]
        return {
            str(entry.body.get("failure")): entry
            for entry in of_test
            if fits(entry) and self._reason(facts, entry) is None
        }

    def _unstored_of(self, facts: TestFacts) -> Mapping[str, Any]:
        if facts.group not in self._unstored:
            self._unstored[facts.group] = read_unstored(self._store, facts.group)
        return self._unstored[facts.group].get(facts.nodeid, {})

    def left_once(self, facts: TestFacts, place: str, digest: str) -> Contents:
        """Give what a test left once, by a digest of what it left in a place, if it is known."""
        asked = facts.group, facts.nodeid, place, digest  # by many readers, and more than once
        if asked not in self._left_once:
            known = self._entries(facts.group)
            # Who fails leaves something, too.
            units = facts.nodeid, failure_of(facts.nodeid)
            found = (contents_in(entry.body) for unit in units for entry in known.get(unit, ()))
            self._left_once[asked] = next((c for c in found if is_what(c, place, digest)), {})
        return self._left_once[asked]

    def collection(self, group: str, facts: Digest) -> Entry | None:
        """Give the newest record of the collection of a module that holds."""
        for entry in self._entries(group).get(collection_of(group), []):
            try:
                body = entry.body
                graph = self._graph(body["graph"])
                is_same = body["item"] == facts
                holds = is_same and graph and not graph.first_change(body["roots"], is_opaque=True)
            except _BROKEN:
                continue
            if holds:
                return entry
        return None

    def would_hit(self, group: str, nodeid: str, digest: str) -> bool:
        """Say whether a test hits if its facts have a digest that begins like this."""
        for entry in self._entries(group).get(nodeid, []):
            try:
                body = entry.body
                graph = self._graph(body["graph"])
                is_same = body["item"].startswith(digest)
                if is_same and graph and not graph.first_change(body["roots"], is_opaque=True):
                    return True
            except _BROKEN:
                continue
        return False

    def keys_of(self, entry: Entry) -> frozenset[Key]:
        """Give everything that the footprint of an entry leads to.

        Raises:
            LookupError: its graph is not there any more.
        """
        asked, found = self._reached
        if asked is not entry:  # several ask about an item, one after the other
            found = self._graph_of(entry).reached(entry.body["roots"])
            self._reached = entry, found
        return found

    def roots_of(self, entry: Entry) -> frozenset[Key]:
        """Give what a test ran and consulted itself, and what it rests on that others left.

        Raises:
            LookupError: its graph is not there any more.
        """
        return self._graph_of(entry).rooted(entry.body["roots"])

    def _graph_of(self, entry: Entry) -> StoredGraph:
        graph = self._graph(entry.body["graph"])
        if graph is None:
            raise LookupError(entry.unit)
        return graph

    def look_again(self, group: str) -> None:
        """Forget what a group held: another process may have written meanwhile."""
        self._groups.pop(group, None)
        self._left_once.clear()

    def _entries(self, group: str) -> dict[str, list[Entry]]:
        if group not in self._groups:
            found: dict[str, list[Entry]] = {}
            for stored in self._store.read(group):
                entry = self._with_names(stored) if BLOB in stored.body else stored
                if entry is not None:
                    found.setdefault(entry.unit, []).append(entry)
            self._groups[group] = found
        return self._groups[group]

    def _with_names(self, entry: Entry) -> Entry | None:
        """Give a record with the names that it has numbers for; ``None`` if it is damaged."""
        try:
            blob = entry.body[BLOB]
            if blob not in self._names:
                self._names[blob] = StoredNames(self._store.get_blob(blob) or b"")
            return entry._replace(body=self._names[blob].unpack(entry.body))
        except _BROKEN:
            return None

    def _reason(self, facts: TestFacts, entry: Entry) -> Reason | None:
        try:
            return self._check(facts, entry)
        except _BROKEN:
            return Reason(reasons.NEW, "unreadable record")

    def _check(self, facts: TestFacts, entry: Entry) -> Reason | None:
        if self._oldest_s is not None and entry.created_s < self._oldest_s:
            return Reason(reasons.EXPIRED)
        graph = self._graph(entry.body["graph"])
        if graph is None:
            return Reason(reasons.NEW, "its graph is missing")
        change = graph.first_change(entry.body["roots"], is_opaque=bool(facts.snippets))
        if change is not None:
            return Reason(reasons.CHANGED, str(change))
        return self._reason_beside(facts, entry)

    def _reason_beside(self, facts: TestFacts, entry: Entry) -> Reason | None:
        """Say what has changed beside the footprint."""
        if entry.body["item"] != facts.digest:
            return Reason(reasons.ITEM_CHANGED)
        entered = self.entered.upsetting(entry) if self.entered is not None else None
        return None if entered is None else Reason(reasons.ENTERED, entered)

    def _graph(self, name: str) -> StoredGraph | None:
        if name not in self._graphs:
            blob = self._store.get_blob(name)
            graph: StoredGraph | None = None
            if blob is not None:
                try:
                    graph = StoredGraph(
                        blob,
                        self._digest,
                        self._members,
                        self._inputs.mentions,
                        self._inputs.brings_nothing,
                    )
                except _BROKEN:
                    graph = None
            self._graphs[name] = graph
        return self._graphs[name]

    def _digest(self, key: Key) -> Digest:
        if (key.kind == FILE or key.kind in CODE_KINDS) and self._snapshot.was_in_flux(key.path):
            return Digest("in flux")
        return self._inputs.digest(key)

    def _members(self, key: Key) -> Members | None:
        return None if self._snapshot.was_in_flux(key.path) else self._inputs.members(key)
