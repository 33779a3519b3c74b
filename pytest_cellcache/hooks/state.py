"""Asks at the right moments which long-lived objects changed, and on whose behalf.

What a wider fixture changes is its own; everything else that happens while an item runs, set-up
and teardown of its own fixtures included, is the item's: what they undo is no change.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from pytest_cellcache.graph.reachable import importable
from pytest_cellcache.graph.reaching_out import names_set, reached_out
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.nodestate import NodeWatch
from pytest_cellcache.model.observation import FIXTURE, MADE, StateChange
from pytest_cellcache.sources.places import Places
from pytest_cellcache.store.sharing import places_in
from pytest_cellcache.trace.batch import Signature
from pytest_cellcache.trace.collector import paused
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.holding import Content
from pytest_cellcache.trace.layout import Files
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.resets import Place, places_of
from pytest_cellcache.trace.state import StateWatch

_NONE: frozenset[StateChange] = frozenset()
_SOME_ITEMS: Final = 256
"""After so many everything is compared."""

Blame = Callable[[list[str], frozenset[StateChange]], None]


class Changes:
    """What has changed since it was last asked.

    Args:
        make: makes the watch; called when the first live item begins.
        blame: counts changes as made by items that have ended, too: one of them may have.
        resting: see ``Recorder``.

    Attributes:
        is_lax: objects that an item's code cannot come by need not be compared after each.
            What is huge and has stayed the same is compared after some, and before a replay.
        nodes: notices what is left on pytest's own objects.
    """

    def __init__(
        self,
        make: Callable[[], StateWatch],
        guard: Guard,
        blame: Blame = lambda *_: None,
        resting: Callable[[], AbstractContextManager[None]] = paused,
    ) -> None:
        self._make = make
        self._resting = resting
        self._blame = blame
        self.is_lax = False
        self.nodes: NodeWatch | None = None
        self._carried: set[StateChange] = set()
        # Node ids; what ``StateWatch.time`` counts.
        self._ended: list[str] = []
        self._all_at = 0
        self._guard = guard
        self._watch: StateWatch | None = None
        self._item: set[StateChange] = set()
        # Names; bounded by the fixtures of the run.
        self._values: set[str] = set()
        self._newest: Memory | None = None
        self._is_remembering = False

    def begin_item(self) -> None:
        """Begin to watch, if this is the first live item."""
        if self._watch is None:
            self._watch = self._make()
            with self._resting():
                self._watch.begin()
        self._item = self._carried
        self._carried = set()

    def end_item(self, nodeid: str, ran: frozenset[str] | None = None) -> frozenset[StateChange]:
        """Give what the item changed.

        Args:
            ran: files whose code it and its fixtures have run; ``None`` if it may be any.
        """
        if not self.is_lax:
            ran = None
        is_patient = len(self._ended) - self._all_at < _SOME_ITEMS
        self._item |= self.take(ran, is_patient=is_patient)
        if ran is not None and not is_patient:
            ran = None
            self._item |= self.take()
        if ran is None and not (is_patient and self._is_huge):
            self._all_at = len(self._ended) + 1
        self._ended.append(nodeid)
        if self._watch is not None:
            self._watch.pass_on()
        return frozenset(self._item)

    def holds(self, changes: frozenset[StateChange]) -> Mapping[StateChange, Content]:
        """Digest what an item leaves in the places that it has changed, where that can be told."""
        if self._watch is None or not changes:
            return {}
        with self._resting():
            return self._guard.call(self._watch.holds, {}, changes)

    def catch_up(self) -> None:
        """Compare everything, before what has run is written."""
        self._carried |= self.take()
        self._all_at = len(self._ended)

    def keep_up(self) -> None:
        """Compare what was left for later, before a test is replayed that may have seen it."""
        if self._is_huge and len(self._ended) > self._all_at:
            self.catch_up()

    @property
    def _is_huge(self) -> bool:
        return self._watch is not None and self._watch.is_huge

    def leave_to_item(self, *, keep: bool = False) -> frozenset[StateChange]:
        """Count what has changed so far as the item's, before somebody else begins."""
        changes = self.take(keep=keep)
        self._item |= changes
        return changes

    def begin_scope(self, scope: object) -> None:
        """Note from now on what changes, to say at its end what is undone."""
        if self._watch is not None:
            self._watch.undone.begin(scope)

    def end_setup(self, scope: object) -> None:
        """Take what has changed since a scope began for what its set-up did; after ``take``."""
        if self._watch is not None:
            self._watch.undone.end_setup(scope)

    def end_scope(self, scope: object) -> frozenset[StateChange]:
        """Give the changes since a scope began of which nothing is left; after ``take``."""
        return self._watch.undone.end(scope) if self._watch is not None else _NONE

    def so_far(self, *, is_all: bool = True) -> frozenset[StateChange]:
        """Give what the item has changed so far; it may still undo it.

        Args:
            is_all: also what is in the project and has changed just now.
        """
        if self._watch is None:
            return _NONE
        return self._guard.call(self._watch.peek, _NONE, is_all=is_all) | self._item

    def changed_values(self) -> set[str]:
        """Name the values of fixtures that have changed in this run."""
        return self._values | {change.name for change in self.so_far() if change.is_of_value}

    def drop(self) -> None:
        """Count nothing of what has changed so far: others did it."""
        self.take()
        self._item = set()

    def take(
        self, ran: frozenset[str] | None = None, *, keep: bool = False, is_patient: bool = False
    ) -> frozenset[StateChange]:
        """Give what changed since the last time, whoever did it.

        Args:
            ran: as for ``end_item``.
            keep: for ``remember``, which copies nothing that has stayed the same if that is much.
            is_patient: as for ``StateWatch.take``.
        """
        # Whole: what was told once is not told again.
        return self._guard.call_whole(self._take, _NONE, ran, keep=keep, is_patient=is_patient)

    def _take(
        self, ran: frozenset[str] | None, *, keep: bool, is_patient: bool
    ) -> frozenset[StateChange]:
        if self._watch is None:
            return _NONE
        take = self._watch.take
        with self._resting():
            changes = self._guard.call(take, _NONE, ran, keep=keep, is_patient=is_patient or keep)
        for since, found in self._watch.take_late():
            self._blame(self._ended[since:], found)
        self._values |= {change.name for change in changes if change.filename == FIXTURE}
        return changes

    def remember(self) -> Memory | None:
        """Take note of the state of everything, to be put back after an attempt."""
        self.leave_to_item(keep=True)
        if self._watch is not None:
            self._newest = self._guard.call(self._watch.remember, None)
            self._is_remembering = True
        return self._newest

    def renew(self) -> None:
        """Take note again, if an attempt is on: a wider fixture has been set up."""
        if self._is_remembering:
            self.remember()

    def newest(self) -> Memory | None:
        """Give what ``remember`` or ``renew`` took last."""
        return self._newest

    def forget(self) -> None:
        """Let go of what was remembered."""
        self._newest, self._is_remembering = None, False
        if self._watch is not None:
            self._watch.forget()

    def mark(self) -> list[Signature | None]:
        """Give what ``since`` asks for: how everything looks now."""
        return self._guard.call(self._watch.looks, []) if self._watch is not None else []

    def since(self, mark: list[Signature | None]) -> frozenset[StateChange]:
        """Give what has changed if anything has since a mark; the item may still undo it."""
        if self._watch is None or mark == self.mark():
            return _NONE
        return self._guard.call(self._watch.peek, _NONE)

    def left_out(self) -> list[object]:
        """Give what modules lead to and whose changes are not told."""
        return self._guard.call(self._watch.left_out, []) if self._watch is not None else []

    def holdings(self) -> Holdings:
        """Give what modules lead to, to tell what a value shares with them."""
        return Holdings(self._watch)

    def end(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.end()
        self._watch = None

    def follow(self, owner: str, value: object) -> None:
        """Watch the value of a fixture that several tests may use."""
        if self._watch is not None:
            self._guard.call(self._watch.follow, None, owner, value)

    def make_value(self, owner: str) -> None:
        """Count the value of a fixture as changed by the item: it was made while that ran.

        It may follow from what the item has changed for the time being.
        """
        self._item.add(StateChange(FIXTURE, owner, MADE))

    def is_below(self, held: Held, names: Container[str]) -> bool:
        """Say whether nothing but the values of some fixtures leads to a container."""
        return self._watch is not None and self._watch.is_below(held, names)

    def places_of(self, value: object) -> Iterable[Place]:
        """Give the places where modules hold an object."""
        return () if self._watch is None else places_of(value, self._watch.ways)

    def keys_of(self, filename: str, name: str) -> tuple[str, ...] | None:
        """Give the keys of a global that is a mapping of texts."""
        return self._watch.mapping_keys(filename, name) if self._watch is not None else None


def make_watch(places: Places, concerns: Callable[[str], bool], basis: Basis | None) -> StateWatch:
    """Make what notices changes of long-lived objects.

    Args:
        concerns: says whether a loaded module is one of this run's project.
    """

    def is_alias(filename: str, name: str) -> bool:
        if basis is None:
            return False
        cells = basis.project.index(places.relative(filename)).bound_by(name)
        return bool(cells) and all(cell.kind == "import" for cell in cells)

    def imports_of(filename: str) -> list[str] | None:
        if basis is None:
            return None
        found = importable(basis.project, places.relative(filename))
        return None if found is None else [places.absolute(file) for file in found]

    def writes(filename: str) -> set[str]:
        return reached_out(basis.project.index(places.relative(filename))) if basis else set()

    def lists_subclasses(filenames: Iterable[str]) -> bool:
        return basis is not None and basis.lists_subclasses(map(places.relative, filenames))

    def sets(filenames: Iterable[str]) -> frozenset[str]:
        found = (basis.project.index(places.relative(each)) for each in filenames if basis)
        return frozenset().union(*map(names_set, found))

    def stays(filename: str) -> bool:
        return filename.startswith(tops)

    tops = tuple(os.path.join(top, "") for top in (places.root, *map(os.path.abspath, sys.path)))
    files = Files(concerns, is_alias, imports_of, writes, stays, lists_subclasses, sets)
    return StateWatch(files)


class Holdings:
    """Objects that loaded modules lead to, whether or not they have a name there.

    Of first-party modules all that is watched and what memos remember, of others their globals.
    """

    def __init__(self, watch: StateWatch | None) -> None:
        self._watch = watch
        self._ids = {id(each) for m in list(sys.modules.values()) for each in _globals_of(m)}
        for thing in watch.remembered() if watch is not None else ():
            self._ids.update(id(part) for part, _ in places_in(thing))

    def __contains__(self, value: object) -> bool:
        return id(value) in self._ids or (self._watch is not None and self._watch.knows(value))


def _globals_of(module: object) -> list[object]:
    return list(vars(module).values()) if type(module) is types.ModuleType else []
