"""What tells the states of one container apart: identities of what it holds, and the like."""

from __future__ import annotations

import gc
import io
import itertools
import operator
import random
import sys
import threading
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final

from pytest_cellcache.trace.databases import Authorizer
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.parts import (
    LRU,
    MAX_ITEMS,
    first_of,
    is_atom,
    is_of_database,
    is_of_pattern,
    parts_to_set,
    slot_value,
    value_of,
    way_to,
)
from pytest_cellcache.trace.progress import progress_of
from pytest_cellcache.trace.slots import Slots

# A thread may change the size of what is iterated over between any two calls. Then it is looked at
# again: copying it first would cost more than a try.


def namespace_ids(namespace: Any) -> list[int]:
    """Identify what a module, class or instance holds."""
    if len(namespace) > MAX_ITEMS:
        return [len(namespace)]
    try:
        return [*map(identity, namespace.values())]
    except RuntimeError:
        return namespace_ids(namespace)


def mapping_ids(mapping: Any) -> list[int]:
    """Identify values and keys."""
    if dict.__len__(mapping) > MAX_ITEMS:
        return [dict.__len__(mapping)]
    try:
        return [*map(identity, dict.values(mapping)), *map(identity, dict.__iter__(mapping))]
    except RuntimeError:
        return mapping_ids(mapping)


def _list_ids(sequence: Any) -> list[int]:
    size = list.__len__(sequence)
    return [*map(identity, list.__iter__(sequence))] if size <= MAX_ITEMS else [size]


def _set_ids(sequence: Any) -> list[int]:
    size = set.__len__(sequence)
    try:
        return [*map(identity, set.__iter__(sequence))] if size <= MAX_ITEMS else [size]
    except RuntimeError:
        return _set_ids(sequence)


def _deque_ids(sequence: Any) -> list[int]:
    size = deque.__len__(sequence)
    try:
        return [*map(identity, deque.__iter__(sequence))] if size <= MAX_ITEMS else [size]
    except RuntimeError:
        return _deque_ids(sequence)


class MemoLook(Look):
    """What a memo of ``lru_cache`` has learned; one that was cleared counts from the start.

    So the first of its results is another one then. It is kept from being forgotten, as the next
    one might get its identity, where nobody can notice that it lives on.
    """

    def __init__(self) -> None:
        self._alive: Callable[[], Any] = lambda: None
        self._is_empty = True
        self._cleared = 0

    def copy(self) -> Any:
        return self._is_empty

    def __call__(self, memo: Any) -> list[int]:
        if is_of_pattern(memo):
            return []
        known = LRU.cache_info(memo)
        first = first_of(memo)
        if self._is_empty != (first is None) or self._alive() is not first:
            self._cleared += 1
            self._is_empty, self._alive = first is None, way_to(first)
        return [known.misses, known.currsize, self._cleared]


def iterator_ids(iterator: Any) -> list[int]:
    """Identify how far it has come."""
    return [operator.length_hint(iterator, -1)]


def _frame_of(generator: Any) -> Any:
    return getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)


def _generator_ids(generator: Any) -> list[int]:
    frame = _frame_of(generator)
    if frame is None:
        return [-1]
    return [frame.f_lasti, *map(identity, frame.f_locals.values())]


def _cell_ids(cell: Any) -> list[int]:
    try:
        return [identity(cell.cell_contents)]
    except ValueError:  # empty
        return []


def kept_for(ids: Any, thing: Any) -> Sequence[Any]:
    """Give what has to stay alive of an object, so that ``ids`` tells it from what comes after."""
    if ids is function_ids:
        return parts_to_set(thing)
    if isinstance(ids, Slots):
        found = [slot_value(slot, thing) for slot in ids.slots]
    elif ids is _cell_ids:
        found = gc.get_referents(thing)
    elif ids is _variable_ids:
        found = [value_of(thing)]
    elif ids is _generator_ids and (frame := _frame_of(thing)) is not None:
        found = [*frame.f_locals.values()]
    else:
        return ()
    return [value for value in found if is_atom(value)]


def _buffer_ids(buffer: Any) -> list[int]:
    kind: Any = io.StringIO if issubclass(type(buffer), io.StringIO) else io.BytesIO
    try:
        return [kind.tell(buffer), hash(kind.getvalue(buffer))]
    except ValueError:  # closed
        return []


def function_ids(function: Any) -> list[int]:
    """Identify what can be set of a function, but what somebody reads of its annotations."""
    return [*map(identity, parts_to_set(function))]


def order_ids(mapping: Any) -> list[int]:
    """Identify the keys of an ``OrderedDict`` in their order, which its values do not tell."""
    try:
        return [*map(identity, OrderedDict.__iter__(mapping))]
    except (RuntimeError, KeyError):
        return order_ids(mapping)


def _variable_ids(variable: ContextVar[Any]) -> list[int]:
    return [identity(value_of(variable))]


_LOCK: Final[Any] = type(threading.Lock())
# Through the builtin types: subclasses may override whatever they like. Who needs to remember what
# was there is a class, made for each.
LOOKS: Final[tuple[tuple[Any, Any], ...]] = (
    (list, _list_ids),
    (set, _set_ids),
    (deque, _deque_ids),
    (LRU, MemoLook),
    (types.GeneratorType, _generator_ids),
    (types.AsyncGeneratorType, _generator_ids),
    (types.CellType, _cell_ids),
    (io.StringIO, _buffer_ids),
    (io.BytesIO, _buffer_ids),
    (random.Random, lambda value: [hash(random.Random.getstate(value))]),
    (types.FunctionType, function_ids),
    (_LOCK, lambda lock: [_LOCK.locked(lock)]),
    (enumerate, lambda value: [int(enumerate.__reduce__(value)[1][1])]),
    (itertools.count, lambda value: [hash(itertools.count.__repr__(value))]),
    (ContextVar, _variable_ids),
)


def look_of(kind: type) -> Any:
    """Give what tells states of objects of a type apart; ``None`` where nothing is known."""
    for known, look in LOOKS:
        if issubclass(kind, known):
            return look
    return _work_done if is_of_database(kind, "Connection") else progress_of(kind)


def is_counted(thing: Any) -> bool:
    """Say whether a thing is a connection of ``sqlite3`` whose work is counted."""
    if not is_of_database(type(thing), "Connection"):
        return False
    counts = any(type(each) is Authorizer for each in gc.get_referents(thing))
    return counts and len(_work_done(thing)) > 1


def _work_done(connection: Any) -> list[int]:
    """Count what was done through a connection of ``sqlite3``; nothing is asked of the database.

    Rows are counted by SQLite, what else is defined by our authorizer, unless there is another.
    """
    plain = sys.modules["sqlite3"].Connection
    defined = [each.defined for each in gc.get_referents(connection) if type(each) is Authorizer]
    try:
        is_open = plain.in_transaction.__get__(connection)
        level = hash(plain.isolation_level.__get__(connection))
        made_of = plain.row_factory.__get__(connection), plain.text_factory.__get__(connection)
        rows = plain.total_changes.__get__(connection)
        return [rows, is_open, level, *map(identity, made_of), *defined]
    except (sys.modules["sqlite3"].Error, TypeError):  # closed, or another thread's
        return [-1]
