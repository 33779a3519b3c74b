"""Keeps a footprint for each fixture instance, to be part of every test that uses it.

``FixtureDef`` and ``FixtureRequest`` keep what a test activated in ``_fixture_defs``, and the item
keeps the definitions it names in ``_fixtureinfo``; nothing public tells which cached fixtures a
test used. Without these attributes every live instance is taken to be used by every test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from functools import partial
from typing import Any

import pytest

from pytest_cellcache.hooks.attempts import INTERRUPTS
from pytest_cellcache.hooks.endings import Endings
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.history import SetUpHistory
from pytest_cellcache.hooks.leavings import SetUp
from pytest_cellcache.hooks.scopes import (
    is_late,
    parameter_of,
    place_of,
    with_failed_set_up,
    with_other_parameters,
)
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.lifecycle.consulted import consulted_in, is_below
from pytest_cellcache.lifecycle.fixtures import Kept
from pytest_cellcache.lifecycle.servers import Server
from pytest_cellcache.lifecycle.setters import set_by_others
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import Joined, Observation
from pytest_cellcache.trace.contract import THREAD_LEFT
from pytest_cellcache.trace.made import Made
from pytest_cellcache.trace.recorder import Recorder
from pytest_cellcache.trace.surrounding import Surrounding, differing, surrounding_now


class FixtureWatch:
    """Opens a unit for each set-up and teardown of a fixture.

    Attributes:
        endings: what was raised in teardowns that are not reported.
    """

    def __init__(
        self, recorder: Recorder, changes: Changes, guard: Guard, modules: FirstParty
    ) -> None:
        self._recorder = recorder
        self._changes = changes
        self._modules = modules
        self._guard = guard
        self.endings = Endings()
        self._current: dict[Any, Instance] = {}
        self._made: dict[Instance, Made] = {}
        self._in_teardown: dict[Any, Instance] = {}
        self._in_setup: list[Instance] = []
        self._raised: set[Instance] = set()
        self._lost: set[str] = set()
        self.history = SetUpHistory()
        self._begun: set[Instance] = set()
        self._ended: set[Instance] = set()
        self._afterwards: dict[Instance, Callable[[], None]] = {}
        self._servers: dict[Instance, Server] = {}
        self._around: dict[Instance, Surrounding] = {}
        self._unsettled: list[tuple[Instance, Surrounding]] = []
        # Before the first fixture that began in the item.
        self._at_first: Surrounding | None = None

    # -- what the life cycle asks ----------------------------------------------------------------

    def begin_item(self) -> None:
        """Forget what began and ended in the item before."""
        self._begun, self._ended = set(), set()
        self._unsettled.clear()

    def end_item(self) -> None:
        """Say of the item's own fixtures what they leave, now that all of them have ended."""
        if not self._unsettled:
            return
        now = surrounding_now()
        for instance, around in self._unsettled:
            instance.leaves = differing(instance.leaves, around, now)
            # One begun after others of the item had set it finds another value than is put back.
            instance.leaves = differing(instance.leaves, self._at_first or around, now)
        self._unsettled.clear()

    def used_by(self, item: pytest.Item, *, is_clean: bool) -> frozenset[Instance]:
        """Give the fixture instances an item has used so far, with all they rest on.

        To be asked while the item's request is alive: before its teardown.

        Args:
            is_clean: the item passed so far. One that did not may owe that to any fixture that
                raised, which pytest does not count as used.
        """
        chosen = set(self._begun)
        active = getattr(getattr(item, "_request", None), "_fixture_defs", None)
        named = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None)
        if active is None or named is None:
            chosen.update(self._current.values())
        else:
            definitions = [*active.values(), *(d for found in named.values() for d in found)]
            chosen.update(self._current[d] for d in definitions if d in self._current)
        if not is_clean or "request" in getattr(item, "fixturenames", ()):
            chosen |= self._raised
        return frozenset(used for instance in chosen for used in instance.with_upstream())

    def raised_definitions(self) -> list[Any]:
        """Give the fixture definitions whose set-up raised and that have not been torn down."""
        return [d for d, instance in self._current.items() if instance in self._raised]

    def fail_ended(self) -> None:
        """Count the instances torn down in this item as failed: one of them raised."""
        for instance in self._ended:
            instance.has_failed = True

    def instance_of(self, fixturedef: Any) -> Instance | None:
        """Give the present instance of a definition."""
        return self._current.get(fixturedef)

    def ending(self, fixturedef: Any) -> Instance | None:
        """Give the instance of a definition that is being torn down."""
        return self._in_teardown.get(fixturedef)

    def definitions(self) -> list[Any]:
        """Give the definitions of all instances that are set up now."""
        return list(self._current)

    def alive(self) -> list[Instance]:
        """Give all instances that are set up now."""
        return list(self._current.values())

    def end_raised(self, request: Any) -> None:
        """End fixtures that raised, so that they are set up again."""
        for definition in self.raised_definitions():
            self.end(definition, request)

    def with_users(self, fixturedefs: Iterable[Any]) -> list[Any]:
        """Give definitions and all that was made from their instances, users first."""
        chosen = [d for d in fixturedefs if d in self._current]
        roots = {self._current[d] for d in chosen}
        users = [
            d
            for d, instance in self._current.items()
            if not roots.isdisjoint(instance.with_upstream())
        ]
        # What rests on more was made later.
        return sorted(users, key=lambda d: -len(self._current[d].with_upstream()))

    def end(self, fixturedef: Any, request: Any) -> None:
        """Tear a definition down, so that pytest sets it up anew when it is asked for."""
        ended = self._current.get(fixturedef)
        if ended is not None and ended.place:
            self._lost.add(ended.place)
        if fixturedef.cached_result is None:
            # A cancelled set-up: pytest 9.1 and later would not end it, and trip over it.
            fixturedef.cached_result = (None, None, None)
        call = pytest.CallInfo.from_call(
            lambda: fixturedef.finish(request),
            when="teardown",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
        self.endings.keep(call.excinfo)
        fixturedef.cached_result = None
        if (instance := self._current.pop(fixturedef, None)) is not None:
            self._raised.discard(instance)
            instance.is_open = False

    def set_up_among(self, instances: Iterable[Instance]) -> SetUp:
        """Say what has been set up in this run, and which of that was used."""
        return self.history.among(instances, self._current.values())

    def end_others(self, item: Any) -> pytest.CallInfo[None] | None:
        """End what pytest would end when it sets an item up: its parameters differ.

        To be asked while the item has a request.

        Returns:
            The call that failed; then nothing more is ended.
        """
        for fixturedef in with_other_parameters(item, self._current):
            end = partial(fixturedef.finish, getattr(item, "_request", None))
            call = pytest.CallInfo.from_call(end, when="setup", reraise=INTERRUPTS)
            if call.excinfo is not None:
                return call
        return None

    def end_others_first(self, item: pytest.Item) -> None:
        """Do so before an attempt that may be undone; what is raised is raised in its set-up."""
        if (failed := self.end_others(item)) is not None and failed.excinfo is not None:
            self.endings.keep_early(failed.excinfo.value, item.nodeid)

    def warned_for(self, item: pytest.Item) -> pytest.CallInfo[None] | None:
        """Give the failed call, if a wider fixture of an item was ended by a warning in set-up."""
        for fixturedef in with_failed_set_up(item, self.raised_definitions()):
            raised = fixturedef.cached_result[2]
            error = raised[0] if isinstance(raised, tuple) else raised
            if isinstance(error, Warning):
                return pytest.CallInfo.from_call(partial(_raise, error), when="setup")
        return None

    def take_lost(self) -> set[str]:
        """Name the wider fixtures that were ended before their time since this was asked."""
        lost, self._lost = self._lost, set()
        return lost

    def definitions_of(self, instances: Collection[Instance]) -> list[Any]:
        """Give the definitions of instances that are set up now."""
        return [d for d, instance in self._current.items() if instance in instances]

    def looked_at(
        self, seen: Observation, joined: Joined, used: Collection[Instance] = ()
    ) -> set[str]:
        """Give the paths that an attempt and the fixtures begun in it have consulted."""
        return consulted_in(seen, self._begun, used, joined)

    def read_by(self, seen: Observation, joined: Joined) -> frozenset[str]:
        """Give what an attempt and the fixtures begun in it have consulted that tests may set."""
        return set_by_others(joined(seen), *(joined(each.seen) for each in self._begun))

    def changed_by(self, instances: Iterable[Instance], seen: Observation) -> list[Any]:
        """Give the definitions of wider fixtures to whose files an attempt has done something.

        Args:
            instances: all that it used.
        """
        used = list(instances)
        changed = seen.changed.union(*(each.seen.changed for each in used if not each.place))
        wide = [each for each in used if each.place]
        return self.definitions_of({each for each in wide if is_below(changed, each.owned)})

    def trees_of(self, fixturedefs: Iterable[Any], kept: Mapping[Instance, Kept]) -> dict[str, str]:
        """Give the directories that belong to the values of definitions, by token."""
        found: dict[str, str] = {}
        for fixturedef in fixturedefs:
            instance = self._current.get(fixturedef)
            if instance is not None and instance in kept:
                found |= kept[instance].trees
        return found

    def after_setup(self, instance: Instance, function: Callable[[], None]) -> None:
        """Call a function when the set-up of an instance has ended, however it ended."""
        self._afterwards[instance] = function

    # -- hooks -----------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        item = getattr(request, "_pyfuncitem", None)  # private; as in ``_begin_setup``
        early = self.endings.take_early(fixturedef, getattr(item, "nodeid", ""))
        if early is not None:
            # Raised before a set-up begins: pytest 9.1 and later trip over what is left of one.
            fixturedef.cached_result = (None, None, None)
            fixturedef.finish(request)  # type: ignore[arg-type]  # as ``request`` is in fact
            raise early
        instance = self._guard.call(self._begin_setup, None, fixturedef, request)
        if instance is None:
            return (yield)
        try:
            result = yield
        except pytest.skip.Exception:
            self._raised.add(instance)
            raise
        except BaseException:  # noted and raised again: fixtures may raise anything
            instance.has_failed = True
            self._raised.add(instance)
            raise
        finally:
            self._guard.call(self._end_setup, None, instance, fixturedef, request)
        if instance.restored is None:
            self.history.note(instance)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        # Also called for definitions that were never set up.
        instance = self._in_teardown.pop(fixturedef, None)
        if instance is not None:
            seen = self._guard.call(self._recorder.close_unit, Observation())
            instance.seen |= seen._replace(resets=frozenset())  # too late for a test
            self._guard.call(self._end_server, None, instance)
            around = self._around.pop(instance, None)
            if around is not None and instance.seen.left:
                instance.leaves = differing(instance.seen.left, around, surrounding_now())
                if not instance.place:  # ``monkeypatch`` may still undo it
                    self._unsettled.append((instance, around))
            if fixturedef.scope != "function":
                instance.changes |= self._changes.take()
                instance.undone = self._changes.end_scope(instance)
            instance.is_open = False
            self._raised.discard(instance)
            self._ended.add(instance)

    # -- ours ------------------------------------------------------------------------------------

    def _begin_setup(self, fixturedef: Any, request: Any) -> Instance | None:
        if not self._recorder.is_running:
            return None
        instance = Instance(fixturedef.argname)
        instance.place = place_of(fixturedef, getattr(request, "_pyfuncitem", None))
        instance.parameter = parameter_of(fixturedef, request)
        if fixturedef.scope != "function":
            self.endings.begin(fixturedef, request.node, instance)
            self._changes.leave_to_item()
            self._changes.begin_scope(instance)
            if is_late(self._begun):
                self._changes.make_value(instance.value_name)
        around = self._around[instance] = surrounding_now()
        if not self._begun:
            self._at_first = around
        self._recorder.open_unit()
        self._current[fixturedef] = instance
        self._begun.add(instance)
        if self._in_setup:
            self._in_setup[-1].uses.add(instance)  # asked for by ``request.getfixturevalue``
        self._in_setup.append(instance)
        return instance

    def _end_setup(self, instance: Instance, fixturedef: Any, request: Any) -> None:
        self._in_setup.remove(instance)
        instance.seen |= self._without_observers(self._recorder.close_unit(), fixturedef)
        self._made[instance] = self._recorder.made
        if THREAD_LEFT in instance.seen.gaps:
            server = self._servers[instance] = Server(instance, self._recorder.threads_left)
            self._recorder.listen(server.take)
        if fixturedef.scope != "function":
            instance.seen = instance.seen._replace(resets=frozenset())  # others came after it
            instance.changes |= self._changes.take()
            self._changes.end_setup(instance)
        instance.uses |= self._upstream(fixturedef, request)
        if instance in self._raised:
            instance.uses |= self._raised - {instance}
        if (after := self._afterwards.pop(instance, None)) is not None:
            self._guard.call(after, None)
        # Only now: what a value shares with modules is told by what is watched.
        result = fixturedef.cached_result
        if fixturedef.scope != "function" and result is not None and result[2] is None:
            self._changes.follow(instance.value_name, result[0])
            self._changes.renew()
        if fixturedef.cached_result is None:
            # Interrupted: pytest 9.1 and later would never call the finalizer, and trip over it.
            instance.has_failed = True
            return
        # Runs before the fixture's own finalizers, which were added during set-up.
        fixturedef.addfinalizer(lambda: self._guard.call(self._begin_teardown, None, fixturedef))

    def _end_server(self, instance: Instance) -> None:
        if (server := self._servers.pop(instance, None)) is not None:
            self._recorder.unlisten(server.take)
            server.end(is_over=not self._recorder.threads_left)

    def _without_observers(self, seen: Observation, fixturedef: Any) -> Observation:
        observers = self._modules.observers()
        if all(code.filename not in observers for code in seen.codes):
            return seen
        own = getattr(getattr(fixturedef.func, "__code__", None), "co_filename", "")
        codes = frozenset(
            code for code in seen.codes if code.filename == own or code.filename not in observers
        )
        return seen._replace(codes=codes)

    def _begin_teardown(self, fixturedef: Any) -> None:
        if not self._recorder.is_running:
            return
        instance = self._current.pop(fixturedef, None)
        if instance is not None:
            if fixturedef.scope != "function":
                self._changes.leave_to_item()
            # What the item made follows from what its own fixtures rest on, too.
            outer = [self._recorder.innermost.made] if fixturedef.scope == "function" else []
            self._recorder.open_unit(own=[self._made.pop(instance, Made()), *outer])
            self._in_teardown[fixturedef] = instance

    def _upstream(self, fixturedef: Any, request: Any) -> set[Instance]:
        own = self._current.get(fixturedef)
        active = getattr(request, "_fixture_defs", None)
        if active is None:
            return {instance for instance in self._current.values() if instance is not own}
        names = fixturedef.argnames
        # ``request.getfixturevalue`` may have asked for any of them.
        chosen = active if "request" in names else names
        found = {
            self._current[active[name]]
            for name in chosen
            if name in active and active[name] in self._current
        }
        return {instance for instance in found if instance is not own}


def _raise(error: BaseException) -> None:
    raise error
