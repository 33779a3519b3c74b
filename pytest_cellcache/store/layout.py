"""Where things lie in a store directory, and which file names are ours.

::

    <root>/CACHEDIR.TAG  .gitignore
    <root>/v<SCHEMA>/segments/<digest of the group>/<unique>.jsonl
                     blobs/<digest of the content>
                     notes/<digest of the name>
                     tmp/<unique>            being written, or left behind by a crash
                     compact.lock

Stores merge with ``cp -r``: a name is either unique or says what is in the file. ``root`` may be a
link; below it links are neither followed nor removed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final

from pytest_cellcache.model.digest import SCHEMA, Digest, digest_text

VERSION_NAME: Final = re.compile(r"v\d+")
DIGEST_NAME: Final = re.compile(r"[0-9a-f]{32}")
SEGMENT_NAME: Final = re.compile(r"[0-9a-f]{24}\.jsonl")
TEMPORARY_NAME: Final = re.compile(r"[0-9a-f]{24}")

ROOT_FILES: Final = {
    "CACHEDIR.TAG": (
        "Signature: 8a477f597d28d172789f06886806bc55\n"
        "# This directory holds outcomes of tests, see pytest-cellcache.\n"
        "# https://bford.info/cachedir/\n"
    ),
    ".gitignore": "# Made by pytest-cellcache.\n*\n",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one schema version inside ``root``, as text: ``Path`` costs as much as a read."""

    root: str
    version: str = f"v{SCHEMA}"
    segments: str = field(init=False)
    blobs: str = field(init=False)
    notes: str = field(init=False)
    temporary: str = field(init=False)
    lock: str = field(init=False)

    def __post_init__(self) -> None:
        for name, part in (
            ("segments", "segments"),
            ("blobs", "blobs"),
            ("notes", "notes"),
            ("temporary", "tmp"),
            ("lock", "compact.lock"),
        ):
            object.__setattr__(self, name, os.path.join(self.root, self.version, part))

    def group(self, key: str) -> str:
        return os.path.join(self.segments, key)

    def blob(self, name: str) -> str:
        return os.path.join(self.blobs, name)

    def note(self, key: str) -> str:
        return os.path.join(self.notes, key)


def group_key(group: str) -> Digest:
    """Name the directory of a group."""
    return digest_text(group)


def note_key(name: str) -> Digest:
    """Name the file of a note."""
    return digest_text(name)


def unique_name() -> str:
    """Make a name nobody else makes; ``random`` would repeat itself under a seeding plugin."""
    return os.urandom(12).hex()
