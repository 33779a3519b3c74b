"""Puts long-lived objects back to what they held, as if an attempt had never been.

Copies are shallow and hold the very objects, so identities stay as they were; they are kept for one
attempt only, for they keep these objects alive. Nothing of the objects' own code runs.
"""

from __future__ import annotations

import random
import sys
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Final

from pytest_cellcache.sources.loaded import members_of
from pytest_cellcache.trace.batch import Batch, Row
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.looks import MemoLook, order_ids
from pytest_cellcache.trace.modules import is_imported
from pytest_cellcache.trace.ordered import keys_in_order, put_items, put_order
from pytest_cellcache.trace.parts import (
    LRU,
    MAX_ITEMS,
    SET_OF_FUNCTIONS,
    SKIPPED_MEMBERS,
    parts_to_set,
    value_of,
)
from pytest_cellcache.trace.progress import bytes_ids, bytes_of, put_bytes
from pytest_cellcache.trace.rewinding import place_of, put_at
from pytest_cellcache.trace.slots import Slots
from pytest_cellcache.trace.surrounding import SET_BY_PYTEST, Surrounding, put, surrounding_now

_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)
_UNSET: Final = object()
_NO_COPY: Final = object()


class Memory:
    """What containers hold now, and the surroundings of the process.

    Args:
        batches: of containers, which have just been compared.
        calm: those that are not copied: where one of them changes it cannot be put back.
    """

    def __init__(self, batches: Iterable[Batch], calm: Iterable[Batch] = ()) -> None:
        self._calm = [*calm]
        # What most of them hold is taken in one go, and told apart where something changed.
        self._taken: list[tuple[list[Row], list[Any]]] = []
        self._copies: list[tuple[Held, list[int], Any]] = []
        # Namespaces of modules.
        self._loaded: list[Any] = []
        # As imports left it that the attempt has made; ``None`` where others had a hand in it.
        self._stays: dict[Held, tuple[list[int], Any] | None] = {}
        self._known: dict[Held, list[int]] = {}
        self._is_mixed = False
        for batch in batches:
            others = batch.uncopied
            try:
                self._taken.append(batch.contents())
            except RuntimeError:  # changed by a thread
                others = batch.held
            self._copies += [(held, held.saved, _copy(held)) for held in others]
        self.look_around()

    def add(self, every: Iterable[Held]) -> None:
        """Take copies of what is watched since, as it is now."""
        every = list(every)
        self._known = {}
        self._loaded = [*self._loaded, *(held.thing for held in every if held.module)]
        self._copies = [*self._copies, *((held, held.saved, _copy(held)) for held in every)]

    def look_around(self) -> None:
        """Take the surroundings as they are now."""
        self._around = self._first_around = surrounding_now(), random.getstate()
        self._stays, self._is_mixed = {}, False

    def let_stay(self, held: Held, before: list[int], now: list[int]) -> None:
        """Do not put back what an import has changed: its modules stay loaded.

        Args:
            before: how a container looked when the import began.
            now: how it looks at its end.
        """
        if before == now:
            return
        if not self._known:
            self._known = {held: ids for held, ids, _ in self._copies}
            self._known |= {held: ids for rows, _ in self._taken for held, ids, _ in rows}
        kept = self._stays.get(held, (self._known.get(held), None))
        is_alone = kept is not None and kept[0] == before
        self._stays[held] = (now, _copy(held)) if is_alone else None

    def let_surroundings_stay(self, before: Surrounding, state: Any) -> None:
        """Likewise of the surroundings."""
        now = surrounding_now(), random.getstate()
        if _is_other(now, (before, state)):
            self._is_mixed |= _is_other(self._around, (before, state))
            self._around = now

    def unload(self) -> None:
        """Let first-party modules that have been loaded since be loaded by somebody else."""
        self._stays, self._is_mixed, self._around = {}, False, self._first_around
        for name, module in list(sys.modules.items()):
            if any(members_of(module) is space for space in self._loaded):
                del sys.modules[name]

    def put_back(self, is_over: Callable[[Held], bool] = lambda _: False) -> bool:
        """Put everything back; say whether all that had changed could be.

        Args:
            is_over: says of a container that nobody will ask for it any more.
        """
        done = [self._put_surrounding_back() and not self._is_mixed]
        done += [not batch.peek() for batch in self._calm]
        # What is in a mapping goes before the order that it is in.
        for held, copy in sorted(self._differing(), key=lambda row: row[0].ids is order_ids):
            try:
                done.append(_refill(held, copy) or is_over(held))
            except _TROUBLES:
                done.append(is_over(held))
        return all(done)

    def may_put_back(self, is_over: Callable[[Held], bool] = lambda _: False) -> bool:
        """Say whether all that has changed could be put back, as ``put_back`` does."""
        if self._is_mixed or any(batch.peek() for batch in self._calm):
            return False
        return all(_is_refilled(held, copy) or is_over(held) for held, copy in self._differing())

    def _differing(self) -> Iterator[tuple[Held, Any]]:
        """Give what has changed, and what it was."""
        for held, stays in self._stays.items():
            if stays is None:
                yield held, _NO_COPY
            elif (is_other := _differs(held, stays[0])) is not False:
                yield held, stays[1] if is_other else _NO_COPY
        for held, ids, copy in self._copies:
            if held in self._stays:
                continue
            if (is_other := _differs(held, ids)) is not False:
                yield held, copy if is_other else _NO_COPY
        for rows, things in self._taken:
            known: dict[int, Any] = {}
            for held, ids, named in rows:
                is_other = not isinstance(held.ids, Slots) and _differs(held, ids)
                if is_other is False or held in self._stays:
                    continue
                known = known or {identity(thing): thing for thing in (None, *things)}
                try:
                    yield held, _content(held, ids, named, known) if is_other else _NO_COPY
                except KeyError:
                    yield held, _NO_COPY

    def _put_surrounding_back(self) -> bool:
        surrounding, state = self._around
        if random.getstate() != state:
            random.setstate(state)
        return put(surrounding)


def _is_other(one: tuple[Surrounding, Any], other: tuple[Surrounding, Any]) -> bool:
    """Say whether surroundings differ, but for what pytest sets for each phase."""
    return one[1] != other[1] or _plain(one[0]) != _plain(other[0])


def _plain(around: Surrounding) -> Surrounding:
    variables = {n: v for n, v in around.variables.items() if n not in SET_BY_PYTEST}
    return around._replace(variables=variables)


def _differs(held: Held, ids: list[int]) -> bool | None:
    """Say whether a container holds something else; ``None`` where that cannot be told."""
    try:
        return held.differs_from(ids)
    except _TROUBLES:
        return None


def _content(held: Held, ids: list[int], named: dict[str, int], known: dict[int, Any]) -> Any:
    """Give what ``_copy`` would have given, from identities.

    Raises:
        KeyError: an object is not known.
    """
    if held.kind == "namespace":
        return {name: known[ident] for name, ident in named.items()}
    found = [known[ident] for ident in ids]
    if held.kind == "mapping":
        half = len(found) // 2
        return dict(zip(found[half:], found[:half], strict=True))
    kind = type(held.thing)
    if kind is types.CellType:
        return found[0] if found else _UNSET
    return found


def _copy(held: Held) -> Any:
    thing, kind = held.thing, type(held.thing)
    if isinstance(held.ids, Look):
        return held.ids.copy()
    if held.kind == "namespace":
        return dict(thing) if len(thing) <= MAX_ITEMS else _NO_COPY
    if held.kind == "mapping":
        return dict(dict.items(thing)) if dict.__len__(thing) <= MAX_ITEMS else _NO_COPY
    if isinstance(held.ids, Slots):
        return [_slot(slot, thing) for slot in held.ids.slots]
    if held.ids is order_ids:
        return keys_in_order(thing)
    for known, iterate in _SEQUENCES:
        if issubclass(kind, known):
            return list(iterate(thing)) if known.__len__(thing) <= MAX_ITEMS else _NO_COPY
    if kind is types.FunctionType:
        return [*parts_to_set(thing)]
    if kind is types.CellType:
        try:
            return thing.cell_contents
        except ValueError:
            return _UNSET
    if issubclass(kind, random.Random):
        return random.Random.getstate(thing)
    if kind is ContextVar:
        return value_of(thing, _NO_COPY)
    found = bytes_of(thing) if held.ids is bytes_ids else place_of(thing)
    return _NO_COPY if found is None else found


def _slot(slot: Any, thing: Any) -> Any:
    try:
        return slot.__get__(thing)
    except AttributeError:
        return _UNSET


def _is_refilled(held: Held, copy: Any) -> bool:
    """Say whether ``_refill`` would work."""
    if isinstance(held.ids, Look):
        return not held.ids.is_lasting
    return copy is not _NO_COPY


def _refill(held: Held, copy: Any) -> bool:
    thing, kind = held.thing, type(held.thing)
    if isinstance(held.ids, MemoLook):
        if copy is True:  # it had learned nothing
            LRU.cache_clear(thing)
        return True  # what else it has learned it would learn again
    if isinstance(held.ids, Look):
        return held.ids.put_back(copy)
    if copy is _NO_COPY:
        return False
    if held.kind == "namespace":
        return _refill_namespace(held, copy)
    if held.ids is order_ids:
        put_order(thing, copy)
    elif held.kind == "mapping" and issubclass(kind, OrderedDict):
        put_items(thing, copy)
    elif held.kind == "mapping":
        dict.clear(thing)
        dict.update(thing, copy)
    elif isinstance(held.ids, Slots):
        for slot, value in zip(held.ids.slots, copy, strict=True):
            if value is not _UNSET:
                slot.__set__(thing, value)
            elif _slot(slot, thing) is not _UNSET:
                slot.__delete__(thing)
    elif issubclass(kind, list):
        list.__setitem__(thing, slice(None), copy)
    elif type(copy) is bytes:
        return put_bytes(thing, copy)
    elif issubclass(kind, set):
        set.clear(thing)
        set.update(thing, copy)
    elif issubclass(kind, deque):
        deque.clear(thing)
        deque.extend(thing, copy)
    elif kind is types.FunctionType:
        for name, value in zip(SET_OF_FUNCTIONS, copy, strict=True):
            if getattr(thing, name) is not value:
                setattr(thing, name, value)
    elif kind is types.CellType:
        if copy is _UNSET:
            del thing.cell_contents
        else:
            thing.cell_contents = copy
    elif issubclass(kind, random.Random):
        random.Random.setstate(thing, copy)
    elif kind is ContextVar:
        thing.set(copy)
    else:
        return put_at(thing, copy)
    return True


def _refill_namespace(held: Held, copy: dict[str, Any]) -> bool:
    """Set and delete what differs; a class is set through its type, as it has no other way.

    Also in objects of libraries what is private there: the mappers of SQLAlchemy say in it that
    they are prepared, and what they have prepared lies in public attributes and in classes.
    """
    space = held.thing
    held.take_class_back()
    for name in [name for name in space if name not in copy]:
        if name in SKIPPED_MEMBERS:
            continue
        if is_imported(space[name]):
            continue  # a part of a package, which stays loaded
        if held.owner is None:
            del space[name]
        else:
            type.__delattr__(held.owner, name)
    for name, value in copy.items():
        if space.get(name, _UNSET) is value or name in SKIPPED_MEMBERS:
            continue
        if held.owner is None:
            space[name] = value
        else:
            type.__setattr__(held.owner, name, value)
    return True


_SEQUENCES: Final[tuple[tuple[Any, Any], ...]] = (
    (list, list.__iter__),
    (set, set.__iter__),
    (deque, deque.__iter__),
)
