"""Names the tests that records tell of by numbers, in a blob that the records of one run share.

Many records name the same tests, in groups of thousands that differ little from test to test;
written out they would be most of a store, and to go through them most of a warm run::

    {"names": [node id, ...], "made": [digest, ...], "groups": [group, ...]}

Names stand in the order in which their tests ran. A group is a list of places of names, or where it
differs from one of the two last long ones: ``[0 or 1, [place, ...]]``. Once read it is a number
whose bits are these places; it is written as such a number, in hexadecimal digits, where a list
would be longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import dumps, loads
from typing import Any, Final, overload

from pytest_cellcache.lifecycle.gathering import places_in

BLOB: Final = "table"
"""Entry of a record that names the blob."""

_LISTS: Final = ("producers", "later")
PACKED: Final = (*_LISTS, "either")
"""Entries of a record that hold numbers of groups."""
_LONG: Final = 16
"""Names of a group from which on others are written by what differs."""
_FEW: Final = 8
_DIGITS: Final = 5
"""Characters that a place in a list takes, about."""


class Names(Sequence[str]):
    """Names of a table, in its order.

    Attributes:
        table: what they are names of.
        bits: their places there.
    """

    __slots__ = ("bits", "table")

    def __init__(self, table: StoredNames, bits: int) -> None:
        self.table = table
        self.bits = bits

    def __iter__(self) -> Iterator[str]:
        names = self.table.names
        return (names[place] for place in places_in(self.bits))

    def __len__(self) -> int:
        return self.bits.bit_count()

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        return [*self][index]

    def __repr__(self) -> str:
        return repr([*self])


class NameTable:
    """A table that grows with the records of a run."""

    def __init__(self) -> None:
        self._groups: dict[frozenset[str], int] = {}

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

    def encode(self, ran: Iterable[str], digest_of: Callable[[str], str]) -> bytes:
        """Give the blob.

        Args:
            ran: names of the tests that ran, in their order; others come after them.
            digest_of: gives what tells a test from others of its name.
        """
        every = frozenset[str]().union(*self._groups)
        first = [name for name in ran if name in every]
        names = [*first, *sorted(every.difference(first))]
        places = {name: place for place, name in enumerate(names)}
        groups = [*_rows(bits_of([*map(places.__getitem__, g)]) for g in self._groups)]
        found = {"names": names, "made": [digest_of(name) for name in names], "groups": groups}
        return dumps(found, separators=(",", ":")).encode()

    def _group(self, names: Iterable[str]) -> int:
        return self._groups.setdefault(frozenset(names), len(self._groups))


class StoredNames:
    """A table that was read.

    Attributes:
        names: node ids.
        made: by node id, what told it from others of its name.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is damaged.
    """

    def __init__(self, blob: bytes) -> None:
        found = loads(blob)
        self.names = [str(name) for name in found["names"]]
        self.made = dict(zip(self.names, map(str, found["made"]), strict=True))
        self._groups = [Names(self, bits) for bits in _groups(found["groups"], len(self.names))]

    def unpack(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Give a record with the names themselves; records may share groups of them.

        Raises:
            TypeError, IndexError: the record is damaged.
        """
        names: dict[str, Any] = {kind: self._groups[told[kind]] for kind in _LISTS if kind in told}
        if "either" in told:
            names["either"] = [self._groups[place] for place in told["either"]]
        return {**told, **names, "made": self.made}


class Among:
    """Tells which of many names are among some that become fewer."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {*names}
        # By identity of a table: it, the places of its names, and of those that are left.
        self._tables: dict[int, tuple[StoredNames, dict[str, int]]] = {}
        self._left: dict[int, int] = {}

    def discard(self, name: str) -> None:
        """Let a name be none of them any more."""
        self._names.discard(name)
        for ident, (_, places) in self._tables.items():
            if name in places:
                self._left[ident] &= ~(1 << places[name])

    def among(self, names: Sequence[str]) -> list[str]:
        """Give those among some names that are left."""
        if not isinstance(names, Names):
            return [*self._names.intersection(names)]
        table, ident = names.table, id(names.table)
        if ident not in self._tables:
            self._tables[ident] = table, {name: place for place, name in enumerate(table.names)}
            there = [place for place, name in enumerate(table.names) if name in self._names]
            self._left[ident] = bits_of(there)
        return [*Names(table, names.bits & self._left[ident])]


def bits_of(places: Sequence[int]) -> int:
    """Give the number that has bits at some places, of which none is negative."""
    if len(places) < _FEW:
        return sum(1 << place for place in {*places})
    top = max(places)
    digits = bytearray(b"0") * (top + 1)
    for place in places:
        digits[top - place] = ord("1")
    return int(digits, 2)


def _rows(groups: Iterable[int]) -> Iterator[list[Any] | str]:
    last = [0, 0]
    for bits in groups:
        length = bits.bit_count()
        if length < _LONG:
            yield [*places_in(bits)]
            continue
        near = min((0, 1), key=lambda which: (last[which] ^ bits).bit_count())
        difference = last[near] ^ bits
        if difference.bit_count() < length:
            yield [near, _written(difference)]
        else:
            near = _last_for(length)
            yield _written(bits)
        last[near] = bits


def _written(bits: int) -> list[int] | str:
    is_long = bits.bit_count() * _DIGITS > bits.bit_length() // 4
    return f"{bits:x}" if is_long else [*places_in(bits)]


def _read(written: Any, size: int) -> int:
    if isinstance(written, str):
        bits = int(written, 16)
    elif written and not 0 <= min(written) <= max(written) < size:
        raise IndexError("a place without a name")
    else:
        bits = bits_of(written)
    if bits < 0 or bits >> size:
        raise IndexError("a place without a name")
    return bits


def _groups(rows: Iterable[Any], size: int) -> Iterator[int]:
    last = [0, 0]
    for row in rows:
        if len(row) == 2 and isinstance(row, list) and isinstance(row[1], (list, str)):
            bits = last[row[0]] = last[row[0]] ^ _read(row[1], size)
        else:
            bits = _read(row, size)
            if (length := bits.bit_count()) >= _LONG:
                last[_last_for(length)] = bits
        yield bits


def _last_for(length: int) -> int:
    """Say which of the two last long groups one that is written out becomes."""
    return int(length > 100)  # producers grow; there are no more than that which come later
