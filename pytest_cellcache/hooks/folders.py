"""The temporary directories that a fixture got from pytest: which are its own, where new ones go.

``config._tmp_path_factory`` and its ``_basetemp`` are private: nothing public gives the base
directory without making one. Where they are missing no directory is a fixture's own, and a fixture
that writes files is not kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_cellcache.store.trees import Listing, list_tree

TMP_PATH: Final = "tmp_path"
_FACTORIES: Final = ("tmp_path_factory", "tmpdir_factory")


def base_folder(config: Any) -> str | None:
    """Give the base directory of temporary directories, if there is one yet."""
    factory = getattr(config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    return str(base) if isinstance(base, Path) else None


def tmp_path_of(request: Any) -> str | None:
    """Give the directory of the ``tmp_path`` that an item has asked for, if it has."""
    active = getattr(request, "_fixture_defs", None) or {}
    definition = active.get(TMP_PATH)
    result = getattr(definition, "cached_result", None)
    return str(result[0]) if result is not None and isinstance(result[0], Path) else None


def make_folder(config: Any, name: str) -> str:
    """Make a directory like the one of that name in another session.

    Raises:
        AttributeError: this pytest does not tell how.
        OSError: it cannot be made.
    """
    match = re.fullmatch(r"(.*?)(\d+)", name)
    factory = config._tmp_path_factory
    if match is not None:
        return str(factory.mktemp(match[1], numbered=True))
    return str(factory.mktemp(name, numbered=False))


class Folders(NamedTuple):
    """Temporary directories before a set-up."""

    base: str | None
    names: frozenset[str]
    tmp_path: str | None
    tmp_files: Listing

    @classmethod
    def now(cls, request: Any) -> Folders:
        base = base_folder(request.config)
        active = getattr(request, "_fixture_defs", None) or {}
        factory = getattr(request.config, "_tmp_path_factory", None)
        if base is None and factory is not None and not active.keys().isdisjoint(_FACTORIES):
            # Made by the first who asks, with a function for the end of the process: not by the
            # fixture, whose effect that would be.
            base = str(factory.getbasetemp())
        tmp_path = tmp_path_of(request)
        names = frozenset(_names(base)) if base is not None else frozenset()
        return cls(base, names, tmp_path, list_tree(tmp_path) if tmp_path is not None else {})

    def made(self, config: Any) -> list[str]:
        """Give the absolute directories that were made since, in order."""
        base = base_folder(config)
        if base is None:
            return []
        return [os.path.join(base, name) for name in _names(base) if name not in self.names]

    def written(self) -> tuple[dict[str, tuple[int, int, int]], str | None]:
        """Give what appeared below ``tmp_path`` since, and a file that was changed there."""
        if self.tmp_path is None:
            return {}, None
        added: dict[str, tuple[int, int, int]] = {}
        changed: str | None = None
        now = list_tree(self.tmp_path)
        for path, status in now.items():
            before = self.tmp_files.get(path)
            if before is None:
                added[path] = status
            elif before != status and not _is_folder(status[0]):
                changed = path
        gone = self.tmp_files.keys() - now.keys()
        return added, changed or min(gone, default=None)


def _names(base: str) -> list[str]:
    try:
        # ``name-current`` is a link that pytest keeps beside the directories.
        return sorted(e.name for e in os.scandir(base) if e.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _is_folder(mode: int) -> bool:
    return mode & 0o170000 == 0o040000
