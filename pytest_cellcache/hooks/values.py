"""Describes values of parameters, marks and fixture definitions so that they can be compared.

A description is equal for equal values and says so across processes and checkouts. What cannot be
described (an object whose ``repr`` may hold an address, a lambda) is opaque: then the code that
made it counts instead.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import re
import types
import uuid
from typing import Any, Final

_PLAIN: Final = (
    type(None), bool, int, float, complex, str, bytes, type(...), range, decimal.Decimal,
    fractions.Fraction, uuid.UUID, datetime.date, datetime.timedelta, type(NotImplemented),
)  # fmt: skip
_PLAIN_TYPES: Final = frozenset({*_PLAIN, datetime.datetime, datetime.time, datetime.timezone})
_DEPTH: Final = 20


class Opaque(Exception):
    """The value cannot be described."""


def describe(value: Any, root: str, depth: int = 0) -> str:
    """Describe a value; paths below ``root`` are described relative to it.

    Raises:
        Opaque: the code that made the value must count instead.
    """
    kind = type(value)
    if depth > _DEPTH:
        raise Opaque
    if kind in _PLAIN_TYPES:
        text = repr(value)
        return text.replace(root, "<root>") if kind is str and root in text else text
    if kind in (tuple, list):
        inner = ",".join(describe(item, root, depth + 1) for item in value)
        return f"{kind.__name__}({inner})"
    if kind in (set, frozenset):
        inner = ",".join(sorted(describe(item, root, depth + 1) for item in value))
        return f"{kind.__name__}({inner})"
    if kind is dict:
        inner = ",".join(
            f"{describe(key, root, depth + 1)}:{describe(item, root, depth + 1)}"
            for key, item in value.items()
        )
        return f"dict({inner})"
    if isinstance(value, pathlib.PurePath):
        return f"{kind.__name__}({str(value).replace(root, '<root>')!r})"
    if kind is re.Pattern:
        return f"re({value.pattern!r},{value.flags})"
    if kind is slice:
        parts = (value.start, value.stop, value.step)
        return f"slice({','.join(describe(part, root, depth + 1) for part in parts)})"
    if isinstance(value, type) and value.__module__ in ("builtins", "datetime", "decimal"):
        return _qualified(value)
    if kind is types.BuiltinFunctionType and value.__module__ == "builtins":
        return _qualified(value)
    # Classes and functions of other modules have a name, but what the name stands for is code:
    # a ref of the expression that names them.
    raise Opaque


def _qualified(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
