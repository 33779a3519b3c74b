"""Pickles functions so that they come back with the globals and the variables that they had.

What cloudpickle makes of a function has globals of its own, and copies of the variables of the
functions around it: of two that share one, what the first sets the second would not see any more.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

from pytest_cellcache.store.placeholders import named
from pytest_cellcache.store.values import Names


class FunctionPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Cloudpickle's pickler with other ways for functions."""

    def __init__(
        self, file: io.BytesIO, keep: Callable[[pickle.PickleBuffer], object], names: Names
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=keep)
        self._names = names
        self._variables: set[int] = set()

    def is_variable(self, cell: object) -> bool:
        """Say whether a cell is one that functions share; it is filled when they are there."""
        return type(cell) is types.CellType and id(cell) in self._variables

    def _function_getnewargs(self, func: Any) -> Any:
        code, members, *rest, closure = super()._function_getnewargs(func)
        if closure is not None:
            closure = func.__closure__
            self._variables.update(map(id, closure))
        namespace = self._names.namespace(func.__globals__)
        if namespace is not None:
            # The function's module is there when the value is: its globals must be the real ones.
            members = _Namespace(namespace)
        return code, members, *rest, closure

    def _dynamic_function_reduce(self, func: Any) -> Any:
        reduced = super()._dynamic_function_reduce(func)
        slots = reduced[2][1]
        if isinstance(reduced[1][1], _Namespace):
            slots["__globals__"] = {}
        if slots["__closure__"] is not None:
            # What the variables hold is put into them from these, once the function is there: it
            # may be among that.
            slots["__closure__"] = tuple(map(_copy_of, slots["__closure__"]))
        return reduced


class _Namespace:
    """Stands for the globals of a module in the arguments of a function."""

    def __init__(self, reference: tuple[str, ...]) -> None:
        self._reference = reference

    def __reduce__(self) -> Any:
        return named, (*self._reference, "__dict__")


def _copy_of(cell: types.CellType) -> types.CellType:
    try:
        return types.CellType(cell.cell_contents)
    except ValueError:  # nothing is in it yet
        return types.CellType()
