"""Names the tests that records tell of by numbers, in a blob that the records of one run share.

Many records name the same tests, in groups that grow from test to test; written out they would be
most of a store::

    {"names": [node id, ...], "made": [digest, ...], "groups": [group, ...]}

A group is a list of places of names, or what the last long one before it has to lose at any place
and to gain at its end: ``[[place, ...], [place, ...]]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from json import dumps, loads
from typing import Any, Final

BLOB: Final = "table"
"""Entry of a record that names the blob."""

_LISTS: Final = ("producers", "later")
PACKED: Final = (*_LISTS, "either")
"""Entries of a record that hold numbers of groups."""
_LONG: Final = 16
"""Names of a group from which on others are written by what differs."""


class Names(list[str]):
    """Texts that are known to be such; there may be thousands, and many who ask."""


class NameTable:
    """A table that grows with the records of a run."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._groups: dict[tuple[str, ...], int] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def pack(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give the same with numbers for groups of names."""
        packed: dict[str, Any] = {
            kind: self._group(told[kind]) for kind in _LISTS if told.get(kind)
        }
        if told.get("either"):
            packed["either"] = [*map(self._group, told["either"])]
        return packed

    def encode(self, digest_of: Callable[[str], str]) -> bytes:
        """Give the blob.

        Args:
            digest_of: gives what tells a test from others of its name.
        """
        groups = [*self._rows()]
        names = list(self._names)
        found = {"names": names, "made": [digest_of(name) for name in names], "groups": groups}
        return dumps(found, separators=(",", ":")).encode()

    def _group(self, names: Iterable[str]) -> int:
        return self._groups.setdefault(tuple(names), len(self._groups))

    def _rows(self) -> Iterator[list[Any]]:
        last: list[int] = []
        for group in self._groups:
            row = [self._names.setdefault(name, len(self._names)) for name in group]
            if len(row) < _LONG:
                yield row
                continue
            there, before = set(row), set(last)
            lost = [place for place in last if place not in there]
            gained = [place for place in row if place not in before]
            is_told = len(lost) + len(gained) < len(row) and _changed(last, lost, gained) == row
            yield [lost, gained] if is_told else row
            last = row


class StoredNames:
    """A table that was read.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is damaged.
    """

    def __init__(self, blob: bytes) -> None:
        found = loads(blob)
        names = [str(name) for name in found["names"]]
        self._made = dict(zip(names, map(str, found["made"]), strict=True))
        self._groups: list[Names] = []
        last: list[int] = []
        for row in found["groups"]:
            if row and isinstance(row[0], list):
                row = _changed(last, *row)
            if len(row) >= _LONG:
                last = row
            self._groups.append(Names(names[place] for place in row))

    def unpack(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give a record with the names themselves; records may share a list of them.

        Raises:
            TypeError, IndexError: the record is damaged.
        """
        names: dict[str, Any] = {kind: self._groups[told[kind]] for kind in _LISTS if kind in told}
        if "either" in told:
            names["either"] = [self._groups[place] for place in told["either"]]
        return {**told, **names, "made": self._made}


def _changed(places: list[int], lost: list[int], gained: list[int]) -> list[int]:
    gone = set(lost)
    return [*(place for place in places if place not in gone), *gained]
