"""Which tests must run before a test because of what no comparison sees: files, objects of C types.

::

    a test wrote a path that another consults              -> it is a producer of the other one
    tests use a wider fixture that may be changed unseen   -> each is a producer of the next

A fixture goes by its *place*: its definition, and the node whose life it shares. What tests did to
one before a test began is the *sequence* of that place. A record holds for the sequence in which it
was made; another one, by a test that is new, gone or moved, is a miss (``hooks.sequences``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.left import Left
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import Observation


Roots = Callable[[Attempt], frozenset[Key]]
Writer = tuple[Key, Instance | None]
"""A test, and the fixture that wrote on its behalf."""


@dataclass(slots=True)
class Place:
    """What one test has to do with wider fixtures.

    Attributes:
        producers: units that it rests on.
        before: per place that it looked at, what tests had done there.
        handled: places that it may have changed.
        written: paths that it consulted and others wrote.
    """

    producers: set[Key] = field(default_factory=set)
    before: dict[str, str] = field(default_factory=dict)
    handled: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


def digest_of_sequence(nodeids: Iterable[str]) -> str:
    """Tell sequences apart."""
    return digest_parts(list(nodeids))[:12]


class Sequences:
    """Books of one run.

    Args:
        joined: adds to an observation what its child processes saw.
    """

    def __init__(self, joined: Callable[[Observation], Observation]) -> None:
        self._joined = joined
        self._attempts: dict[Key, Attempt] = {}
        self._places: dict[Key, Place] = {}
        # By absolute path, and by folder; bounded by what a run writes.
        self._writers: dict[str, list[Writer]] = {}
        self._writers_in: dict[str, list[Writer]] = {}
        self._of_instance: dict[Instance, set[Key]] = {}
        self._sequences: dict[str, list[Key]] = {}
        # Files that a wider fixture may hold open.
        self._held: dict[str, str] = {}

    def add(self, attempt: Attempt) -> None:
        """Take the tests of a run in their order."""
        unit = Left.key_of(attempt)
        found = self._places[unit] = Place()
        seen = self._joined(attempt.seen)
        looked = _looked(seen)
        if attempt.is_setup:
            found.producers = self._producers(looked, attempt.instances, found.written)
            return
        new = [each for each in attempt.instances if each not in self._of_instance]
        made = {path for each in new for path in each.seen.writes - each.seen.reads}
        for each in new:
            used = each.with_upstream()
            producers = self._producers(_looked(each.seen) - made, used, found.written)
            self._of_instance[each] = producers
        found.producers = self._producers(looked - made, attempt.instances, found.written)
        for each in attempt.instances:
            found.producers |= self._of_instance[each]
        changed = {*seen.changed, *(seen.writes - attempt.seen.writes)}
        for each in new:
            if not each.place:
                looked |= _looked(each.seen)
                changed |= each.seen.changed
        self._follow(attempt, unit, found, looked, changed)
        for each in new:
            if each.place:
                self._note_writes((unit, each), each.seen, each.seen.changed)
        self._note_writes((unit, None), seen, changed)
        found.producers.discard(unit)
        if changed or found.handled or any(each.seen.changed for each in new):
            self._attempts[unit] = attempt

    def of(self, attempt: Attempt) -> Place:
        """Give what an attempt has to do with others."""
        return self._places.get(Left.key_of(attempt), Place())

    def has(self, attempt: Attempt) -> bool:
        """Say whether others may rest on an attempt."""
        return Left.key_of(attempt) in self._attempts

    def to_json(self, attempt: Attempt) -> dict[str, Any]:
        """Give what later runs must know of a test."""
        place = self.of(attempt)
        told: dict[str, Any] = {}
        if place.before:
            told["before"] = place.before
        if place.handled:
            told["handled"] = sorted(place.handled)
        return told

    def apply(self, rows: Sequence[Kept], left: Left, roots_of: Roots) -> list[Kept]:
        """Add producers to rows, and what these rest on to the units of ``left``."""
        needed = {key for place in self._places.values() for key in place.producers}
        for key in needed & self._attempts.keys():
            known = left.units.get(key) or roots_of(self._attempts[key])
            left.units[key] = known | self._places[key].producers
        found = []
        for row in rows:
            producers = frozenset(self.of(row.attempt).producers)
            unit = Left.key_of(row.attempt)
            names = left.tests_before(unit, producers)
            names = tuple(dict.fromkeys((*row.producers, *names)))
            found.append(Kept(row.attempt, row.roots | producers, names))
        return found

    # -- ours ------------------------------------------------------------------------------------

    def _follow(
        self, attempt: Attempt, unit: Key, found: Place, looked: set[str], changed: set[str]
    ) -> None:
        """Take a test's place in the sequences of the fixtures that it used."""
        wide = [each for each in attempt.instances if each.place]
        for each in wide:
            meets, handles = each in attempt.met, each in attempt.handled
            if meets:
                for path in each.seen.writes:
                    self._held[path] = each.place
            owned = each.paths | each.seen.writes
            if not meets and not (_below(looked, owned) or _below(changed, owned)):
                continue
            sequence = self._sequences.setdefault(each.place, [])
            found.before.setdefault(
                each.place, digest_of_sequence(key.name for key in sequence)
            )
            if meets and sequence:
                found.producers.add(sequence[-1])
            if handles or _below(changed, owned):
                found.handled.add(each.place)
        for path in looked & self._held.keys():
            sequence = self._sequences.get(self._held[path], [])
            found.producers |= set(sequence[-1:])
        for place in found.handled:
            sequence = self._sequences[place]
            if unit not in sequence:
                sequence.append(unit)

    def _producers(
        self, paths: Iterable[str], used: Collection[Instance], written: set[str]
    ) -> set[Key]:
        """Give the units that wrote some paths; not where a fixture did that is used anyway."""
        found: set[Key] = set()
        for given in paths if self._writers else ():
            writers = [*self._writers.get(given, ()), *self._writers_in.get(given, ())]
            path, folder = given, os.path.dirname(given)
            while folder != path:
                writers += self._writers.get(folder, ())
                path, folder = folder, os.path.dirname(folder)
            keys = {key for key, instance in writers if instance not in used}
            if keys:
                written.add(given)
                found |= keys
        return found

    def _note_writes(self, writer: Writer, seen: Observation, changed: Iterable[str]) -> None:
        for path in changed:
            writers = self._writers.setdefault(path, [])
            if path not in seen.reads:
                writers.clear()  # nothing is left of what was there
            for known in (writers, self._writers_in.setdefault(os.path.dirname(path), [])):
                if writer not in known:
                    known.append(writer)



def _looked(seen: Observation) -> set[str]:
    return {*(seen.reads - seen.appends), *seen.stats, *seen.listings}


def _below(paths: Iterable[str], owned: Iterable[str]) -> bool:
    """Say whether some path is one of others, or below one."""
    owned = tuple(owned)
    starts = tuple(path + os.sep for path in owned)
    return bool(starts) and any(path in owned or path.startswith(starts) for path in paths)
