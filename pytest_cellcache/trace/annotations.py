"""Tells which functions have annotations that nobody has looked at.

CPython keeps the annotations of a function as a tuple until somebody asks for them, in Python or in
C, and as a dictionary from then on. So what is still a tuple has been seen by nobody.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_cellcache.trace import audit

Line = tuple[str, int]
"""File name and first line of a function, decorators included."""

_IS_KNOWN: Final = sys.implementation.name == "cpython" and sys.version_info < (3, 14)
"""Later versions evaluate annotations when they are asked for, by a function of their own."""


class AnnotationWatch:
    """Knows which modules were evaluated several times: of the functions made before, none is left
    to be asked."""

    def __init__(self) -> None:
        self._once: set[str] = set()  # bounded by the files of modules
        self._again: set[str] = set()

    def start(self) -> None:
        audit.listen("exec", self._on_exec)

    def stop(self) -> None:
        audit.unlisten("exec", self._on_exec)

    def _on_exec(self, args: tuple[Any, ...]) -> None:
        code = args[0] if args else None
        if type(code) is types.CodeType and code.co_name == "<module>":
            (self._again if code.co_filename in self._once else self._once).add(code.co_filename)

    def unread(
        self, modules: Iterable[types.ModuleType], concerns: Callable[[str], bool]
    ) -> frozenset[Line]:
        """Give the functions in modules whose annotations nobody has asked for so far.

        Args:
            concerns: says whether the file of a function counts.
        """
        if not _IS_KNOWN:
            return frozenset()
        known: dict[str, bool] = {}
        found: set[Line] = set()
        read: set[Line] = set()
        for function in _functions_in(modules):
            code = function.__code__
            file = code.co_filename
            if file not in known:
                known[file] = file not in self._again and concerns(file)
            if known[file]:
                (found if _is_unread(function) else read).add((file, code.co_firstlineno))
        return frozenset(found - read)


def _functions_in(modules: Iterable[types.ModuleType]) -> Iterator[types.FunctionType]:
    seen: set[int] = set()
    stack: list[Any] = [value for module in modules for value in list(vars(module).values())]
    while stack:
        thing = stack.pop()
        # A static or class method has asked for those of its function when it was made.
        if type(thing) is functools.cached_property:
            thing = thing.func
        elif type(thing) is property:
            stack += [thing.fget, thing.fset, thing.fdel]
            continue
        if type(thing) is types.FunctionType:
            yield thing
            yield from _overloads_of(thing)
        elif issubclass(type(thing), type) and id(thing) not in seen:
            seen.add(id(thing))
            stack += list(type.__dict__["__dict__"].__get__(thing).values())


def _overloads_of(function: types.FunctionType) -> Sequence[types.FunctionType]:
    """Give what ``typing.overload`` keeps beside a function, which no module leads to (3.11+)."""
    get: Any = getattr(typing, "get_overloads", None)
    found: Sequence[Any] = get(function) if get is not None else ()
    return [each for each in found if type(each) is types.FunctionType]


def _is_unread(function: types.FunctionType) -> bool:
    held = sum(type(part) is tuple and part != () for part in gc.get_referents(function))
    parameters = getattr(function, "__type_params__", ())
    return held > sum(map(bool, (function.__defaults__, function.__closure__, parameters)))
