"""Writes records whose footprints are known.

Of a test that failed there is one, too, under a name of its own. It is never replayed: where it
holds, the test will fail again (``Verifier.is_foretold``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.graphblob import encode_graph
from pytest_cellcache.lifecycle.inheritance import digest_of_changes
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.nametable import BLOB, PACKED, NameTable
from pytest_cellcache.lifecycle.sequences import Sequences
from pytest_cellcache.lifecycle.surroundings import Edges
from pytest_cellcache.lifecycle.units import Attempt, TestFacts
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.record import Entry, failure_of
from pytest_cellcache.store.contract import Store


class Saver:
    """Turns rows into entries of the store.

    Args:
        last_of: gives what was known of a test before.
        relative: gives the name that records have of a file.
    """

    def __init__(
        self,
        store: Store,
        inputs: Inputs,
        sequences: Sequences,
        last_of: Callable[[TestFacts], Mapping[str, Any]],
        relative: Callable[[str], str],
    ) -> None:
        self._store = store
        self._inputs = inputs
        self._sequences = sequences
        self._last_of = last_of
        self._relative = relative

    def save(
        self,
        kept: Sequence[Kept],
        everything: set[Key],
        edges: Edges,
        ran: Collection[str],
    ) -> bool:
        """Write rows; say whether all could be.

        Args:
            everything: keys that their roots lead to.
            ran: node ids of the tests of this run.
        """
        blob, positions = encode_graph(everything, edges, self._inputs.digest, self._inputs.members)
        graph = self._store.put_blob(blob)
        if graph is None:
            return False
        names = NameTable()
        bodies: list[tuple[Attempt, dict[str, Any]]] = []
        for row in kept:
            body = {
                "graph": graph,
                "roots": sorted(positions[root] for root in row.roots),
                "item": row.attempt.facts.digest,
            }
            if row.attempt.barrier is None:
                body |= self._passed(row, names, ran)
            bodies.append((row.attempt, body))
        table = self._store.put_blob(names.encode(self._sequences.digest_of)) if names else ""
        if table is None:
            return False
        groups, now = dict[str, list[Entry]](), time.time()
        for attempt, body in bodies:
            blobs = (graph, *attempt.blobs)
            if not body.keys().isdisjoint(PACKED):
                body[BLOB] = table
                blobs = (*blobs, table)
            nodeid = attempt.facts.nodeid
            unit = nodeid if attempt.barrier is None else failure_of(nodeid)
            groups.setdefault(attempt.facts.group, []).append(Entry(unit, now, blobs, body))
        written = [self._store.append(group, found) for group, found in groups.items()]
        return all(written)  # every group is tried

    def _passed(self, row: Kept, names: NameTable, ran: Collection[str]) -> dict[str, Any]:
        """Give what a record has that may be used."""
        attempt = row.attempt
        body = {"result": attempt.result, "duration": round(attempt.duration_s, 6)}
        body |= self._sequences.to_json(attempt)
        order = self._sequences.order_to_json(row, self._last_of(attempt.facts), ran)
        body |= names.pack(order)
        if attempt.changes:
            body["changed"] = digest_of_changes(attempt, self._relative)
        return body
