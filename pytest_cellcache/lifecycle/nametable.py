"""Names the tests that records tell of by numbers, in a blob that the records of one run share.

Many records name the same tests, and groups of them; written out they would be most of a store::

    {"names": [node id, ...], "made": [digest, ...], "groups": [[place of a name, ...], ...]}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

BLOB: Final = "table"
"""Entry of a record that names the blob."""

_LISTS: Final = ("producers", "later")
PACKED: Final = (*_LISTS, "either")
"""Entries of a record that hold numbers."""


class NameTable:
    """A table that grows with the records of a run."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._groups: dict[tuple[int, ...], int] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def pack(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give the same with numbers for names."""
        packed = {kind: [*map(self._place, told[kind])] for kind in _LISTS if told.get(kind)}
        if told.get("either"):
            rows = (tuple(map(self._place, group)) for group in told["either"])
            packed["either"] = [self._groups.setdefault(row, len(self._groups)) for row in rows]
        return packed

    def encode(self, digest_of: Callable[[str], str]) -> bytes:
        """Give the blob.

        Args:
            digest_of: gives what tells a test from others of its name.
        """
        names = list(self._names)
        made = [digest_of(name) for name in names]
        found = {"names": names, "made": made, "groups": list(self._groups)}
        return json.dumps(found, separators=(",", ":")).encode()

    def _place(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))


class StoredNames:
    """A table that was read.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is damaged.
    """

    def __init__(self, blob: bytes) -> None:
        found = json.loads(blob)
        self._names = [str(name) for name in found["names"]]
        self._made = dict(zip(self._names, map(str, found["made"]), strict=True))
        self._groups = [[self._names[place] for place in group] for group in found["groups"]]

    def unpack(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give a record with the names themselves.

        Raises:
            TypeError, IndexError: the record is damaged.
        """
        names: dict[str, Any] = {
            kind: [self._names[place] for place in told[kind]] for kind in _LISTS if kind in told
        }
        if "either" in told:
            names["either"] = [self._groups[place] for place in told["either"]]
        return {**told, **names, "made": self._made}
