"""Leaves out what rests on inputs that changed while the run looked at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.leftovers import units_of
from pytest_cellcache.lifecycle.surroundings import Backwards
from pytest_cellcache.model import reasons
from pytest_cellcache.model.keys import CODE_KINDS, EXISTS, FILE, FOLDER, LISTING, LOG, TREE, Key
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.sources.snapshot import Snapshot


def keys_in_flux(snapshot: Snapshot, keys: Iterable[Key]) -> set[Key]:
    """Give those of which what they stand for changed while the run looked at it."""
    found: set[Key] = set()
    contents: dict[str, bool] = {}  # by path: a file has many keys
    for key in keys:
        if key.kind == FILE or key.kind in CODE_KINDS:
            path = key.path
            if path not in contents:
                contents[path] = snapshot.was_seen_otherwise(path) or snapshot.is_in_flux(path)
            is_in_flux = contents[path]
        else:
            is_in_flux = _is_in_flux(snapshot, key)
        if is_in_flux:
            found.add(key)
    return found


def _is_in_flux(snapshot: Snapshot, key: Key) -> bool:
    if key.kind == LISTING:
        return snapshot.is_listing_in_flux(key.path, key.name)
    if key.kind == TREE:
        return not key.name and snapshot.is_tree_in_flux()
    has_view = key.kind == EXISTS and key.name not in (FOLDER, LOG)
    return has_view and snapshot.was_seen_otherwise(key.path)


def without_flux(
    flux: set[Key],
    outputs: Mapping[Key, frozenset[str]],
    kept: Sequence[Kept],
    back: Backwards,
    fates: dict[str, Reason | None],
) -> list[Kept]:
    """Leave out what rests on what changed while the run looked at it, or on outputs of others."""
    by_path: dict[str, set[Key]] = {}
    for key in flux:
        by_path.setdefault(key.path, set()).add(key)
    by_writers: dict[tuple[str, frozenset[str]], set[Key]] = {}
    for key, writers in outputs.items():
        by_writers.setdefault((key.path, writers), set()).add(key)
    roots = frozenset[Key]().union(*(row.roots for row in kept))
    touched = {path: roots & back.leading_to(by_path[path]) for path in sorted(by_path)}
    written = {
        of: roots & back.leading_to(by_writers[of])
        for of in sorted(by_writers, key=lambda of: (of[0], sorted(of[1])))
    }
    clean = []
    for row in kept:
        own = {unit for unit, _ in units_of(row.attempt)}
        reason = next(
            (Reason(reasons.IN_FLUX, p) for p, keys in touched.items() if keys & row.roots), None
        ) or next(
            (
                Reason(reasons.OUTPUT, path)
                for (path, writers), keys in written.items()
                if writers - own and keys & row.roots
            ),
            None,
        )
        if reason is None:
            clean.append(row)
        else:
            fates[row.attempt.facts.nodeid] = reason
    return clean
