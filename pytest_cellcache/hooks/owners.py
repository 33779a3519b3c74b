"""What methods find on their ``self``, and what is declared of fixtures: no set-up shows it."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

from pytest_cellcache.model.declare import Declaration
from pytest_cellcache.model.keys import ENV, FILE, GLOB, NAME, Key
from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.sources.places import Places


def keys_of_class(cls: Any, places: Places) -> Iterator[Key]:
    """Give the first-party classes that a class consists of: an inherited method may use each."""
    for base in getattr(cls, "__mro__", ()):
        file = attribute_of(sys.modules.get(base.__module__), "__file__")
        if file is not None and places.is_first_party(str(file)):
            yield Key(NAME, places.relative(str(file)), base.__qualname__.partition(".")[0])


def keys_of_owner(fixturedef: Any, places: Places) -> frozenset[Key]:
    """Give the classes that the function of a fixture finds on its ``self`` or ``cls``."""
    bound = getattr(fixturedef.func, "__self__", None)
    if bound is None or isinstance(bound, types.ModuleType):
        return frozenset()
    return frozenset(keys_of_class(bound if isinstance(bound, type) else type(bound), places))


def keys_of_declaration(declaration: Declaration, places: Places) -> frozenset[Key]:
    """Give the inputs that are declared of a fixture, and which files these are."""
    keys = {Key(ENV, "", name) for name in declaration.env}
    for pattern in declaration.inputs:
        keys |= {Key(GLOB, "", pattern), *(Key(FILE, name) for name in places.glob(pattern))}
    return frozenset(keys)


def is_owner_marked(fixturedef: Any, request: Any) -> bool:
    """Say whether somebody has put something on the ``self`` of a fixture, which it may use."""
    owner = _owner(fixturedef)
    instance = getattr(request, "instance", None)
    if owner is not None and isinstance(instance, type(owner)):
        owner = instance  # what pytest binds the function to
    return bool(getattr(owner, "__dict__", None))


def members_of_owners(fixturedef: Any, request: Any) -> list[dict[str, int]]:
    """Give what the instances hold on which a fixture could set attributes."""
    owners = (getattr(request, "instance", None), _owner(fixturedef))
    found = (getattr(owner, "__dict__", None) or {} for owner in owners)
    return [{name: id(value) for name, value in members.items()} for members in found]


def members_of_run(request: Any) -> list[dict[Any, int]]:
    """Give what pytest's own objects of a run hold, on which plugins and fixtures put things.

    The dictionary in a stash is private; without it what is put there is not seen.
    """
    config = getattr(request, "config", None)
    holders = (
        getattr(config, "__dict__", None),
        getattr(getattr(config, "option", None), "__dict__", None),
        getattr(getattr(config, "stash", None), "_storage", None),
        getattr(getattr(request, "session", None), "__dict__", None),
        getattr(getattr(getattr(request, "session", None), "stash", None), "_storage", None),
    )
    return [{key: id(value) for key, value in (holder or {}).items()} for holder in holders]


def _owner(fixturedef: Any) -> object | None:
    owner = getattr(fixturedef.func, "__self__", None)
    return None if isinstance(owner, (type, types.ModuleType)) else owner
