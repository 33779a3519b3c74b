"""Who set variables, the working directory or ``sys.path`` for tests that come later.

A fixture wider than a test does so for all tests below its node (``Instance.place``) until it ends,
and for whoever comes later where it has not put them back; a test does so for whoever comes later.
That concerns who reads or consults them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.observation import ALL_VARIABLES, SURROUNDINGS, Observation

Setter = tuple[str, Instance | None]
"""Node id of a test, and the fixture that it used, or that set something on its behalf."""


class Setters:
    """Books of one run."""

    def __init__(self) -> None:
        # By what is set, in the order of tests; bounded by the tests that use such fixtures.
        self._setters: dict[str, list[Setter]] = {}
        # By node id of tests among them: groups of tests one of which had to run before.
        self._before: dict[str, list[tuple[str, ...]]] = {}
        # By what fixtures of replayed tests would have left for all: node ids of these.
        self._by_fixtures: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._setters or self._by_fixtures)

    def add(self, attempt: Attempt) -> None:
        """Take the tests of a run in their order.

        Of tests the last one counts: one that rests on what was there before rests on its own
        setters.
        """
        nodeid = attempt.facts.nodeid
        groups = self.groups(attempt) if attempt.seen.left else ()
        self.note(nodeid, attempt.seen.left, attempt.seen.put_back, groups)
        for each in attempt.instances:
            for name in each.seen.left:
                self._setters.setdefault(name, []).append((nodeid, each))

    def note(
        self,
        nodeid: str,
        left: Collection[str],
        put_back: Collection[str],
        groups: Iterable[Iterable[str]],
    ) -> None:
        """Take what a test has left, or would have that is replayed.

        Args:
            groups: of tests one of which must run before it.
        """
        if left:
            self._before[nodeid] = [tuple(group) for group in groups]
        for name in {*left, *put_back}:
            known = self._setters.setdefault(name, [])
            known[:] = [each for each in known if each[1] is not None]
            if name in left:
                known.append((nodeid, None))

    def note_fixtures(self, nodeid: str, told: Iterable[str]) -> None:
        """Take what fixtures of a replayed test would have left (``names``)."""
        for name in told:
            if name.endswith("@"):
                self._by_fixtures.setdefault(name[:-1], []).append(nodeid)

    def groups(self, attempt: Attempt) -> list[tuple[str, ...]]:
        """Give groups of tests one of which must run before an attempt; to be asked after it."""
        seen = attempt.seen
        for instance in attempt.instances:
            seen |= instance.seen
        groups = self._groups(attempt.facts.nodeid, _read(seen), attempt.instances, ())
        return [*groups, *self._replayed(_read(seen), self.names(attempt))]

    def before(
        self, nodeid: str, variables: Iterable[str], own: Collection[str]
    ) -> list[tuple[str, ...]]:
        """Give the same for a test that has not run, and reads variables or consults the rest.

        Args:
            own: ``names`` of what it and its fixtures set.
        """
        read = {*variables}
        return [*self._groups(nodeid, read, (), own), *self._replayed(read, own)]

    def names(self, attempt: Attempt) -> list[str]:
        """Name what a test and its fixtures set for others, and for whom (``is_for``)."""
        found = {f"{name}@" for name in attempt.seen.left}
        for each in attempt.instances:
            found |= {_told(name, each) for name in each.seen.left if each.place}
            found |= {f"{name}@" for name in each.leaves}
        return sorted(found)

    def _replayed(self, read: set[str], own: Collection[str]) -> list[tuple[str, ...]]:
        """Give the tests whose fixtures would have left something; not where its own set it."""
        set_by_own = {told.rpartition("@")[0] for told in own}
        return [
            tuple(dict.fromkeys(setting))
            for name, setting in self._by_fixtures.items()
            if _concerns(name, read) and name not in set_by_own
        ]

    def _groups(
        self, nodeid: str, read: set[str], used: Collection[Instance], own: Collection[str]
    ) -> list[tuple[str, ...]]:
        found: dict[tuple[str, Instance | None], list[str]] = {}
        more: list[tuple[str, ...]] = []
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
                    more += self._before.get(setter, ())
                elif name in instance.leaves or is_within(nodeid, instance.place):
                    found.setdefault(("", instance), []).append(setter)
        every = [*more, *(tuple(dict.fromkeys(group)) for group in found.values())]
        return [group for group in dict.fromkeys(every) if nodeid not in group]


def set_by_others(*seen: Observation) -> frozenset[str]:
    """Give what units have consulted that others may have set."""
    return frozenset[str]().union(*(each.variables | each.around for each in seen))


def _told(name: str, instance: Instance) -> str:
    return f"{name}@{instance.place.rpartition('@')[2]}"


def is_for(told: str, nodeid: str, read: set[str]) -> bool:
    """Say whether what a record names (``Setters.names``) concerns a test that reads variables."""
    name, _, node = told.rpartition("@")
    return _concerns(name, read) and is_within(nodeid, f"@{node}")


def _read(seen: Observation) -> set[str]:
    """Give the variables that were not as in the environment of the run."""
    read = {*(seen.variables - seen.inherited), *seen.around}
    return read | (seen.variables & {ALL_VARIABLES})


def _concerns(name: str, read: Iterable[str]) -> bool:
    return name in read or (ALL_VARIABLES in read and name not in SURROUNDINGS)


def is_within(nodeid: str, place: str) -> bool:
    """Say whether a test shares the life of the node of a fixture (``Instance.place``)."""
    node = place.rpartition("@")[2]
    return bool(place) and (not node or nodeid.startswith(node + "::"))
