"""Describes values of parameters, marks and fixture definitions so that they can be compared.

A description is equal for equal values and says so across processes and checkouts. What cannot be
described (an object whose ``repr`` may hold an address, a lambda) is opaque: then the code that
made it counts instead.
"""

from __future__ import annotations

import datetime
import decimal
import enum
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
_NEW: Final = (object.__new__, int.__new__, str.__new__)
_INITS: Final = (object.__init__, enum.Enum.__init__)
_METHODS: Final = (types.FunctionType, property, staticmethod, classmethod)


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
    if isinstance(value, enum.Enum) and is_plain_enum(kind):
        return f"{_qualified(kind)}.{value.name}={describe(value.value, root, depth + 1)}"
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


def is_plain_enum(kind: Any) -> bool:
    """Say whether members of an enumeration have but names, values and methods."""
    new = getattr(kind, "_new_member_", None)
    if new is None:  # Python 3.10, where only a ``__new__`` of its own is kept
        new = getattr(kind, "__new_member__", kind._member_type_.__new__)
    if new not in _NEW or kind.__init__ not in _INITS:
        return False
    return all(
        name[:1] == "_" or name in kind.__members__ or isinstance(held, _METHODS)
        for base in kind.__mro__
        if base.__module__ not in ("enum", "builtins")
        for name, held in vars(base).items()
    )


def _qualified(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
