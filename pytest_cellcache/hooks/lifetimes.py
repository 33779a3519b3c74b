"""Tells the tests that look at how long objects live.

What an attempt that may be cancelled changes is kept to be put back, so in it things live longer.
"""

from __future__ import annotations

import gc
import types
import weakref
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pytest_cellcache.trace.identities import identity

_COUNTING: Final = frozenset({"getrefcount", "getallocatedblocks"})
_AROUND: Final = ("setup", "teardown", "asyncsetup", "asyncteardown")
_LOOKING: Final = frozenset(
    identity(each)
    for module in (gc, weakref)
    for each in (module, *filter(callable, vars(module).values()))
)
_TELLING: Final = frozenset("get_objects get_referrers get_referents get_count garbage".split())
"""What the collector tells; fixtures of conftests that only let it collect look at nothing."""


def looks_at_lifetimes(item: pytest.Item) -> bool:
    """Say whether a test, or one of its fixtures, names what tells whether objects are there.

    In its function, or in functions and classes of the same module that it leads to, its own
    class included.
    """
    members = _members_of(getattr(item, "cls", None))
    begun = (found for name, found in members.items() if name.lower().startswith(_AROUND))
    stack = [getattr(item, "obj", None), *_fixtures_of(item), *begun]
    own = getattr(getattr(item, "obj", None), "__globals__", None)
    seen: set[int] = set()
    while stack:
        function = stack.pop()
        kind = type(function)
        if kind in (types.MethodType, staticmethod, classmethod):
            stack.append(function.__func__)
        if kind is not types.FunctionType or identity(function) in seen:
            continue
        seen.add(identity(function))
        stack.append(vars(function).get("__wrapped__"))
        space = function.__globals__
        names = {*_names_in(function.__code__)}
        for name in names:
            found = space.get(name)
            stack.append(members.get(name))
            if found is gc and space is not own and names.isdisjoint(_TELLING):
                continue
            if name in _COUNTING or identity(found) in _LOOKING:
                return True
            if _module_of(found) == space.get("__name__"):
                stack += (found, *_members_of(found).values())
    return False


def _fixtures_of(item: pytest.Item) -> list[Any]:
    named = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None) or {}
    return [getattr(each, "func", None) for found in named.values() for each in found[-1:]]


def _members_of(thing: Any) -> dict[str, Any]:
    """Give what a class and those of its bases hold that are not builtin; nothing of others."""
    found: dict[str, Any] = {}
    if issubclass(type(thing), type):
        for base in type.__getattribute__(thing, "__mro__"):
            if _module_of(base) != "builtins":
                found = {**type.__getattribute__(base, "__dict__"), **found}
    return found


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from _names_in(constant)


def _module_of(thing: Any) -> object:
    """Give the module of a function or class; of others code of the user's may tell."""
    if type(thing) is types.FunctionType:
        return thing.__module__
    is_class = issubclass(type(thing), type)
    return type.__getattribute__(thing, "__dict__").get("__module__") if is_class else None
