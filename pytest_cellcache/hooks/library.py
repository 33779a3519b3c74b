"""Finds the manifests that hold, and writes down what was collected for real."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.facets import collecting_facts, plugin_files
from pytest_cellcache.hooks.items import other_files
from pytest_cellcache.hooks.manifest import (
    SHORT,
    Captured,
    Unusual,
    captured_items,
    items_in,
    write_manifest,
)
from pytest_cellcache.lifecycle.collecting import Collected
from pytest_cellcache.lifecycle.surroundings import applies
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.record import Entry, collected_by
from pytest_cellcache.sources.places import Places


class Manifests:
    """Answers what collecting from manifests asks (``hooks.collection.Library``).

    Args:
        must_hit: whether all tests of a module must hit, too.

    Attributes:
        basis: what verdicts rest on, once it is laid.
        is_off: nothing is taken from a manifest.
    """

    def __init__(self, config: pytest.Config, places: Places, *, must_hit: bool) -> None:
        self._config = config
        self._places = places
        self._must_hit = must_hit
        self._paths: dict[str, tuple[str, ...]] = {}
        self.basis: Basis | None = None
        self.is_off = False

    @property
    def groups(self) -> list[str]:
        """The files of modules of tests, in the order in which they are collected."""
        return list(self._paths)

    def note_path(self, group: str) -> None:
        """Take down which folders of the project are searched when a file is to be imported."""
        folders = [os.path.abspath(entry) for entry in sys.path]
        self._paths[group] = tuple(
            self._places.relative(folder)
            for folder in dict.fromkeys(folders)
            if self._places.is_first_party(os.path.join(folder, "x.py"))
        )

    def manifest_of(self, group: str) -> Entry | None:
        """Give the record of a collection that holds."""
        if self.basis is None or self.is_off:
            return None
        verifier = self.basis.verifier
        entry = verifier.collection(group, self._facts_of(self.basis, group))
        if entry is None or entry.body.get("manifest") is None:
            return None
        if not self._must_hit:
            return entry
        # Who was not asked for last time, as by ``-m``, need not hit: should some of these be asked
        # for now, the module is imported after all.
        unasked = _positions(entry.body.get("unasked"))
        hits = all(
            position in unasked or verifier.would_hit(group, nodeid, digest)
            for position, (nodeid, digest) in enumerate(items_in(entry.body["manifest"]))
        )
        return entry if hits else None

    def still_holds(self, entry: Entry) -> bool:
        """Say whether a manifest is still that of its module."""
        return self.manifest_of(collected_by(entry.unit)) is not None

    def imports_of(self, group: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give the first-party files and the foreign modules that a file imports itself."""
        if self.basis is None:
            return frozenset(), frozenset()
        return self.basis.imports.direct(group)

    def enters_anew(self, group: str) -> bool:
        """Say whether importing a file may do to others what it did not when it was described."""
        basis = self.basis
        if basis is None or basis.verifier.collection(group, self._facts_of(basis, group)):
            return False
        brought = basis.imports.brought(group)
        return brought.is_loud or bool(brought.loud)

    def watch(self, files: Iterable[str]) -> None:
        """Take files whose code may run from now on."""
        if self.basis is not None:
            self.basis.watching.add(files)

    def is_watched(self, left_out: Iterable[str]) -> bool:
        """Say whether that code may look for modules, whether they are loaded or what they made."""
        return self.basis is not None and self.basis.watching.is_watched(left_out)

    def describe(
        self,
        captured: Iterable[Captured],
        warnings_of: Callable[[Any], list[dict[str, Any]] | None],
        facts_of: Callable[[pytest.Item], tuple[str, str]],
        selected: Collection[str],
    ) -> list[Collected]:
        """Write down the modules that were collected for real and are not known like that.

        Args:
            warnings_of: gives the warnings of a module, ``None`` where they are not known.
            facts_of: gives the digests of an item without and with its marks.
            selected: node ids of the items that will be reported. Others are taken to be what
                they were where they have the same names, and are not digested: there may be very
                many.
        """
        found: list[Collected] = []
        basis = self.basis

        def facts_of_selected(item: pytest.Item) -> tuple[str, str]:
            return facts_of(item) if item.nodeid in selected else ("", "")

        for held in captured if basis is not None else ():
            assert basis is not None
            group = self._places.relative(str(held.node.path))
            facts = self._facts_of(basis, group)
            unasked = _unasked(held, selected)
            warned = warnings_of(held.node)
            known = basis.verifier.collection(group, facts)
            if known is not None and known.body["manifest"] is None:
                continue
            if known is not None and warned is not None:
                before = known.body["manifest"]
                is_same = before.get("warnings", []) == warned
                is_same = is_same and known.body.get("unasked", []) == unasked
                if is_same and _is_like(held, before, facts_of, selected):
                    continue
            try:
                if warned is None:
                    raise Unusual("its warnings are not known")
                written = write_manifest(held, self._places, facts_of_selected)
            except Unusual:
                continue
            manifest = written | ({"warnings": warned} if warned else {})
            is_other = known is not None and known.body["manifest"] != manifest
            if known is not None and not is_other and known.body.get("unasked", []) == unasked:
                continue
            plugins = frozenset(self._plugins_of(group))
            files = other_files(held, self._places) - {group}
            # Where nothing changed and yet it is another one, it will be so next time.
            kept = None if is_other else manifest
            found.append(Collected(group, facts, files | plugins, plugins, kept, unasked))
        return found

    def _facts_of(self, basis: Basis, group: str) -> Digest:
        found = collecting_facts(self._config, self._plugins_of(group), basis.own_facets)
        # What earlier modules put on the path is there while it is imported, and nothing else.
        return digest_parts([found, *self._paths.get(group, ())])

    def _plugins_of(self, group: str) -> list[str]:
        """List the first-party conftests and plugins that apply to a file."""
        return [f for f in plugin_files(self._config, self._places) if applies(f, group)]


def _unasked(module: Captured, selected: Collection[str]) -> list[list[int]]:
    """Give first position and number of each sequence of items that are not selected."""
    found: list[list[int]] = []
    for position, item in enumerate(captured_items(module)):
        if item.nodeid in selected:
            continue
        if found and sum(found[-1]) == position:
            found[-1][1] += 1
        else:
            found.append([position, 1])
    return found


def _positions(sequences: Any) -> frozenset[int]:
    try:
        return frozenset(n for first, many in sequences or () for n in range(first, first + many))
    except (TypeError, ValueError):  # a record written by something else
        return frozenset()


def _is_like(
    module: Captured,
    manifest: dict[str, Any],
    facts_of: Callable[[pytest.Item], tuple[str, str]],
    selected: Collection[str],
) -> bool:
    """Say whether the items of a module are those of a manifest."""
    known = list(items_in(manifest))
    items = list(captured_items(module))
    if [nodeid for nodeid, _ in known] != [item.nodeid for item in items]:
        return False
    return all(
        facts_of(item)[1][:SHORT] == digest
        for item, (nodeid, digest) in zip(items, known, strict=True)
        if nodeid in selected
    )
