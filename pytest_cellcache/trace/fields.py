"""Reads what is set of functions and closures where CPython keeps it, without asking each of them.

Where that is, is found out when this module is loaded; elsewhere they have to be looked at.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

_ADDRESS: Final = ctypes.sizeof(ctypes.c_void_p)

Place = tuple[int, Any]
"""Where the fields of an object begin, in bytes, and the type of their memory."""


def fields_of(thing: Any) -> memoryview | None:
    """Give the fields of a function or closure as they are at any time; it has to stay alive.

    Equal bytes mean the same objects if those that they led to are alive.
    """
    place = _PLACES.get(type(thing))
    if place is None:
        return None
    return memoryview(place[1].from_address(id(thing) + place[0]))


def field_of(function: Any, name: str) -> memoryview | None:
    """Give the field that refers to a special attribute of a function, as ``fields_of`` does.

    That of the annotations refers to them evaluated or not.
    """
    place = _SPECIAL.get(name)
    return None if place is None else memoryview(place[1].from_address(id(function) + place[0]))


def _place_of(sample: Any, values: Sequence[Any]) -> Place | None:
    """Find where an object has some values side by side."""
    size = type(sample).__basicsize__ // _ADDRESS
    words = struct.unpack(f"{size}P", ctypes.string_at(id(sample), size * _ADDRESS))
    sought = tuple(map(id, values))
    at = next((n for n in range(size) if words[n : n + len(sought)] == sought), None)
    return None if at is None else (at * _ADDRESS, ctypes.c_char * (len(sought) * _ADDRESS))


def _function() -> tuple[Any, Callable[[], Sequence[Any]]]:
    def sample(a: object = 1.5, *, b: object = 2.5) -> object:
        return a, b

    return sample, lambda: (sample.__code__, sample.__defaults__, sample.__kwdefaults__)


def _cell() -> tuple[Any, Callable[[], Sequence[Any]]]:
    sample = types.CellType(1.5)
    return sample, lambda: (sample.cell_contents,)


def _set_function(sample: Any) -> None:
    sample.__code__ = (lambda a, *, b: (b, a)).__code__
    sample.__defaults__, sample.__kwdefaults__ = (3.5,), {"b": 4.5}


def _set_cell(sample: Any) -> None:
    sample.cell_contents = 2.5


def _places() -> dict[type, Place]:
    found: dict[type, Place] = {}
    if sys.implementation.name != "cpython":
        return found
    for make, change in ((_function, _set_function), (_cell, _set_cell)):
        sample, values = make()
        place = _place_of(sample, values())
        change(sample)
        if place is not None and _place_of(sample, values()) == place:
            found[type(sample)] = place
    return found


def _special() -> dict[str, Place]:
    found: dict[str, Place] = {}
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14):
        return found
    for name, values in _SET.items():
        sample, _ = _function()
        for number, value in enumerate(values):
            setattr(sample, name, value)
            place = _place_of(sample, [getattr(sample, name)])
            if place is None or (number and place != found.get(name)):
                found.pop(name, None)
                break
            found[name] = place
    return found


_SET: Final[dict[str, tuple[Any, Any]]] = {
    "__annotations__": ({"a": int}, {"b": int}),
    **dict.fromkeys(("__doc__", "__name__", "__qualname__", "__module__"), ("one", "other")),
}
_PLACES: Final = _places()
_SPECIAL: Final = _special()
