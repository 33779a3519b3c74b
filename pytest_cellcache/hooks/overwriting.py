"""Which replayed tests have left something in a place that live ones have changed since.

::

    A leaves something in a place       (replayed)
    M changes what is there             (live)
    a failure is confirmed: A would leave the same thing once more, and after M

Only tests that nobody is known to need are left out for that.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cellcache.lifecycle.inheritance import Told

_Place = tuple[str, str]


class Overwriting:
    """Takes the tests of one run, in their order."""

    def __init__(self) -> None:
        self._leaving: dict[_Place, list[str]] = {}
        self._overwritten: set[str] = set()

    def replayed(self, nodeid: str, changes: Iterable[Told]) -> None:
        """Take what a test would have left that was answered from the store."""
        for path, name in {(change.path, change.name) for change in changes}:
            self._leaving.setdefault((path, name), []).append(nodeid)

    def ran(self, places: Iterable[_Place]) -> None:
        """Take the globals that a live test has changed: their files, as records name them."""
        if self._leaving:
            for place in {*places}:
                self._overwritten.update(self._leaving.pop(place, ()))

    def __contains__(self, nodeid: str) -> bool:
        return nodeid in self._overwritten
