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
        # By place and test: the fixtures that it is the first to use.
        self._first: dict[str, dict[str, set[str]]] = {}

    def note(self, nodeid: str, told: Mapping[str, Any]) -> list[str]:
        """Take what a record tells of a test; give the places that it is the first to change so."""
        makes = told.get("makes")
        found: dict[str, None] = {}
        for maker, places in makes.items() if isinstance(makes, dict) else ():
            if maker in self._known:
                continue
            self._known.add(maker)
            for place in texts(places):
                if place not in texts(told.get("handled")):
                    found[place] = None
                    self._first.setdefault(place, {}).setdefault(nodeid, set()).add(maker)
        return list(found)

    def concern(self, place: str, nodeid: str, reach: Set[str], used: Set[str]) -> bool:
        """Say whether what a test did to a place may matter to another one.

        Args:
            reach: places whose values that one is handed.
            used: those of all fixtures that it uses, and so sets up itself where they are not.
        """
        makers = self._first.get(place, {}).get(nodeid)
        return makers is None or (place in reach and not makers <= used)
