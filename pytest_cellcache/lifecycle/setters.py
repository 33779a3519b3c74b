"""Who set variables, the working directory or ``sys.path`` for tests that come later.

A fixture wider than a test does so for all tests below its node (``Instance.place``) until it ends,
and for whoever comes later where it has not put them back; a test does so for whoever comes later.
Variables concern who reads them, the other two concern everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.observation import ALL_VARIABLES, LEFT_FOR_ALL, Observation

Setter = tuple[str, Instance | None]
"""Node id of a test, and the fixture that it used, or that set something on its behalf."""


class Setters:
    """Books of one run."""

    def __init__(self) -> None:
        # By what is set, in the order of tests; bounded by the tests that use such fixtures.
        self._setters: dict[str, list[Setter]] = {}

    def __bool__(self) -> bool:
        return bool(self._setters)

    def add(self, attempt: Attempt) -> None:
        """Take the tests of a run in their order."""
        nodeid = attempt.facts.nodeid
        for name in attempt.seen.left:
            self._setters.setdefault(name, []).append((nodeid, None))
        for each in attempt.instances:
            for name in each.seen.left:
                self._setters.setdefault(name, []).append((nodeid, each))

    def groups(self, attempt: Attempt) -> list[tuple[str, ...]]:
        """Give groups of tests one of which must run before an attempt; to be asked after it."""
        seen = attempt.seen
        for instance in attempt.instances:
            seen |= instance.seen
        return self._groups(attempt.facts.nodeid, _read(seen), attempt.instances, ())

    def before(
        self, nodeid: str, variables: Iterable[str], own: Collection[str]
    ) -> list[tuple[str, ...]]:
        """Give the same for a test that has not run, and reads variables.

        Args:
            own: ``names`` of what it and its fixtures set.
        """
        return self._groups(nodeid, {*variables, *LEFT_FOR_ALL}, (), own)

    def names(self, attempt: Attempt) -> list[str]:
        """Name what a test and its fixtures set for others, and for whom (``is_for``)."""
        found = {f"{name}@" for name in attempt.seen.left}
        for each in attempt.instances:
            found |= {_told(name, each) for name in each.seen.left if each.place}
            found |= {f"{name}@" for name in each.leaves}
        return sorted(found)

    def _groups(
        self, nodeid: str, read: set[str], used: Collection[Instance], own: Collection[str]
    ) -> list[tuple[str, ...]]:
        found: dict[tuple[str, Instance | None], list[str]] = {}
        for name, setters in self._setters.items():
            if not _concerns(name, read):
                continue
            for setter, instance in setters:
                if setter == nodeid or instance in used:
                    continue
                if instance is not None and _told(name, instance) in own:
                    continue
                if instance is None:
                    found.setdefault((setter, None), []).append(setter)
                elif name in instance.leaves or is_within(nodeid, instance.place):
                    found.setdefault(("", instance), []).append(setter)
        return [tuple(dict.fromkeys(group)) for group in found.values()]


def _told(name: str, instance: Instance) -> str:
    return f"{name}@{instance.place.rpartition('@')[2]}"


def is_for(told: str, nodeid: str, read: set[str]) -> bool:
    """Say whether what a record names (``Setters.names``) concerns a test that reads variables."""
    name, _, node = told.rpartition("@")
    return _concerns(name, read) and is_within(nodeid, f"@{node}")


def _read(seen: Observation) -> set[str]:
    """Give the variables that were not as in the environment of the run."""
    read = {*(seen.variables - seen.inherited), *LEFT_FOR_ALL}
    return read | (seen.variables & {ALL_VARIABLES})


def _concerns(name: str, read: Iterable[str]) -> bool:
    return name in read or (ALL_VARIABLES in read and name not in LEFT_FOR_ALL)


def is_within(nodeid: str, place: str) -> bool:
    """Say whether a test shares the life of the node of a fixture (``Instance.place``)."""
    node = place.rpartition("@")[2]
    return bool(place) and (not node or nodeid.startswith(node + "::"))
