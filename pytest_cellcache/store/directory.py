"""The store in a directory: entries as immutable segment files, found with one listing.

Readers and writers take no lock. What makes that safe: a file appears whole under its final name
or not at all, segments never change, blobs say in their name what is in them, and compaction
writes the merged segment before it removes its sources.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pytest_cellcache.model.digest import Digest, digest_bytes
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import (
    KEEP_PER_UNIT,
    NOTE_REFRESH_S,
    STORE_CORRUPT,
    STORE_FOREIGN,
    STORE_LOCKED,
    STORE_UNREADABLE,
    STORE_UNWRITABLE,
    Cleared,
    Compacted,
    WarnOnce,
)
from pytest_cellcache.store.files import (
    list_names,
    make_directories,
    read_file,
    remove_file,
    write_file,
)
from pytest_cellcache.store.frames import frame, unframe
from pytest_cellcache.store.layout import (
    DIGEST_NAME,
    SEGMENT_NAME,
    Layout,
    group_key,
    note_key,
    unique_name,
)
from pytest_cellcache.store.origin import Foreign, check_origin
from pytest_cellcache.store.segments import decode_segment, encode_segment

T = TypeVar("T")


class DirectoryStore:
    """A ``Store`` on a file system; any number of processes may use the directory at once.

    Making one touches nothing; directories are made by the first write.
    """

    def __init__(
        self,
        root: Path,
        *,
        may_write: bool,
        warn: Callable[[Warned], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._layout = Layout(str(root))
        self._may_write = may_write
        self._warn = WarnOnce(warn)
        self._clock = clock

    def groups(self) -> tuple[str, ...]:
        from pytest_cellcache.store.sweep import stored_groups

        try:
            return tuple(sorted(stored_groups(self._layout, self._warn)))
        except (OSError, ValueError) as error:
            self._warn_unreadable(self._layout.segments, error)
            return ()

    def read(self, group: str) -> tuple[Entry, ...]:
        directory = self._layout.group(group_key(group))
        found: dict[str, list[Entry]] = {}
        names: list[str] = []
        # Twice at most: a compaction may replace listed files by one that was not listed.
        for _ in range(2):
            try:
                names = list_names(directory, SEGMENT_NAME)
            except (OSError, ValueError) as error:
                self._warn_unreadable(directory, error)
                return ()
            unread = [name for name in names if name not in found]
            for name in unread:
                entries = self._read_segment(group, os.path.join(directory, name))
                if entries is not None:
                    found[name] = entries
            if all(name in found for name in unread):
                break
        entries = [entry for name in names for entry in found.get(name, ())]
        entries.sort(key=lambda entry: entry.created_s, reverse=True)
        return tuple(entries)

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
        return self._write(
            os.path.join(self._layout.group(group_key(group)), f"{unique_name()}.jsonl"), data
        )

    def put_blob(self, data: bytes) -> str:
        name = digest_bytes(data)
        path = self._layout.blob(name)
        if self._may_write:
            # Not just a look whether it is there: a damaged one would stand in the way for ever.
            is_whole = self.get_blob(name) == data and self._mark_used(path)
            if not is_whole:
                self._write(path, frame(name, data))
        return name

    def get_blob(self, name: str) -> bytes | None:
        # The name comes out of an entry: it must not lead out of the directory.
        if not DIGEST_NAME.fullmatch(name):
            return None
        path = self._layout.blob(name)
        data = self._read_framed(name, path)
        if data is None or digest_bytes(data[0]) == name:
            return None if data is None else data[0]
        self._drop_corrupt(path, "its content is not that of its name")
        return None

    def put_value(self, parts: Sequence[bytes | memoryview]) -> str | None:
        from pytest_cellcache.store.valuefiles import write_value

        if not self._may_write:
            return None
        try:
            return write_value(self._layout, parts, self._clock())
        except (OSError, ValueError) as error:
            self._warn_unwritable(self._layout.blobs, error)
            return None

    def get_value(self, name: str, head_bytes: int, head: Digest) -> memoryview | None:
        from pytest_cellcache.store.valuefiles import MAPPED_BYTES, read_value

        if not DIGEST_NAME.fullmatch(name):
            return None
        path, note = self._layout.blob(name), f"checked/{name}"
        known = self.get_note(note)
        found = self._checked(path, lambda: read_value(self._layout, name, head_bytes, head, known))
        if found is None:
            return None
        data, mark = found
        if mark != known and len(data) >= MAPPED_BYTES:
            self.put_note(note, mark)
        return data

    @contextmanager
    def only_one(self, name: str, wait_s: float) -> Iterator[bool]:
        if not self._may_write:
            yield False
            return
        from filelock import FileLock, Timeout

        # Named like a temporary file, so that compaction takes old ones away. Two who hold what
        # was removed between them both do the work: a loss of time only.
        path = os.path.join(self._layout.temporary, note_key(name)[:24])
        lock = FileLock(path, mode=0o600)
        has_lock = False
        try:
            make_directories(self._layout, self._layout.temporary)
            lock.acquire(timeout=wait_s, poll_interval=0.02)
            has_lock = True
        except Timeout:
            pass
        except (OSError, RuntimeError, Warning) as error:
            self._warn(
                STORE_LOCKED,
                f"cannot lock {path}: {error}; workers may do the same set-up. Put the store on a "
                "local disk.",
            )
        try:
            yield has_lock
        finally:
            if has_lock:
                lock.release()

    def put_note(self, name: str, data: bytes) -> bool:
        key = note_key(name)
        return self._may_write and self._write(self._layout.note(key), frame(key, data))

    def get_note(self, name: str) -> bytes | None:
        key = note_key(name)
        path = self._layout.note(key)
        found = self._read_framed(key, path)
        if found is None:
            return None
        data, used_s = found
        if self._may_write and self._clock() - used_s > NOTE_REFRESH_S:
            self._mark_used(path)
        return data

    def get_own_note(self, name: str) -> bytes | None:
        path = self._layout.note(note_key(name))

        def is_ours() -> bool:
            for place in (os.path.dirname(path), path):
                check_origin(os.stat(place), place)
            return True

        return self.get_note(name) if self._checked(path, is_ours) else None

    def touch(self, group: str) -> None:
        if not self._may_write:
            return
        directory = self._layout.group(group_key(group))
        try:
            names = list_names(directory, SEGMENT_NAME)
        except (OSError, ValueError) as error:
            self._warn_unreadable(directory, error)
            return
        # One is enough, a group is as recent as its most recent segment. The next one counts
        # when a compaction took the first away.
        any(self._mark_used(os.path.join(directory, name)) for name in names)

    def clear(self) -> Cleared:
        from pytest_cellcache.store.sweep import clear_versions

        if not self._may_write:
            return Cleared()
        try:
            return clear_versions(self._layout.root, self._warn, self._clock())
        except (OSError, ValueError) as error:
            self._warn_unreadable(self._layout.root, error)
            return Cleared()

    def compact(self, max_size_bytes: int, keep_per_unit: int = KEEP_PER_UNIT) -> Compacted:
        from pytest_cellcache.store.sweep import Sweep

        if not self._may_write:
            return Compacted()
        version = os.path.dirname(self._layout.lock)
        if not os.path.isdir(version):
            return Compacted(ran=True)  # nothing was ever written
        from filelock import FileLock, Timeout

        lock = FileLock(self._layout.lock, timeout=0)
        try:
            with lock:
                try:
                    sweep = Sweep(self._layout, self._warn, self._clock(), self._write)
                    return sweep.run(max_size_bytes, keep_per_unit)
                except (OSError, ValueError, RecursionError) as error:
                    # What names the blobs is not known then, so nothing more may be removed.
                    self._warn_unreadable(version, error)
        except Timeout:
            pass
        # RuntimeError: no locks on this file system. Warning: filelock says so, and the user's
        # filters make errors of warnings.
        except (OSError, RuntimeError, Warning) as error:
            self._warn(
                STORE_LOCKED,
                f"cannot lock {self._layout.lock}: {error}; the store is not compacted and may "
                "grow beyond its bound. Remove the file, or put the store on a local disk.",
            )
        return Compacted()

    def size_bytes(self) -> int:
        from pytest_cellcache.store.sweep import stored_files

        try:
            return sum(file.size_bytes for file in stored_files(self._layout))
        except (OSError, ValueError) as error:
            self._warn_unreadable(self._layout.root, error)
            return 0

    def _read_segment(self, group: str, path: str) -> list[Entry] | None:
        """Give the entries of a segment, none when it is bad, None when it is gone."""
        try:
            return decode_segment(group, read_file(path)[0])
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn_unreadable(path, error)
        except (ValueError, RecursionError) as error:
            # Left for a compaction to remove: it may be of use to somebody who looks into it.
            self._warn(STORE_CORRUPT, corrupt_text(path, error))
        return []

    def _read_framed(self, label: str, path: str) -> tuple[bytes, float] | None:
        def read() -> tuple[bytes, float]:
            framed, used_s = read_file(path)
            return unframe(label, framed), used_s

        return self._checked(path, read)

    def _checked(self, path: str, read: Callable[[], T]) -> T | None:
        """Read a file; whatever is wrong with it is a miss and a warning."""
        try:
            return read()
        except FileNotFoundError:
            pass
        except Foreign as error:
            self._warn_foreign(error)
        except OSError as error:
            self._warn_unreadable(path, error)
        except ValueError as error:
            self._drop_corrupt(path, error)
        return None

    def _drop_corrupt(self, path: str, what: object) -> None:
        self._warn(STORE_CORRUPT, corrupt_text(path, what))
        if self._may_write:
            remove_file(path)

    def _mark_used(self, path: str) -> bool:
        now_s = self._clock()
        try:
            os.utime(path, (now_s, now_s))
        except (OSError, ValueError):
            return False  # not there, or not ours to mark: then its age is what it is
        return True

    def _write(self, path: str, data: bytes, used_s: float | None = None) -> bool:
        try:
            write_file(self._layout, path, data, self._clock() if used_s is None else used_s)
        except (OSError, ValueError) as error:
            self._warn_unwritable(path, error)
            return False
        return True

    def _warn_foreign(self, error: Foreign) -> None:
        self._warn(
            STORE_FOREIGN,
            f"{error}; it is not read, and what it held is made again. Take the permissions "
            "away, or empty the store with --cell-cache-clear.",
        )

    def _warn_unwritable(self, path: str, error: Exception) -> None:
        self._warn(
            STORE_UNWRITABLE,
            f"cannot write {path}: {error}; what this run finds out is not kept. Check "
            "permissions and free space, or choose another --cell-cache-dir.",
        )

    def _warn_unreadable(self, path: str, error: Exception) -> None:
        self._warn(
            STORE_UNREADABLE,
            f"cannot read {path}: {error}; it counts as empty. Check what lies there and its "
            "permissions, or choose another --cell-cache-dir.",
        )


def corrupt_text(path: str, what: object) -> str:
    """Say that a file is damaged or foreign."""
    return (
        f"{path} is damaged or foreign: {what}; it counts as missing. Nothing needs to be done; "
        "if it comes back, check the disk or empty the store with --cell-cache-clear."
    )
