"""What units left behind for later ones: modules imported, objects changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pytest_cellcache.graph.locate import places_of
from pytest_cellcache.graph.remembered import Place, Ran
from pytest_cellcache.lifecycle.footprint import InputKeys
from pytest_cellcache.lifecycle.producers import Producers, unit_key
from pytest_cellcache.lifecycle.surroundings import Edges, KeysOfCode, Surroundings, reach
from pytest_cellcache.lifecycle.units import Attempt, Instance
from pytest_cellcache.model.keys import EFFECTS, GROUP, Key
from pytest_cellcache.model.observation import FIXTURE, Observation

_NOTHING: Final[frozenset[str]] = frozenset()


class Left:
    """What units left behind for later ones.

    Args:
        joined: adds to an observation what its child processes saw.

    Attributes:
        imported: bodies that ran in imports, also in those that a test made first.
        loaded: relative files of the modules that tests imported first.
        inputs: per module imported by a test, what the units that did so consulted meanwhile.
        units: what producers rest on, by their keys.
        hubs: keys that stand for many, as many units rest on the same.
    """

    def __init__(
        self,
        keys_of_code: KeysOfCode,
        input_keys: InputKeys,
        around: Surroundings,
        joined: Callable[[Observation], Observation],
    ) -> None:
        self._joined = joined
        self._keys_of_code = keys_of_code
        self._input_keys = input_keys
        self.imported = places_of(keys_of_code(around.imported.codes))
        self._test_files = around.groups | set(around.plugins)
        self.inputs: dict[Key, frozenset[Key]] = {}
        self.loaded: set[str] = set()
        self.units: dict[Key, frozenset[Key]] = {}
        self.hubs: dict[Key, frozenset[Key]] = {}
        self._hub_of: dict[frozenset[Key], Key] = {}
        self._tests: dict[Key, frozenset[Key]] = {}
        self._modules: dict[Key, frozenset[str]] = {}
        self._order: dict[Key, str] = {}
        self._ranks: dict[Key, int] = {}
        self._fixtures: dict[Instance, Key] = {}
        self._values: set[str] = set()
        self._changed: dict[Key, tuple[Attempt, Instance | None]] = {}

    def add(self, attempt: Attempt) -> None:
        """Take what a test and its fixtures imported and changed."""
        for seen in (attempt.seen, *(instance.seen for instance in attempt.instances)):
            keys = self._keys_of_code(seen.codes)
            modules = {key for key in keys if key.kind == EFFECTS}
            if not modules:
                continue
            # Not templates and the like, which no import finds.
            self.loaded |= {key.path for key in modules if key.path.endswith((".py", ".pyw"))}
            self.imported |= places_of(keys)
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
        for instance in attempt.instances:
            if instance.changes and instance not in self._fixtures:
                name = f"fixture {instance.name} {len(self._fixtures)}"
                self._fixtures[instance] = unit_key(attempt.facts.group, name)
                self._changed[self._fixtures[instance]] = (attempt, instance)

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

    def modules_of(self, unit: Key, roots: frozenset[Key], edges: Edges) -> set[str]:
        """Give the modules that a unit rests on: those of its file, and those it imports."""
        found: set[str] = set()
        for key in (*roots, Key(GROUP, unit.path)):
            if key.kind in (EFFECTS, GROUP):
                if key not in self._modules:
                    reached = reach([key], lambda k: frozenset(_modules_only(edges(k))))
                    self._modules[key] = frozenset(k.path for k in reached if k.kind == EFFECTS)
                found |= self._modules[key]
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
                roots: set[Key] = set()
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
            changes = attempt.changes if instance is None else instance.changes
            used = attempt.instances if instance is None else instance.with_upstream()
            ran: set[Place] = set()
            inputs: set[Key] = set()
            for each in (*seen, *(other.seen for other in used)):
                ran |= places_of(self._keys_of_code(each.codes))
                inputs |= self._input_keys.keys(self._joined(each), each.writes)
            own |= {place for place in ran if place[0] in self._test_files}
            producers.add(
                unit,
                changes,
                ran=Ran(ran, frozenset(own)),
                own=frozenset(own),
                inputs=frozenset(inputs),
            )

    def hub_of(self, keys: frozenset[Key]) -> Key:
        """Give the one key that stands for some others."""
        hub = self._hub_of.get(keys)
        if hub is None:
            hub = self._hub_of[keys] = unit_key("", f"left {len(self.hubs)}")
            self.hubs[hub] = keys
        return hub

    def tests_before(self, unit: Key, roots: frozenset[Key]) -> tuple[str, ...]:
        """Give the node ids of the producers among roots that ran before a unit."""
        if len(self._ranks) != len(self._order):
            self._ranks = {key: number for number, key in enumerate(self._order)}
            self._tests.clear()
        place = self._ranks
        own = place.get(unit, len(place))
        among = {key for root in roots for key in self._tests_of(root)}
        before = [key for key in among if place[key] < own]
        return tuple(self._order[key] for key in sorted(before, key=place.__getitem__))

    def _tests_of(self, root: Key) -> frozenset[Key]:
        """Give the tests that a root is, or stands for."""
        found = self._tests.get(root)
        if found is None:
            keys = self.hubs.get(root, frozenset({root}))
            found = self._tests[root] = keys & self._order.keys()
        return found


def _modules_only(keys: Iterable[Key]) -> Iterable[Key]:
    return (key for key in keys if key.kind in (EFFECTS, GROUP))
