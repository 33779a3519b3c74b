"""Says which changes of long-lived objects are undone when a fixture ends: what it patched, say.

Objects are told apart by identity. Those of a type without weak references are kept by the watch
for as long as it lasts, plain values here, and of the others it says when they are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_cellcache.model.observation import StateChange
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity


class _First:
    """What a container held before its first change in a scope."""

    def __init__(self, held: Held, word: str) -> None:
        self.held = held
        self.word = word
        self.was = _look(held, word)
        self.atoms = held.atoms
        self.told: set[StateChange] = set()


class Undone:
    """Scopes that have begun and not ended; bounded by the wider fixtures that are alive."""

    def __init__(self) -> None:
        self._scopes: dict[object, dict[tuple[int, str], _First]] = {}
        self._gone: dict[object, set[int]] = {}
        self._own: dict[object, list[_First]] = {}

    def begin(self, scope: object) -> None:
        """Begin to note what changes."""
        self._scopes[scope] = {}
        self._gone[scope] = set()

    def end_setup(self, scope: object) -> None:
        """Take what has changed so far for what the set-up did that begins the scope."""
        self._own[scope] = list(self._scopes.get(scope, {}).values())

    @property
    def is_pending(self) -> bool:
        """Whether something is there now that set-ups did and teardowns may undo."""
        every = (first for own in self._own.values() for first in own)
        return any(_look(first.held, first.word) != first.was for first in every)

    def note(self, held: Held, word: str, told: Iterable[StateChange]) -> None:
        """Take a change of a container that still knows what it held before."""
        for changed in self._scopes.values():
            key = identity(held), word
            if key not in changed:
                changed[key] = _First(held, word)
            changed[key].told.update(told)

    def lose(self, ident: int) -> None:
        """Take note that another object may have this identity from now on."""
        for gone in self._gone.values():
            gone.add(ident)

    def end(self, scope: object) -> frozenset[StateChange]:
        """Give the changes since a scope began of which nothing is left."""
        gone = self._gone.pop(scope, set())
        self._own.pop(scope, None)
        undone: set[StateChange] = set()
        lasting: set[StateChange] = set()
        for first in self._scopes.pop(scope, {}).values():
            now = _look(first.held, first.word)
            is_same = now == first.was and gone.isdisjoint(now)
            (undone if is_same else lasting).update(first.told)
        return frozenset(undone - lasting)


def _look(held: Held, word: str) -> list[Any]:
    return [held.named.get(word)] if word and held.is_small else held.saved
