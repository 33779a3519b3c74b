"""Knows which replayed tests must run before others do that are run late, for a test after both.

::

    E sets up a wider fixture, or leaves something, by what it finds   (replayed)
    M changes what E finds                                            (replayed)
    a live test needs what M leaves, and may need what comes of E: E, M, and then that test

Once M has run it is too late for E: it, or who sets the fixture up instead, would find what a plain
run has made only afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from pytest_cellcache.hooks.byname import ByName
from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.settling import FEW
from pytest_cellcache.lifecycle.nametable import Among
from pytest_cellcache.lifecycle.precedence import texts


class _Replayed(NamedTuple):
    item: pytest.Item
    outcome: str
    later: Sequence[str]


class Earlier:
    """The replayed tests of one run after which others come that change what they found."""

    def __init__(self, by_name: ByName) -> None:
        self._by_name = by_name
        self._tests: dict[str, _Replayed] = {}

    def note(self, item: pytest.Item, outcome: str, told: Mapping[str, Any]) -> None:
        """Take a test that was answered from the store."""
        if "later" in told:
            self._tests[item.nodeid] = _Replayed(item, outcome, texts(told["later"]))

    def finds_otherwise(self, nodeid: str, live: Collection[str]) -> bool:
        """Say whether a test would now find what others have left that come after it."""
        known = self._tests.get(nodeid)
        return known is not None and not {*live}.isdisjoint(known.later)

    def before(
        self, late: Collection[str], places: Collection[str], leaving: Container[str]
    ) -> Mates:
        """Give the tests that must run where some others do.

        Those that only leave something are mostly not needed in the end: many of them are not.

        Args:
            late: node ids of those that run now.
            places: wider fixtures that are not set up, and somebody needs.
            leaving: node ids of those that leave something behind.
        """
        running, waiting = Among(late), {*places}
        found: list[tuple[pytest.Item, str]] = []
        perhaps: list[tuple[pytest.Item, str]] = []
        for nodeid, (item, outcome, later) in self._tests.items():
            own = self._by_name.all_places_of(item) & waiting if waiting else frozenset()
            chosen = found if own else perhaps
            if (own or nodeid in leaving) and nodeid not in late and running.among(later):
                chosen.append((item, outcome))
                waiting -= own  # the first one sets them up
        return found + perhaps if len(perhaps) <= FEW else found
