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
from pytest_cellcache.model.record import Entry
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
        hits = not self._must_hit or all(
            verifier.would_hit(group, nodeid, digest)
            for nodeid, digest in items_in(entry.body["manifest"])
        )
        return entry if hits else None

    def imports_of(self, group: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give the first-party files and the foreign modules that a file imports itself."""
        if self.basis is None:
            return frozenset(), frozenset()
        return self.basis.imports.direct(group)

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
                they were where they have the same names: there may be very many.
        """
        found: list[Collected] = []
        basis = self.basis
        for held in captured if basis is not None else ():
            assert basis is not None
            group = self._places.relative(str(held.node.path))
            facts = self._facts_of(basis, group)
            warned = warnings_of(held.node)
            known = basis.verifier.collection(group, facts)
            if known is not None and warned is not None and known.body["manifest"] is not None:
                before = known.body["manifest"]
                is_warned = before.get("warnings", []) == warned
                if is_warned and _is_like(held, before, facts_of, selected):
                    continue
            try:
                if warned is None:
                    raise Unusual("its warnings are not known")
                written = write_manifest(held, self._places, facts_of)
            except Unusual:
                continue
            manifest = written | ({"warnings": warned} if warned else {})
            if known is not None and known.body["manifest"] in (None, manifest):
                continue
            plugins = frozenset(self._plugins_of(group))
            files = other_files(held, self._places) - {group}
            # Where nothing changed and yet it is another one, it will be so next time.
            kept = manifest if known is None else None
            found.append(Collected(group, facts, files | plugins, plugins, kept))
        return found

    def _facts_of(self, basis: Basis, group: str) -> Digest:
        found = collecting_facts(self._config, self._plugins_of(group), basis.own_facets)
        # What earlier modules put on the path is there while it is imported, and nothing else.
        return digest_parts([found, *self._paths.get(group, ())])

    def _plugins_of(self, group: str) -> list[str]:
        """List the first-party conftests and plugins that apply to a file."""
        return [f for f in plugin_files(self._config, self._places) if applies(f, group)]


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
