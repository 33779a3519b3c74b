"""Reads the attributes of an object where CPython 3.13 keeps them: in the object itself.

Its ``__dict__`` then only refers to that place, and is told nothing when an attribute is set, so
that its number (``versions``) stays the same. Whether that is so is found out when this module is
loaded; elsewhere objects are asked.
"""

from __future__ import annotations

import _thread
import ctypes
import sys
from typing import Any, Final, NamedTuple

_ADDRESS: Final = ctypes.sizeof(ctypes.c_void_p)
_SIZE: Final = 6 * _ADDRESS
"""Of a dictionary: head, how many it holds, a number, where keys and values are."""
_AT: Final = 4 * _ADDRESS
_VALUES_AT: Final = 5 * _ADDRESS
_HEAD: Final = ctypes.c_char * (_SIZE - _AT)
_FIRST_THREADS: Final = _thread._count()


class Inline(NamedTuple):
    """The memory of the attributes of one object, as it is at any time.

    Attributes:
        head: where its dictionary, which has to stay alive, finds keys and values.
        values: the attributes; to be read only while ``head`` is what it was.
    """

    head: memoryview
    values: memoryview


def inline_of(space: dict[str, Any]) -> Inline | None:
    """Find the attributes of an object by its dictionary; ``None`` if they are not in it."""
    return _inline_of(space) if IS_INLINE else None


def may_be_moved() -> bool:
    """Say whether threads of tests are running, which might move attributes that are read.

    Those that are there from the start, of workers that wait for what to do next, do not.
    """
    return _thread._count() > _FIRST_THREADS


def _inline_of(space: dict[str, Any]) -> Inline | None:
    place = ctypes.c_void_p.from_address(id(space) + _VALUES_AT).value
    if place is None:
        return None
    room, _, is_inside, is_valid = ctypes.string_at(place, 4)
    if is_inside != 1 or is_valid != 1:
        return None
    # First how many there are and the like, last in which order they came.
    size = _ADDRESS + room * _ADDRESS + room
    values = (ctypes.c_char * size).from_address(place)
    return Inline(memoryview(_HEAD.from_address(id(space) + _AT)), memoryview(values))


class _Sample:
    def __init__(self, a: object = 1.5) -> None:
        self.a = a
        self.b: object = 2.5


def _look(found: Inline, head: bytes) -> bytes | None:
    return bytes(found.values) if bytes(found.head) == head else None


def _is_inline() -> bool:
    if sys.implementation.name != "cpython" or dict.__basicsize__ != _SIZE:
        return False
    if sys.version_info[:2] != (3, 13) or not getattr(sys, "_is_gil_enabled", bool)():
        return False
    changes: list[Any] = [
        lambda thing: setattr(thing, "a", 3.5),
        lambda thing: setattr(thing, "c", 4.5),
        lambda thing: vars(thing).update(b=5.5),
        lambda thing: delattr(thing, "a"),
        lambda thing: thing.__init__(6.5),
        lambda thing: vars(thing).pop("b"),
        lambda thing: setattr(thing, "__dict__", vars(thing).copy()),
    ]
    for change in changes:
        thing = _Sample()
        space = vars(thing)
        found = _inline_of(space)
        if found is None:
            return False
        kept, head, before = [*space.values()], bytes(found.head), bytes(found.values)
        words = memoryview(before[_ADDRESS : 3 * _ADDRESS]).cast("P").tolist()
        if words != list(map(id, kept)) or _look(found, head) != before:
            return False
        change(thing)
        if _look(found, head) == before:
            return False
    thing = _Sample()
    space = vars(thing)
    found = _inline_of(space)
    head = bytes(found.head) if found is not None else b""
    del thing
    return found is not None and bytes(found.head) != head


IS_INLINE: Final = _is_inline()
"""Whether that is so here."""
