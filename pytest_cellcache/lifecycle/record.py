"""Turns attempts into records: footprint by footprint, written in one go.

An attempt is *closed* when every fixture it used has been torn down: only then is its footprint
whole, for a teardown consults things and can fail too. Attempts wait here until they are closed;
those that never are leave no record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_cellcache.graph.closure import (
    IMPORT,
    SESSION,
    Closure,
    Node,
)
from pytest_cellcache.graph.digests import Digester, is_hook
from pytest_cellcache.graph.locate import locate, places_of
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Attributes, Place, Ran, Writers
from pytest_cellcache.graph.scan import scan_source
from pytest_cellcache.lifecycle.children import ChildFootprints, Lines
from pytest_cellcache.lifecycle.footprint import InputKeys, barrier_of
from pytest_cellcache.lifecycle.graphblob import encode_graph
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.leftovers import Leftovers, units_of
from pytest_cellcache.lifecycle.sites import place_inputs
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model import reasons
from pytest_cellcache.model.keys import (
    BODY,
    CODE_KINDS,
    EFFECTS,
    EXISTS,
    FILE,
    GROUP,
    HOOKS,
    MARKERS,
    RUN,
    TREE,
    Key,
)
from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import Store

_NOTHING: Final[frozenset[str]] = frozenset()
Edges = Callable[[Node], frozenset[Node]]
Kept = tuple[Attempt, frozenset[Node]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all tests of a run share.

    Attributes:
        imported: what ran and was consulted before the first test.
        loaded: absolute files of the first-party modules loaded before the first test.
        plugins: relative files of first-party plugins and conftests.
        facets: names of the facets of the run that count for every test.
        declared: inputs that every test depends on by declaration.
        may_connect: what answers on the network does not count.
    """

    imported: Observation
    loaded: tuple[str, ...]
    plugins: tuple[str, ...]
    facets: tuple[str, ...]
    declared: frozenset[Key] = frozenset()
    may_connect: bool = False


class Recording:
    """Collects attempts and writes their records."""

    def __init__(
        self,
        *,
        project: Project,
        digester: Digester,
        inputs: Inputs,
        input_keys: InputKeys,
        store: Store,
        read_child: Callable[[str], Lines] = lambda _: [],
    ) -> None:
        self._project = project
        self._digester = digester
        self._inputs = inputs
        self.input_keys = input_keys
        self._store = store
        self.children = ChildFootprints(project, read_child)
        self._leftovers = Leftovers(store, project.snapshot, input_keys.names_of)
        self._waiting: list[Attempt] = []
        self._located: dict[CodeRef, tuple[Node, ...]] = {}
        self._new: list[Attempt] = []
        self._users: dict[Instance, int] = {}
        self._left: _Traces | None = None

    def add(self, attempt: Attempt) -> None:
        """Take an attempt; what it ran counts for others even if it cannot be stored itself."""
        self._waiting.append(attempt)
        self._new.append(attempt)
        for instance in attempt.instances:
            self._users[instance] = self._users.get(instance, 0) + 1

    def write(self, around: Surroundings, *, is_final: bool) -> dict[str, Reason | None]:
        """Write the records of all closed attempts; others wait on, unless this is the end.

        Returns:
            Per node id why there is no record; ``None`` where there is one.
        """
        closed: list[Attempt] = []
        fates: dict[str, Reason | None] = {}
        waiting: list[Attempt] = []
        if self._left is None:
            self._left = _Traces(self, around)
        for attempt in self._new:  # also those that wait or cannot be stored
            self._left.add(attempt)
            self._leftovers.add(attempt)
        self._new = []
        for attempt in self._waiting:
            if not is_final and any(instance.is_open for instance in attempt.instances):
                waiting.append(attempt)
                continue
            attempt = self.children.settle(attempt)
            barrier = _barrier(attempt, around)
            fates[attempt.facts.nodeid] = barrier
            if barrier is None:
                closed.append(attempt)
        self._waiting = waiting
        if closed:
            fates.update(self._write(closed, around, self._left))
        return fates

    def _write(
        self, closed: Sequence[Attempt], around: Surroundings, left: _Traces
    ) -> dict[str, Reason | None]:
        ran = Ran(left.imported | left.ran, frozenset(left.tests))
        imported = Ran(left.imported)
        attributes = Attributes(self._project, ran)
        places = self._project.snapshot.places
        files = {places.relative(name) for name in around.loaded} | left.loaded
        writers = Writers(self._project, self._digester, left.imported | left.ran, files)
        closure = Closure(self._project, self._digester, imported, ran, writers, files)
        shared = {
            Node(Key(GROUP, group)): self._shared(group, around, left)
            for group in {attempt.facts.group for attempt in closed}
        }

        def edges(node: Node) -> frozenset[Node]:
            if node in shared:
                return shared[node]
            found = closure.edges(node)
            inputs = left.inputs.get(node)
            return found | inputs if inputs else found

        fates: dict[str, Reason | None] = {}
        kept: list[Kept] = []
        everything: set[Node] = set()
        for attempt in closed:
            roots = self._roots(attempt, around, left, closure, edges)
            roots |= {
                Node(Key(BODY, *place), SESSION)
                for place in attributes.left_by_others(
                    places_of(set(roots)), places_of(self._own_nodes(attempt))
                )
            }
            kept.append((attempt, roots))
            everything |= roots
        everything = _reach(everything, edges)
        flux = {
            node
            for node in everything
            if (
                (node.key.kind == FILE or node.key.kind in CODE_KINDS)
                and self._project.snapshot.is_in_flux(node.key.path)
            )
            or (node.key.kind == TREE and self._project.snapshot.is_tree_in_flux())
        }
        outputs = self._leftovers.outputs_among(everything)
        if flux or outputs:
            kept = self._without(flux, outputs, kept, edges, fates)
            everything = _reach({root for _, roots in kept for root in roots}, edges)
        if kept and not self._save(kept, everything, edges):
            fates.update({a.facts.nodeid: Reason(reasons.UNWRITABLE) for a, _ in kept})
        return {attempt.facts.nodeid: None for attempt, _ in kept} | fates

    def _save(self, kept: Sequence[Kept], everything: set[Node], edges: Edges) -> bool:
        blob, positions = encode_graph(everything, edges, self._inputs.digest)
        name = self._store.put_blob(blob)
        if name is None:
            return False
        groups: dict[str, list[Entry]] = {}
        now = time.time()
        for attempt, roots in kept:
            body = {
                "graph": name,
                "roots": sorted(positions[root] for root in roots),
                "item": attempt.facts.digest,
                "result": attempt.result,
                "duration": round(attempt.duration_s, 6),
            }
            entry = Entry(attempt.facts.nodeid, now, (name,), body)
            groups.setdefault(attempt.facts.group, []).append(entry)
        written = [self._store.append(group, found) for group, found in groups.items()]
        return all(written)  # every group is tried

    def _shared(self, group: str, around: Surroundings, left: _Traces) -> frozenset[Node]:
        plugins = [file for file in around.plugins if _applies(file, group)]
        found = {Node(Key(EFFECTS, file)) for file in (group, *plugins) if file.endswith(".py")}
        found |= {Node(Key(RUN, "", facet)) for facet in around.facets}
        found |= {Node(key) for key in around.declared}
        found |= left.at_import.everybody
        for file, inputs in left.at_import.of_file.items():
            if _concerns(file, group, around):
                found |= inputs
        sources = {file for file in (group, *plugins) if file.endswith(".py")}
        found |= {Node(Key(HOOKS, file)) for file in sources}
        for path, qualname in left.imported:
            if path in sources and is_hook(qualname):
                found.add(Node(Key(BODY, path, qualname), IMPORT))
        folder = group
        while folder:  # a conftest that appears
            folder = folder.rpartition("/")[0]
            conftest = f"{folder}/conftest.py" if folder else "conftest.py"
            found.add(Node(Key(EXISTS, conftest)))
        return frozenset(found)

    def _roots(
        self,
        attempt: Attempt,
        around: Surroundings,
        left: _Traces,
        closure: Closure,
        edges: Edges,
    ) -> frozenset[Node]:
        facts = attempt.facts
        roots = {Node(Key(GROUP, facts.group)), *(Node(key) for key in facts.keys)}
        if any(key.kind == MARKERS for key in facts.keys):
            for file, inputs in left.at_import.of_opaque.items():
                if _concerns(file, facts.group, around):
                    roots |= inputs
        before = around.imported.writes
        for instance in attempt.instances:
            upstream = instance.with_upstream() - {instance}
            written = before.union(*(other.seen.writes for other in upstream))
            roots |= self.nodes(instance.seen.codes)
            roots |= {Node(key) for key in self.input_keys.keys(instance.seen, written)}
            roots |= self.children.nodes(instance.seen, closure)
        written = before.union(*(instance.seen.writes for instance in attempt.instances))
        roots |= self.nodes(attempt.seen.codes)
        roots |= {Node(key) for key in self.input_keys.keys(attempt.seen, written)}
        roots |= self.children.nodes(attempt.seen, closure)
        for producer in self._leftovers.producers_of(attempt):
            roots.add(Node(Key(GROUP, producer.group)))
            roots |= self.nodes(producer.seen.codes)
            roots |= {Node(key) for key in self.input_keys.keys(producer.seen, before)}
        for path, source in facts.snippets:
            roots |= closure.called(path, scan_source(source))
        if closure.reads_docs(roots):
            roots |= closure.docs(_reach(roots, edges))
        return frozenset(roots)

    def _own_nodes(self, attempt: Attempt) -> set[Node]:
        """Give the nodes of what ran for one test only."""
        found = set(self.nodes(attempt.seen.codes))
        for instance in attempt.instances:
            if self._users[instance] < 2:
                found |= self.nodes(instance.seen.codes)
        return found

    def nodes(self, codes: Iterable[CodeRef]) -> set[Node]:
        """Give the nodes of code objects that ran."""
        found: set[Node] = set()
        for ref in codes:
            nodes = self._located.get(ref)
            if nodes is None:
                nodes = self._located[ref] = locate(self._project, ref)
            found.update(nodes)
        return found

    def _without(
        self,
        flux: set[Node],
        outputs: Mapping[Node, frozenset[str]],
        kept: Sequence[Kept],
        edges: Edges,
        fates: dict[str, Reason | None],
    ) -> list[Kept]:
        clean = []
        for attempt, roots in kept:
            reached = _reach(roots, edges)
            touched = reached & flux
            own = {unit for unit, _ in units_of(attempt)}
            written = {node for node in reached & outputs.keys() if outputs[node] - own}
            if touched:
                path = min(node.key.path for node in touched)
                fates[attempt.facts.nodeid] = Reason(reasons.IN_FLUX, path)
            elif written:
                path = min(node.key.path for node in written)
                fates[attempt.facts.nodeid] = Reason(reasons.OUTPUT, path)
            else:
                clean.append((attempt, roots))
        return clean


class _Traces:
    """What units left behind for later ones: bodies run by imports, inputs of what is kept.

    Attributes:
        imported: bodies that ran in imports, also in those that a test made first.
        loaded: relative files of the modules that tests imported first.
        ran: bodies that tests and fixtures ran.
        tests: those that are functions of tests.
        at_import: inputs of imports and collection.
        inputs: per body that may have kept something, and per module imported by a test, the
            inputs of the units that ran it.
    """

    def __init__(self, recording: Recording, around: Surroundings) -> None:
        self._recording = recording
        self.imported = places_of(recording.nodes(around.imported.codes))
        self.at_import = place_inputs(
            recording._project,
            around.imported,
            lambda seen: recording.input_keys.keys(seen, frozenset()),
        )
        self.inputs: dict[Node, frozenset[Node]] = {
            node: frozenset(inputs) for node, inputs in self.at_import.of_node.items()
        }
        self.loaded: set[str] = set()
        self.ran: set[Place] = set()
        self.tests: set[Place] = set()

    def add(self, attempt: Attempt) -> None:
        """Take what a test and its fixtures ran and consulted."""
        if attempt.code is not None:
            self.tests |= places_of(self._recording.nodes([attempt.code]))
        for seen in (attempt.seen, *(instance.seen for instance in attempt.instances)):
            nodes = self._recording.nodes(seen.codes)
            self.ran |= places_of(nodes)
            modules = {node for node in nodes if node.key.kind == EFFECTS}
            self.loaded |= {node.key.path for node in modules}
            if modules:
                self.imported |= places_of(nodes)
            seen = self._recording.children.joined(seen)
            inputs = frozenset(Node(key) for key in self._recording.input_keys.keys(seen, _NOTHING))
            if inputs:
                kept = {Node(node.key, SESSION) for node in nodes if node.key.kind == BODY}
                for node in modules | kept:
                    self.inputs[node] = self.inputs.get(node, frozenset()) | inputs


def _barrier(attempt: Attempt, around: Surroundings) -> Reason | None:
    if attempt.barrier is not None:
        return attempt.barrier
    for instance in attempt.instances:
        if instance.has_failed or instance.is_open:
            return Reason(reasons.FAILED, f"fixture {instance.name}")
    if attempt.seen.left:
        return Reason(reasons.LEFT_BEHIND, ", ".join(sorted(attempt.seen.left)))
    may_connect = around.may_connect or attempt.facts.may_connect
    consulted = (attempt.seen, *(instance.seen for instance in attempt.instances), around.imported)
    for seen in consulted:
        found = barrier_of(seen, may_connect=may_connect)
        if found is not None:
            return found
    return None


def _applies(plugin: str, group: str) -> bool:
    """Say whether a plugin concerns the tests of a file: a conftest only below its folder."""
    folder, _, name = plugin.rpartition("/")
    return name != "conftest.py" or not folder or group.startswith(folder + "/")


def _concerns(file: str, group: str, around: Surroundings) -> bool:
    return file == group or (file in around.plugins and _applies(file, group))


def _reach(roots: Iterable[Node], edges: Edges) -> set[Node]:
    seen = set(roots)
    stack = list(seen)
    while stack:
        for node in edges(stack.pop()):
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen
