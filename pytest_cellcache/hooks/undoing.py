"""Puts back what a cancelled attempt did to watched objects and to the surroundings.

::

    attempt begins                     -> first memory
    a wider fixture has been set up    -> a newer one: what it did is there to stay
    cancelled: the test's own fixtures are torn down -> back to the newest
    the wider ones that it set up end, and no others -> back to the first
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.protocol import Log
from pytest_cellcache.hooks.restore import Restorer
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.lifecycle.consulted import is_below
from pytest_cellcache.lifecycle.inheritance import Told
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import OUTSIDE, Observation, StateChange
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.outside import MODULES

SeenBy = Callable[[Iterable[Observation], set[Told], frozenset[StateChange]], set[Told]]
"""Gives those of changes that a test may have seen, which has made others itself."""


class Undoing:
    """Memories of one item's attempts.

    Attributes:
        is_lasting: something that a cancelled attempt did could not be undone.

    Args:
        taint: called where something could not be undone: nothing of the item is recorded.
    """

    def __init__(
        self,
        fixtures: FixtureWatch,
        restorer: Restorer,
        changes: Changes,
        guard: Guard,
        taint: Callable[[], None],
    ) -> None:
        self._fixtures = fixtures
        self._restorer = restorer
        self._over: frozenset[str] = frozenset()
        self._changes = changes
        self._guard = guard
        self._taint = taint
        self._first: Memory | None = None
        self._alive: set[Instance] = set()
        self._cancelled: tuple[Memory | None, set[Instance], set[Instance]] | None = None
        self._is_later = False
        self.is_lasting = False

    def begin(self) -> None:
        """Remember the state before an attempt."""
        self._first = self._changes.remember()
        self._alive = set(self._fixtures.alive())
        self._cancelled = None
        self._is_later = False

    def note_seen(self, changes: set[Told], seen: Observation) -> set[Told]:
        """Take the changes that others make before the next attempt, as the last one sees them.

        Who is the first to import a module may be one of them, or what a module looks at when it is
        imported: then it must not be loaded.
        """
        has_imported = any(code.name == "<module>" for code in seen.codes)
        is_module = any((told.path, told.name) == (OUTSIDE, MODULES) for told in changes)
        self._is_later = is_module or bool(changes and has_imported)
        return changes

    def end(self) -> None:
        """Let go of what was remembered, but for what ``after_release`` needs."""
        self._first = None
        self._changes.forget()

    def may_cancel(self, item: pytest.Item, seen: Observation) -> bool:
        """Say whether all that an attempt has done so far could be undone.

        Not how far a generator has come, what a database was told, or files that are nobody's.
        """
        used = self._fixtures.used_by(item, is_clean=True)
        changed = seen.changed.union(*(each.seen.changed for each in used))
        own = [path for each in used for path in (each.owned if each.place else each.paths)]
        if any(not is_below([path], own) for path in changed):
            return False
        memories = {id(each): each for each in (self._first, self._changes.newest())}
        return all(
            memory is not None and self._guard.call(memory.may_put_back, False)
            for memory in memories.values()
        )

    def cancel(self, forced: frozenset[int], *, is_later: bool = False) -> None:
        """Undo an attempt; the fixtures of the test itself have been torn down.

        Args:
            forced: must be live in the next one: what it did to their restored values is over.
            is_later: others may change what modules look at that it has imported first, or one of
                them failed: a plain run would not come by those that it had imported.
        """
        self._is_later |= is_later
        self._over = self._restorer.values_of(forced)
        now = set(self._fixtures.alive())
        grown = {i for i in now - self._alive if i.place}
        self._put(self._changes.newest() if grown else self._first)
        self._cancelled = (self._first, grown, now) if grown else None

    def grown(self) -> frozenset[Instance]:
        """Give the wider fixtures that the cancelled attempt has set up."""
        return frozenset(self._cancelled[1] if self._cancelled is not None else ())

    def spoil(
        self, item: pytest.Item, log: Log | None, seen: Observation, *, is_early: bool
    ) -> None:
        """End wider fixtures that an attempt has changed unseen, or set up too early."""
        if log is None:
            return
        doomed = self._fixtures.changed_by(log.instances, seen)
        early = self.grown() if is_early else frozenset[Instance]()
        doomed += self._fixtures.definitions_of(log.handled.handled | early)
        if self.is_lasting:
            doomed += self._fixtures.definitions_of({i for i in log.instances if i.place})
        if doomed:
            self._guard.call(self._restorer.release, None, item, doomed)

    def after_release(self) -> None:
        """Undo what wider fixtures did that the attempt had set up, if just these have ended."""
        if self._cancelled is None:
            return
        first, grown, then = self._cancelled
        self._cancelled = None
        if then - set(self._fixtures.alive()) == grown:
            self._put(first)
            self._changes.drop()
            if not self.is_lasting:
                self._fixtures.history.forget(grown)

    def _put(self, memory: Memory | None) -> None:
        if memory is not None and self._is_later:
            self._guard.call(memory.unload, None)
        is_done: Any = memory is not None and self._guard.call(
            memory.put_back, False, lambda held: self._changes.is_below(held, self._over)
        )
        self.is_lasting = not is_done
        if not is_done:
            self._taint()
