"""Who is the first to use a wider fixture: it is set up there, and finds what is left so far.

::

    written    per wider fixture that a test uses, how many of its producers came before the first
               user of it
    verified   no other ones do now: somebody else may be the first, or stand elsewhere

Users go by the names that they ask for: those of modules that are left out are known, too. Who asks
for a fixture by a computed name is not known before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_cellcache.lifecycle.nametable import Names, StoredNames, bits_of
from pytest_cellcache.lifecycle.precedence import groups, texts

EARLY = "early"
"""In a record: those numbers, by place."""
_PLACE: Final = re.compile(r"::(\w+)@(.*)", re.DOTALL)
Asked = tuple[str, str]
"""The name of a fixture, and the node whose life it may share."""


class FirstUsers:
    """The first users among the tests of a run, in their order.

    Args:
        users: gives node ids, with what these tests ask for.
    """

    def __init__(self, users: Callable[[], Iterable[tuple[str, Iterable[Asked]]]] = list) -> None:
        self._users = users
        self._ranks: dict[str, int] = {}
        self._first: dict[Asked, int] = {}
        # By identity of a table, and rank: it, and the bits of its names that come before that.
        self._known: dict[tuple[int, int], tuple[StoredNames, int]] = {}

    def early_of(
        self, places: Iterable[str], producers: Collection[str], either: Iterable[Sequence[str]]
    ) -> dict[str, int]:
        """Give what a record tells of a test with some producers that has used some fixtures."""
        every = [*producers, *(group[0] for group in either if group)]
        found = sorted({*places}) if every else []
        ends = {place: end for place in found if (end := self._end_of(place)) is not None}
        return {place: self._count(every, end) for place, end in ends.items()}

    def is_broken(self, told: Mapping[str, Any]) -> bool:
        """Say whether a fixture of a record would be set up before, or after, other producers."""
        early = told.get(EARLY)
        if not isinstance(early, dict):
            return False
        producers = texts(told.get("producers"))
        others = [name for group in groups(told.get("either")) for name in [*group][:1]]
        for place, count in early.items():
            end = self._end_of(str(place))
            if end is None or self._count(producers, end) + self._count(others, end) != count:
                return True
        return False

    def _end_of(self, place: str) -> int | None:
        """Give the rank of the first user of a fixture."""
        if not self._ranks:
            for rank, (nodeid, asked) in enumerate(self._users()):
                self._ranks[nodeid] = rank
                for each in asked:
                    self._first.setdefault(each, rank)
        parts = _PLACE.search(place)
        return self._first.get((parts[1], parts[2])) if parts else None

    def _count(self, names: Sequence[str], end: int) -> int:
        """Give how many tests come before a rank."""
        if not isinstance(names, Names):
            return sum(self._ranks.get(name, end) < end for name in names)
        key = id(names.table), end
        if key not in self._known:
            table = names.table
            ranks = [self._ranks.get(name, end) for name in table.names]
            bits = bits_of([place for place, rank in enumerate(ranks) if rank < end])
            self._known[key] = table, bits
        return (names.bits & self._known[key][1]).bit_count()
