"""What tests leave behind for later ones, beside state of modules: files, environment, folders.

::

    a file that one test writes and another reads   -> the reader is not stored: the file is about
                                                       to change whenever the writer runs
    a variable, the working directory, sys.path     -> who comes later rests on all that the one
                                                       rests on that leaves it (``setters``)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json import dumps, loads
from typing import Final, NamedTuple

from pytest_cellcache.lifecycle.setters import set_by_others
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.keys import EXISTS, FILE, FOLDER, LISTING, LOG, TREE, Key
from pytest_cellcache.model.observation import ALL_VARIABLES, SURROUNDINGS, Observation
from pytest_cellcache.sources.snapshot import Snapshot
from pytest_cellcache.store.contract import Store

_NOTE: Final = "output/"
_ANY: Final = "outputs"
_MAX_WRITERS: Final = 8
_EVERYBODY: Final = "*"


class Leaver(NamedTuple):
    """A test or fixture that left something behind, and where it came from."""

    unit: str
    seen: Observation
    group: str


class Leftovers:
    """Books of one run, and of earlier ones where a later run must know.

    Args:
        names: gives the names in records of an absolute path, none if it never counts.
        joined: adds to an observation what its child processes saw.
    """

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        names: Callable[[str], tuple[str, ...]],
        joined: Callable[[Observation], Observation],
    ) -> None:
        self._joined = joined
        self._store = store
        self._snapshot = snapshot
        self._names = names
        self._writers: dict[str, frozenset[str]] = {}
        self._left: dict[str, dict[str, Leaver]] = {}
        self._producers: dict[str, tuple[Leaver, ...]] = {}

    def add(self, attempt: Attempt) -> None:
        """Take the tests of a run in their order."""
        own = units_of(attempt)
        read: set[str] = set()
        for _, seen in own:
            read |= set_by_others(self._joined(seen))
        found: dict[str, Leaver] = {}
        for name, leavers in self._left.items():
            if name in read or (ALL_VARIABLES in read and name not in SURROUNDINGS):
                found.update(leavers)
        for unit, _ in own:
            found.pop(unit, None)
        if found:
            self._producers[attempt.facts.nodeid] = tuple(found.values())
        for name in attempt.seen.put_back:
            self._left.pop(name, None)
        self._note_left(attempt.facts.nodeid, attempt.seen, attempt.seen.left, attempt)
        for each in attempt.instances:
            # What one of the test's own has changed may have been put back by another of them.
            left = each.seen.left if each.place else each.leaves
            self._note_left(name_of(each), each.seen, left, attempt)
        for unit, seen in own:
            self._note_outputs(unit, seen)

    def producers_of(self, attempt: Attempt) -> tuple[Leaver, ...]:
        """Give who left what a test found, itself and its fixtures aside."""
        return self._producers.get(attempt.facts.nodeid, ())

    def outputs_among(self, keys: Iterable[Key]) -> dict[Key, frozenset[str]]:
        """Find the inputs that units write; give who does."""
        found: dict[Key, frozenset[str]] = {}
        for key in keys:
            kind, path = key.kind, key.path
            if kind == TREE and not key.name and self._store.get_note(_ANY) is not None:
                found[key] = frozenset({_EVERYBODY})
            elif kind in (FILE, EXISTS, LISTING) and key.name not in (FOLDER, LOG):
                writers = self._writers_of(f"{kind} {path}")
                if writers:
                    found[key] = writers
        return found

    def _note_left(
        self, unit: str, seen: Observation, left: Iterable[str], attempt: Attempt
    ) -> None:
        for name in left:
            leaver = Leaver(unit, seen, attempt.facts.group)
            self._left.setdefault(name, {})[unit] = leaver

    def _note_outputs(self, unit: str, seen: Observation) -> None:
        for path in seen.writes:
            for name in self._names(path):
                if not self._snapshot.is_in_flux(name):
                    continue
                folder = name.rpartition("/")[0] or "."
                touched = [f"{FILE} {name}", f"{LISTING} {folder}"]
                if self._snapshot.is_gone(name):
                    touched.append(f"{EXISTS} {name}")
                for what in touched:
                    self._note_output(what, unit)
                if not self._snapshot.is_output(name):
                    self._store.put_note(_ANY, b"")

    def _note_output(self, what: str, unit: str) -> None:
        writers = self._writers_of(what)
        if unit in writers or _EVERYBODY in writers:
            return
        writers |= {unit}
        if len(writers) > _MAX_WRITERS:
            writers = frozenset({_EVERYBODY})
        self._writers[what] = writers
        self._store.put_note(_NOTE + what, dumps(sorted(writers)).encode())

    def _writers_of(self, what: str) -> frozenset[str]:
        if what not in self._writers:
            note = self._store.get_note(_NOTE + what)
            try:
                self._writers[what] = frozenset(loads(note)) if note else frozenset()
            except (ValueError, TypeError):
                self._writers[what] = frozenset({_EVERYBODY})
        return self._writers[what]


def units_of(attempt: Attempt) -> list[tuple[str, Observation]]:
    """Name a test and the fixtures it used."""
    return [
        (attempt.facts.nodeid, attempt.seen),
        *((name_of(instance), instance.seen) for instance in attempt.instances),
    ]


def name_of(instance: Instance) -> str:
    """Name a fixture among units."""
    return f"fixture {instance.name}"


def made_anew(seen: Observation) -> frozenset[str]:
    """Give the paths that a unit wrote and in which nothing is left that it has not looked at."""
    return seen.writes - (seen.appends - seen.absent)
