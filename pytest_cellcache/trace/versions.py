"""Tells that dictionaries are untouched without looking at what they hold.

CPython up to 3.13 gives a dictionary another number, unique among all, whenever it changes, and
keeps it in the dictionary. Whether that is so is found out when this module is loaded; elsewhere
they have to be looked at. The number may change where nothing has in the end.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_cellcache.trace.inline import IS_INLINE

_ADDRESS: Final = ctypes.sizeof(ctypes.c_void_p)
_SIZE: Final = 6 * _ADDRESS
"""Of a dictionary: head, how many it holds, the number, where keys and values are."""
_AT: Final = 3 * _ADDRESS
NUMBER: Final = 8
"""Bytes of a number."""
_View: Final = ctypes.c_char * NUMBER

_CHANGES: Final[tuple[Callable[[dict[Any, Any]], object], ...]] = (
    lambda thing: thing.__setitem__("a", 1.5),
    lambda thing: thing.__setitem__("b", None),
    lambda thing: thing.setdefault("c", 0),
    lambda thing: thing.update(a=2.5),
    lambda thing: thing.__ior__({"d": 1}),
    lambda thing: thing.pop("a"),
    lambda thing: thing.__delitem__("b"),
    lambda thing: thing.popitem(),
    lambda thing: thing.clear(),
)


def number_of(thing: dict[Any, Any]) -> memoryview:
    """Give the bytes of the number as they are at any time; the dictionary has to stay alive."""
    return memoryview(_View.from_address(id(thing) + _AT))


def _are_numbered() -> bool:
    if sys.implementation.name != "cpython" or dict.__basicsize__ != _SIZE:
        return False
    things: list[dict[Any, Any]] = [{"a": 0}, {"a": 0, None: 1}, vars(type("C", (), {})())]
    seen: set[bytes] = set()
    for thing in things:
        number = number_of(thing)
        for change in _CHANGES:
            before = bytes(number)
            dict(thing).get("a")
            if bytes(number) != before or before in seen:
                return False
            seen.add(before)
            change(thing)
            if bytes(number) == before:
                return False
    return True


_OFTEN: Final = 100


class _Sample:
    def __init__(self) -> None:
        self.a: object = 0


_SETTINGS: Final[tuple[Callable[[Any], object], ...]] = (
    lambda thing: setattr(thing, "a", 1.5),
    lambda thing: setattr(thing, "b", None),
    lambda thing: setattr(thing, "a", ()),
    lambda thing: delattr(thing, "a"),
    lambda thing: object.__setattr__(thing, "c", 0),
)


def _plain() -> Any:
    return _Sample()


def _large() -> Any:
    made = _Sample()
    for number in range(_OFTEN):
        setattr(made, f"x{number}", number)
    return made


def _given() -> Any:
    made = _Sample()
    made.__dict__ = {"a": 0}
    return made


def _moved() -> Any:
    made = _Sample()
    vars(made)
    made.__class__ = type("Other", (_Sample,), {})
    return made


def _do_attributes_count(make: Callable[[], Any]) -> bool:
    def set_often(thing: Any) -> Iterator[None]:
        for value in range(_OFTEN):  # until the interpreter takes short cuts
            thing.a = value + 0.5
            yield

    thing = make()
    number = number_of(vars(thing))
    seen = {bytes(number)}
    for change in _SETTINGS:
        change(thing)
        seen.add(bytes(number))
    for _ in set_often(thing):
        seen.add(bytes(number))
    return len(seen) == 1 + len(_SETTINGS) + _OFTEN


ARE_NUMBERED: Final = _are_numbered()
"""Whether ``number_of`` tells changes apart here."""
COUNT_ATTRIBUTES: Final = (
    ARE_NUMBERED
    and (IS_INLINE or _do_attributes_count(_plain))
    and all(map(_do_attributes_count, (_large, _given, _moved)))
)
"""Whether it does so when attributes of an object are set whose dictionary was asked for, unless
the object holds them itself (``inline``)."""
