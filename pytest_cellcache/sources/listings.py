"""Names in directories: all of them, and those that an import could find."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts

_scandir = os.scandir  # before tests put something in its place

SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git", ".hg", ".svn", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox",
        ".nox", ".venv", "venv", "node_modules", ".hypothesis", ".eggs", ".benchmarks",
    }
)  # fmt: skip


_COVERAGE: Final = (".coverage.", ".coverage-")
"""What coverage data files of many processes begin with; that of one is called ``.coverage``."""


def names_in(path: str) -> tuple[str, ...] | None:
    """Give the names in a directory, caches excepted; ``None`` when there is none.

    A folder's ends with ``/`` and a link's with ``@``: who lists entries is told that, too.
    """
    try:
        with _scandir(path) as entries:
            return tuple(sorted(_described(entry) for entry in entries if not _is_cache(entry)))
    except (OSError, ValueError):
        return None


def digest_names(names: Iterable[str] | None) -> Digest:
    """Digest what ``names_in`` gave."""
    return ABSENT if names is None else digest_parts(names)


def _is_cache(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    is_data = name == ".coverage" or name.startswith(_COVERAGE)
    return is_data or name in SKIPPED_FOLDERS or name.endswith(".pyc")


def _described(entry: os.DirEntry[str]) -> str:
    return entry.name + "/" * entry.is_dir() + "@" * entry.is_symlink()


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
