"""A store that lives as long as its object: for tests of other layers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_cellcache.model.digest import Digest, digest_bytes
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.compaction import Held, plan_removal
from pytest_cellcache.store.contract import (
    KEEP_PER_UNIT,
    NOTE_REFRESH_S,
    STORE_UNWRITABLE,
    Cleared,
    Compacted,
    WarnOnce,
)
from pytest_cellcache.store.frames import frame, unframe
from pytest_cellcache.store.layout import group_key, note_key
from pytest_cellcache.store.segments import decode_segment, encode_segment, merge_entries


class _File(NamedTuple):
    data: bytes
    used_s: float

    @property
    def held(self) -> Held:
        return Held(len(self.data), self.used_s)


@dataclass(frozen=True, slots=True)
class MemoryMedium:
    """What several ``MemoryStore`` objects share, as processes share a directory.

    Everything lies there encoded, so sizes and what JSON does to a body are those of the
    directory store.
    """

    groups: dict[str, list[_File]] = field(default_factory=dict)
    blobs: dict[str, _File] = field(default_factory=dict)
    notes: dict[str, _File] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)


class MemoryStore:
    """A ``Store`` without files; unbounded between compactions."""

    def __init__(
        self,
        medium: MemoryMedium | None = None,
        *,
        may_write: bool = True,
        warn: Callable[[Warned], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._medium = MemoryMedium() if medium is None else medium
        self._may_write = may_write
        self._warn = WarnOnce(warn)
        self._clock = clock

    def groups(self) -> tuple[str, ...]:
        return tuple(sorted(self._medium.groups))

    def read(self, group: str) -> tuple[Entry, ...]:
        found = self._decode(group)
        return tuple(sorted(found, key=lambda entry: entry.created_s, reverse=True))

    def append(self, group: str, entries: Sequence[Entry]) -> bool:
        if not self._may_write:
            return False
        if not entries:
            return True
        try:
            data = encode_segment(group, entries)
        except (TypeError, ValueError, RecursionError) as error:
            self._warn(STORE_UNWRITABLE, f"entries of {group!r} cannot be stored: {error}")
            return False
        self._medium.groups.setdefault(group, []).append(_File(data, self._clock()))
        return True

    def put_blob(self, data: bytes) -> str:
        name = digest_bytes(data)
        if self._may_write:
            self._medium.blobs[name] = _File(frame(name, data), self._clock())
        return name

    def get_blob(self, name: str) -> bytes | None:
        file = self._medium.blobs.get(name)
        return None if file is None else unframe(name, file.data)

    def put_value(self, parts: Sequence[bytes | memoryview]) -> str | None:
        return self.put_blob(b"".join(parts)) if self._may_write else None

    def get_value(self, name: str, head_bytes: int, head: Digest) -> memoryview | None:
        data = self.get_blob(name)
        if data is None or digest_bytes(data[:head_bytes]) != head:
            return None
        return memoryview(bytearray(data))

    @contextmanager
    def only_one(self, name: str, wait_s: float) -> Iterator[bool]:
        if not self._may_write:
            yield False
            return
        lock = self._medium.locks.setdefault(name, threading.Lock())
        has_lock = lock.acquire(timeout=wait_s)
        try:
            yield has_lock
        finally:
            if has_lock:
                lock.release()

    def put_note(self, name: str, data: bytes) -> bool:
        if self._may_write:
            key = note_key(name)
            self._medium.notes[key] = _File(frame(key, data), self._clock())
        return self._may_write

    def get_note(self, name: str) -> bytes | None:
        key = note_key(name)
        file = self._medium.notes.get(key)
        if file is None:
            return None
        now_s = self._clock()
        if self._may_write and now_s - file.used_s > NOTE_REFRESH_S:
            self._medium.notes[key] = file._replace(used_s=now_s)
        return unframe(key, file.data)

    def get_own_note(self, name: str) -> bytes | None:
        return self.get_note(name)

    def touch(self, group: str) -> None:
        if self._may_write and group in self._medium.groups:
            files = self._medium.groups[group]
            files[0] = files[0]._replace(used_s=self._clock())

    def clear(self) -> Cleared:
        if not self._may_write:
            return Cleared()
        files = self._files()
        for part in (self._medium.groups, self._medium.blobs, self._medium.notes):
            part.clear()
        return Cleared(len(files), sum(len(file.data) for file in files))

    def compact(self, max_size_bytes: int, keep_per_unit: int = KEEP_PER_UNIT) -> Compacted:
        if not self._may_write:
            return Compacted()
        medium = self._medium
        held: dict[str, Held] = {}
        dropped = 0
        for group, files in medium.groups.items():
            found = self._decode(group)
            kept = merge_entries(found, keep_per_unit)
            dropped += len(found) - len(kept)
            used_s = max(file.used_s for file in files)
            medium.groups[group] = [_File(encode_segment(group, kept), used_s)]
            held[group_key(group)] = Held(
                len(medium.groups[group][0].data),
                used_s,
                frozenset(blob for entry in kept for blob in entry.blobs),
            )
        removal = plan_removal(
            held,
            {name: file.held for name, file in medium.blobs.items()},
            {name: file.held for name, file in medium.notes.items()},
            now_s=self._clock(),
            max_size_bytes=max_size_bytes,
        )
        for group in [group for group in medium.groups if group_key(group) in removal.groups]:
            del medium.groups[group]
        for name in removal.blobs:
            del medium.blobs[name]
        for name in removal.notes:
            del medium.notes[name]
        return Compacted(
            ran=True,
            entries_dropped=dropped,
            groups_evicted=len(removal.groups),
            blobs_removed=len(removal.blobs),
            notes_removed=len(removal.notes),
            size_bytes=removal.size_bytes,
        )

    def size_bytes(self) -> int:
        return sum(len(file.data) for file in self._files())

    def _decode(self, group: str) -> list[Entry]:
        files = self._medium.groups.get(group, ())
        return [entry for file in files for entry in decode_segment(group, file.data)]

    def _files(self) -> list[_File]:
        medium = self._medium
        segments = [file for files in medium.groups.values() for file in files]
        return [*segments, *medium.blobs.values(), *medium.notes.values()]
