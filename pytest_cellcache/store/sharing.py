"""Names mutable objects by their place inside a value, so that what is shared stays shared."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pytest_cellcache.store.arrays import array_type
from pytest_cellcache.store.stubs import CallableStub, Stub

Path = tuple[Any, ...]
"""Steps ``("item", key)`` and ``("attr", name)``; empty for the value itself."""

_ATOMS: Final = frozenset({
    Stub, CallableStub, type(None), bool, int, float, complex, str, bytes, type, types.FunctionType,
    types.BuiltinFunctionType, types.ModuleType, types.MethodType, range, slice, type(...),
})  # fmt: skip
_LIMIT: Final = 100_000
"""Objects looked at in one value; what lies beyond is taken not to be shared."""

_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)


class Around:
    """What a value may share with modules and with upstream values.

    Attributes:
        places: owner, and path inside its value, of each mutable object; by ``id``.
        arrays: those of them that have memory which others may lie in.
    """

    def __init__(self) -> None:
        self.places: dict[int, tuple[str, Path]] = {}
        self.arrays: list[object] = []

    def add(self, owner: str, value: object, start: Path, limit: int) -> None:
        """Take what a value leads to; it has the place ``start`` at its owner."""
        kind = array_type() or ()
        for part, path in places_in(value, limit):
            if id(part) not in self.places:
                self.places[id(part)] = owner, (*start, *path)
                if issubclass(type(part), kind):
                    self.arrays.append(part)


def places_in(value: object, limit: int = _LIMIT) -> Iterator[tuple[object, Path]]:
    """Give the mutable objects of a value with their places, nearest first."""
    queue: deque[tuple[object, Path]] = deque([(value, ())])
    seen: set[int] = set()
    while queue and len(seen) < limit:
        part, path = queue.popleft()
        kind = type(part)
        # By type and never by ``isinstance``, which asks proxies what they are.
        is_closure = kind is types.FunctionType and bool(part.__closure__)  # type: ignore[attr-defined]
        if (kind in _ATOMS and not is_closure) or issubclass(kind, type) or id(part) in seen:
            continue
        seen.add(id(part))
        if not issubclass(kind, (tuple, frozenset)):
            yield part, path
        queue.extend((inner, (*path, step)) for inner, step in _steps(part))


def follow(value: object, path: Sequence[Any]) -> Any:
    """Give the object at a place.

    Raises:
        LookupError, TypeError, AttributeError: there is none.
    """
    for kind, name in path:
        value = value[name] if kind == "item" else getattr(value, name)  # type: ignore[index]
    return value


def _steps(part: Any) -> list[tuple[object, tuple[str, Any]]]:
    kind = type(part)
    if kind is dict:
        plain = (str, int, bytes, bool, float)
        return [(v, ("item", k)) for k, v in list(part.items()) if type(k) in plain]
    if kind in (list, tuple):
        return [(inner, ("item", number)) for number, inner in enumerate(part)]
    try:
        members = object.__getattribute__(part, "__dict__")
    except _TROUBLES:
        return []
    if not isinstance(members, dict):
        return []
    return [(inner, ("attr", name)) for name, inner in list(members.items())]
