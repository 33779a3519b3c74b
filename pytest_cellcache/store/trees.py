"""Keeps a directory of files with a value and lays it out again elsewhere.

A tree is a JSON object ``{"token", "name", "rows"}``; a row is ``[kind, path, mode, payload]`` with
kind ``dir``, ``file`` (payload: number of its section) or ``link`` (payload: target).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pytest_cellcache.store.values import Unstorable

MOST_BYTES: Final = 1 << 28
"""Trees above this are not kept."""

Listing = Mapping[str, tuple[int, int, int]]
"""Relative path -> mode, size and time of change of all that lies below a directory."""


def list_tree(root: str) -> dict[str, tuple[int, int, int]]:
    """List what lies below a directory; nothing when it is missing."""
    found: dict[str, tuple[int, int, int]] = {}
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError:
            continue
        for entry in entries:
            path = os.path.join(folder, entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns)
            if stat.S_ISDIR(status.st_mode):
                stack.append(path)
    return found


def pack_tree(
    token: str, root: str, listing: Listing, forbidden: Iterable[str], first: int
) -> tuple[dict[str, Any], list[bytes]]:
    """Read a tree.

    Args:
        forbidden: paths that no file may name in its content, as they differ from run to run.
        first: number of the section that the first file gets.

    Raises:
        Unstorable: something in it cannot be kept.
    """
    rows: list[list[Any]] = []
    files: list[bytes] = []
    texts = [os.fsencode(path) for path in forbidden]
    total = 0
    for path, (mode, size, _) in sorted(listing.items()):
        full = os.path.join(root, path)
        if stat.S_ISDIR(mode):
            rows.append(["dir", path, stat.S_IMODE(mode), None])
            continue
        total += size
        if total > MOST_BYTES:
            raise Unstorable(f"the files below {token} are larger than {MOST_BYTES >> 20} MB")
        try:
            if stat.S_ISLNK(mode):
                target = os.readlink(full)
                if target.startswith(root + os.sep):
                    rows.append(["inner", path, 0, target[len(root) + 1 :]])
                    continue
                if os.path.isabs(target):
                    raise Unstorable(f"{path} is a link to {target}")
                rows.append(["link", path, 0, target])
                continue
            if not stat.S_ISREG(mode):
                raise Unstorable(f"{path} is neither a file nor a directory")
            with open(full, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Unstorable(f"{path} cannot be read: {error}") from error
        if any(text in data for text in texts):
            raise Unstorable(f"{path} names a directory of this session")
        rows.append(["file", path, stat.S_IMODE(mode), first + len(files)])
        files.append(data)
    return {"token": token, "rows": rows}, files


def lay_out(
    rows: Iterable[list[Any]], root: str, section: Callable[[int], bytes | memoryview]
) -> list[str]:
    """Write a tree below a directory; give the absolute paths written.

    Raises:
        OSError: something cannot be written, or is there already.
        ValueError: a row leads out of the directory.
    """
    written: list[str] = []
    modes: list[tuple[str, int]] = []
    for kind, path, mode, payload in rows:
        full = os.path.join(root, path)
        if os.path.isabs(path) or os.pardir in path.split(os.sep):
            raise ValueError(f"{path} leads out of its tree")
        if kind == "dir":
            os.mkdir(full)
            modes.append((full, mode))
        elif kind == "link":
            os.symlink(payload, full)
        elif kind == "inner":  # a link that leads, by its absolute path, to where it lies
            os.symlink(os.path.join(root, payload), full)
        else:
            with open(full, "xb") as file:
                file.write(section(payload))
            os.chmod(full, mode)
        written.append(full)
    # Last and from below: a directory may not be writable.
    for full, mode in reversed(modes):
        os.chmod(full, mode)
    return written
