"""Puts iterators back to where they were, and files in memory and locks to what they were.

No iterator in C can be told where to go on. But all that most of them know of it lies in the object
itself: numbers, and references that the collector is told of. So that memory is copied, with what
it refers to, and written back. Whether an interpreter allows that is tried with a sample of each
kind first. Generators and their like have more than that, and cannot be put back.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import io
import itertools
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from os import fstat
from typing import Any, Final, NamedTuple

_HEAD: Final = object.__basicsize__
_NUMBERS: Final = range(5)
_LOCK: Final[Any] = type(threading.Lock())
_TROUBLES: Final = (TypeError, ValueError, OSError, AttributeError, BufferError, RuntimeError)
_MEMORY_FILES: Final[tuple[Any, ...]] = (io.StringIO, io.BytesIO)
_READ_FILES: Final[tuple[Any, ...]] = (io.FileIO, io.BufferedReader, io.TextIOWrapper)


def _samples(keep: Callable[[Any], Any]) -> list[Callable[[], Any]]:
    """Make iterators of each kind that owns nothing but what the collector is told of.

    Args:
        keep: given the iterators that a sample is made of, each of which has its own place.
    """
    some = dict.fromkeys(_NUMBERS)

    def count(start: int = 0) -> Any:
        return keep(itertools.count(start))

    return [
        lambda: iter([*_NUMBERS]),
        lambda: iter((*_NUMBERS,)),
        lambda: iter(_NUMBERS),
        lambda: iter("01234"),
        lambda: iter("01234\u20ac"),
        lambda: iter(b"01234"),
        lambda: iter(bytearray(b"01234")),
        lambda: iter({*_NUMBERS}),
        lambda: iter(some),
        lambda: iter(some.items()),
        lambda: iter(some.values()),
        lambda: reversed([*_NUMBERS]),
        lambda: reversed((*_NUMBERS,)),
        lambda: reversed(some),
        itertools.count,
        lambda: itertools.repeat(1, 5),
        lambda: enumerate(count()),
        lambda: zip(count(), count(1), strict=False),
        lambda: map(str, count()),
        lambda: filter(None, count()),
        lambda: itertools.filterfalse((0).__gt__, count()),
        lambda: itertools.chain.from_iterable(keep(iter([(1, 2), (3, 4)]))),
        lambda: itertools.islice(count(), 4),
        lambda: itertools.starmap(divmod, keep(iter([(n, n + 1) for n in _NUMBERS]))),
        lambda: itertools.takewhile(bool, count(1)),
        lambda: itertools.dropwhile(bool, count(-1)),
        lambda: itertools.compress(count(), keep(itertools.repeat(1))),
        lambda: itertools.pairwise(count()),
        lambda: iter(count().__next__, -1),
    ]


class Place(NamedTuple):
    """Where an iterator is.

    Attributes:
        memory: of the object, after its head.
        owned: what that refers to, kept alive.
    """

    memory: bytes
    owned: list[Any]


def place_of(thing: Any) -> Any:
    """Give what ``put_at`` needs; ``None`` where a thing cannot be put back."""
    kind: Any = type(thing)
    if kind is _LOCK:
        return _LOCK.locked(thing)
    for known in (*_MEMORY_FILES, *_READ_FILES):
        if issubclass(kind, known):
            return _place_in(thing, known)
    return _iterator_place(thing) if _may_be_rewound(kind) else None


def put_at(thing: Any, place: Any) -> bool:
    """Put an iterator, a file or a lock back; say whether that worked."""
    if type(place) is Place:
        _rewind(thing, place)
        return True
    if type(thing) is _LOCK:
        return _put_lock(thing, is_locked=place)
    try:
        for known in _MEMORY_FILES:
            if issubclass(type(thing), known):
                known.__setstate__(thing, place)
                return True
        for known in _READ_FILES:
            if issubclass(type(thing), known):
                known.seek(thing, place)
                return True
    except _TROUBLES:  # closed meanwhile
        pass
    return False


def _put_lock(lock: Any, *, is_locked: bool) -> bool:
    if is_locked:
        _LOCK.acquire(lock, blocking=False)
    else:
        with contextlib.suppress(RuntimeError):  # released meanwhile
            _LOCK.release(lock)
    return True


def _place_in(file: Any, kind: Any) -> Any:
    try:
        if kind in _MEMORY_FILES:
            return kind.__getstate__(file)
        is_plain = stat.S_ISREG(fstat(kind.fileno(file)).st_mode)
        return kind.tell(file) if is_plain and not kind.writable(file) else None
    except _TROUBLES:  # closed, or iterated over
        return None


def _iterator_place(thing: Any) -> Place:
    size = type(thing).__basicsize__ - _HEAD
    return Place(ctypes.string_at(id(thing) + _HEAD, size), gc.get_referents(thing))


def _rewind(thing: Any, place: Place) -> None:
    now = gc.get_referents(thing)
    # Each reference in its memory is one that it owns: those there now are given up for the others.
    for each in place.owned:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
    ctypes.memmove(id(thing) + _HEAD, place.memory, len(place.memory))
    for each in now:
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(each))


@functools.cache
def _may_be_rewound(kind: type) -> bool:
    if sys.implementation.name != "cpython":
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    kept: list[Any] = []

    def keep(iterator: Any) -> Any:
        kept.append(iterator)
        return iterator

    samples = [make for make in _samples(keep) if type(make()) is kind]
    return bool(samples) and all(_is_rewound(make, kept) for make in samples)


def _is_rewound(make: Callable[[], Any], kept: list[Any]) -> bool:
    """Try with a sample at its beginning, within, and at the end of what is finite.

    Args:
        kept: gets the iterators that it is made of.
    """
    for steps in (0, 1, len(_NUMBERS) + 1):
        kept.clear()
        tried = make()
        deque(itertools.islice(tried, steps), maxlen=0)
        places = [(each, _iterator_place(each)) for each in (tried, *kept)]
        for more in (1, len(_NUMBERS) + 1):
            after = [*itertools.islice(tried, more)]
            for each, place in places:
                _rewind(each, place)
            if [*itertools.islice(tried, more)] != after:
                return False
            for each, place in places:
                _rewind(each, place)
    return True
