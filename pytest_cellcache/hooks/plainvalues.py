"""Writes plain values of marks and parameters as JSON and reads them back equal.

A list in JSON is always ``[kind, ...]``, so that nothing is taken for something else. What is not
plain is not written: its reader gets it from the module itself.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, Final

from pytest_cellcache.sources.places import Places

_MAX_DEPTH: Final = 8
_MAX_TEXT: Final = 200


class NotPlain(Exception):
    """The value cannot be written."""


def encode(value: Any, places: Places, depth: int = 0) -> Any:
    """Give the JSON form of a plain value.

    Raises:
        NotPlain: it is not one, is long, or names the checkout.
    """
    kind: Any = type(value)
    if depth > _MAX_DEPTH:
        raise NotPlain
    if value is None or kind in (bool, int) or (kind is float and math.isfinite(value)):
        return value
    if kind is str:
        if len(value) > _MAX_TEXT or places.root in value:
            raise NotPlain
        return value
    if kind in (list, tuple):
        return [kind.__name__, *(encode(item, places, depth + 1) for item in value)]
    if kind is dict:
        pairs = [
            [encode(key, places, depth + 1), encode(item, places, depth + 1)]
            for key, item in value.items()
        ]
        return ["dict", *pairs]
    name = str(getattr(value, "__name__", ""))
    if isinstance(value, type) and vars(builtins).get(name) is value:
        return ["builtin", name]
    raise NotPlain


def decode(data: Any) -> Any:
    """Give the value that ``encode`` wrote.

    Raises:
        TypeError, ValueError, AttributeError: it did not write this.
    """
    if not isinstance(data, list):
        return data
    kind, *rest = data
    if kind in ("list", "tuple"):
        found = [decode(item) for item in rest]
        return found if kind == "list" else tuple(found)
    if kind == "dict":
        return {decode(key): decode(item) for key, item in rest}
    if kind == "builtin" and isinstance(found := getattr(builtins, rest[0]), type):
        return found
    raise ValueError(f"not a kind of value: {kind!r}")
