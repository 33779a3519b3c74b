"""The collection of a module as a unit: what it rests on, what it gave, whether that still holds.

Its record is kept beside those of the module's tests. It holds when nothing changed that decides
which items there are: the module's file by content, everything it names while it is imported, the
code of the conftests, plugins and other files that have a say, and what all tests of a run share.
It has a graph of its own: no test had run when the modules were collected, so nothing that tests
ran can have had a part in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.imports import Imports, watchers
from pytest_cellcache.graph.locate import places_of
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.graph.volatile import Volatile
from pytest_cellcache.lifecycle.evaluations import evaluations_of
from pytest_cellcache.lifecycle.footprint import barrier_of
from pytest_cellcache.lifecycle.graphblob import encode_graph
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.record import Recording
from pytest_cellcache.lifecycle.surroundings import Edges, Surroundings, reach
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import (
    CODE_KINDS,
    FILE,
    GROUP,
    MARKERS,
    NAME,
    REGISTERS,
    WHOLE,
    Key,
)
from pytest_cellcache.model.record import Entry, collection_of
from pytest_cellcache.store.contract import Store

_LEFT_OUT: Final = ("pytest_generate_tests",)
"""Hooks that are not called for a module that is not collected; they must change nothing else."""

_FEW: Final = 20
"""Loud files and watchers listed for one module; where there are more, any file may be one."""


@dataclass(frozen=True, slots=True)
class Collected:
    """How a module was collected in this run.

    Attributes:
        group: relative path of its file.
        facts: digest of what counts by value, such as the conftests that apply.
        files: relative first-party files, beside its own, that decide which items there are.
        plugins: those among them that are conftests or plugins.
        manifest: its items as JSON; its shape is the business of ``hooks``; ``None`` when it was
            another one than last time although nothing changed.
    """

    group: str
    facts: Digest
    files: frozenset[str]
    plugins: frozenset[str]
    manifest: Any


class Collections:
    """Writes the records of collections."""

    def __init__(
        self, *, project: Project, digester: Digester, inputs: Inputs, store: Store
    ) -> None:
        self._project = project
        self._digester = digester
        self._inputs = inputs
        self._store = store

    def write(
        self, collected: Sequence[Collected], recording: Recording, around: Surroundings
    ) -> None:
        """Write the records of modules that will give the same items next time."""
        collected = [each for each in collected if all(map(self._is_quiet, each.plugins))]
        seen = around.imported
        if not collected or seen.children or barrier_of(seen, may_connect=around.may_connect):
            return
        edges, closure = self._edges(collected, recording, around)
        roots = {each.group: self._roots(each) for each in collected}
        registers = {Key(NAME, *place) for place in closure.changed_at_import()}
        if registers:
            # Statements that may come to change what a collection reads, wherever they are.
            files = self._files(around)
            for group, own in roots.items():
                read = registers & reach(own, edges)
                roots[group] = own | {
                    Key(REGISTERS, file, f"{key.path}::{key.name}")
                    for key in read
                    for file in files
                }
        every = reach(frozenset[Key]().union(*roots.values()), edges)
        unsure = _spread({key for key in every if self._is_unsure(key)}, every, edges)
        kept = [each for each in collected if unsure.isdisjoint(roots[each.group])]
        if not kept:
            return
        every = reach(frozenset[Key]().union(*(roots[each.group] for each in kept)), edges)
        blob, positions = encode_graph(every, edges, self._inputs.digest)
        name = self._store.put_blob(blob)
        now = time.time()
        imports = Imports(self._project, self._digester)
        watching = watchers(self._project, self._files(around))
        for each in kept:
            brought = imports.brought(each.group)
            body = {
                "graph": name,
                "roots": sorted(positions[root] for root in roots[each.group]),
                "item": each.facts,
                "manifest": each.manifest,
                # Whether it may be left out where something runs.
                "is_loud": brought.is_loud,
                "direct": sorted(brought.direct),
                "names": sorted(brought.names),
                "watchers": watching if len(watching) <= _FEW else None,
                "loud": sorted(brought.loud) if len(brought.loud) <= _FEW else None,
            }
            entry = Entry(collection_of(each.group), now, (name,), body)
            self._store.append(each.group, [entry])

    def _edges(
        self, collected: Sequence[Collected], recording: Recording, around: Surroundings
    ) -> tuple[Edges, Closure]:
        evaluations, everywhere = evaluations_of(
            self._project,
            around.statements,
            modules=around.modules,
            imported=Ran(places_of(recording.keys_of_code(around.imported.codes))),
            files=self._files(around),
            keys_of_code=recording.keys_of_code,
        )
        closure = Closure(self._project, self._digester, evaluations)
        shared = {
            Key(GROUP, each.group): recording.shared(each.group, around) | everywhere
            for each in collected
        }

        at_import = recording.at_import(around)
        opaque = frozenset[Key]().union(*at_import.of_opaque.values())
        shared = {key: found | opaque for key, found in shared.items()}

        def edges(key: Key) -> frozenset[Key]:
            if key in shared:
                return shared[key]
            return closure.edges(key) | at_import.of_key.get(key, frozenset())

        return edges, closure

    def _files(self, around: Surroundings) -> set[str]:
        places = self._project.snapshot.places
        return {places.relative(name) for name in around.loaded}

    def _roots(self, collected: Collected) -> frozenset[Key]:
        found = {Key(GROUP, collected.group), Key(FILE, collected.group)}
        for file in (collected.group, *collected.files, *self._starred(collected.group)):
            found.add(Key(WHOLE, file))
            markers = self._project.index(file).table.markers
            found |= {Key(MARKERS, file, name) for name in markers}
        return frozenset(found)

    def _starred(self, path: str) -> set[str]:
        """Give the files that a module takes all names of."""
        found: set[str] = set()
        stack = [path]
        while stack:
            file = stack.pop()
            for star in self._project.index(file).table.stars:
                located = self._project.modules.find_from(file, star)
                if located is not None and located.source and located.source not in found:
                    found.add(located.source)
                    stack.append(located.source)
        return found

    def _is_unsure(self, key: Key) -> bool:
        """Say whether a key may stand for something else next time although no digest changes."""
        is_file = key.kind == FILE or key.kind in CODE_KINDS
        if is_file and self._project.snapshot.is_in_flux(key.path):
            return True
        return Volatile(self._project, self._digester).call_of(key) is not None

    def _is_quiet(self, file: str) -> bool:
        """Say whether the hooks of a plugin that are left out change nothing but what they get."""
        defs = self._project.index(file).defs
        return not any(
            refs.stores or refs.receivers or refs.changes_unknown or refs.attr_stores
            for name in _LEFT_OUT
            for found in defs.get(name, ())
            for refs in (found.refs,)
        )


def _spread(dirty: set[Key], every: Iterable[Key], edges: Edges) -> set[Key]:
    """Give the keys that lead to a dirty one."""
    reverse: dict[Key, list[Key]] = {}
    for key in every if dirty else ():
        for target in edges(key):
            reverse.setdefault(target, []).append(key)
    stack = list(dirty)
    found = set(dirty)
    while stack:
        for source in reverse.get(stack.pop(), ()):
            if source not in found:
                found.add(source)
                stack.append(source)
    return found
