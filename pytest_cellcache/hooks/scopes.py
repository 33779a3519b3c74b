"""Names fixtures of a scope wider than a test, by definition and by the node whose life they share.

``name2fixturedefs`` of an item's ``_fixtureinfo`` is private, as for ``Definitions``; without it
an item asks for no such fixture. So is ``_arg2fixturedefs`` of the fixture manager; without it each
name may be one of a wider fixture.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import pytest

from pytest_cellcache.lifecycle.firstusers import Asked
from pytest_cellcache.lifecycle.units import Instance

_PLAIN: Final = (bool, bytes, float, int, str, type(None))


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


def is_late(begun: Collection[Instance]) -> bool:
    """Say whether a wider fixture is set up now while code of the item runs, or has run.

    Args:
        begun: fixtures whose set-up has begun in the item.
    """
    in_call = os.environ.get("PYTEST_CURRENT_TEST", "").endswith("(call)")
    return in_call or any(not each.place for each in begun)


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


def asked_by(item: pytest.Item) -> list[Asked]:
    """Give what is set up for an item, if it runs; its module is not imported for that."""
    names = () if item.get_closest_marker("skip") else getattr(item, "fixturenames", ())
    parent = item.parent.nodeid if item.parent is not None else ""
    nodes = {"", item.nodeid.partition("::")[0], parent}
    return [(name, node) for name in names for node in nodes]


def may_be_wide(name: str, items: Iterable[pytest.Item]) -> bool:
    """Say whether a fixture of some name may live longer than a test; in doubt it may.

    Args:
        items: tests of the session.
    """
    for item in items:
        manager = getattr(item.session, "_fixturemanager", None)
        known = getattr(manager, "_arg2fixturedefs", {}).get(name)
        if known is not None:
            return any(str(each.scope) != "function" for each in known)
        break
    return name != "request"


def parameter_of(fixturedef: Any, request: Any) -> str | None:
    """Give ``Instance.parameter`` of a set-up."""
    if fixturedef.scope == "package":  # packages have one place
        return None
    if not hasattr(request, "param"):
        return ""
    return repr(request.param) if isinstance(request.param, _PLAIN) else None


def with_other_parameters(item: pytest.Item, alive: Collection[Any]) -> list[Any]:
    """Give definitions that pytest would end when it sets an item up, as their parameters differ.

    Args:
        alive: those that are set up now.
    """
    wide = [each for each in alive if each.scope != "function" and each.cached_result is not None]
    wide = [each for each in wide if each.params or each.cached_result[1] is not None]
    found = _asked_for(item, wide)
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {}) if found else {}
    return [
        each
        for each in found
        if each.argname in params and _differ(each.cached_result[1], params[each.argname])
        if each in _known_to(item, each.argname)
    ]


def with_failed_set_up(item: pytest.Item, raised: Collection[Any]) -> list[Any]:
    """Give wider definitions that an item asks for, and would hear from that their set-up failed.

    Args:
        raised: those whose set-up has raised something.
    """
    wide = [each for each in raised if each.scope != "function" and each.cached_result is not None]
    found = _asked_for(item, [each for each in wide if each.cached_result[2] is not None])
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {}) if found else {}
    return [
        each
        for each in found
        if each in _known_to(item, each.argname)[-1:]
        and not _differ(each.cached_result[1], params.get(each.argname))
    ]


def _asked_for(item: pytest.Item, definitions: list[Any]) -> list[Any]:
    """Give those among definitions that an item may ask for, by their names and in its order."""
    names = getattr(item, "fixturenames", ()) if definitions else ()
    return [each for name in names for each in definitions if each.argname == name]


def _known_to(item: pytest.Item, name: str) -> Sequence[Any]:
    """Give the definitions of a name; an item that is not imported is then."""
    named = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    found: Sequence[Any] = named.get(name, ())
    return found


def _differ(one: Any, other: Any) -> bool:
    """Say whether two parameters surely differ; those of a module that is left out are copies."""
    if one is other:
        return False
    try:
        return not bool(one == other)
    except (TypeError, ValueError, AttributeError):  # arrays, say
        return False
