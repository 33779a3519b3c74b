"""Reads, writes, lists and removes single files so that no moment of it can be seen half done.

Nothing here waits: a pipe in the place of a file is refused. Nothing is flushed to the disk
either: what a power cut tears, checksums find, and a miss is cheaper than a sync for each file.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pytest_cellcache.store.layout import ROOT_FILES, VERSION_NAME, Layout, unique_name

_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_WRITE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)


class FoundFile(NamedTuple):
    """A regular file in a listing."""

    name: str
    path: str
    size_bytes: int
    used_s: float


def read_file(path: str) -> tuple[bytes, float]:
    """Give the content of a regular file and when it was used last.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: something else lies there.
    """
    with open_file(path) as file:
        return file.readall(), os.fstat(file.fileno()).st_mtime


def open_file(path: str) -> io.FileIO:
    """Open a regular file for reading.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: something else lies there.
    """
    file = open(os.open(path, _READ_FLAGS), "rb", buffering=0)  # noqa: SIM115  # who calls closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("not a regular file")
    return file


def write_file(
    layout: Layout, target: str, data: bytes | Sequence[bytes | memoryview], used_s: float
) -> None:
    """Put a whole file in place of what is there, or leave everything as it was.

    The content may come in parts, so that large ones need not be joined first.

    Raises:
        OSError: it could not be written; at worst a temporary file stays behind.
        ValueError: the path holds a null character.
    """
    # First time: the directories may be missing. Second time: a compaction or a clear may have
    # taken them, or our temporary file, away between the steps.
    for make_room in (True, True, False):
        temporary = os.path.join(layout.temporary, unique_name())
        try:
            with open(os.open(temporary, _WRITE_FLAGS, 0o600), "wb") as file:
                file.writelines([data] if isinstance(data, bytes) else data)
            # Our clock, not that of a file server: ages are compared with ours.
            os.utime(temporary, (used_s, used_s))
            os.replace(temporary, target)
            return
        except FileNotFoundError:
            remove_file(temporary)
            if not make_room:
                raise
            make_directories(layout, os.path.dirname(target))
        except BaseException:  # raised again; an interrupt leaves nothing behind either
            remove_file(temporary)
            raise


def list_names(directory: str, pattern: re.Pattern[str]) -> list[str]:
    """Give the names in a directory that match, whatever they are; none when it is missing.

    Raises:
        OSError: it cannot be listed.
    """
    try:
        return [name for name in os.listdir(directory) if pattern.fullmatch(name)]
    except FileNotFoundError:
        return []


def list_files(directory: str, pattern: re.Pattern[str]) -> list[FoundFile]:
    """Give the regular files in a directory that match; none when it is missing or a link.

    Raises:
        OSError: it cannot be listed.
    """
    found: list[FoundFile] = []

    def look(entry: os.DirEntry[str]) -> None:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            found.append(FoundFile(entry.name, entry.path, status.st_size, status.st_mtime))

    _scan(directory, pattern, look)
    return found


def list_directories(directory: str, pattern: re.Pattern[str]) -> list[str]:
    """Give the names of the directories in a directory that match, links not among them.

    Raises:
        OSError: it cannot be listed.
    """
    found: list[str] = []

    def look(entry: os.DirEntry[str]) -> None:
        if entry.is_dir(follow_symlinks=False):
            found.append(entry.name)

    _scan(directory, pattern, look)
    return found


def remove_file(path: str) -> bool:
    """Remove a file and say whether it is gone by our doing; a failure is no error."""
    try:
        os.unlink(path)
    except (OSError, ValueError):  # ValueError: a null character in the path
        return False
    return True


def remove_unused(file: FoundFile) -> bool:
    """Remove a file unless somebody used it since it was listed."""
    try:
        if os.stat(file.path, follow_symlinks=False).st_mtime != file.used_s:
            return False
    except OSError:
        return False
    return remove_file(file.path)


def remove_idle_directory(path: str, changed_before_s: float) -> None:
    """Remove a directory if nothing is in it or was of late; a failure is no error.

    One that was emptied just now stays: a writer may be about to put a file there, and one that
    loses its directory at each attempt loses its entries.
    """
    with contextlib.suppress(OSError):
        if os.stat(path, follow_symlinks=False).st_mtime < changed_before_s:
            os.rmdir(path)


def _scan(
    directory: str, pattern: re.Pattern[str], look: Callable[[os.DirEntry[str]], None]
) -> None:
    try:
        if os.path.islink(directory):
            return
        with os.scandir(directory) as entries:
            for entry in entries:
                if pattern.fullmatch(entry.name):
                    try:
                        look(entry)
                    except FileNotFoundError:
                        continue  # somebody else removed it
    except FileNotFoundError:
        return


def make_directories(layout: Layout, directory: str) -> None:
    """Make a directory of the store and those it needs."""
    os.makedirs(layout.root, mode=0o700, exist_ok=True)
    _mark_root(layout.root)
    for path in (
        os.path.join(layout.root, layout.version),
        layout.temporary,
        os.path.dirname(directory),
        directory,
    ):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def _mark_root(root: str) -> None:
    # Only where nothing but ours lies: a user may point us at a directory of his, where a
    # .gitignore of "*" would hide his work.
    if not all(name in ROOT_FILES or VERSION_NAME.fullmatch(name) for name in os.listdir(root)):
        return
    for name, text in ROOT_FILES.items():
        with (
            contextlib.suppress(FileExistsError),
            open(os.path.join(root, name), "x", encoding="utf-8") as file,
        ):
            file.write(text)
