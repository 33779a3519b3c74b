"""Decides what a compaction removes; touches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from pytest_cellcache.store.contract import NOTE_LIFE_S, YOUNG_S


class Held(NamedTuple):
    """One thing the store holds: a blob, a note, or a group whose entries are merged already.

    ``blobs`` are the names that the entries of a group name, whether or not they are there.
    """

    size_bytes: int
    used_s: float
    blobs: frozenset[str] = frozenset()


class Removal(NamedTuple):
    """Names to remove, sorted, and the size of what stays."""

    groups: tuple[str, ...]
    blobs: tuple[str, ...]
    notes: tuple[str, ...]
    size_bytes: int


def plan_removal(
    groups: Mapping[str, Held],
    blobs: Mapping[str, Held],
    notes: Mapping[str, Held],
    *,
    now_s: float,
    max_size_bytes: int,
) -> Removal:
    """Choose what to remove: leftovers whatever the size, then the least recently used.

    Blobs that nobody names yet count into the size, but cannot be chosen while they are young.
    """
    needed_by = Counter(blob for held in groups.values() for blob in held.blobs)
    # abs(): a clock that was set back must not make a leftover young for years.
    lost_blobs = {
        name
        for name, held in blobs.items()
        if not needed_by[name] and abs(now_s - held.used_s) > YOUNG_S
    }
    lost_notes = {name for name, held in notes.items() if abs(now_s - held.used_s) > NOTE_LIFE_S}
    lost_groups = set()
    size = (
        sum(held.size_bytes for held in groups.values())
        + sum(held.size_bytes for name, held in blobs.items() if name not in lost_blobs)
        + sum(held.size_bytes for name, held in notes.items() if name not in lost_notes)
    )
    queue = sorted(
        [(held.used_s, "group", name) for name, held in groups.items()]
        + [(held.used_s, "note", name) for name, held in notes.items() if name not in lost_notes]
    )
    for _, kind, name in queue:
        if size <= max_size_bytes:
            break
        if kind == "note":
            lost_notes.add(name)
            size -= notes[name].size_bytes
            continue
        lost_groups.add(name)
        size -= groups[name].size_bytes
        needed_by.subtract(groups[name].blobs)
        for blob in groups[name].blobs:
            if not needed_by[blob] and blob in blobs:
                lost_blobs.add(blob)
                size -= blobs[blob].size_bytes
    return Removal(
        tuple(sorted(lost_groups)), tuple(sorted(lost_blobs)), tuple(sorted(lost_notes)), size
    )
