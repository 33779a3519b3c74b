"""Tells whether a value that was put back is like the one that was kept.

Where a class of the project says itself how it is pickled, what comes back may lack something: a
cache that ``__getstate__`` drops, an argument that ``__reduce__`` does not pass on. Nobody would
miss it but a test. Classes of libraries are believed: what they drop is their own affair.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from pytest_cellcache.store.places import attributes_of, type_name
from pytest_cellcache.store.stubs import is_stub
from pytest_cellcache.store.values import Names

_WAYS: Final = (
    "__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs__",
    "__getnewargs_ex__", "__new__", "__setitem__", "__setattr__", "append", "extend", "add",
)  # fmt: skip
"""What pickle calls when it takes an object apart or puts it together."""
_LIMIT: Final = 100_000
"""Objects compared in one value; of more it is not known whether they are alike."""
_ATOMS: Final = frozenset({int, str, bytes, bytearray, float, complex, bool, type(None), range})
_COMPARED: Final = frozenset("datetime decimal fractions uuid pathlib zoneinfo".split())
"""Modules whose objects are values and are told apart by ``==``."""
_SEQUENCES: Final[tuple[Any, ...]] = (list, tuple, deque)


def has_own_way(kind: type, names: Names) -> bool:
    """Say whether a class is pickled, or put together again, by code of the project."""
    return any(
        names.namespace(_globals_of(base.__dict__.get(way))) is not None
        for base in kind.__mro__
        for way in _WAYS
    )


def _globals_of(way: Any) -> dict[str, Any]:
    """Give the globals of a method; ``__new__`` lies in its class as a static one."""
    found: dict[str, Any] = getattr(getattr(way, "__func__", way), "__globals__", {})
    return found


def find_difference(made: object, again: object, names: Names, *, is_deep: bool) -> str | None:
    """Give the place of a difference; stubs differ as a matter of course.

    Args:
        is_deep: look at the parts, too.
    """
    stack: list[tuple[Any, Any, str]] = [(made, again, "value")]
    seen: set[tuple[int, int]] = set()
    while stack:
        one, other, place = stack.pop()
        if one is other or is_stub(other) or (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if len(seen) > _LIMIT:
            return f"{place}: too many objects to compare"
        if type(one) is not type(other):
            return f"{place}: a {type_name(other)} for a {type_name(one)}"
        if not is_deep:
            return None
        pairs = _pairs(one, other, names)
        if pairs is None:
            return f"{place}: another {type_name(one)}"
        stack += [(a, b, place + step) for a, b, step in pairs]
    return None


def _pairs(one: Any, other: Any, names: Names) -> list[tuple[Any, Any, str]] | None:
    """Pair the parts of two objects of one type; ``None`` where they are not alike."""
    kind = type(one)
    if kind in _ATOMS or kind.__module__ in _COMPARED:
        return [] if one == other or (one != one and other != other) else None
    if issubclass(kind, dict):
        ours, theirs = list(dict.items(one)), list(dict.items(other))
        pairs = [
            pair
            for (key, value), (key_2, value_2) in zip(ours, theirs, strict=False)
            for pair in ((key, key_2, " (key)"), (value, value_2, f"[{key!r:.40}]"))
        ]
    elif issubclass(kind, _SEQUENCES):
        ours, theirs = _items(kind, one), _items(kind, other)
        numbered = enumerate(zip(ours, theirs, strict=False))
        pairs = [(a, b, f"[{number}]") for number, (a, b) in numbered]
    elif issubclass(kind, (set, frozenset)):
        # In no order of their own; but for plain members only their number is compared.
        plain = all(type(each) in _ATOMS for each in one)
        ours, theirs = list(one), list(other)
        if plain and one != other:
            return None
        pairs = []
    else:
        ours, theirs, pairs = [], [], []
    if len(ours) != len(theirs):
        return None
    inner, inner_2 = attributes_of(one), attributes_of(other)
    if inner.keys() != inner_2.keys() and _is_own(kind, names):
        return None
    return pairs + [(inner[n], inner_2[n], f".{n}") for n in inner.keys() & inner_2.keys()]


def _items(kind: type, value: Any) -> list[Any]:
    base = next(base for base in _SEQUENCES if issubclass(kind, base))
    found: Iterable[Any] = base.__iter__(value)
    return list(found)


def _is_own(kind: type, names: Names) -> bool:
    module = sys.modules.get(kind.__module__)
    return isinstance(module, types.ModuleType) and names.namespace(vars(module)) is not None
