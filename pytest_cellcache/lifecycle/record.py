"""Turns attempts into records: footprint by footprint, written in one go.

An attempt is *closed* when every fixture it used has been torn down: only then is its footprint
whole, for a teardown consults things and can fail too. Attempts wait here until they are closed;
those that never are leave no record.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester, is_hook
from pytest_cellcache.graph.evaluated import as_probed
from pytest_cellcache.graph.locate import Locator, ran_within
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.graph.scan import scan_source
from pytest_cellcache.lifecycle.barriers import barrier_to_storing, may_tell_failure
from pytest_cellcache.lifecycle.children import ChildFootprints, Lines
from pytest_cellcache.lifecycle.consumers import Kept, with_code_read, with_producers, with_setters
from pytest_cellcache.lifecycle.contents import Contents, with_keys
from pytest_cellcache.lifecycle.evaluations import evaluations_of
from pytest_cellcache.lifecycle.flux import keys_in_flux, without_flux
from pytest_cellcache.lifecycle.footprint import InputKeys, may_ask_entries
from pytest_cellcache.lifecycle.graphblob import encode_graph
from pytest_cellcache.lifecycle.inheritance import Present, Told, are_told, digest_of_changes, tell
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.left import Left, key_of_restored, restored_in
from pytest_cellcache.lifecycle.leftovers import Leftovers, made_anew, units_of
from pytest_cellcache.lifecycle.nametable import BLOB, PACKED, NameTable
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.producers import Producers, draws
from pytest_cellcache.lifecycle.reading import Reading
from pytest_cellcache.lifecycle.resets import opening_of
from pytest_cellcache.lifecycle.sequences import Sequences
from pytest_cellcache.lifecycle.sights import Seeing
from pytest_cellcache.lifecycle.sites import ImportInputs, place_inputs
from pytest_cellcache.lifecycle.stale import with_stale
from pytest_cellcache.lifecycle.standing import ENTERED
from pytest_cellcache.lifecycle.surroundings import (
    Backwards,
    Edges,
    Surroundings,
    applies,
    packages_of,
    reach,
)
from pytest_cellcache.lifecycle.units import Attempt, TestFacts, blamed
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import BODY, EFFECTS, GROUP, HOOKS, MARKERS, RUN, Key
from pytest_cellcache.model.observation import CodeRef, Observation, StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import Store


class Recording:
    """Collects attempts and writes their records.

    Args:
        entered: keeps what modules enter in registers of others; gives the name of the blob.

    Attributes:
        sequences: what tests have to do with each other.
    """

    def __init__(
        self,
        *,
        project: Project,
        digester: Digester,
        inputs: Inputs,
        input_keys: InputKeys,
        store: Store,
        read_child: Callable[[str], Lines] = lambda _: [],
        named: Callable[[str], str] = str,
        by_chance: bool = False,
        last_of: Callable[[TestFacts], Mapping[str, Any]] = lambda _: {},
        entered: Callable[[], str] = str,
    ) -> None:
        self._last_of = last_of
        self.entered = entered
        self._project = project
        self._digester = digester
        self._inputs = inputs
        self.input_keys = input_keys
        self._store = store
        self.children = children = ChildFootprints(project, read_child)
        self._leftovers = Leftovers(store, project.snapshot, input_keys.names_of, children.joined)
        self.sequences = Sequences(children.joined, named, by_chance=by_chance)
        self._waiting: list[Attempt] = []
        self._locator = Locator(project)
        self._new: list[Attempt] = []
        self._left: Left | None = None
        self._present: Present | None = None
        self._imported: ImportInputs | None = None

    def add(self, attempt: Attempt) -> None:
        """Take an attempt; what it ran counts for others even if it cannot be stored itself."""
        self._waiting.append(attempt)
        self._new.append(attempt)
        self.sequences.add(attempt)

    def blame(self, names: Collection[str], changes: frozenset[StateChange]) -> list[Attempt]:
        """Count changes as made by attempts, too, none of which has been written; give these."""
        self._waiting, self._new = (blamed(a, names, changes) for a in (self._waiting, self._new))
        return [each for each in self._new if each.facts.nodeid in names]

    def write_now(self, attempt: Attempt, around: Surroundings) -> bool:
        """Write one record ahead of the others: another worker waits for it."""
        self._new.append(attempt)
        self.sequences.add(attempt)
        new, left = self._take_new(around)
        is_barred = barrier_to_storing(attempt, around) is not None
        return not is_barred and not any(self._write([attempt], new, around, left).values())

    def _take_new(self, around: Surroundings) -> tuple[list[Attempt], Left]:
        if self._left is None:
            self._left = self._new_left(around)
        seen_new = [seen for attempt in self._new for _, seen in units_of(attempt)]
        for seen in seen_new:
            self._locator.note_made(seen.writes - seen.appends)
        self.input_keys.look_around(self._locator.is_made)
        for seen in (around.imported, *seen_new):
            self.input_keys.note_touched(seen)
        for attempt in self._new:  # also those that wait or cannot be stored
            self._left.add(attempt)
            self._leftovers.add(attempt)
        new, self._new = self._new, []
        return new, self._left

    def write(self, around: Surroundings, *, is_final: bool) -> dict[str, Reason | None]:
        """Write the records of all closed attempts; others wait on, unless this is the end.

        Returns:
            Per node id why there is no record; ``None`` where there is one.
        """
        closed, known = list[Attempt](), dict[str, Sequence[str]]()
        fates, waiting = dict[str, Reason | None](), list[Attempt]()
        new, left = self._take_new(around)
        for attempt in self._waiting:
            if not is_final and any(instance.is_open for instance in attempt.instances):
                waiting.append(attempt)
                continue
            attempt = self.children.settle(attempt)
            chance = self.sequences.by_chance
            barrier = barrier_to_storing(attempt, around, by_chance=chance)
            fates[attempt.facts.nodeid] = barrier
            if barrier is not None:
                known[attempt.facts.nodeid] = texts(self._last_of(attempt.facts).get("producers"))
            if barrier is None or may_tell_failure(attempt, around, by_chance=chance):
                closed.append(attempt)
        self._waiting = waiting
        failed = {nodeid: fate for nodeid, fate in fates.items() if fate is not None}
        if closed or any(attempt.changes or self.sequences.has(attempt) for attempt in new):
            fates |= self._write(closed, new, around, left) | failed
        self.sequences.keep_unstored(fates, known, left, self._store)
        return fates

    def _write(
        self, closed: Sequence[Attempt], new: Sequence[Attempt], around: Surroundings, left: Left
    ) -> dict[str, Reason | None]:
        at_import = self.at_import(around)
        closure, everywhere = self._closure(around, left)
        producers = Producers(self._project, self._digester.names, closure.calls)
        shared: dict[Key, frozenset[Key]] = {
            Key(GROUP, group): self.shared(group, around, at_import) | everywhere
            for group in {attempt.facts.group for attempt in (*closed, *new)}
        }
        for restored in {r for attempt in (*closed, *new) for r in restored_in(attempt)}:
            shared[key_of_restored(restored)] = restored.keys

        def edges(key: Key) -> frozenset[Key]:
            if (known := shared.get(key) or left.edges(key)) is not None:
                return known
            others = at_import.of_key, left.inputs, seen
            return closure.edges(key).union(*(each.get(key, ()) for each in others))

        producers.add_imports(closure, around.keys_of)
        seen = Seeing(self._digester, closure).resting_on(producers.changes, producers.entering)
        reading = Reading(self._project, closure, edges, left.framed_by)
        known: dict[int, frozenset[Key]] = {}  # by identity: a test may have several attempts

        def roots_of(attempt: Attempt) -> frozenset[Key]:
            if id(attempt) not in known:
                known[id(attempt)] = self._roots(attempt, around, closure, reading)
            return known[id(attempt)]

        rows = [Kept(attempt, roots_of(attempt)) for attempt in closed]
        left.note_units(new, roots_of)
        left.note_changes(producers)
        of_names = self._project, self._digester.names
        changes = with_stale(producers.changes, closure.live_edges, *of_names, closure.loaded_first)
        kept = with_producers(rows, left, closure, changes, edges, *of_names)
        self.sequences.note_changes(changes, left)
        kept = self.sequences.apply(kept, left, roots_of)
        kept = with_code_read(kept, left, reading)
        fates: dict[str, Reason | None] = {}
        for row in [row for row in kept if row.producers and row.attempt.is_setup]:
            kept.remove(row)  # what a test left behind is in the value
            fates[row.attempt.facts.nodeid] = Reason(reasons.TOUCHED, row.producers[0])
        everything = reach({root for row in kept for root in row.roots}, edges)
        flux = keys_in_flux(self._project.snapshot, everything)
        outputs = self._leftovers.outputs_among(everything)
        if flux or outputs:
            back = Backwards(everything, edges)
            kept = without_flux(flux, outputs, kept, back, fates)
            everything = reach({root for row in kept for root in row.roots}, edges)
        if kept and not self._save(kept, everything, edges, left):
            fates.update({row.attempt.facts.nodeid: Reason(reasons.UNWRITABLE) for row in kept})
        return {row.attempt.facts.nodeid: None for row in kept} | fates

    def seen_by(
        self,
        seen: Sequence[Observation],
        changes: Collection[Told],
        around: Surroundings,
        made: Collection[StateChange] = (),
    ) -> set[Told]:
        """Give the changes that a test may have seen, by what it ran and has changed itself."""
        codes = frozenset[CodeRef]().union(*(each.codes for each in seen))
        roots = self._locator.exact(codes, self.at_import(around).of_key.keys()) | draws(made)
        opening = opening_of(seen, self._locator, self.input_keys.relative)
        return self._now(around).seen_by(changes, frozenset(roots), opening)

    def changes_of(self, attempt: Attempt, around: Surroundings) -> list[Told]:
        """Give what an attempt has changed that others may read, before it is written."""
        return tell(self._alone(attempt, around)[1].changes)

    def left_by(self, attempt: Attempt, around: Surroundings) -> Contents:
        """Tell what an attempt has left by content, as its record will."""
        return with_keys(self._alone(attempt, around)[0].left_by(attempt))

    def _alone(self, attempt: Attempt, around: Surroundings) -> tuple[Left, Producers]:
        left = self._new_left(around)
        left.add(attempt)
        producers = self._now(around).producers()
        left.note_changes(producers)
        return left, producers

    def is_told(self, attempt: Attempt, last: Mapping[str, Any]) -> bool:
        """Say whether a test has changed nothing in modules but what was told of it before."""
        return are_told(attempt, last, self.input_keys.relative)

    def sees(self, keys: Iterable[Key], changes: set[Told], around: Surroundings) -> set[Told]:
        """Give the changes that who rests on keys may see."""
        return self._now(around).seen(changes, frozenset(keys))

    def _now(self, around: Surroundings) -> Present:
        if self._present is None:
            closure, _ = self._closure(around, self._left or self._new_left(around))
            self._present = Present(self._project, self._digester.names, closure)
        return self._present

    def _new_left(self, around: Surroundings) -> Left:
        return Left(self._locator, self.input_keys, around, self.children.joined)

    def _closure(self, around: Surroundings, left: Left) -> tuple[Closure, frozenset[Key]]:
        imported_first = set(map(self.input_keys.relative, around.loaded))
        for name in imported_first:
            self._project.snapshot.note_view(name, is_absent=False)
        evaluations, everywhere = evaluations_of(
            self._digester,
            around.statements,
            modules=around.modules,
            imported=Ran(left.imported, within=ran_within(left.within, self.keys_of_code)),
            outside=left.outside,
            files=imported_first,
            late=left.loaded,
            unheard=around.unheard,
            unread=around.unread(),
            keys_of_code=self.keys_of_code,
        )
        return Closure(self._project, self._digester, evaluations), frozenset(everywhere)

    def _save(self, kept: Sequence[Kept], everything: set[Key], edges: Edges, left: Left) -> bool:
        digest = left.digests(self._inputs.digest)
        blob, positions = encode_graph(everything, edges, digest, self._inputs.members)
        name = self._store.put_blob(blob)
        if name is None:
            return False
        rows: list[tuple[Attempt, dict[str, Any]]] = []
        names, entered = NameTable(), self.entered()
        ran = frozenset(left.nodeids)
        for row in with_setters(kept, self.sequences.setters, everything, edges):
            attempt = row.attempt
            body = {
                "graph": name,
                "roots": sorted(positions[root] for root in row.roots),
                "item": attempt.facts.digest,
                "failure" if attempt.failure else "result": attempt.failure or attempt.result,
                "duration": round(attempt.duration_s, 6),
                ENTERED: entered,
            }
            order = names.pack(self.sequences.order_to_json(row, self._last_of(attempt.facts), ran))
            body |= self.sequences.to_json(attempt) | self.sequences.early_to_json(row) | order
            if attempt.changes:
                body["changed"] = digest_of_changes(attempt, self.input_keys.relative)
                body |= {"leaving": found} if (found := left.left_by(attempt)) else {}
            rows.append((attempt, body))
        table = names.encode(left.nodeids, self.sequences.digest_of) if names else b""
        named = self._store.put_blob(table) if table else ""
        if named is None:
            return False
        groups, now = dict[str, list[Entry]](), time.time()
        for attempt, body in rows:
            blobs = (name, *attempt.blobs, *filter(None, (entered,)))
            if not body.keys().isdisjoint(PACKED):
                body[BLOB] = named
                blobs = (*blobs, named)
            entry = Entry(attempt.unit, now, blobs, body)
            groups.setdefault(attempt.facts.group, []).append(entry)
        written = [self._store.append(group, found) for group, found in groups.items()]
        return all(written)  # every group is tried

    def shared(self, group: str, around: Surroundings, at_import: ImportInputs) -> frozenset[Key]:
        """Give what all tests of a file rest on."""
        plugins = [file for file in around.plugins if applies(file, group)]
        found = {Key(EFFECTS, file) for file in (group, *plugins) if file.endswith(".py")}
        found |= {Key(RUN, "", facet) for facet in around.facets}
        found |= around.declared
        found |= at_import.everybody
        for file, inputs in at_import.of_file.items():
            if around.concerns(file, group):
                found |= inputs
        sources = {file for file in (group, *plugins) if file.endswith(".py")}
        found |= {Key(HOOKS, file) for file in sources}
        digest_file = self._project.snapshot.digest_file
        found |= packages_of(sources, lambda file: digest_file(file) != ABSENT)
        for key in self.keys_of_code(around.outside.codes):
            # Hooks, and what they called, but for those of other files of tests and conftests.
            is_elsewhere = key.path in around.groups or key.path in around.plugins
            if key.path in sources or not is_elsewhere:
                found.add(as_probed(self._project, self._digester.names, key))
        for key in self.keys_of_code(around.imported.codes):
            if key.kind == BODY and key.path in sources and is_hook(key.name):
                found.add(key)
        folder = group
        while folder:
            folder = folder.rpartition("/")[0]
            conftest = f"{folder}/conftest.py" if folder else "conftest.py"
            # One that appears and only has fixtures counts for who uses these.
            found |= {Key(EFFECTS, conftest), Key(HOOKS, conftest)}
        return frozenset(found)

    def _roots(
        self, attempt: Attempt, around: Surroundings, closure: Closure, reading: Reading
    ) -> frozenset[Key]:
        facts = attempt.facts
        roots = {Key(GROUP, facts.group), *facts.keys}
        if any(key.kind == MARKERS for key in facts.keys):
            for file, inputs in self.at_import(around).of_opaque.items():
                if around.concerns(file, facts.group):
                    roots |= inputs
        roots |= {key_of_restored(restored) for restored in restored_in(attempt)}
        named = self.at_import(around).of_key.keys()
        by_others = self.sequences.of(attempt).written
        consulted = [(each.seen, each.with_upstream() - {each}) for each in attempt.instances]
        for seen, before in (*consulted, (attempt.seen, attempt.instances)):
            made_for = [around.imported, *(instance.seen for instance in before)]
            written = by_others.union(*map(made_anew, made_for))
            assigned = frozenset[str]().union(*(each.left for each in made_for))
            roots |= self._locator.exact(seen.codes, named)
            lines, others = self._locator.lines(seen)
            roots |= lines | self.input_keys.keys(others, frozenset(written), assigned)
            roots |= self.children.keys(seen, closure)
            if seen.scanned and may_ask_entries(self._project, self.keys_of_code(seen.codes)):
                roots |= self.input_keys.keys(Observation(reads=seen.scanned), frozenset(written))
        roots |= draws(attempt.changes)
        for instance in attempt.instances:
            roots |= instance.keys | draws(instance.changes)
        for producer in self._leftovers.producers_of(attempt):
            roots.add(Key(GROUP, producer.group))
            roots |= self.keys_of_code(producer.seen.codes)
            roots |= self.input_keys.keys(producer.seen, around.imported.writes)
        for path, source in facts.snippets:
            roots |= closure.called(path, scan_source(source))
        own = (attempt.seen, *(instance.seen for instance in attempt.instances))
        every = (*own, *(each.seen for each in self._leftovers.producers_of(attempt)))
        framed = [self._locator.framed(each, named) for each in (every, [around.imported])]
        has_children = any(seen.spawned for seen in (around.imported, *own))
        roots |= reading.read_by(roots, facts.group, framed, has_children=has_children)
        return frozenset(roots - self._digester.loading.asked_anyway(facts.group))

    def at_import(self, around: Surroundings) -> ImportInputs:
        """Give who rests on the inputs of imports and collection."""
        if self._imported is None:
            keys = functools.partial(self.input_keys.keys, written=around.imported.writes)
            self._imported = place_inputs(self._project, around.imported, keys)
        return self._imported

    def keys_of_code(self, codes: Iterable[CodeRef]) -> set[Key]:
        """Give the keys of code objects that ran."""
        return self._locator.keys(codes)
