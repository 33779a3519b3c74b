"""Notices what a fixture function asks of its ``request`` beside its parameter.

``request`` is the private ``SubRequest`` itself; for the time of a set-up its class is one that
notes what code outside of pytest asks for. Where pytest does not let that happen, everything counts
as asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

_TIES: Final = "node function cls instance module path fspath keywords session fixturenames".split()
"""What ties a fixture to the test that happens to ask for it first."""
_METHODS: Final = ("getfixturevalue", "addfinalizer", "applymarker")
_INNER: Final = ("_pytest.", "pytest_cellcache.", "pluggy.", "pytest_asyncio", "anyio.")
_USED: Final = "_cell_cache_used"


def watch_request(request: Any) -> type | None:
    """Start to notice; give what ``unwatch_request`` needs, None where it is impossible."""
    kind: type = type(request)
    try:
        vars(request)[_USED] = set()
        request.__class__ = _watched(kind)
    except TypeError:
        return None
    return kind


def unwatch_request(request: Any, kind: type | None) -> frozenset[str]:
    """Stop, and give what was asked for."""
    if kind is None:
        return frozenset((*_TIES, *_METHODS))
    request.__class__ = kind
    return frozenset(vars(request).pop(_USED, ()))


@lru_cache(maxsize=8)
def _watched(kind: Any) -> type:
    members: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    for name in _TIES:
        if hasattr(kind, name):
            members[name] = property(_reader(kind, name))
    for name in _METHODS:
        if hasattr(kind, name):
            members[name] = _method(getattr(kind, name), name)
    return type(kind.__name__, (kind,), members)


def _reader(kind: Any, name: str) -> Callable[[Any], Any]:
    def read(self: Any) -> Any:
        _note(self, name)
        return getattr(super(_watched(kind), self), name)

    return read


def _method(real: Any, name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note(self, name)
        return real(self, *args, **kwargs)

    return call


def _note(request: Any, name: str) -> None:
    caller = str(sys._getframe(2).f_globals.get("__name__", ""))
    used = vars(request).get(_USED)
    if used is not None and not caller.startswith(_INNER):
        used.add(name)
