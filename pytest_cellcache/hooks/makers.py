"""Knows which tests come first to fixtures that may have changed what they were made from, unseen.

A wider fixture that fills a database leaves it so for all that come later, whether they ask for
that fixture or for the connection only. Who sets it up in a run is the first test that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from pytest_cellcache.lifecycle.precedence import texts


class Makers:
    """The tests of one run, in their order."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._first: dict[str, set[str]] = {}

    def note(self, nodeid: str, told: Mapping[str, Any]) -> list[str]:
        """Take what a record tells of a test; give the places that it is the first to change so."""
        makes = told.get("makes")
        found: list[str] = []
        for maker, places in makes.items() if isinstance(makes, dict) else ():
            if maker not in self._known:
                self._known.add(maker)
                found += texts(places)
        new = [place for place in found if place not in texts(told.get("handled"))]
        for place in new:
            self._first.setdefault(place, set()).add(nodeid)
        return new

    def concern(self, place: str, nodeid: str, reach: Set[str]) -> bool:
        """Say whether what a test did to a place may matter to one with some places in reach."""
        return place in reach or nodeid not in self._first.get(place, ())
