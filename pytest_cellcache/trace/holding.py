"""Tells by content what units leave in long-lived objects."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.trace.contents import Contents
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import namespace_of, slots_of
from pytest_cellcache.trace.ways import Ways

MAPPINGS: Final = (dict, OrderedDict, defaultdict, Counter)
"""Mappings that have no attributes."""
_MOST: Final = 50
"""Changes of one unit that are told by content."""
_OFTEN: Final = 10
"""So many times in vain in a row: what a global, and one class below it, leads to is not told
any more."""
_NOTHING: Final = object()


class Content(NamedTuple):
    """What is found in a changed place.

    Attributes:
        links: other places where some of the same objects are found, and a digest of which.
    """

    digest: Digest
    links: tuple[tuple[StateChange, Digest], ...] = ()


class Globals(Protocol):
    """Where long-lived objects are found."""

    def global_of(self, owner: tuple[str, str]) -> Any: ...

    def module_name(self, filename: str) -> str: ...

    @property
    def ways(self) -> Ways: ...


class Holding:
    """Digests what is left in the places that units have changed.

    Args:
        is_traced: as for ``Contents``.
    """

    def __init__(self, where: Globals, is_traced: Callable[[str], bool]) -> None:
        self._globals = where
        self._contents = Contents(is_traced, where.ways.names_of)
        self._vain: Counter[object] = Counter()
        # By the objects in lists that were digested at this moment: what was found.
        self._lists: dict[tuple[int, ...], tuple[Digest, dict[int, int]]] = {}

    def note(self, changes: Iterable[StateChange]) -> None:
        """Take what has changed: classes may have."""
        names: set[tuple[str, str]] = set()
        for change in changes:
            if change.filename == OUTSIDE:
                self._contents.forget_others()
                continue
            names.add((self._globals.module_name(change.filename), change.name))
            if change.home is not None:
                module = self._globals.module_name(change.home[0])
                names.add((module, change.home[1].partition(".")[0]))
        if names:
            self._contents.forget(names)

    def contents(self, changes: Iterable[StateChange]) -> dict[StateChange, Content]:
        """Digest what is there now, in all places where that can be told.

        Returns:
            Contents by change, those below one global in the order in which they are found there.
        """
        told = [c for c in sorted(changes, key=_in_order) if c.filename not in (FIXTURE, OUTSIDE)]
        found: dict[StateChange, Content] = {}
        if len(told) > _MOST:
            return found
        self._lists.clear()
        met: dict[StateChange, dict[int, int]] = {}
        for change in told:
            owner = change.filename, change.name, change.home
            if self._vain[owner] >= _OFTEN:
                continue
            digest, objects = self._digest(change)
            self._vain[owner] = 0 if digest is not None else self._vain[owner] + 1
            if digest is None:
                continue
            links = ((other, _link(objects, met[other])) for other in met)
            found[change] = Content(digest, tuple((o, link) for o, link in links if link))
            met[change] = objects
        ranks = self._ranks(found)
        return {change: found[change] for change in sorted(found, key=lambda c: ranks.get(c, 0))}

    def _digest(self, change: StateChange) -> tuple[Digest | None, dict[int, int]]:
        content = holder = self._globals.global_of((change.filename, change.name))
        if holder is None:
            return None, {}  # or there is no such global
        if change.word:
            try:
                content = _content(holder, change)
            except LookupError:
                return None, {}
        if content is _NOTHING:
            return ABSENT, {}
        digest, objects = self._digest_value(content)
        if digest is None:
            return None, {}
        # Who changes through another way what is here, changes it here, too.
        inside = {*objects, identity(holder)}
        ways = self._globals.ways.ways_to(objects, inside)
        told = [digest, *(part for i, found in ways.items() for part in (str(objects[i]), *found))]
        return digest_parts(told), objects

    def _digest_value(self, value: Any) -> tuple[Digest | None, dict[int, int]]:
        """Digest what is in one place; a register may have a list of the same under more keys."""
        if type(value) is not list or self._globals.ways.names_of(identity(value)):
            return self._contents.digest(value)
        held = tuple(map(identity, value))
        digest, met = self._lists.get(held, (None, {}))
        if met and identity(value) not in met:
            _, *others = met
            return digest, {ident: rank for rank, ident in enumerate([identity(value), *others])}
        found, objects = self._contents.digest(value)
        if found is not None and not self._contents.is_round:
            self._lists[held] = found, objects
        return found, objects

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


def _link(objects: Mapping[int, int], others: Mapping[int, int]) -> Digest:
    """Digest which objects of one place are objects of another; empty if none is."""
    few, many = sorted((objects, others), key=len)
    both = [ident for ident in few if ident in many]
    pairs = sorted((objects[ident], others[ident]) for ident in both)
    return digest_parts(map(str, pairs)) if pairs else Digest("")


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
            try:
                return slot.__get__(holder)
            except AttributeError:  # it is not set
                return _NOTHING
    namespace = namespace_of(holder)
    if namespace is None:
        raise LookupError(change.word)
    return namespace.get(change.word, _NOTHING)
