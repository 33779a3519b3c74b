"""Takes variables of types apart, so that classes which are generic can be told by content."""

from __future__ import annotations

import gc
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any, Final

_NO_DEFAULT: Final = getattr(typing, "NoDefault", None)
_PARTS: Final = (
    *("__name__", "__bound__", "__constraints__"),
    *("__covariant__", "__contravariant__", "__infer_variance__"),
)
_OF_TEXTS: Final = (
    *("__forward_arg__", "__forward_is_argument__", "__forward_is_class__"),
    *("__forward_module__", "__forward_evaluated__", "__forward_value__"),
)


def variable_parts(value: Any) -> tuple[Any, ...]:
    """Give what a variable of types is made of.

    Raises:
        ValueError: parts of it have to be evaluated first.
    """
    if getattr(value, "__infer_variance__", False):
        raise ValueError("made by the syntax for it")
    parts = tuple(getattr(value, name, None) for name in _PARTS)
    # Defaults, and what was set as attributes since.
    rest = (each for each in gc.get_referents(value) if each is not _NO_DEFAULT)
    has_default = _NO_DEFAULT is not None and value.__default__ is not _NO_DEFAULT
    return (*parts, has_default, *rest)


def text_parts(value: Any) -> tuple[Any, ...]:
    """Give what a text in the place of a type is made of."""
    return tuple(getattr(value, name, None) for name in _OF_TEXTS)


def typing_kinds() -> Iterator[tuple[type, str, Callable[[Any], tuple[Any, ...]]]]:
    """Give the kinds of such objects that keep their parts in C or beside code."""
    if sys.version_info >= (3, 12):
        for kind in (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple):
            yield kind, kind.__name__, variable_parts
        for kind in (typing.ParamSpecArgs, typing.ParamSpecKwargs):
            yield kind, kind.__name__, lambda value: (value.__origin__,)
    if sys.version_info < (3, 14):
        yield typing.ForwardRef, "text for a type", text_parts
