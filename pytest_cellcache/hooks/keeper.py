"""Watches set-ups of fixtures, and keeps the values of those that take long and have no effect."""

from __future__ import annotations

import fnmatch
import inspect
import os
import time
from collections.abc import Iterable
from typing import Any, Final, Protocol

from pytest_cellcache.graph.teardown import does_teardown
from pytest_cellcache.hooks.definitions import Definition, source_of
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.folders import Folders
from pytest_cellcache.hooks.owners import is_owner_marked, members_of_owners, members_of_run
from pytest_cellcache.hooks.requests import unwatch_request, watch_request
from pytest_cellcache.hooks.said import Hearing, Said, is_too_much
from pytest_cellcache.hooks.setups import Before, Work
from pytest_cellcache.hooks.speeds import Speeds
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.lifecycle.fixtures import SEEN, Kept, Nature, Staying, barrier_of_setup
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model import reasons
from pytest_cellcache.model.events import FixtureEvent
from pytest_cellcache.model.observation import CWD, SEARCH, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.contract import THREAD_LEFT
from pytest_cellcache.trace.effects import Objects, State

_UPSTREAM_OBJECTS: Final = 2_000
"""An upstream value of more objects counts as one that cannot be looked into."""
_WATCH_S: Final = 2.0
"""How long watching what turns out to be cheap may take; then only what is known to be slow is."""
_PATCHERS: Final = frozenset(
    "monkeypatch pytester testdir mocker class_mocker module_mocker package_mocker session_mocker "
    "freezer requests_mock".split()
)
_HARMLESS_MODULES: Final = frozenset(
    """builtins re logging decimal datetime functools _functools fractions uuid zoneinfo pathlib
    enum types typing collections numpy pandas _pytest operator itertools""".split()
)
"""Top-level modules whose opaque objects do nothing elsewhere when they are used."""
_UNWATCHED: Final = "unseen it was not watched"
_UNSEEN: Final = Nature((("unseen", ""),))


class Shelf(Protocol):
    """What keeping tells the run."""

    def tell(self, event: FixtureEvent) -> None: ...


class Keeper:
    """Decides after each set-up what its fixture did, and whether its value is kept.

    Attributes:
        kept: what is known of the instances of this run.
    """

    def __init__(
        self,
        shelf: Shelf,
        worker: Worker,
        settings: Settings,
        places: Places,
        modules: FirstParty,
        speeds: Speeds,
        changes: Changes,
    ) -> None:
        self._shelf = shelf
        self._speeds = speeds
        self._worker = worker
        self._settings = settings
        self._places = places
        self._modules = modules
        self._changes = changes
        # By fixture definition, which pytest keeps for as long as the run.
        self._natures: dict[int, Nature] = {}
        self._staying = Staying()
        self._is_armed = True
        self._watched_s = 0.0
        self._attempt = 0
        self.kept: dict[Instance, Kept] = {}

    def begin_attempt(self, *, is_armed: bool) -> None:
        """Count: what was set up in an attempt that ended may have been changed by a test.

        Args:
            is_armed: among the fixtures of the item are some that may be slow.
        """
        self._attempt += 1
        self._is_armed = is_armed

    def end(self, instance: Instance) -> None:
        """Let go of the value of an instance that is torn down."""
        kept = self.kept.get(instance)
        if kept is not None:
            kept.objects = None

    def remember(self, kept: Kept, value: object, *, is_wide: bool) -> None:
        """Take note of an instance, and of what the value of one holds that outlives a test."""
        kept.attempt = self._attempt
        if is_wide and self._is_armed:
            kept.objects = Objects([value], self._modules.watched(), limit=_UPSTREAM_OBJECTS)
        self.kept[kept.instance] = kept

    def before(
        self,
        fixturedef: Any,
        request: Any,
        definition: Definition | None,
        used: Iterable[tuple[Instance, Any]],
    ) -> Before:
        """Look at the world.

        Args:
            used: upstream instances with their pytest definitions.
        """
        began = time.perf_counter()
        used = list(used)
        if not self._is_watched(fixturedef, definition):
            return Before(began, None, None, used, {}, None, [], definition)
        upstream: dict[Instance, Objects] = {}
        names = self._modules.watched()
        folders = Folders.now(request)
        is_wide = str(fixturedef.scope) != "function"
        mark = None if is_wide else self._changes.mark()
        state = State(self._changes.left_out())
        for instance, holder in used:
            if holder.cached_result is not None:
                values = [holder.cached_result[0]]
                upstream[instance] = Objects(values, names, limit=_UPSTREAM_OBJECTS)
        members = members_of_owners(fixturedef, request)
        of_run = members_of_run(request)
        kind = watch_request(request)
        hearing = Hearing(request, self._places.root)
        now = time.perf_counter()
        self._watched_s += 2 * (now - began)  # as much again to compare
        is_marked = is_owner_marked(fixturedef, request)
        found = Before(now, kind, state, used, upstream, folders, members, definition, mark)
        found.is_owner_marked, found.of_run, found.hearing = is_marked, of_run, hearing
        return found

    def after(
        self,
        before: Before,
        instance: Instance,
        fixturedef: Any,
        request: Any,
        alive: Iterable[Instance],
    ) -> None:
        """Find out what a set-up did, and keep its value if it may and should be kept.

        Args:
            alive: all instances that are set up now.
        """
        setup_s = time.perf_counter() - before.began_s
        asked: frozenset[str] = frozenset()
        said: Said = {}
        if before.hearing is not None:
            said = before.hearing.said()
        if before.state is not None:
            asked = unwatch_request(request, before.request_kind)
        definition = before.definition
        result = fixturedef.cached_result
        if result is None or result[2] is not None or instance.has_failed:
            self.kept[instance] = Kept(instance, None, _UNSEEN)
            return
        nature, trees, reason = self._judge(before, instance, fixturedef, request, asked)
        identity = None if definition is None else definition.identity
        kept = Kept(instance, identity, nature, trees)
        is_wide = definition is not None and definition.may_share and definition.is_wide
        self.remember(kept, result[0], is_wide=is_wide)
        is_slow = setup_s >= self._settings.min_seconds
        if definition is not None:
            self._speeds.note(definition.key, definition.parameter, setup_s)
        if is_slow and before.state is not None:
            self._watched_s = 0.0  # it was worth it
        if definition is None or definition.is_builtin:
            return
        if is_slow:
            reason = reason or self._changed(before)
            if reason is None and is_too_much(said):
                reason = Reason(reasons.UNPICKLABLE, "its set-up prints too much")
            if reason is None:
                work = Work(definition, instance, result[0], setup_s, trees, before, said)
                reason = self._worker.store(work, self.kept, alive, request)
                kept.value = work.value if reason is None else None
        else:
            reason = None
        self._tell(definition, setup_s, reason, is_stored=kept.value is not None)

    def timed(self, definition: Definition, parameter: str, setup_s: float) -> None:
        """Take the time of a set-up that was not looked at, as it is known to be cheap."""
        self._speeds.note(definition.key, parameter, setup_s)
        is_slow = setup_s >= self._settings.min_seconds
        reason = Reason(reasons.EFFECT, _UNWATCHED) if is_slow else None
        definition = definition._replace(parameter=parameter)
        self._tell(definition, setup_s, reason, is_stored=False)

    # -- ours ------------------------------------------------------------------------------------

    def _tell(
        self, definition: Definition, setup_s: float, reason: Reason | None, *, is_stored: bool
    ) -> None:
        if definition.name.startswith(_INTERNAL):
            return
        self._shelf.tell(
            FixtureEvent(
                definition.name,
                definition.parameter,
                definition.group,
                "ran",
                unstored=reason,
                setup_s=setup_s,
                is_stored=is_stored,
            )
        )

    def _is_watched(self, fixturedef: Any, definition: Definition | None) -> bool:
        key = id(fixturedef)
        if definition is not None and definition.is_builtin:
            return False
        if self._speeds.is_slow(key):
            return True
        is_wide = str(fixturedef.scope) != "function"
        if not self._is_armed or (not is_wide and key in self._natures):
            return False
        return key in self._speeds.cheap or self._watched_s <= _WATCH_S

    def _changed(self, before: Before) -> Reason | None:
        """Say which upstream value an earlier test may have changed; the trace would not tell."""
        assert before.definition is not None
        known = {used.key: used for used in before.definition.with_upstream()}
        changed = self._changes.changed_values
        for instance, holder in before.used:
            kept, definition = self.kept.get(instance), known.get(id(holder))
            if definition is None or not definition.may_share:
                continue
            if kept is None or kept.may_have_changed(self._attempt, changed):
                return Reason(reasons.TOUCHED, definition.name)
        return None

    def _near_effects(self, before: Before) -> Reason | None:
        """Say which upstream fixture did something that this one may have gone on with unseen."""
        for instance, _ in before.used:
            kept = self.kept.get(instance)
            if kept is not None and any(kind not in SEEN for kind, _ in kept.nature.effects):
                return Reason(reasons.BOUND, instance.name)
        return None

    def _judge(
        self,
        before: Before,
        instance: Instance,
        fixturedef: Any,
        request: Any,
        asked: frozenset[str],
    ) -> tuple[Nature, dict[str, str], Reason | None]:
        definition = before.definition
        if definition is not None and definition.is_builtin:
            return Nature((("uses", definition.name),) if definition.is_bound else ()), {}, None
        if before.state is None or before.folders is None:
            nature = self._natures.get(id(fixturedef)) or self._glimpse(instance)
            return nature, {}, Reason(reasons.EFFECT, _UNWATCHED)
        effects = list(before.state.changes())
        changes = instance.changes
        if before.mark is not None:
            changes |= self._changes.since(before.mark)
        effects += self._modules.lasting(changes)
        if before.state.is_cut:
            effects.append(("unseen", ""))
        effects += _acts(instance.seen)
        effects += [("request", name) for name in sorted(asked) if name not in _QUIET]
        if before.members != members_of_owners(fixturedef, request):
            effects.append(("instance", ""))
        if before.of_run != members_of_run(request):
            effects.append(("config", ""))
        trees, wrong = self._trees(before.folders, definition, instance.seen, request.config)
        effects += wrong
        upstream = () if definition is None else definition.upstream
        effects += [("patched", used.name) for used in upstream if used.name in _PATCHERS]
        effects += _opaque_globals(source_of(fixturedef.func))
        if fixturedef.cached_result[0] is None and not any(u.may_share for u in upstream):
            effects.append(("unseen", ""))  # what else would it be for?
        bound = self._bound(fixturedef, asked, definition)
        if definition is not None and definition.declaration.pure:
            effects, bound = [], None
        else:
            effects += self._staying.missing(source_of(fixturedef.func), effects)
        nature = Nature(tuple(effects), bound)
        self._natures[id(fixturedef)] = nature
        if definition is not None and not definition.declaration.enabled:
            return nature, trees, Reason(reasons.DISABLED)
        reason = barrier_of_setup(instance, nature) or self._near_effects(before)
        if reason is None and fixturedef.cached_result[0] is None:
            reason = Reason(reasons.NO_VALUE)
        if reason is None and before.is_owner_marked:
            reason = Reason(reasons.BOUND, "self")
        if reason is None and (definition is None or definition.identity is None):
            reason = Reason(reasons.OPAQUE, "" if definition is None else definition.name)
        return nature, trees, reason

    def _glimpse(self, instance: Instance) -> Nature:
        """Say of a set-up that was not watched what is seen all the same."""
        effects = [("unseen", ""), *_acts(instance.seen)]
        effects += [_LEFT.get(name, ("environment", name)) for name in sorted(instance.seen.left)]
        effects += self._modules.lasting(instance.changes)
        writes = sorted(instance.seen.writes)
        effects += [("files", self._places.relative_unresolved(path)) for path in writes]
        return Nature(tuple(effects))

    @staticmethod
    def _bound(
        fixturedef: Any, asked: frozenset[str], definition: Definition | None
    ) -> Reason | None:
        function = source_of(fixturedef.func)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            try:
                source = inspect.getsource(function)
            except (OSError, TypeError):
                source = ""
            if does_teardown(source):
                return Reason(reasons.TEARDOWN)
        if "addfinalizer" in asked:
            return Reason(reasons.FINALIZER)
        if "getfixturevalue" in asked:
            return Reason(reasons.BY_NAME)
        for used in () if definition is None else definition.upstream:
            if used.is_bound:
                return Reason(reasons.BOUND, used.name)
        return None

    def _trees(
        self, folders: Folders, definition: Definition | None, seen: Observation, config: Any
    ) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Give the directories that are a fixture's own, and what it wrote elsewhere."""
        trees: dict[str, str] = {}
        identity = "" if definition is None else definition.identity
        for number, path in enumerate(folders.made(config)):
            trees[f"{identity}/{number}"] = path
        own = [path + os.sep for path in trees.values()]
        if folders.tmp_path is not None:
            own.append(folders.tmp_path + os.sep)
        wrong: list[tuple[str, str]] = []
        for path in sorted(seen.writes):
            if (path + os.sep).startswith(tuple(own)):
                continue
            is_inside = self._places.is_inside(path)
            name = self._places.relative_unresolved(path)
            is_ignored = any(fnmatch.fnmatchcase(name, glob) for glob in self._settings.ignore)
            if path in seen.appends and (is_ignored or not is_inside):
                continue  # a log
            if not os.path.lexists(path) and not is_inside:
                continue  # a temporary file that is gone
            wrong.append(("files", name))
        changed = folders.written()[1]
        if changed is not None:
            wrong.append(("files", changed))
        return trees, wrong


_INTERNAL: Final = ("_xunit_", "_unittest_")
_QUIET: Final = frozenset({"addfinalizer", "getfixturevalue"})
_LEFT: Final = {CWD: ("directory", ""), SEARCH: ("import-path", "")}


def _opaque_globals(function: Any) -> list[tuple[str, str]]:
    """Give the globals a fixture names that cannot be looked into: a connection, a client."""
    code, namespace = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    found: list[tuple[str, str]] = []
    for name in getattr(code, "co_names", ()):
        value: Any = namespace.get(name)
        kind = type(value)
        if kind.__module__.partition(".")[0] in _HARMLESS_MODULES or issubclass(kind, type):
            continue
        if Objects([value], frozenset(), limit=_UPSTREAM_OBJECTS).is_opaque:
            found.append(("unseen", name))
    return found


def _acts(seen: Observation) -> list[tuple[str, str]]:
    found = [("process", name) for name in sorted(seen.children)]
    found += [("process", "")] if seen.spawned else []
    found += [(act, "") for act in sorted(seen.acts)]
    if THREAD_LEFT in seen.gaps:
        found.append(("thread", ""))
    return found
