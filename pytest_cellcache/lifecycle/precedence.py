"""What records tell of the producers of a test: who they were, and in which order they ran."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from json import dumps, loads
from typing import Any, Final

from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.gathering import places_in
from pytest_cellcache.lifecycle.nametable import Names, StoredNames, bits_of
from pytest_cellcache.store.contract import Store

_MOST: Final = 100
_UNSTORED: Final = "unstored/"
SINCE: Final = "since"
"""In what is known of a test without a record: it has run otherwise than its older ones tell."""


def others_of(row: Kept, last: Mapping[str, Any], ran: Collection[str]) -> list[str]:
    """Name the known producers of a test that did not run before it: the nearest ones.

    Args:
        last: what an earlier run told of it.
        ran: node ids of the tests that ran in this one.
    """
    known = [*row.later, *texts(last.get("producers")), *texts(last.get("later"))]
    known += [name for group in groups(last.get("either")) for name in group]
    before, later = row.needed, {*row.later}
    found = (n for n in known if n not in before and (n in later or n not in ran))
    return list(dict.fromkeys(found))[:_MOST]


class Precedence:
    """Tells which records were made after other producers than stand before their tests now.

    Args:
        ranks: places of the tests of this run.
    """

    def __init__(self, ranks: Mapping[str, int]) -> None:
        self._ranks = ranks
        # By identity: records share tables of names.
        self._tables: dict[int, _Ranked] = {}

    def is_broken(self, told: Mapping[str, Any], nodeid: str) -> bool:
        """Say whether that is so of the record of a test."""
        own = self._ranks[nodeid]
        if before := texts(told.get("producers")):
            _, last, is_kept = self._known_of(before)
            if not is_kept or last >= own:
                return True
        if (later := texts(told.get("later"))) and self._known_of(later)[0] < own:
            return True
        return any(self._known_of(group)[0] >= own for group in groups(told.get("either")))

    def _known_of(self, names: Sequence[str]) -> tuple[float, float, bool]:
        """Give the first and the last place, and whether all are there, in this order."""
        if isinstance(names, Names):
            table = names.table
            if id(table) not in self._tables:
                self._tables[id(table)] = _Ranked(table, self._ranks)
            return self._tables[id(table)].known_of(names.bits)
        return _known_of([self._ranks.get(name) for name in names])


class _Ranked:
    """The places of the names of a table among the tests of this run."""

    def __init__(self, table: StoredNames, ranks: Mapping[str, int]) -> None:
        self.table = table  # as long as it is known by its identity
        self._ranks = [ranks.get(name) for name in table.names]
        there = [place for place, rank in enumerate(self._ranks) if rank is not None]
        self._there = bits_of(there)
        self._stays = bits_of(_ascending(there, self._ranks.__getitem__))

    def known_of(self, bits: int) -> tuple[float, float, bool]:
        found = bits & self._there
        if not found or found & ~self._stays:  # some have been moved
            return _known_of([self._ranks[place] for place in places_in(bits)])
        first, last = (found & -found).bit_length() - 1, found.bit_length() - 1
        return self._ranks[first] or 0, self._ranks[last] or 0, found == bits


def _known_of(ranks: list[int | None]) -> tuple[float, float, bool]:
    found = [rank for rank in ranks if rank is not None]
    is_kept = len(found) == len(ranks) and found == sorted(found)
    return min(found, default=math.inf), max(found, default=-1), is_kept


def _ascending(places: Sequence[int], rank_of: Callable[[int], Any]) -> list[int]:
    """Leave out as few places as possible, so that the ranks of the others ascend."""
    ends: list[int] = []  # by length, the place with the lowest rank that such a sequence ends with
    lowest: list[Any] = []
    before: dict[int, int] = {}
    for place in places:
        at = bisect.bisect_left(lowest, rank := rank_of(place))
        if at:
            before[place] = ends[at - 1]
        ends[at : at + 1], lowest[at : at + 1] = [place], [rank]
    found = ends[-1:]
    while found and found[-1] in before:
        found.append(before[found[-1]])
    return found


class Others:
    """Tells which producers of a record are not the tests they were: other parameters, say.

    Args:
        digest_of: gives the digest of a test of this run by its node id.
    """

    def __init__(self, digest_of: Callable[[str], str | None]) -> None:
        self._digest_of = digest_of
        # By identity: tables of names, and the places of those that are others now.
        self._tables: dict[int, tuple[StoredNames, int]] = {}

    def are_in(self, told: Mapping[str, Any]) -> bool:
        """Say whether a record names one that is another test now."""
        made = told.get("made")
        every = [texts(told.get("producers")), *groups(told.get("either"))]
        return any(
            self._are_among(names, made if isinstance(made, dict) else {}) for names in every
        )

    def _are_among(self, names: Sequence[str], made: dict[str, str]) -> bool:
        if not isinstance(names, Names):
            return any(self._is_other(name, made) for name in names)
        table, others = self._tables.get(id(names.table), (None, 0))
        if table is None:
            table = names.table
            rows = enumerate(table.names)
            others = bits_of([place for place, name in rows if self._is_other(name, table.made)])
            self._tables[id(table)] = table, others
        return bool(names.bits & others)

    def _is_other(self, name: str, made: Mapping[str, str]) -> bool:
        digest = self._digest_of(name)
        return digest is not None and made.get(name) != short(digest)


def needed_in(told: Mapping[str, Any]) -> set[str]:
    """Give ``Kept.needed`` as a record tells it."""
    either = (name for group in groups(told.get("either")) for name in group)
    return {*texts(told.get("producers")), *either}


def short(digest: str) -> str:
    """Abbreviate the digest of a producer."""
    return digest[:12]


def texts(found: object) -> Sequence[str]:
    """Give the texts of a list that was read from a record."""
    if isinstance(found, Names):
        return found
    found = found if isinstance(found, (list, tuple)) else []
    return [name for name in found if isinstance(name, str)]


def groups(found: object) -> list[Sequence[str]]:
    """Give the lists of texts of a list that was read from a record."""
    return [texts(group) for group in found] if isinstance(found, (list, tuple)) else []


def read_unstored(store: Store, group: str) -> dict[str, dict[str, Any]]:
    """Give what is known of the tests of a file that have no record, by node id."""
    try:
        found = loads(store.get_note(_UNSTORED + group) or b"{}")
        return {str(name): dict(rest) for name, rest in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def write_unstored(store: Store, group: str, told: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what ``read_unstored`` gives."""
    store.put_note(_UNSTORED + group, dumps(told, separators=(",", ":")).encode())
