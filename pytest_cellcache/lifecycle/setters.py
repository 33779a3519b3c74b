"""Who set variables, the working directory or ``sys.path`` for tests that come later.

A fixture wider than a test does so for all tests below its node (``Instance.place``) until it ends,
and for whoever comes later where it has not put them back; a test does so for whoever comes later.
That concerns who reads or consults them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Final

from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.observation import ALL_VARIABLES, SURROUNDINGS, Observation

_NOBODY: Final = ""
"""In the place of a test: what others had set is as at first again."""


class Setters:
    """Books of one run; of each entry it is known after how many others it came.

    Args:
        joined: adds to an observation what its child processes saw.
    """

    def __init__(self, joined: Callable[[Observation], Observation]) -> None:
        self._joined = joined
        self._entries = 0
        # By what is set: tests in their order, and those who used a fixture that has set it;
        # bounded by the tests that do so, and that use such fixtures.
        self._tests: dict[str, list[tuple[int, str]]] = {}
        self._fixtures: dict[str, list[tuple[int, str, Instance]]] = {}
        # By what fixtures of replayed tests would have left for all: node ids of these.
        self._replays: dict[str, list[tuple[int, str]]] = {}
        # By node id of tests that have set something: groups of tests one of which had to run
        # before.
        self._before: dict[str, list[tuple[str, ...]]] = {}
        # By node id of tests that ran: how many entries there were.
        self._when: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._tests or self._fixtures or self._replays)

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
                self._fixtures.setdefault(name, []).append((self._next(), nodeid, each))

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
            setter = nodeid if name in left else _NOBODY
            self._tests.setdefault(name, []).append((self._next(), setter))

    def _next(self) -> int:
        self._entries += 1
        return self._entries

    def note_fixtures(self, nodeid: str, told: Iterable[str]) -> None:
        """Take what fixtures of a replayed test would have left (``names``)."""
        for name in told:
            if name.endswith("@"):
                self._replays.setdefault(name[:-1], []).append((self._next(), nodeid))

    def groups(self, attempt: Attempt) -> list[tuple[str, ...]]:
        """Give groups of tests one of which must run before an attempt; to be asked after it."""
        seen = attempt.seen
        for instance in attempt.instances:
            seen |= instance.seen
        nodeid, read = attempt.facts.nodeid, _read(self._joined(seen))
        self._when[nodeid] = when = self._entries
        groups = self._groups(nodeid, read, attempt.instances, (), when)
        return [*groups, *self._replayed(read, self.names(attempt), when)]

    def before(
        self, nodeid: str, variables: Iterable[str], own: Collection[str], when: int | None = None
    ) -> list[tuple[str, ...]]:
        """Give the same for a test that has not run, and reads variables or consults the rest.

        Args:
            own: ``names`` of what it and its fixtures set.
            when: how many entries there were when its turn came; ``None`` for all.
        """
        read, when = {*variables}, self._entries if when is None else when
        return [*self._groups(nodeid, read, (), own, when), *self._replayed(read, own, when)]

    @property
    def variables(self) -> set[str]:
        """Name the variables that anybody has set."""
        return {*self._tests, *self._fixtures, *self._replays} - SURROUNDINGS

    def before_then(self, attempt: Attempt, variables: Iterable[str]) -> list[tuple[str, ...]]:
        """Give ``before`` for a test that has run, as it was when its turn came."""
        when = self._when.get(attempt.facts.nodeid)
        if when is None:
            return []
        return self.before(attempt.facts.nodeid, variables, self.names(attempt), when)

    def names(self, attempt: Attempt) -> list[str]:
        """Name what a test and its fixtures set for others, and for whom (``is_for``)."""
        found = {f"{name}@" for name in attempt.seen.left}
        for each in attempt.instances:
            found |= {_told(name, each) for name in each.seen.left if each.place}
            found |= {f"{name}@" for name in each.leaves}
        return sorted(found)

    def set_by(self, attempt: Attempt) -> dict[str, dict[str, list[str]]]:
        """Give the names among these of what one fixture alone sets, by ``Instance.lone_place``.

        Who sets that fixture up finds it set, whoever else uses it.
        """
        setters: dict[str, list[Instance]] = {}
        for each in attempt.instances:
            for name in each.seen.left - attempt.seen.left if each.place else ():
                setters.setdefault(_told(name, each), []).append(each)
        found: dict[str, list[str]] = {}
        for told, instances in sorted(setters.items()):
            if len(instances) == 1 and instances[0].lone_place:
                found.setdefault(instances[0].lone_place, []).append(told)
        return {"set_by": found} if found else {}

    def _replayed(self, read: set[str], own: Collection[str], when: int) -> list[tuple[str, ...]]:
        """Give the tests whose fixtures would have left something; not where its own set it."""
        set_by_own = {told.rpartition("@")[0] for told in own}
        return [
            tuple(dict.fromkeys(nodeid for entry, nodeid in setting if entry <= when))
            for name, setting in self._replays.items()
            if concerns(name, read) and name not in set_by_own and setting[0][0] <= when
        ]

    def _groups(
        self,
        nodeid: str,
        read: set[str],
        used: Collection[Instance],
        own: Collection[str],
        when: int,
    ) -> list[tuple[str, ...]]:
        every: list[tuple[str, ...]] = []
        tests = [self._last(name, when) for name in self._tests if concerns(name, read)]
        for setter in {*tests} - {nodeid, _NOBODY}:
            every += [*self._before.get(setter, ()), (setter,)]
        found: dict[Instance, list[str]] = {}
        for name, setters in self._fixtures.items():
            if not concerns(name, read):
                continue
            for entry, setter, instance in setters:
                is_own = setter == nodeid or instance in used or _told(name, instance) in own
                if entry > when or is_own:
                    continue
                if name in instance.leaves or is_within(nodeid, instance.place):
                    found.setdefault(instance, []).append(setter)
        every += [tuple(dict.fromkeys(group)) for group in found.values()]
        return sorted({group for group in every if nodeid not in group})

    def _last(self, name: str, when: int) -> str:
        """Name the test that had set something last; ``_NOBODY`` if none had, or it was undone."""
        turns = self._tests[name]
        number = bisect_right(turns, when, key=itemgetter(0))
        return turns[number - 1][1] if number else _NOBODY


def set_by_others(*seen: Observation) -> frozenset[str]:
    """Give what units have consulted that others may have set.

    Of children nobody knows who traced them not what they read.
    """
    found = frozenset[str]().union(*(each.variables | each.around for each in seen))
    return found | {ALL_VARIABLES} if any(each.children for each in seen) else found


def _told(name: str, instance: Instance) -> str:
    return f"{name}@{instance.place.rpartition('@')[2]}"


def is_for(told: str, nodeid: str, read: set[str]) -> bool:
    """Say whether what a record names (``Setters.names``) concerns a test that reads variables."""
    name, _, node = told.rpartition("@")
    return concerns(name, read) and is_within(nodeid, f"@{node}")


def _read(seen: Observation) -> set[str]:
    """Give the variables that were not as in the environment of the run."""
    read = {*(seen.variables - seen.inherited), *seen.around}
    return read | (set_by_others(seen) & {ALL_VARIABLES})


def concerns(name: str, read: Collection[str]) -> bool:
    """Say whether what is set concerns who reads variables or consults the rest."""
    return name in read or (ALL_VARIABLES in read and name not in SURROUNDINGS)


def is_within(nodeid: str, place: str) -> bool:
    """Say whether a test shares the life of the node of a fixture (``Instance.place``)."""
    node = place.rpartition("@")[2]
    return bool(place) and (not node or nodeid.startswith(node + "::"))
