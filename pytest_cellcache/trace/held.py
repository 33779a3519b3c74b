"""Containers whose content is compared: one by one, and many in one go.

An identity is not that of another object meanwhile: containers and atoms are kept alive, and an
instance is referred to weakly where that is possible: one that has gone is a change.
"""

from __future__ import annotations

import io
import itertools
import operator
import random
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final

from pytest_cellcache.trace.addresses import addresses_of, identity
from pytest_cellcache.trace.parts import (
    LRU,
    MAX_ITEMS,
    SKIPPED_MEMBERS,
    is_atom,
    slot_value,
)

_BATCH: Final = 64
"""Containers compared at once."""

Signature = tuple[bytes, list[int]]


class Reference(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that still tells whose it was."""

    __slots__ = ("ident",)

    ident: int


class Held:
    """One container, and how to tell what it holds.

    Attributes:
        ident: identity of the object whose container it is.
        module: file name, if it is the namespace of a module.
        is_foreign: it is the namespace of an object whose class is not the project's.
        owner: the class whose namespace it is.
        kind: ``namespace`` (of a module, class or instance), ``mapping`` or ``other``.
        ids: gives identities of what it holds.
    """

    __slots__ = (
        "atoms", "ident", "ids", "is_foreign", "kind", "module", "named", "owner", "saved", "thing",
    )  # fmt: skip

    def __init__(
        self, ident: int, kind: str, thing: Any, ids: Callable[[Any], list[int]], module: str = ""
    ) -> None:
        self.ident = ident
        self.kind = kind
        self.thing = thing
        self.ids = ids
        self.module = module
        self.is_foreign = False
        self.owner: Any = None
        self.save()

    def save(self) -> None:
        """Take what it holds now as the state to compare with."""
        self.saved = self.ids(self.thing)
        self.named: dict[str, int] = {}
        self.atoms: list[Any] = []
        if self.is_small:
            items = list(self.items())
            self.named = {name: identity(value) for name, value in items if type(name) is str}
            self.atoms = [(n, v) for n, v in items if is_atom(v) or is_atom(n)]
        elif type(self.thing) in (list, set, deque) and len(self.thing) <= MAX_ITEMS:
            self.atoms = [value for value in self.thing if is_atom(value)]

    @property
    def is_small(self) -> bool:
        """Whether it has names for what it holds, few enough to look at each."""
        if self.kind == "mapping":
            return dict.__len__(self.thing) <= MAX_ITEMS
        return self.kind == "namespace" and len(self.thing) <= MAX_ITEMS

    def items(self) -> Any:
        return self.thing.items() if self.kind == "namespace" else dict.items(self.thing)

    def views(self) -> list[Iterable[Any]] | None:
        """Give views of all it holds; ``None`` unless it is a container as they come."""
        if self.kind == "namespace":
            return [self.thing.values()] if self.is_small else None
        if self.kind == "mapping":
            views: list[Iterable[Any]] = [dict.values(self.thing), dict.keys(self.thing)]
            return views if self.is_small else None
        if type(self.thing) in (list, set, deque) and len(self.thing) <= MAX_ITEMS // 2:
            return [self.thing]
        return None

    def getters(self) -> list[Callable[[Any], Any]] | None:
        """Give functions in C that tell what it holds; ``None`` where there are none that work."""
        kind = type(self.thing)
        if isinstance(self.ids, Slots):
            ways = self.ids.getters
        elif kind is types.FunctionType:
            ways = [_DEFAULTS]
        elif kind is types.CellType:
            ways = [_CELL_CONTENTS]
        else:
            return None
        try:
            for way in ways:
                way(self.thing)
        except (AttributeError, ValueError):
            return None
        return ways

    def changed(self) -> list[str]:
        """Name what changed, by key or attribute; an empty name where there is none."""
        if not self.is_small:
            return [""]
        now = {name: identity(value) for name, value in self.items() if type(name) is str}
        names = {name for name in now if self.named.get(name) != now[name]}
        names |= self.named.keys() - now.keys()
        if names and self.kind == "namespace":
            return sorted(names - SKIPPED_MEMBERS)
        return sorted(names) or [""]


class Batch:
    """Some containers that are compared in one go."""

    def __init__(self) -> None:
        self.held: list[Held] = []
        self._weak: list[Reference] = []
        self._gone: list[Reference] = []
        self._saved: Signature | None = None
        self._views: list[Iterable[Any]] = []
        self._getters: list[tuple[Callable[[Any], Any], list[Any]]] = []
        self._others: list[Held] = []

    @property
    def is_full(self) -> bool:
        return len(self.held) + len(self._weak) >= _BATCH

    def refer(self, value: Any) -> None:
        """Notice when an object goes, as another may take its identity.

        Raises:
            TypeError: there are no weak references to it.
        """
        reference = Reference(value, self._gone.append)
        reference.ident = identity(value)
        self._weak.append(reference)

    def take_gone(self) -> list[int]:
        """Give the identities of the objects that have gone since."""
        gone = [reference.ident for reference in self._gone]
        self._gone.clear()
        self._weak = [reference for reference in self._weak if reference() is not None]
        return gone

    def settle(self) -> None:
        """Take everything as it is now as the state to compare with."""
        self._views.clear()
        self._others.clear()
        getters: dict[int, tuple[Callable[[Any], Any], list[Any]]] = {}
        for held in self.held:
            views, ways = held.views(), held.getters()
            if views is None and ways is None:
                self._others.append(held)
            self._views += views or ()
            for way in ways or ():
                getters.setdefault(identity(way), (way, []))[1].append(held.thing)
        self._getters = list(getters.values())
        self._saved = self._signature()

    def has_changed(self) -> bool:
        return bool(self._gone) or self._saved is None or self._signature() != self._saved

    def _signature(self) -> Signature | None:
        """Identify everything that is held; ``None`` if something cannot be looked at just now."""
        things: list[Any] = []
        try:
            sizes = list(map(len, self._views))  # type: ignore[arg-type]
            for view in self._views:
                things += view
            for getter, owners in self._getters:
                things += map(getter, owners)
        except (AttributeError, ValueError, RuntimeError):  # unset, empty, changed by a thread
            return None
        for held in self._others:
            sizes += held.ids(held.thing)
        return addresses_of(things), sizes


_CELL_CONTENTS: Final = operator.attrgetter("cell_contents")
_DEFAULTS: Final = operator.attrgetter("__defaults__")


def namespace_ids(namespace: Any) -> list[int]:
    """Identify what a module, class or instance holds."""
    return [*map(identity, namespace.values())] if len(namespace) <= MAX_ITEMS else [len(namespace)]


def mapping_ids(mapping: Any) -> list[int]:
    """Identify values and keys."""
    if dict.__len__(mapping) > MAX_ITEMS:
        return [dict.__len__(mapping)]
    return [*map(identity, dict.values(mapping)), *map(identity, dict.__iter__(mapping))]


def _list_ids(sequence: Any) -> list[int]:
    size = list.__len__(sequence)
    return [*map(identity, list.__iter__(sequence))] if size <= MAX_ITEMS else [size]


def _set_ids(sequence: Any) -> list[int]:
    size = set.__len__(sequence)
    return [*map(identity, set.__iter__(sequence))] if size <= MAX_ITEMS else [size]


def _deque_ids(sequence: Any) -> list[int]:
    size = deque.__len__(sequence)
    return [*map(identity, deque.__iter__(sequence))] if size <= MAX_ITEMS else [size]


def _lru_ids(memo: Any) -> list[int]:
    info = memo.cache_info()
    return [info.misses, info.currsize]


def iterator_ids(iterator: Any) -> list[int]:
    """Identify how far it has come."""
    return [operator.length_hint(iterator, -1)]


def _generator_ids(generator: Any) -> list[int]:
    frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
    if frame is None:
        return [-1]
    return [frame.f_lasti, *map(identity, frame.f_locals.values())]


def _cell_ids(cell: Any) -> list[int]:
    try:
        return [identity(cell.cell_contents)]
    except ValueError:  # empty
        return []


def _buffer_ids(buffer: Any) -> list[int]:
    return [] if buffer.closed else [buffer.tell(), len(buffer.getvalue())]


class Slots:
    """Identifies the values in some slots of an object.

    Attributes:
        slots: their descriptors.
        getters: functions in C that give them.
    """

    def __init__(self, slots: list[Any]) -> None:
        self.slots = slots
        self.getters: list[Callable[[Any], Any]] = [slot.__get__ for slot in slots]

    def __call__(self, value: Any) -> list[int]:
        return [identity(slot_value(slot, value)) for slot in self.slots]


def order_ids(mapping: Any) -> list[int]:
    """Identify the keys of an ``OrderedDict`` in their order, which its values do not tell."""
    return [*map(identity, OrderedDict.__iter__(mapping))]


LOOKS: Final[tuple[tuple[Any, Callable[[Any], list[int]]], ...]] = (
    (list, _list_ids),
    (set, _set_ids),
    (deque, _deque_ids),
    (bytearray, lambda value: [hash(bytes(value))]),
    (LRU, _lru_ids),
    (types.GeneratorType, _generator_ids),
    (types.AsyncGeneratorType, _generator_ids),
    (types.CellType, _cell_ids),
    (io.StringIO, _buffer_ids),
    (io.BytesIO, _buffer_ids),
    (random.Random, lambda value: [hash(value.getstate())]),
    (types.FunctionType, lambda made: [identity(made.__defaults__)]),
    (enumerate, lambda value: [value.__reduce__()[1][1]]),
    (itertools.count, lambda value: [hash(repr(value))]),
    (ContextVar, lambda variable: [identity(variable.get(None))]),
)
