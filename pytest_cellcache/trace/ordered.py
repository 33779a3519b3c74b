"""Puts ``OrderedDict`` back: its list of keys is one that methods of ``dict`` leave as it is."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from pytest_cellcache.trace.identities import identity


def keys_in_order(mapping: Any) -> list[Any]:
    """Give the keys of an ``OrderedDict`` in their order, whatever subclasses make of that."""
    return [*OrderedDict.__iter__(mapping)]


def put_items(mapping: Any, copy: dict[Any, Any]) -> None:
    """Let an ``OrderedDict`` hold what it held; in any order, but where its keys are the same."""
    if {*map(identity, keys_in_order(mapping))} != {*map(identity, copy)}:
        OrderedDict.clear(mapping)
    for key, value in copy.items():
        OrderedDict.__setitem__(mapping, key, value)


def put_order(mapping: Any, keys: list[Any]) -> None:
    """Let an ``OrderedDict`` that holds some keys hold them in their order.

    Raises:
        KeyError: it does not hold them.
    """
    for key in keys:
        OrderedDict.move_to_end(mapping, key)
