"""Finds where the parts of a value stand, to name those that were left out of it."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Final

from pytest_cellcache.store.stubs import is_stub
from pytest_cellcache.store.values import StubFound

_DEPTH: Final = 10_000
"""Objects looked at in one value."""
_FAILURES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)


def find_places(value: object, stubbed: Sequence[object]) -> list[StubFound]:
    """Find where parts stand: breadth first, so that the shortest path names a part."""
    wanted = {id(part) for part in stubbed}
    where: dict[int, str] = {}
    queue: list[tuple[object, str]] = [(value, "value")]
    seen: set[int] = set()
    while queue and len(seen) < _DEPTH and wanted - where.keys():
        following: list[tuple[object, str]] = []
        for part, path in queue:
            if id(part) in seen:
                continue
            seen.add(id(part))
            if id(part) in wanted:
                where.setdefault(id(part), path)
            elif not is_stub(part):
                following += [(inner, path + step) for inner, step in _inner(part)]
        queue = following
    return [
        StubFound(
            where.get(id(part), "value (inside)"),
            "a stub" if is_stub(part) else full_name(type(part)),
            callable(part),
        )
        for part in stubbed
    ]


def _inner(part: Any) -> list[tuple[object, str]]:
    if isinstance(part, dict):
        return [(inner, f"[{key!r}]") for key, inner in list(part.items()) if _is_plain(key)]
    if isinstance(part, (list, tuple)):
        return [(inner, f"[{number}]") for number, inner in enumerate(part)]
    if isinstance(part, (set, frozenset)):
        return [(inner, "{...}") for inner in part]
    if isinstance(part, types.FunctionType):
        cells = zip(part.__code__.co_freevars, part.__closure__ or (), strict=False)
        return [(_cell(cell), f".<{name}>") for name, cell in cells]
    return [(inner, f".{name}") for name, inner in attributes_of(part).items()]


def attributes_of(part: Any) -> dict[str, Any]:
    """Give what an object holds in its dictionary and its slots, by name."""
    try:
        members = object.__getattribute__(part, "__dict__")
    except _FAILURES:
        members = {}
    found = dict(members) if isinstance(members, dict) else {}
    for name in _slots(type(part)):
        try:
            found[name] = object.__getattribute__(part, name)
        except _FAILURES:
            continue
    return found


def _cell(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _slots(kind: type) -> list[str]:
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _is_plain(key: object) -> bool:
    return type(key) in (str, int, bytes, bool, float)


def type_name(value: object) -> str:
    """Name the type of a value for people."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else full_name(kind)


def full_name(kind: type) -> str:
    """Name a type with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"
