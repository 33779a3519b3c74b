"""Names fixtures of a scope wider than a test, by definition and by the node whose life they share.

``name2fixturedefs`` of an item's ``_fixtureinfo`` is private, as for ``Definitions``; without it
an item asks for no such fixture.
"""

from __future__ import annotations

from typing import Any

import pytest


def place_of(fixturedef: Any, item: pytest.Item | None) -> str:
    """Name the definition of a wider fixture and the node whose life it shares."""
    scope = str(fixturedef.scope)
    if scope == "function":
        return ""
    node: pytest.Collector | None = None
    if item is not None and scope in ("class", "module"):
        node = item.getparent(pytest.Class) if scope == "class" else None
        node = node or item.getparent(pytest.Module)
    name = node.nodeid if node is not None else ""
    return f"{fixturedef.baseid}::{fixturedef.argname}@{name}"


def reach_of(item: pytest.Item) -> frozenset[str]:
    """Name the wider fixtures whose values a test is handed, or fixtures of its own; in doubt all.

    By what is set up for a class it may come by more: through ``self``.
    """
    info = getattr(item, "_fixtureinfo", None)
    named = getattr(info, "name2fixturedefs", {})
    every = {each for known in named.values() for each in known}
    if "request" in named or any(str(each.scope) == "class" for each in every):
        return places_of(item)
    if "request" in getattr(item, "fixturenames", ("request",)):
        return places_of(item)
    names = {*getattr(info, "argnames", ())}
    names |= {name for each in every if str(each.scope) == "function" for name in each.argnames}
    found = {place_of(each, item) for name in names for each in named.get(name, ())}
    return frozenset(found - {""})


def places_of(item: pytest.Item) -> frozenset[str]:
    """Name the wider fixtures that an item may ask for."""
    info = getattr(item, "_fixtureinfo", None)
    named = getattr(info, "name2fixturedefs", {})
    found = {place_of(each, item) for known in named.values() for each in known}
    return frozenset(found - {""})
