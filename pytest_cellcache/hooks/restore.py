"""Puts stored values in the place of fixtures that a live test would set up.

For each live item a plan says which fixtures run, are restored or are left out: ``scheduler.plan``.
Pytest asks for fixtures from the lowest up, each through ``pytest_fixture_setup``, and there the
plan is carried out: ``cached_result`` is what pytest takes the value from.

Held between items: what pytest still holds of restored and left-out fixtures. Before an item begins
those that have to be live in it are ended, their users first, and pytest sets them up.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable
from typing import Any

import pytest

from pytest_cellcache.hooks.definitions import Definition, Definitions, is_parameter
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.flights import Flights
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.keeper import Keeper
from pytest_cellcache.hooks.lookups import (
    Found,
    Holding,
    Lookups,
    Records,
    asks_for_types,
    stored_of,
    upstream_there,
)
from pytest_cellcache.hooks.owners import is_owner_marked
from pytest_cellcache.hooks.said import Echo
from pytest_cellcache.hooks.speeds import Speeds
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.lifecycle.fixtures import Kept, Nature
from pytest_cellcache.lifecycle.units import Restored
from pytest_cellcache.model import reasons
from pytest_cellcache.model.events import FixtureEvent
from pytest_cellcache.model.observation import CodeRef, Observation, StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry
from pytest_cellcache.scheduler.plan import Action, Held, Plan, Producer, make_plan
from pytest_cellcache.sources.places import Places
from pytest_cellcache.store.contract import Store
from pytest_cellcache.store.stubs import StubPlace, StubTouched, TouchLog, make_stub


class Restorer:
    """Carries plans out.

    Attributes:
        absent: keys of what was restored or left out among the fixtures of the current item.
        echo: says again what set-ups said.
    """

    def __init__(
        self,
        records: Records,
        store: Store,
        worker: Worker,
        keeper: Keeper,
        watch: FixtureWatch,
        speeds: Speeds,
        places: Places,
        guard: Guard,
        *,
        is_worker: bool,
    ) -> None:
        self._records = records
        self._worker = worker
        self._keeper = keeper
        self._watch = watch
        self._speeds = speeds
        self._definitions = Definitions(places)
        self._guard = guard
        self.echo = Echo(places.root)
        self._holdings: dict[Any, Holding] = {}
        self._by_key: dict[int, Definition] = {}
        self._found: dict[int, Found] = {}
        self._lookups = Lookups(records, worker, self._holdings)
        self._plan = Plan()
        self._may_restore = False
        self._is_plain = False
        # By definition, of those that were looked up; bounded by those of the run.
        self._described: dict[int, Definition] = {}
        self.flights = Flights(store, worker, records.body_of, is_worker=is_worker)
        self.absent: set[int] = set()

    @property
    def log(self) -> TouchLog:
        return self._worker.log

    # -- before an item --------------------------------------------------------------------------

    def prepare_cheap(self, item: pytest.Item) -> bool:
        """Prepare an item with nothing that may be restored; say whether it is one."""
        self._is_plain = not self._holdings and self._speeds.covers(
            item, self._definitions.named(item), self._definitions.describe
        )
        if self._is_plain:
            self._keeper.begin_attempt(is_armed=False)
            self._by_key, self._found, self._plan, self.absent = {}, {}, Plan(), set()
            self.log.take()
            self.flights.end_all()
        return self._is_plain

    def prepare(self, item: pytest.Item, forced: frozenset[int], *, may_restore: bool) -> bool:
        """Plan an attempt, end what must be live in it; say whether it has to be a silent one."""
        if not forced and self.prepare_cheap(item):
            return False
        self._is_plain = False
        self._keeper.begin_attempt(is_armed=True)
        self.log.take()
        self._found = {}
        self._may_restore = may_restore and self._records.may_restore
        definitions = self._describe(item)
        if not self._may_restore:
            forced = frozenset(self._by_key)
        else:
            self._look_up(definitions, forced)
            partial = {key for key, (_, record) in self._found.items() if record.has_stubs}
            is_told = asks_for_types(item)  # who asks by name may keep a stub
            forced |= {key for key in partial if is_told or self._by_key[key].is_by_name}
        self._plan = make_plan([self._producer(d) for d in definitions], forced)
        if self._may_restore and self._take_turns(definitions, forced):
            self._plan = make_plan([self._producer(d) for d in definitions], forced)
        doomed = {id(d) for d in self._holdings} & forced | self._plan.refresh
        if not self._may_restore and self._asks_by_name(item):
            doomed |= {id(d) for d in self._holdings}
        self.release(item, [d for d in self._known() if id(d) in doomed])
        every = self._asks_by_name(item)
        self.absent = {id(d) for d in self._holdings if every or id(d) in self._by_key}
        return bool(self.absent) or not self._plan.is_live

    def prepare_live(self, item: pytest.Item) -> None:
        """Let an item run before the one that was prepared, with its fixtures set up for real."""
        self._describe(item)
        self._found, self._plan = {}, Plan()
        within = {id(d) for d in self._holdings} if self._asks_by_name(item) else self._by_key
        self.release(item, self._lookups.with_stubs(within))

    def changed(self, changes: Iterable[StateChange]) -> list[StubPlace]:
        """Name the restored fixtures whose values changed."""
        names = {change.name for change in changes if change.is_of_value}
        return self._lookups.changed(names, self._watch.instance_of) if names else []

    def values_of(self, keys: Container[int]) -> frozenset[str]:
        """Name the restored values of fixtures, given by key."""
        return self._lookups.values_of(keys, self._watch.instance_of)

    def tell_stubs(self, codes: Iterable[CodeRef]) -> bool:
        """Say whether code that ran may have told a stub from the real thing."""
        return self._lookups.tell_stubs(self.absent, codes)

    def stubs(self) -> list[StubPlace]:
        """Name the fixtures among the absent ones that have stubs."""
        return self._lookups.stubs(self.absent)

    def key_of(self, place: StubPlace) -> int | None:
        """Give the producer of a stub among the fixtures of the current item."""
        held = [holding.definition for holding in self._holdings.values()]
        keys = (d.key for d in (*self._by_key.values(), *held) if d.unit == place.owner)
        return next(keys, None)

    def name_of(self, key: int) -> str:
        names = (str(each.argname) for each in self._known() if id(each) == key)
        return next(names, "a fixture")

    def release(self, item: Any, fixturedefs: Iterable[Any]) -> None:
        """End fixtures and all that was made from them, users first."""
        doomed = self._watch.with_users(fixturedefs)
        if doomed and not getattr(item, "_request", None) and hasattr(item, "_initrequest"):
            item._initrequest()  # after a cancelled attempt, as before the first one
        request = getattr(item, "_request", None)
        for fixturedef in doomed:
            self._holdings.pop(fixturedef, None)
            self._watch.end(fixturedef, request)

    def give_up(self, item: pytest.Item) -> None:
        """After a failure of ours: no test may meet a stub or a restored value any more."""
        self._plan = Plan()
        self._may_restore = False
        self.flights.end_all()
        self.release(item, list(self._holdings))

    # -- hooks -----------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> object:
        if self._guard.is_off:
            return None
        if self._is_plain and (id(fixturedef) in self._speeds.cheap or is_parameter(fixturedef)):
            self._time(fixturedef, request)
            return None
        definition = self._by_key.get(id(fixturedef))
        action = self._plan.actions.get(id(fixturedef), Action.RUN)
        if action is Action.RUN and self._speeds.was_cheap(id(fixturedef)):
            self._time(fixturedef, request)
            return None
        if definition is not None and action is Action.LEAVE:
            self._leave(definition, request)
            return True
        if definition is not None and action is Action.RESTORE:
            if self._guard.call(self._restore, False, definition, request):
                return True
            # What it was made from may have been left out already.
            place = StubPlace(definition.unit, "value", "not restored")
            self.log.note(place, "restore")
            raise StubTouched(f"{place} could not be restored")
        self._guard.call(self._begin, None, fixturedef, request, definition)
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        self._holdings.pop(fixturedef, None)
        instance = self._watch.ending(fixturedef)
        if instance is not None:
            self._keeper.end(instance)

    # -- ours ------------------------------------------------------------------------------------

    def _describe(self, item: pytest.Item) -> list[Definition]:
        definitions = self._definitions.of(item)
        self._by_key = {definition.key: definition for definition in definitions}
        for definition in definitions:
            if not definition.is_parameter:
                self._speeds.look_up(definition)
                self._described[definition.key] = definition
        return definitions

    def _time(self, fixturedef: Any, request: Any) -> None:
        """Let a cheap fixture run; look at nothing but how long it takes."""
        instance, began_s = self._watch.instance_of(fixturedef), time.perf_counter()
        definition = self._described.get(id(fixturedef))
        if instance is None or definition is None or definition.is_builtin:
            return
        instance.keys = self._worker.keys_of(definition)
        has_parameter = "param" in vars(request)  # far cheaper than asking for what is not there

        def after() -> None:
            setup_s = time.perf_counter() - began_s
            parameter = self._definitions.describe(request.param) if has_parameter else ""
            self._keeper.timed(definition, parameter, setup_s)

        self._watch.after_setup(instance, after)

    def _known(self) -> list[Any]:
        closure = [definition.fixturedef for definition in self._by_key.values()]
        return list(dict.fromkeys([*closure, *self._holdings]))

    @staticmethod
    def _asks_by_name(item: pytest.Item) -> bool:
        """Say whether an item may ask for fixtures that its closure does not show."""
        names = getattr(item, "fixturenames", None)
        return names is None or "request" in names or not isinstance(item, pytest.Function)

    def _take_turns(self, definitions: list[Definition], forced: frozenset[int]) -> bool:
        """Wait for session fixtures that would run; say whether others have stored some."""
        self.flights.end_all()
        waiting = [
            definition
            for definition in sorted(definitions, key=lambda d: d.unit)
            if definition.key not in forced
            and self._plan.actions.get(definition.key) is Action.RUN
            and definition.key not in self._speeds.cheap
            and self.flights.may_wait(definition)
        ]
        stored = False
        for definition in waiting:
            self.flights.take(definition)
            found = self._lookups.record_of(definition, again=True)
            if found is not None:
                self._found[definition.key] = found
                self.flights.end(definition.key, was_stored=True)
                stored = True
        return stored

    def _look_up(self, definitions: Iterable[Definition], forced: frozenset[int]) -> None:
        for definition in definitions:
            if definition.key in forced or self._held(definition) == "live":
                continue
            found = self._lookups.record_of(definition)
            if found is not None:
                self._found[definition.key] = found

    def _producer(self, definition: Definition) -> Producer:
        found = self._found.get(definition.key)
        may_leave = {name for _, record in self._found.values() for name in record.may_leave}
        return Producer(
            definition.key,
            tuple(used.key for used in definition.upstream),
            definition.is_direct,
            not definition.is_builtin
            and (found is not None or str(definition.identity) in may_leave),
            definition.is_wide,
            self._held(definition),
            None if found is None else stored_of(definition, found[1]),
        )

    def _held(self, definition: Definition) -> Held:
        holding = self._holdings.get(definition.fixturedef)
        if holding is not None:
            return holding.kind if holding.definition.identity == definition.identity else ""
        if definition.fixturedef.cached_result is None:
            return ""
        instance = self._watch.instance_of(definition.fixturedef)
        known = None if instance is None else self._keeper.kept.get(instance)
        # With another parameter it ends when it is asked for.
        is_other = known is not None and known.identity not in (None, definition.identity)
        return "" if is_other else "live"

    def _leave(self, definition: Definition, request: Any) -> None:
        place = StubPlace(definition.unit, "value", "its value")
        self._put(definition, make_stub(place, self.log, is_callable=False), request)
        self._holdings[definition.fixturedef] = Holding(definition, "stub")
        reason = Reason(reasons.STUBBED)
        self._tell(definition, "stubbed", reason, 0.0)

    def _restore(self, definition: Definition, request: Any) -> bool:
        stored = self._found.get(definition.key) or self._lookups.record_of(definition)
        if stored is None:
            return False
        entry, record = stored
        keys = self._records.keys_of(entry)
        used = list(definition.with_upstream())
        if self._around(used, entry) != record.around:
            return False
        if is_owner_marked(definition.fixturedef, request):
            return False
        trees = self._watch.trees_of([each.fixturedef for each in used], self._keeper.kept)
        loaded = self._worker.load(definition, record, trees, request)
        if loaded is None or not self.echo.say(record.said, definition.fixturedef, request):
            return False
        self._put(definition, loaded.made, request)
        self._holdings[definition.fixturedef] = Holding(definition, "restored", record, entry)
        if (instance := self._watch.instance_of(definition.fixturedef)) is not None:
            instance.restored = Restored(definition.unit, keys)
            found = {str(each.identity): self._watch.instance_of(each.fixturedef) for each in used}
            touched = [found.get(name) for name in record.apart | record.by]
            instance.touch(each for each in touched if each is not None and each.place)
            instance.seen |= Observation(writes=loaded.written)
            kept = Kept(instance, definition.identity, Nature(), loaded.trees, record.value)
            self._keeper.remember(kept, loaded.made, is_wide=definition.is_wide)
        self._tell(definition, "restored", None, record.setup_s)
        return True

    def _around(self, used: Iterable[Definition], entry: Entry) -> frozenset[str]:
        """Name the instances alive now whose effects may reach into a set-up."""
        own = {self._watch.instance_of(each.fixturedef) for each in used}
        consulted = self._records.consulted_by(entry)
        return frozenset(
            str(known.identity)
            for instance in self._watch.alive()
            if instance not in own
            and (known := self._keeper.kept.get(instance)) is not None
            and consulted.minds(known.nature, instance.changes)
        )

    def _put(self, definition: Definition, made: Any, request: Any) -> None:
        fixturedef = definition.fixturedef
        fixturedef.cached_result = (made, fixturedef.cache_key(request), None)
        self.absent.add(definition.key)

    def _tell(self, definition: Definition, source: Any, reason: Any, setup_s: float) -> None:
        self._records.tell(
            FixtureEvent(
                definition.name,
                definition.parameter,
                definition.group,
                source,
                reason,
                setup_s=setup_s,
                is_stored=source == "restored",
            )
        )

    def _begin(self, fixturedef: Any, request: Any, definition: Definition | None) -> None:
        if (instance := self._watch.instance_of(fixturedef)) is None:
            return
        used: list[tuple[Any, Any]] = []
        if definition is not None:
            there = upstream_there(definition, self._held)
            used = [(found, d) for d in there if (found := self._watch.instance_of(d)) is not None]
            instance.keys = self._worker.keys_of(definition)
        before = self._keeper.before(fixturedef, request, definition, used)

        def after() -> None:
            try:
                alive = [other for other in self._watch.alive() if other is not instance]
                self._keeper.after(before, instance, fixturedef, request, alive)
            finally:
                known = self._keeper.kept.get(instance)
                was_stored = known is not None and known.value is not None
                self.flights.end(id(fixturedef), was_stored=was_stored)

        self._watch.after_setup(instance, after)
