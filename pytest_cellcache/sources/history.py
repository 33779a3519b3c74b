"""What version control knows of a project: which files it ignores, and what it would tell.

A program that is not traced may read any file of the project. What git ignores is output: of
builds, of tests, of editors. Compiled modules and settings are read again, ignored or not.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.model.digest import ABSENT, Digest, digest_bytes, digest_parts

_run = subprocess.run  # before tests put something in its place
_WAIT_S: Final = 10.0
_READ_AGAIN: Final = (".so", ".pyd", ".dll", ".dylib", ".env")
_ENTRY: Final = struct.Struct(">40s20sH")
"""Of an index of version 2: ten numbers, an object name, flags; the path follows."""


class Ignored:
    """The files of a project that git ignores; none where it is not under git.

    Args:
        root: absolute.
    """

    def __init__(self, root: str) -> None:
        names = _ask_git(root) if os.path.exists(os.path.join(root, ".git")) else ()
        self._files = {name for name in names if not name.endswith("/")}
        self._folders = {name.rstrip("/") for name in names if name.endswith("/")}

    def is_output(self, name: str) -> bool:
        """Say whether a file, by its name below the root, is ignored and not read again."""
        if name.endswith(_READ_AGAIN) or name.rpartition("/")[2].startswith(".env"):
            return False
        if name in self._files:
            return True
        while self._folders and "/" in name:
            name = name.rpartition("/")[0]
            if name in self._folders:
                return True
        return False


def _ask_git(root: str) -> list[str]:
    command = "git ls-files -z --others --ignored --exclude-standard --directory".split()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = _run(
            command, cwd=root, env=environment, capture_output=True, timeout=_WAIT_S, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    if done.returncode:
        return []
    return [name for name in os.fsdecode(done.stdout).split("\0") if name]


def digest_history(root: str) -> Digest:
    """Digest the commit that is checked out, branches, tags and the index.

    Times of files, which the index also holds, do not count.
    """
    folder = _git_folder(root)
    if folder is None:
        return ABSENT
    shared = os.path.normpath(os.path.join(folder, _text(os.path.join(folder, "commondir")) or "."))
    parts = ["head", _text(os.path.join(folder, "HEAD"))]
    for name in ("packed-refs", "shallow"):
        parts += [name, _text(os.path.join(shared, name))]
    for at in dict.fromkeys((folder, shared)):
        parts += [part for pair in _loose_refs(os.path.join(at, "refs")) for part in pair]
    return digest_parts([*parts, "index", _index(os.path.join(folder, "index"))])


def _git_folder(root: str) -> str | None:
    path = os.path.join(root, ".git")
    if os.path.isdir(path):
        return path
    link = _text(path).removeprefix("gitdir:").strip()  # of a worktree
    return os.path.join(root, link) if link else None


def _loose_refs(folder: str) -> Iterator[tuple[str, str]]:
    for at, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(at, file)
            yield os.path.relpath(path, folder), _text(path)


def _index(path: str) -> str:
    """Digest the index without the times and the place of files."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return ABSENT
    kept: list[bytes] = []
    try:
        magic, version, count = struct.unpack_from(">4sII", data)
        if magic != b"DIRC" or version != 2:
            return digest_bytes(data)
        at = 12
        for _ in range(count):
            numbers, name, flags = _ENTRY.unpack_from(data, at)
            end = data.index(b"\0", at + _ENTRY.size)
            kept += [numbers[24:28], name, struct.pack(">H", flags), data[at + _ENTRY.size : end]]
            at += (end - at) // 8 * 8 + 8
    except (struct.error, ValueError):
        return digest_bytes(data)
    return digest_bytes(b"\0".join(kept))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
