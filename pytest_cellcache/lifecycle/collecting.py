"""The collection of a module as a unit: what it rests on, what it gave, whether that still holds.

Its record is kept beside those of the module's tests. It holds when nothing changed that decides
whether it can be imported and which items there are: the module's file by content; everything that
is evaluated when it, and whatever its graph leads to, is imported, be it used or not; the code of
the conftests, plugins and other files that have a say; and what all tests of a run share.
It has a graph of its own: no test had run when the modules were collected, so nothing that tests
ran can have had a part in it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester, is_hook
from pytest_cellcache.graph.imports import Imports
from pytest_cellcache.graph.locate import places_of
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.graph.remembered import attribute_of
from pytest_cellcache.graph.volatile import Volatile
from pytest_cellcache.lifecycle.entered import ENTERING
from pytest_cellcache.lifecycle.flux import keys_in_flux
from pytest_cellcache.lifecycle.footprint import barrier_of
from pytest_cellcache.lifecycle.graphblob import encode_graph
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.left import modules_only
from pytest_cellcache.lifecycle.record import Recording
from pytest_cellcache.lifecycle.sites import ImportInputs
from pytest_cellcache.lifecycle.standing import ENTERED
from pytest_cellcache.lifecycle.surroundings import (
    Backwards,
    Edges,
    Surroundings,
    evaluations_of_imports,
    reach,
)
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import (
    ANNOTATIONS,
    CODE_KINDS,
    FILE,
    GROUP,
    MARKERS,
    NAME,
    REGISTERS,
    SURFACE,
    WHOLE,
    Key,
)
from pytest_cellcache.model.record import Entry, collection_of
from pytest_cellcache.store.contract import Store

_LEFT_OUT: Final = ("pytest_generate_tests", "pytest_make_parametrize_id")
"""Hooks that are not called for a module that is not collected; they must change nothing else."""

_FEW: Final = 20
"""Loud files listed for one module; where there are more, any file may be one."""


class Collected(NamedTuple):
    """How a module was collected in this run.

    Attributes:
        group: relative path of its file.
        facts: digest of what counts by value, such as the conftests that apply.
        files: relative first-party files, beside its own, that decide which items there are.
        plugins: those among them that are conftests or plugins.
        manifest: its items as JSON; its shape is the business of ``hooks``; ``None`` when it was
            another one than last time although nothing changed. So it is in the record, and where
            a clock or chance may decide.
        unasked: where in the manifest there are items that were not asked for in this run: first
            position and number of each sequence of them.
    """

    group: str
    facts: Digest
    files: frozenset[str]
    plugins: frozenset[str]
    manifest: Any
    unasked: Sequence[Sequence[int]] = ()


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
        self,
        collected: Sequence[Collected],
        recording: Recording,
        around: Surroundings,
        entered: Collection[str] = (),
        looking: Collection[str] = (),
    ) -> None:
        """Write the records of modules that will give the same items next time.

        Args:
            entered: files of modules that enter something in registers of others, or look there.
            looking: those of them that look: when they are imported makes a difference.
        """
        collected = [each for each in collected if all(map(self._is_quiet, each.plugins))]
        seen = around.imported
        if not collected or seen.children or barrier_of(seen, may_connect=around.may_connect):
            return
        edges, everywhere = self._edges(collected, recording, around)
        entering = _entering(entered, [each.group for each in collected], edges)
        roots = {each.group: self._roots(each) for each in collected}
        every = reach(frozenset[Key]().union(*roots.values()), edges)
        volatile = Volatile(self._project, self._digester)
        chance = _leading_to({key for key in every if volatile.call_of(key)}, every, edges)
        by_chance = {group for group, found in roots.items() if not chance.isdisjoint(found)}
        edges = _with_shared(edges, everywhere)
        for group in roots:
            roots[group] |= self._called_by_pytest(group, recording, around)
        edges = self._with_all_evaluated(edges)
        every = reach(frozenset[Key]().union(*roots.values()), edges)
        for file in self._files(around):
            self._project.snapshot.note_view(file, is_absent=False)
        unsure = _leading_to(keys_in_flux(self._project.snapshot, every), every, edges)
        kept = [each for each in collected if unsure.isdisjoint(roots[each.group])]
        if not kept:
            return
        every = reach(frozenset[Key]().union(*(roots[each.group] for each in kept)), edges)
        blob, positions = encode_graph(every, edges, self._inputs.digest)
        name = self._store.put_blob(blob)
        now = time.time()
        ran = places_of(recording.keys_of_code(around.imported.codes))
        imports = Imports(self._project, self._digester, ran, _asked(recording.at_import(around)))
        for each in kept:
            brought = imports.brought(each.group)
            found = entering.get(each.group, [])
            loud = brought.loud.union(found).intersection(brought.loud.union(looking))
            body = {
                "graph": name,
                "roots": sorted(positions[root] for root in roots[each.group]),
                "item": each.facts,
                "manifest": each.manifest if each.group not in by_chance else None,
                # Whether it may be left out where something runs.
                "is_loud": brought.is_loud or each.group in looking,
                "direct": sorted(brought.direct),
                "names": sorted(brought.names),
                "loud": sorted(loud - {each.group}) if len(loud) <= _FEW else None,
                ENTERED: recording.entered(),
            }
            if each.unasked:
                body["unasked"] = each.unasked
            if found:
                body[ENTERING] = found
            blobs = (name, *filter(None, (body[ENTERED],)))
            entry = Entry(collection_of(each.group), now, blobs, body)
            self._store.append(each.group, [entry])

    def _edges(
        self, collected: Sequence[Collected], recording: Recording, around: Surroundings
    ) -> tuple[Edges, frozenset[Key]]:
        """Give what keys lead to, and what every group does beside: it changed what others see.

        Others that read the change are led to it by its name.
        """
        files = self._files(around)
        evaluations, everywhere = evaluations_of_imports(
            self._digester, around, recording.keys_of_code
        )
        closure = Closure(self._project, self._digester, evaluations)
        at_import = recording.at_import(around)
        shared = {
            Key(GROUP, each.group): recording.shared(each.group, around, at_import)
            for each in collected
        }

        opaque = frozenset[Key]().union(*at_import.of_opaque.values())
        shared = {key: found | opaque for key, found in shared.items()}
        registers: dict[Key, list[str]] = {}
        for register in closure.changed_at_import:
            changed = Key(NAME, *attribute_of(register)[0])
            registers.setdefault(changed, []).append("::".join(register))

        def edges(key: Key) -> frozenset[Key]:
            if key in shared:
                return shared[key]
            found = closure.edges(key) | at_import.of_key.get(key, frozenset())
            # Statements that may come to change it, wherever they are.
            for place in registers.get(key, ()):
                found |= {Key(REGISTERS, file, place) for file in files}
            return found

        return edges, everywhere

    def _with_all_evaluated(self, edges: Edges) -> Edges:
        """Let each key lead to all that is evaluated when its module is imported.

        Used or not, it may raise. Which items there are it does not decide, so that it may consult
        the clock.
        """
        known: dict[Key, frozenset[Key]] = {}

        def more(key: Key) -> frozenset[Key]:
            if key not in known:
                found = edges(key)
                if key.kind == SURFACE:
                    table = self._project.index(key.path).table
                    found |= {Key(MARKERS, key.path, name) for name in table.markers}
                    if "annotations" not in table.futures:
                        found |= {Key(ANNOTATIONS, key.path, name) for name in table.annotations}
                elif key.kind in CODE_KINDS:
                    found |= {Key(SURFACE, key.path)}
                known[key] = found
            return known[key]

        return more

    def _called_by_pytest(
        self, group: str, recording: Recording, around: Surroundings
    ) -> frozenset[Key]:
        """Give the bodies that ran while tests were collected and that no statement led to.

        Functions that make ids, say, wherever they are; hooks of other files aside. Where
        statements are not told apart: all that ran.
        """
        codes = around.outside.codes if around.modules else around.imported.codes
        others = (around.groups | set(around.plugins)) - {group}
        return frozenset(
            key
            for key in recording.keys_of_code(codes)
            if not (key.path in others and is_hook(key.name))
        )

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

    def _is_quiet(self, file: str) -> bool:
        """Say whether the hooks of a plugin that are left out change nothing but what they get."""
        defs = self._project.index(file).defs
        return not any(
            self._digester.purity.changes_of_call(file, name) != frozenset()
            or any(found.refs.stores or found.refs.attr_stores for found in defs[name])
            for name in _LEFT_OUT
            if name in defs
        )


def _asked(at_import: ImportInputs) -> dict[str, set[str]]:
    """Give the files of modules that files asked for by computed names when they were imported."""
    found: dict[str, set[str]] = {}
    for key, inputs in at_import.of_key.items():
        files = {each.path for each in inputs if each.kind == SURFACE}
        if files:
            found.setdefault(key.path, set()).update(files)
    return found


def _entering(
    entered: Collection[str], groups: Iterable[str], edges: Edges
) -> dict[str, list[str]]:
    """Give, by group, the files among some that are evaluated when it is imported.

    Those that no import leads to, as where names are computed, may be any group's.
    """
    reached = Reached[Key](lambda key: modules_only(edges(key)))
    brought = {group: {key.path for key in reached.of(Key(GROUP, group))} for group in groups}
    others = set(entered).difference(*brought.values())
    return {group: sorted((found | others) & set(entered)) for group, found in brought.items()}


def _with_shared(edges: Edges, shared: frozenset[Key]) -> Edges:
    return lambda key: edges(key) | shared if key.kind == GROUP else edges(key)


def _leading_to(dirty: set[Key], every: Iterable[Key], edges: Edges) -> set[Key]:
    return Backwards(every, edges).leading_to(dirty) if dirty else set()
