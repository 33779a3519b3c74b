"""Who is the first to use a wider fixture: it is set up there, and finds what is left so far.

::

    written    per wider fixture that a test uses, how many of its producers came before the first
               user of it
    verified   no other ones do now: somebody else may be the first, or stand elsewhere

Who asks for a fixture by a computed name is not known before it runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_cellcache.lifecycle.nametable import Names, StoredNames, bits_of
from pytest_cellcache.lifecycle.precedence import groups, texts

EARLY = "early"
"""In a record: those numbers, by place."""


class FirstUsers:
    """The first users among the tests of a run, in their order.

    Args:
        users: node ids, with the places of the wider fixtures that they use.
    """

    def __init__(self, users: Iterable[tuple[str, Iterable[str]]] = ()) -> None:
        self._ranks: dict[str, int] = {}
        self._first: dict[str, int] = {}
        # By identity of a table, and rank: it, and the bits of its names that come before that.
        self._known: dict[tuple[int, int], tuple[StoredNames, int]] = {}
        for rank, (nodeid, places) in enumerate(users):
            self._ranks[nodeid] = rank
            for place in places:
                self._first.setdefault(place, rank)

    def early_of(
        self, places: Iterable[str], producers: Collection[str], either: Iterable[Sequence[str]]
    ) -> dict[str, int]:
        """Give what a record tells of a test with some producers that has used some fixtures."""
        every = [*producers, *(group[0] for group in either if group)]
        known = (place for place in {*places} if place in self._first)
        return {place: self._count(every, place) for place in sorted(known)} if every else {}

    def is_broken(self, told: Mapping[str, Any]) -> bool:
        """Say whether a fixture of a record would be set up before, or after, other producers."""
        early = told.get(EARLY)
        if not isinstance(early, dict):
            return False
        producers = texts(told.get("producers"))
        others = [name for group in groups(told.get("either")) for name in [*group][:1]]
        return any(
            place not in self._first
            or self._count(producers, place) + self._count(others, place) != count
            for place, count in early.items()
        )

    def _count(self, names: Sequence[str], place: str) -> int:
        """Give how many tests come before the first user of a fixture."""
        end = self._first[place]
        if not isinstance(names, Names):
            return sum(self._ranks.get(name, end) < end for name in names)
        key = id(names.table), end
        if key not in self._known:
            table = names.table
            ranks = [self._ranks.get(name, end) for name in table.names]
            bits = bits_of([place for place, rank in enumerate(ranks) if rank < end])
            self._known[key] = table, bits
        return (names.bits & self._known[key][1]).bit_count()
