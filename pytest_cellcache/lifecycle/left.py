"""What units left behind for later ones: modules imported, objects changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from pytest_cellcache.graph.locate import Locator, places_of, ran_within
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.graph.remembered import Place, Ran
from pytest_cellcache.lifecycle.contents import Row, digest_of_rows, keys_in
from pytest_cellcache.lifecycle.footprint import InputKeys
from pytest_cellcache.lifecycle.producers import (
    Producers,
    draws,
    keys_left,
    place_left,
    unit_key,
    unit_of,
)
from pytest_cellcache.lifecycle.resets import Opening, opening_of
from pytest_cellcache.lifecycle.sides import Sides
from pytest_cellcache.lifecycle.surroundings import Edges, Surroundings
from pytest_cellcache.lifecycle.units import Attempt, Instance, Restored
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import EFFECTS, GROUP, LEFT, UNIT, Key
from pytest_cellcache.model.observation import (
    ALL_VARIABLES,
    FIXTURE,
    UNKNOWN,
    CodeRef,
    Observation,
    StateChange,
    Within,
)

_NOTHING: Final[frozenset[str]] = frozenset()
_UNDONE: Final = " undone"
_MOST_USERS: Final = 20
"""Users of one fixture that are remembered."""


class Left:
    """What units left behind for later ones.

    Args:
        joined: adds to an observation what its child processes saw.

    Attributes:
        imported: bodies that ran in imports, also in those that a test made first.
        outside: those of them that ran not only in statements of modules.
        loaded: relative files of the modules that tests imported first.
        inputs: per module imported by a test, what the units that did so consulted meanwhile.
        units: what producers rest on, by their keys.
        hubs: keys that stand for many, as many units rest on the same.
        openings: how tests began.
    """

    def __init__(
        self,
        locator: Locator,
        input_keys: InputKeys,
        around: Surroundings,
        joined: Callable[[Observation], Observation],
    ) -> None:
        self._joined = joined
        self._keys_of_code = keys_of_code = locator.keys
        self._locator = locator
        self._input_keys = input_keys
        self.imported = places_of(keys_of_code(around.imported.codes))
        self.outside = places_of(keys_of_code(around.outside.codes))
        self.within = around.imported.within
        self._test_files = around.groups | set(around.plugins)
        self.inputs: dict[Key, frozenset[Key]] = {}
        self.loaded: set[str] = set()
        self.units: dict[Key, frozenset[Key]] = {}
        self.hubs: dict[Key, frozenset[Key]] = {}
        self.openings: dict[Key, Opening] = {}
        self._contents: dict[Key, Digest] = {}
        self._hub_of: dict[frozenset[Key], Key] = {}
        # By test: units of the fixtures that it has used, which it makes live itself.
        self._used: dict[Key, set[Key]] = {}
        self._users: dict[Key, list[Key]] = {}
        self._modules: dict[Key, frozenset[str]] = {}
        self._same: dict[frozenset[str], frozenset[str]] = {}
        self._order: dict[Key, str] = {}
        self._fixtures: dict[Instance, Key] = {}
        self._lone: dict[str, list[Instance]] = {}
        self._values: set[str] = set()
        self._changed: dict[Key, tuple[Attempt, Instance | None]] = {}
        self._changes: dict[Key, frozenset[StateChange]] = {}
        self._left_by: dict[Key, dict[str, list[Row]]] = {}

    def add(self, attempt: Attempt) -> None:
        """Take what a test and its fixtures imported, changed and reset."""
        every = [attempt.seen, *(instance.seen for instance in attempt.instances)]
        opening = opening_of(every, self._locator, self._input_keys.relative)
        if opening is not None:
            self.openings[self.key_of(attempt)] = opening
        for seen in every:
            keys = self._keys_of_code(seen.codes)
            modules = {key for key in keys if key.kind == EFFECTS}
            if not modules:
                continue
            # Not templates and the like, which no import finds.
            self.loaded |= {key.path for key in modules if key.path.endswith((".py", ".pyw"))}
            self.imported |= places_of(keys)
            self.outside |= places_of(keys)
            self.within |= seen.within
            inputs = frozenset(self._input_keys.keys(self._in_imports(seen), _NOTHING))
            for key in modules if inputs else ():
                self.inputs[key] = self.inputs.get(key, frozenset()) | inputs
        self._values |= {
            change.name
            for changes in (attempt.changes, *(i.changes for i in attempt.instances))
            for change in changes
            if change.filename == FIXTURE
        }
        self._order.setdefault(self.key_of(attempt), attempt.facts.nodeid)
        if attempt.changes:
            self._changed[self.key_of(attempt)] = (attempt, None)
            self._changes[self.key_of(attempt)] = attempt.changes
        for instance in attempt.instances:
            if instance.changes and instance not in self._fixtures:
                name = f"fixture {instance.name} {len(self._fixtures)}"
                # What is undone at its end is a unit of its own: who reads it rests on the fixture,
                # and needs one of its users to run before only while it is there.
                kept = unit_key(attempt.facts.group, name)
                undone = unit_key(attempt.facts.group, name + _UNDONE)
                self._fixtures[instance] = kept
                self._lone.setdefault(instance.lone_place, []).append(instance)
                for unit, changes in (
                    (kept, instance.changes - instance.undone),
                    (undone, instance.changes & instance.undone),
                ):
                    if changes:
                        self._changed[unit] = attempt, instance
                        self._changes[unit] = changes
            if instance in self._fixtures:
                own, kept = self.key_of(attempt), self._fixtures[instance]
                for fixture in (kept, kept._replace(name=kept.name + _UNDONE)):
                    self._used.setdefault(own, set()).add(fixture)
                    users = self._users.setdefault(fixture, [])
                    if len(users) < _MOST_USERS and own not in users:
                        users.append(own)

    def _in_imports(self, seen: Observation) -> Observation:
        """Give what a unit consulted while it imported modules, its children then included."""
        if any(kind == "spawned" for kind, _ in seen.in_imports):
            return self._joined(seen)
        subjects: dict[str, set[str]] = {}
        for kind, subject in seen.in_imports:
            subjects.setdefault(kind, set()).add(subject)
        found = {kind: frozenset(those) for kind, those in subjects.items()}
        return Observation(**found, absent=seen.absent, listed=seen.listed)  # type: ignore[arg-type]

    def values_used(self, attempt: Attempt) -> frozenset[Key]:
        """Give keys of the fixture values that an attempt used and some unit changed."""
        names = {instance.value_name for instance in attempt.instances} & self._values
        return frozenset(unit_key(FIXTURE, name) for name in names)

    @staticmethod
    def key_of(attempt: Attempt) -> Key:
        return unit_key(attempt.facts.group, attempt.facts.nodeid)

    def modules_of(
        self, unit: Key, roots: frozenset[Key], edges: Edges, reached: Reached[Key]
    ) -> frozenset[str]:
        """Give the modules that a unit rests on: those of its file, and those it imports.

        An import in a function that ran counts, whichever unit came first to it.

        Args:
            reached: follows ``modules_only`` of the edges.
        """
        keys = {*roots, Key(GROUP, unit.path)}
        keys.update(*(self.hubs[root] for root in roots & self.hubs.keys()))
        brought = {self._modules_by(key, edges, reached) for key in keys if key.kind != UNIT}
        return frozenset[str]().union(*brought)

    def _modules_by(self, root: Key, edges: Edges, reached: Reached[Key]) -> frozenset[str]:
        found = self._modules.get(root)
        if found is None:
            if root.kind in (EFFECTS, GROUP):
                found = frozenset(key.path for key in reached.of(root) if key.kind == EFFECTS)
            else:
                starts = modules_only(edges(root))
                found = frozenset[str]().union(
                    *(self._modules_by(start, edges, reached) for start in starts)
                )
            self._modules[root] = found = self._same.setdefault(found, found)
        return found

    def note_units(
        self, new: Sequence[Attempt], roots_of: Callable[[Attempt], frozenset[Key]]
    ) -> None:
        """Keep what producers among new attempts rest on."""
        for unit, (attempt, instance) in self._changed.items():
            if unit in self.units:
                continue
            if instance is None:
                self.units[unit] = roots_of(attempt)
            else:
                roots = set(draws(instance.changes))
                for used in instance.with_upstream():
                    roots |= self._keys_of_code(used.seen.codes)
                    roots |= self._input_keys.keys(self._joined(used.seen), used.seen.writes)
                self.units[unit] = frozenset(roots)

    def note_changes(self, producers: Producers) -> None:
        """Say what was changed, by whom."""
        for unit, (attempt, instance) in self._changed.items():
            own: set[Place] = set()
            if attempt.code is not None:
                own |= places_of(self._keys_of_code([attempt.code]))
            seen = [attempt.seen] if instance is None else []
            changes = self._changes[unit]
            used = attempt.instances if instance is None else instance.with_upstream()
            ran: set[Place] = set()
            within: set[Within] = set()
            inputs: set[Key] = set()
            broad: dict[frozenset[Place] | None, frozenset[Key]] = {}
            for each in (*seen, *(other.seen for other in used)):
                ran |= places_of(self._keys_of_code(each.codes))
                within |= each.within
                whole = self._joined(each)
                all_variables = whole.variables & {ALL_VARIABLES}
                alone = Observation(
                    children=whole.children, variables=all_variables, inherited=all_variables
                )
                # Of children nobody knows on whose behalf they read.
                reads = each.reads if whole == each else _NOTHING
                read = Observation(
                    reads=reads, writes=each.writes, appends=each.appends, absent=each.absent
                )
                for part, on_stack in ((alone, whole.on_stack), (read, each.readers)):
                    if keys := self._input_keys.keys(part, each.writes):
                        where = self._bodies(on_stack)
                        broad[where] = frozenset(keys) | broad.get(where, frozenset())
                whole = whole._replace(
                    children=frozenset(),
                    variables=whole.variables - all_variables,
                    reads=whole.reads - reads,
                )
                inputs |= self._input_keys.keys(whole, each.writes)
            own |= {place for place in ran if place[0] in self._test_files}
            producers.add(
                unit,
                self._with_made(changes, used, ran | own, producers),
                ran=Ran(ran, frozenset(own), ran_within(within, self._keys_of_code)),
                own=frozenset(own),
                inputs=frozenset(inputs),
                broad=broad,
                leaving=attempt.leaving if instance is None else {},
            )
        self._contents, self._left_by = {}, {}
        for key, rows in producers.left.items():
            self._contents[key] = digest_of_rows(rows)
            self._contents[keys_left(key)] = digest_of_rows(keys_in(rows))
            self._left_by.setdefault(unit_of(key), {})[place_left(key)] = rows

    def _with_made(
        self,
        changes: frozenset[StateChange],
        used: Iterable[Instance],
        ran: set[Place],
        producers: Producers,
    ) -> Iterator[StateChange]:
        """Give changes; of values that were made meanwhile those that it may have made others."""
        made = {change.name for change in changes if change.is_making}
        yield from (change for change in changes if not change.is_making)
        for instance in used if made else ():
            if instance.value_name in made:
                bodies = places_of(self._keys_of_code(instance.seen.codes))
                if producers.may_differ(bodies, frozenset(ran)):
                    yield StateChange(FIXTURE, instance.value_name)

    def digests(self, otherwise: Callable[[Key], Digest]) -> Callable[[Key], Digest]:
        """Give what digests keys, those included of what others rest on by content."""
        return lambda key: self._contents.get(key) or otherwise(key)

    def left_by(self, attempt: Attempt) -> dict[str, list[Row]]:
        """Give what a test has left that others rest on by content, by place."""
        return self._left_by.get(self.key_of(attempt), {})

    def _bodies(self, on_stack: frozenset[CodeRef]) -> frozenset[Place] | None:
        """Give the bodies that ran when something was consulted; ``None`` if not known."""
        is_known = on_stack and UNKNOWN not in on_stack
        return frozenset(places_of(self._keys_of_code(on_stack))) if is_known else None

    def maker_of(self, unit: Key) -> Key:
        """Give the test on whose behalf a unit changed what lasts: itself, or a fixture's first."""
        attempt, instance = self._changed.get(unit, (None, None))
        if instance is not None and self._fixtures.get(instance) != unit:
            return unit
        return unit if attempt is None else self.key_of(attempt)

    def lone_place_of(self, unit: Key) -> str:
        """Give the place of the fixture that made changes; empty for a test (``Instance``)."""
        _, instance = self._changed.get(unit, (None, None))
        place = "" if instance is None else instance.lone_place
        # Tests of other modules between those of one have it set up again.
        return place if self._lone.get(place) == [instance] else ""

    def users_of(self, unit: Key) -> tuple[list[Key], str]:
        """Give the users of a fixture that made changes which it undid, and its place."""
        _, instance = self._changed.get(unit, (None, None))
        if instance is None or not unit.name.endswith(_UNDONE):
            return [], ""
        return self._users[unit], instance.place

    def edges(self, key: Key) -> frozenset[Key] | None:
        """Give what a key of this class leads to; ``None`` for any other."""
        if key.kind == LEFT:
            return frozenset({unit_of(key)})
        return self.units.get(key) or self.hubs.get(key)

    def framed_by(self, key: Key) -> frozenset[Key] | None:
        """Give the code of which a unit has got a frame; ``None`` if it may be any."""
        if not key.path:  # a hub
            return frozenset()
        attempt, instance = self._changed.get(key, (None, None))
        if attempt is None or attempt.seen.spawned:
            return None
        used = attempt.instances if instance is None else instance.with_upstream()
        every = [each.seen for each in used]
        return self._locator.framed(every if instance is not None else [attempt.seen, *every], ())

    def hub_of(self, keys: frozenset[Key]) -> Key:
        """Give the one key that stands for some others."""
        hub = self._hub_of.get(keys)
        if hub is None:
            hub = self._hub_of[keys] = unit_key("", f"left {len(self.hubs)}")
            self.hubs[hub] = keys
        return hub

    def sides(self) -> Sides:
        """Tell who stands where to units, as long as what they rest on stays the same."""
        fixtures = {key: (self._users[key], self.users_of(key)[1]) for key in sorted(self._users)}
        return Sides(self._order, self._changed.keys(), fixtures, self._used, self.units, self.hubs)

    @property
    def nodeids(self) -> Collection[str]:
        """Node ids of the tests that ran."""
        return self._order.values()


def modules_only(keys: Iterable[Key]) -> Iterable[Key]:
    """Leave out keys that do not stand for the evaluation of a module."""
    return (key for key in keys if key.kind in (EFFECTS, GROUP))


def restored_in(attempt: Attempt) -> set[Restored]:
    """Give the records that fixtures of an attempt were restored from."""
    used = {each for instance in attempt.instances for each in instance.with_upstream()}
    return {instance.restored for instance in used if instance.restored is not None}


def key_of_restored(restored: Restored) -> Key:
    """Give the key that leads to all that a restored fixture consulted."""
    return unit_key("", f"restored {restored.unit}")
