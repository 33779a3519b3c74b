"""What removes files from a store directory: clearing and compacting it.

Only regular files in the places and with the names of ``layout`` are removed. A crash at any point
leaves a valid store: a merged segment beside its sources is entries that come twice, an evicted
group beside its blobs is blobs nobody names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.compaction import Held, plan_removal
from pytest_cellcache.store.contract import (
    STORE_CORRUPT,
    STORE_UNWRITABLE,
    YOUNG_S,
    Cleared,
    Compacted,
)
from pytest_cellcache.store.files import (
    FoundFile,
    list_directories,
    list_files,
    read_file,
    remove_file,
    remove_idle_directory,
    remove_unused,
)
from pytest_cellcache.store.layout import (
    DIGEST_NAME,
    SEGMENT_NAME,
    TEMPORARY_NAME,
    VERSION_NAME,
    Layout,
    group_key,
    unique_name,
)
from pytest_cellcache.store.segments import (
    decode_group,
    decode_segment,
    encode_segment,
    merge_entries,
)

Warn = Callable[[str, str], None]


class Write(Protocol):
    """Writes a file of the store; says whether it could, and has warned if not."""

    def __call__(self, path: str, data: bytes, used_s: float) -> bool: ...


def stored_files(layout: Layout) -> Iterator[FoundFile]:
    """Give the files that count into the size of the store.

    Raises:
        OSError: a directory cannot be listed.
    """
    for key in list_directories(layout.segments, DIGEST_NAME):
        yield from list_files(layout.group(key), SEGMENT_NAME)
    yield from list_files(layout.blobs, DIGEST_NAME)
    yield from list_files(layout.notes, DIGEST_NAME)


def stored_groups(layout: Layout, warn: Warn) -> set[str]:
    """Name the groups that have a segment; a segment that does not say its group is left out.

    Raises:
        OSError: a directory cannot be listed.
    """
    found = set()
    for key in list_directories(layout.segments, DIGEST_NAME):
        for file in list_files(layout.group(key), SEGMENT_NAME):
            try:
                name = decode_group(read_file(file.path)[0])
            except FileNotFoundError:
                continue
            except (OSError, ValueError, RecursionError) as error:
                warn(STORE_CORRUPT, f"{file.path} is damaged or foreign: {error}; left out.")
                continue
            if group_key(name) == key:
                found.add(name)
                break
    return found


def clear_versions(root: str, warn: Warn, now_s: float) -> Cleared:
    """Remove what is stored, of other versions too: nobody else would ever do so.

    Takes no lock, so as never to wait: a compaction that runs meanwhile may bring back a group
    that it had read, which costs space and is still true. Directories stay for those who write
    meanwhile, and the lock file, since a lock on a file that was removed excludes nobody.

    Raises:
        OSError: a directory cannot be listed.
    """
    files = size_bytes = 0
    for version in list_directories(os.path.realpath(root), VERSION_NAME):
        layout = Layout(root, version)
        for file in [*stored_files(layout), *_leftovers(layout, now_s)]:
            if remove_file(file.path):
                files += 1
                size_bytes += file.size_bytes
            elif os.path.lexists(file.path):
                warn(
                    STORE_UNWRITABLE,
                    f"cannot remove {file.path}; the store is not quite empty. Check permissions.",
                )
    return Cleared(files, size_bytes)


class _Group(NamedTuple):
    files: Sequence[FoundFile]
    held: Held


@dataclass(slots=True)
class Sweep:
    """One compaction, whose caller holds the lock.

    ::

        list, read and merge every group -> plan -> evict groups -> remove blobs and notes
    """

    layout: Layout
    warn: Warn
    now_s: float
    write: Write
    _entries_dropped: int = field(default=0, init=False)

    def run(self, max_size_bytes: int, keep_per_unit: int) -> Compacted:
        """Do it and tell.

        Raises:
            OSError: something could not be read; so far groups were merged, nothing was removed.
        """
        groups = {}
        for key in list_directories(self.layout.segments, DIGEST_NAME):
            group = self._merge_group(key, keep_per_unit)
            if group is None:
                remove_idle_directory(self.layout.group(key), self.now_s - YOUNG_S)
            else:
                groups[key] = group
        blobs = {file.name: file for file in list_files(self.layout.blobs, DIGEST_NAME)}
        notes = {file.name: file for file in list_files(self.layout.notes, DIGEST_NAME)}
        removal = plan_removal(
            {key: group.held for key, group in groups.items()},
            {name: Held(file.size_bytes, file.used_s) for name, file in blobs.items()},
            {name: Held(file.size_bytes, file.used_s) for name, file in notes.items()},
            now_s=self.now_s,
            max_size_bytes=max_size_bytes,
        )
        # Segments before the blobs they name.
        doomed = [file for key in removal.groups for file in groups[key].files]
        doomed += [blobs[name] for name in removal.blobs]
        doomed += [notes[name] for name in removal.notes]
        left_bytes = sum(file.size_bytes for file in doomed if not remove_unused(file))
        for file in _leftovers(self.layout, self.now_s):
            remove_file(file.path)
        return Compacted(
            ran=True,
            entries_dropped=self._entries_dropped,
            groups_evicted=len(removal.groups),
            blobs_removed=len(removal.blobs),
            notes_removed=len(removal.notes),
            size_bytes=removal.size_bytes + left_bytes,
        )

    def _merge_group(self, key: str, keep_per_unit: int) -> _Group | None:
        directory = self.layout.group(key)
        files: list[FoundFile] = []
        found: list[Entry] = []
        name = ""
        for file in list_files(directory, SEGMENT_NAME):
            try:
                data = read_file(file.path)[0]
                name = decode_group(data)
                if group_key(name) != key:
                    raise ValueError("it belongs to another group")
                found += decode_segment(name, data)
            except FileNotFoundError:
                continue
            except (ValueError, RecursionError) as error:
                self.warn(STORE_CORRUPT, f"{file.path} is damaged or foreign: {error}; removed.")
                remove_file(file.path)
                continue
            files.append(file)
        if not files:
            return None
        kept = merge_entries(found, keep_per_unit)
        used_s = max(file.used_s for file in files)
        if len(files) > 1 or len(kept) < len(found):
            merged = f"{unique_name()}.jsonl"
            data = encode_segment(name, kept)
            if self.write(os.path.join(directory, merged), data, used_s):
                self._entries_dropped += len(found) - len(kept)
                for file in files:
                    remove_file(file.path)
                files = [f for f in list_files(directory, SEGMENT_NAME) if f.name == merged]
            else:
                kept = found  # a full disk: all stay as they are, and eviction may make room
        return _Group(
            files,
            Held(
                sum(file.size_bytes for file in files),
                used_s,
                frozenset(blob for entry in kept for blob in entry.blobs),
            ),
        )


def _leftovers(layout: Layout, now_s: float) -> list[FoundFile]:
    """Give temporary files of writers that must have died."""
    # A writer that is slower than that finds its file gone and writes it again.
    found = list_files(layout.temporary, TEMPORARY_NAME)
    return [file for file in found if abs(now_s - file.used_s) > YOUNG_S]
