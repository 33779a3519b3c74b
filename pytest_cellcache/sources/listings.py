"""Names in directories: all of them, and those that an import could find."""

from __future__ import annotations

import os
from typing import Final

from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts

_listdir, _scandir = os.listdir, os.scandir  # before tests put something in its place

SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git", ".hg", ".svn", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox",
        ".nox", ".venv", "venv", "node_modules", ".hypothesis", ".eggs",
    }
)  # fmt: skip


def digest_names(path: str) -> Digest:
    """Digest the names in a directory, caches excepted; ``ABSENT`` when there is none."""
    try:
        names = _listdir(path)
    except (OSError, ValueError):
        return ABSENT
    return digest_parts(sorted(name for name in names if name not in SKIPPED_FOLDERS))


def digest_module_names(path: str) -> Digest:
    """Digest the names in a directory that an import could find; ``ABSENT`` when there is none."""
    try:
        return digest_parts(sorted(entry.name for entry in _module_entries(path)))
    except (OSError, ValueError):
        return ABSENT


def _module_entries(path: str) -> list[os.DirEntry[str]]:
    with _scandir(path) as entries:
        return [
            entry
            for entry in entries
            if entry.name not in SKIPPED_FOLDERS
            and (entry.name.endswith((".py", ".so")) or entry.is_dir())
        ]


def has_new_module(path: str, began_ns: int) -> bool:
    """Say whether an import could find something in a directory that may not have been there.

    Caches come and go. A folder is old if a file in it is: compiled modules come to packages.
    """

    def is_new(entry: os.DirEntry[str]) -> bool:
        if entry.stat().st_ctime_ns <= began_ns:
            return False
        if not entry.is_dir():
            return True
        with _scandir(entry.path) as inner:
            return all(each.stat().st_ctime_ns > began_ns for each in inner if each.is_file())

    try:
        return any(map(is_new, _module_entries(path)))
    except (OSError, ValueError):
        return True
