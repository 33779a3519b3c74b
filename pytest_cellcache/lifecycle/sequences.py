"""Which tests must run before a test because of what no comparison sees: files, objects of C types.

::

    a test wrote a path that another consults              -> it is a producer of the other one
    tests use a wider fixture that may be changed unseen   -> each is a producer of the next
    a fixture made from such a one may have changed it     -> the next ones rest on that fixture,
                                                              and the first that uses it runs first

A fixture goes by its *place*: its definition, and the node whose life it shares. What tests did to
one before a test began is the *sequence* of that place. A record holds for the sequence in which it
was made; another one, by a test that is new, gone or moved, is a miss (``hooks.sequences``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.consulted import is_below, looked_at, made_by
from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.doings import Place
from pytest_cellcache.lifecycle.firstusers import EARLY, FirstUsers
from pytest_cellcache.lifecycle.left import Left
from pytest_cellcache.lifecycle.precedence import (
    SINCE,
    groups,
    others_of,
    read_unstored,
    short,
    texts,
    write_unstored,
)
from pytest_cellcache.lifecycle.setters import Setters
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import FIXTURE, Observation
from pytest_cellcache.model.reasons import FAILED, Reason
from pytest_cellcache.store.contract import Store

EVERYTHING: Final = "*"
"""In place of names: it wrote too many paths to name them."""
_MOST_NAMES: Final = 100
_CHANCE: Final = "chance"
Roots = Callable[[Attempt], frozenset[Key]]
Writer = tuple[Key, Instance | None]
"""A test, and the fixture that wrote on its behalf."""


def digest_of_sequence(nodeids: Iterable[str]) -> str:
    """Tell sequences apart."""
    return digest_parts(list(nodeids))[:12]


class Sequences:
    """Books of one run.

    Args:
        joined: adds to an observation what its child processes saw.
        named: names a path in records.
        by_chance: which tests come before which is chance (``hooks.order``): none of them is a
            producer, and no run in order takes a record for one of its own.
    """

    def __init__(
        self,
        joined: Callable[[Observation], Observation],
        named: Callable[[str], str],
        *,
        by_chance: bool = False,
    ) -> None:
        self.by_chance = by_chance
        self._joined = joined
        self._named = named
        self._attempts: dict[Key, Attempt] = {}
        self._places: dict[Key, Place] = {}
        # By absolute path, and by folder; bounded by what a run writes.
        self._writers: dict[str, list[Writer]] = {}
        self._writers_in: dict[str, list[Writer]] = {}
        self._added: set[str] = set()  # those in which what was there at first may be left
        self._of_instance: dict[Instance, set[Key]] = {}
        self._sequences: dict[str, list[Key]] = {}
        self._values: dict[str, str] = {}
        self._made: set[str] = set()
        # Of which only fixtures did something there, on which others rest anyway.
        self._by_fixtures: set[tuple[str, Key]] = set()
        # Files that a wider fixture may hold open.
        self._held: dict[str, str] = {}
        self.setters = Setters(joined)
        # By node id: what counts by value of the tests themselves.
        self._digests: dict[str, str] = {}
        self.first_users = FirstUsers()

    def add(self, attempt: Attempt) -> None:
        """Take the tests of a run in their order."""
        unit = Left.key_of(attempt)
        found = self._places[unit] = Place(inherits=attempt.inherits, is_known=attempt.is_known)
        seen = self._joined(attempt.seen)
        looked = looked_at(seen)
        if attempt.is_setup:
            used = {each.original or each for each in attempt.instances}
            found.producers = self._producers(looked, used, found.written)
            return
        new = [each for each in attempt.instances if each not in self._of_instance]
        self._values |= {each.value_name: each.place for each in new if each.place}
        made = {path for each in new for path in made_by(each.seen)}
        for each in new:
            used = each.with_upstream()
            producers = self._producers(looked_at(each.seen) - made, used, found.written)
            self._of_instance[each] = producers
        found.producers = self._producers(looked - made, attempt.instances, found.written)
        for each in attempt.instances:
            found.producers |= self._of_instance[each]
        changed = {*seen.changed, *(seen.writes - attempt.seen.writes)}
        for each in new:
            if not each.place:
                looked |= looked_at(each.seen)
                changed |= each.seen.changed
        self._follow(attempt, unit, found, looked, changed)
        for each in new:
            if each.place:
                self._note_writes((unit, each), each.seen, each.seen.changed)
        self._note_writes((unit, None), seen, changed)
        written = {*changed, *(path for each in new for path in each.seen.changed)}
        own = [path for each in attempt.instances if not each.place for path in each.paths]
        names = {self._named(path) for path in written if not is_below([path], own)}
        found.changed = names if len(names) <= _MOST_NAMES else {EVERYTHING}
        found.producers.discard(unit)
        found.is_doing = bool(attempt.changes or seen.acts or seen.children or seen.spawned)
        if not self.by_chance:
            found.either = tuple(self.setters.groups(attempt))
            self.setters.add(attempt)
        self._digests[attempt.facts.nodeid] = attempt.facts.digest
        if changed or found.handled or found.makes or any(each.seen.changed for each in new):
            self._attempts[unit] = attempt

    def note_replayed(self, nodeid: str, told: Mapping[str, Any]) -> None:
        """Take a test that would have set something, and those that may have in its place."""
        made = told.get("made")
        for name in (name for group in groups(told.get("either")) for name in group):
            self._digests.setdefault(name, made.get(name, "") if isinstance(made, dict) else "")
        self._digests[nodeid] = str(told.get("item", ""))
        if "sets" in told or "resets" in told:
            left, put_back = texts(told.get("leaves")), texts(told.get("resets"))
            own = {f"{name}@" for name in left}
            self.setters.note_fixtures(nodeid, [n for n in texts(told.get("sets")) if n not in own])
            self.setters.note(nodeid, left, put_back, groups(told.get("either")))

    def of(self, attempt: Attempt) -> Place:
        """Give what an attempt has to do with others."""
        return self._places.get(Left.key_of(attempt), Place())

    def changed_by(self, attempt: Attempt) -> set[str]:
        """Give the places of the fixtures whose values an attempt has changed before our eyes."""
        names = {change.name for change in attempt.changes if change.is_of_value}
        return {self._values[name] for name in names & self._values.keys()}

    def note_changes(self, changes: Iterable[Change], left: Left) -> None:
        """Take which units are producers because they changed values that are watched."""
        for change in changes:
            maker = None if change.unit is None else self._places.get(left.maker_of(change.unit))
            if maker is not None:
                maker.state.add(change)
            users, where = ([], "") if change.unit is None else left.users_of(change.unit)
            using = [self._places[user] for user in users if user in self._places]
            for user in using:
                user.undone.setdefault(where, set()).add(change)
            if change.unit is not None and (lone := left.lone_place_of(change.unit)):
                for user in using if maker is None else [maker, *using]:
                    user.made.setdefault(lone, set()).add(change)
            place = self._values.get(change.key.name)
            if change.producer in self._places and change.key.path == FIXTURE and place:
                self._places[change.producer].left.add(place)

    def has(self, attempt: Attempt) -> bool:
        """Say whether others may rest on an attempt."""
        return Left.key_of(attempt) in self._attempts

    def to_json(self, attempt: Attempt) -> dict[str, Any]:
        """Give what later runs must know of a test."""
        place = self.of(attempt)
        place.sets = tuple(self.setters.names(attempt))  # fixtures may have ended since
        place.leaves = tuple(sorted(attempt.seen.left))
        place.resets = tuple(sorted(attempt.seen.put_back))
        told = place.to_json()
        if around := attempt.seen.around.union(*(each.seen.around for each in attempt.instances)):
            told["around"] = sorted(around)
        return told | self.setters.set_by(attempt)

    def order_to_json(
        self, row: Kept, last: Mapping[str, Any], ran: Collection[str]
    ) -> dict[str, Any]:
        """Give what a record tells of the producers of its test; see ``others_of``."""
        later = others_of(row, last, ran)
        return {"producers": row.producers, "either": row.either, "later": later}

    def early_to_json(self, row: Kept) -> dict[str, Any]:
        """Give what a record tells of where the fixtures of its test were set up."""
        places = {each.place for each in row.attempt.instances if each.place}
        early = self.first_users.early_of(places, row.producers, row.either)
        return {EARLY: early} if early else {}

    def digest_of(self, nodeid: str) -> str:
        """Give what tells a test of this run from another one of its name."""
        return short(self._digests.get(nodeid, ""))

    def apply(self, rows: Sequence[Kept], left: Left, roots_of: Roots) -> list[Kept]:
        """Add producers to rows, and what these rest on to the units of ``left``."""
        needed = {key for place in self._places.values() for key in place.producers}
        for key in needed & self._attempts.keys():
            known = left.units.get(key) or roots_of(self._attempts[key])
            left.units[key] = known | self._places[key].producers
        sides = left.sides()
        found = []
        for row in rows:
            producers = frozenset(self.of(row.attempt).producers)
            unit = Left.key_of(row.attempt)
            names = sides.in_order((*row.producers, *sides.before(unit, producers)))
            either = (*row.either, *self.of(row.attempt).either)
            row = row._replace(roots=row.roots | producers, producers=names, either=either)
            self.of(row.attempt).fills = row.fills
            if row.attempt.failure:
                self.of(row.attempt).after = tuple(names)
            found.append(row)
        return found

    def keep_unstored(
        self,
        fates: Mapping[str, Reason | None],
        known: Mapping[str, Iterable[str]],
        left: Left,
        store: Store,
    ) -> None:
        """Tell later runs, too, what is known of tests that have no record.

        Args:
            known: by node id the producers that were known before.
        """
        groups: dict[str, dict[str, dict[str, Any]]] = {}
        sides = left.sides()
        for unit in self._places:
            if unit.name in fates and not unit.name.startswith("fixture "):
                told, fate = groups.setdefault(unit.path, {}), fates[unit.name]
                if fate is None:
                    continue
                place = self._places[unit]
                # What a test finds that others were left out before tells nothing of a plain run.
                names = () if place.is_known else sides.before(unit, place.producers)
                names = (*names, *place.inherits, *(place.after or ()))
                if place.inherits or (fate.slug == FAILED and place.after is None):
                    names = (*names, *known[unit.name])  # these may still be some
                names = tuple(dict.fromkeys(names))
                rest: dict[str, Any] = {"producers": names} if names else {}
                rest |= {"either": place.either} if place.either else {}
                is_lasting = fate.slug == FAILED and (place.is_doing or place.changed)
                rest |= {FAILED: True} if is_lasting else {}
                told[unit.name] = {SINCE: True, **place.to_json(), **rest}
        for group, told in groups.items():
            before = read_unstored(store, group)
            new = {name: rest for name, rest in before.items() if name not in fates}
            new |= {name: rest for name, rest in told.items() if rest}
            if new != before:
                write_unstored(store, group, new)

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
            if not meets and not (is_below(looked, each.owned) or is_below(changed, each.owned)):
                continue
            sequence = self._sequences.setdefault(each.place, [])
            before = [] if self.by_chance else [key.name for key in sequence]
            told = _CHANCE if self.by_chance else digest_of_sequence(before)
            found.before.setdefault(each.place, told)
            if meets and before:
                found.producers |= self._last(each.place)
            if handles or is_below(changed, each.owned):
                found.handled.add(each.place)
        for path in looked & self._held.keys():
            found.producers |= set(() if self.by_chance else self._last(self._held[path]))
        for each in wide:
            if each.touches:
                places = sorted(used.place for used in each.touches)
                found.makes[each.place] = sorted({*found.makes.get(each.place, ()), *places})
        made = {place for maker in found.makes.keys() - self._made for place in found.makes[maker]}
        self._made |= found.makes.keys()
        for place in found.handled | made:
            sequence = self._sequences.setdefault(place, [])
            if unit not in sequence:
                sequence.append(unit)
            if place not in found.handled:
                self._by_fixtures.add((place, unit))

    def _last(self, place: str) -> set[Key]:
        """Give the last test that did something to the value of a fixture itself."""
        sequence = self._sequences.get(place, [])
        own = (unit for unit in reversed(sequence) if (place, unit) not in self._by_fixtures)
        return {unit for unit in [next(own, None)] if unit is not None}

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
                written.update({given} - self._added)
                found |= keys
        return found

    def _note_writes(self, writer: Writer, seen: Observation, changed: Iterable[str]) -> None:
        for path in changed:
            writers = self._writers.setdefault(path, [])
            if path not in seen.reads:
                writers.clear()  # nothing is left of what was there
                self._added.discard(path)
            elif not writers and path in seen.appends - seen.absent:
                self._added.add(path)
            for known in (writers, self._writers_in.setdefault(os.path.dirname(path), [])):
                if writer not in known:
                    known.append(writer)
