"""Stand-ins for what a module that was not imported would hold.

A view answers what the manifest knows: names, marks, flags, attributes that a function was given.
What a real function would not have, it has not either. For anything else it reads the real thing,
which imports the module, and answers with that.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

import pytest

Read = Callable[[], Any]

_KNOWN_TO_HAVE: Final = {
    FunctionType: frozenset(dir(FunctionType)),
    MethodType: frozenset(dir(FunctionType)) | frozenset(dir(MethodType)),
}


class View:
    """Stands for a function, method, class or module.

    Not a dataclass: every attribute is looked up in what is known first.
    """

    __slots__ = ("_kind", "_known", "_read")

    def __init__(self, kind: type | None, known: Mapping[str, Any], read: Read) -> None:
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_read", read)

    def __getattribute__(self, name: str) -> Any:
        known = object.__getattribute__(self, "_known")
        if name in known:
            return known[name]
        kind = object.__getattribute__(self, "_kind")
        if name == "__class__" and kind is not None:
            return kind
        if kind in _KNOWN_TO_HAVE and name not in _KNOWN_TO_HAVE[kind]:
            raise AttributeError(name)
        return getattr(object.__getattribute__(self, "_read")(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_read")(), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return object.__getattribute__(self, "_read")()(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_read")())


class Lazy:
    """Stands for a value: whatever is done with it is done with the real one."""

    __slots__ = ("_read",)

    def __init__(self, read: Read) -> None:
        object.__setattr__(self, "_read", read)

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_read")(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_read")(), name, value)


def _delegate(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Lazy, *args: Any, **kwargs: Any) -> Any:
        return function(object.__getattribute__(self, "_read")(), *args, **kwargs)

    return method


_OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "__bool__": bool, "__call__": lambda value, *args, **kwargs: value(*args, **kwargs),
    "__contains__": operator.contains, "__eq__": operator.eq, "__float__": float,
    "__ge__": operator.ge, "__getitem__": operator.getitem, "__gt__": operator.gt,
    "__hash__": hash, "__index__": operator.index, "__int__": int, "__iter__": iter,
    "__le__": operator.le, "__len__": len, "__lt__": operator.lt, "__ne__": operator.ne,
    "__add__": operator.add, "__sub__": operator.sub, "__mul__": operator.mul,
    "__truediv__": operator.truediv, "__mod__": operator.mod, "__neg__": operator.neg,
    "__fspath__": lambda value: value.__fspath__(), "__repr__": repr, "__str__": str,
}  # fmt: skip

for _name, _function in _OPERATORS.items():
    # Operators are looked up on the type, past ``__getattribute__``.
    setattr(Lazy, _name, _delegate(_function))


class Token(Lazy):
    """Stands for a value that items are ordered by: it equals those of its number.

    A negative number stands for a value that cannot be hashed.
    """

    __slots__ = ("_number",)

    def __init__(self, read: Read, number: int) -> None:
        super().__init__(read)
        object.__setattr__(self, "_number", number)

    def __eq__(self, other: object) -> bool:
        if type(other) is Token:
            numbers = [object.__getattribute__(each, "_number") for each in (self, other)]
            return bool(numbers[0] == numbers[1])
        return bool(object.__getattribute__(self, "_read")() == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        number: int = object.__getattribute__(self, "_number")
        if number < 0:
            raise TypeError("unhashable")
        return hash(number)


class LazyMark(pytest.Mark):  # type: ignore[misc]  # final for type checkers only
    """A mark of which the name and a description are known, and the values are not.

    Attributes:
        description: what ``hooks.values.describe`` said of its values.
    """

    description: str
    _real: Callable[[], pytest.Mark]

    def __init__(self, name: str, description: str, read: Callable[[], pytest.Mark]) -> None:
        # Frozen: as the real one does it.
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "description", description)
        object.__setattr__(self, "_real", read)

    @property
    def args(self) -> Any:
        return self._real().args

    @property
    def kwargs(self) -> Any:
        return self._real().kwargs

    @property
    def _param_ids_from(self) -> Any:
        return self._real()._param_ids_from

    @property
    def _param_ids_generated(self) -> Any:
        return self._real()._param_ids_generated

    def __repr__(self) -> str:
        return repr(self._real())

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self._real() == other)

    __hash__ = object.__hash__


def view_of_code(flags: int, name: str, line: int, read: Read) -> View:
    """Make a view of a code object: its flags tell coroutines from functions."""
    return View(CodeType, {"co_flags": flags, "co_name": name, "co_firstlineno": line}, read)
