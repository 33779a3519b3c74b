"""Tells by content what units leave in long-lived objects."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from pytest_cellcache.model.digest import ABSENT, Digest
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.trace.contents import Contents
from pytest_cellcache.trace.parts import namespace_of, slot_value, slots_of

MAPPINGS: Final = (dict, OrderedDict, defaultdict, Counter)
"""Mappings that have no attributes."""
_MOST: Final = 50
"""Changes of one unit that are told by content."""
_MOST_CLASSES: Final = 3_000
_OFTEN: Final = 10
"""So many times in vain in a row: what a global leads to is not told any more."""
_NOTHING: Final = object()


class Globals(Protocol):
    """Where long-lived objects are found."""

    def global_of(self, owner: tuple[str, str]) -> Any: ...

    def module_name(self, filename: str) -> str: ...

    def names_of(self, ident: int) -> list[str]: ...


class Holding:
    """Digests what is left in the places that units have changed.

    Args:
        is_traced: as for ``Contents``.
    """

    def __init__(self, where: Globals, is_traced: Callable[[str], bool]) -> None:
        self._globals = where
        self._contents = Contents(is_traced, where.names_of)
        self._vain: Counter[tuple[str, str]] = Counter()

    def take_down(self, kinds: Iterable[type]) -> None:
        """Look at the classes of modules before tests change them, if they are not too many."""
        kinds = list(kinds)
        if len(kinds) <= _MOST_CLASSES:
            self._contents.take_down(kinds)

    def digests(self, changes: Iterable[StateChange]) -> dict[StateChange, Digest]:
        """Digest what is there now, in all places where that can be told.

        Returns:
            Digests by change, those below one global in the order in which they are found there.
        """
        told = [c for c in sorted(changes, key=_in_order) if c.filename not in (FIXTURE, OUTSIDE)]
        found: dict[StateChange, Digest] = {}
        if len(told) > _MOST:
            return found
        self._contents.begin()
        for change in told:
            owner = change.filename, change.name
            if self._vain[owner] >= _OFTEN:
                continue
            digest = self._digest(change)
            if digest is None:
                self._vain[owner] += 1
            else:
                self._vain[owner] = 0
                found[change] = digest
        ranks = self._ranks(found)
        return {change: found[change] for change in sorted(found, key=lambda c: ranks.get(c, 0))}

    def _digest(self, change: StateChange) -> Digest | None:
        holder = self._globals.global_of((change.filename, change.name))
        content = holder
        if change.word and holder is not None:
            try:
                content = _content(holder, change)
            except LookupError:
                return None
        if content is _NOTHING or holder is None:
            return ABSENT if content is _NOTHING else Digest("none")
        place = "".join((self._globals.module_name(change.filename), change.name, change.word))
        return self._contents.digest(place, content)

    def _ranks(self, changes: Iterable[StateChange]) -> Mapping[StateChange, int]:
        """Tell in which order those keys are that were changed in one mapping."""
        groups: dict[tuple[str, str], dict[str, StateChange]] = {}
        for change in changes:
            if change.word:
                owner = change.filename, change.name
                groups.setdefault(owner, {})[change.word] = change
        found: dict[StateChange, int] = {}
        for owner, group in groups.items():
            holder = self._globals.global_of(owner)
            keys = _names_in(holder) if len(group) > 1 else ()
            ordered = [key for key in keys if type(key) is str and key in group]
            found.update((group[key], rank) for rank, key in enumerate(ordered))
        return found


def _in_order(change: StateChange) -> tuple[str, ...]:
    return change.filename, change.name, change.word, str(change.home), str(change.is_below)


def _names_in(holder: Any) -> list[Any]:
    if type(holder) in MAPPINGS:
        return list(dict.__iter__(holder))
    if issubclass(type(holder), type):
        return list(type.__getattribute__(holder, "__dict__"))
    return list(namespace_of(holder) or ())


def _content(holder: Any, change: StateChange) -> Any:
    """Give what is below a global; ``_NOTHING`` where there is nothing.

    Raises:
        LookupError: it is not known where.
    """
    if type(holder) in MAPPINGS:
        return dict.get(holder, change.word, _NOTHING)
    if change.is_keyed:
        raise LookupError(change.word)
    if issubclass(type(holder), type):
        return type.__getattribute__(holder, "__dict__").get(change.word, _NOTHING)
    for slot in slots_of(type(holder)):
        if slot.__name__ == change.word:
            return slot_value(slot, holder)
    namespace = namespace_of(holder)
    if namespace is None:
        raise LookupError(change.word)
    return namespace.get(change.word, _NOTHING)
