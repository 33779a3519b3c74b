"""What of classes and functions is compared only where code of the project asks for it or sets it.

No container that can be looked at holds it, or there are too many, and hardly anybody does.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_cellcache.trace.definitions import annotations_of
from pytest_cellcache.trace.fields import field_of
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Beside
from pytest_cellcache.trace.looks import function_ids
from pytest_cellcache.trace.parts import SET_OF_FUNCTIONS, SKIPPED_GLOBALS
from pytest_cellcache.trace.subclasses import Registered, Subclasses, is_abstract
from pytest_cellcache.trace.versions import ARE_NUMBERED, number_of

_SET: Final = frozenset(SET_OF_FUNCTIONS)
_TELLING: Final = ("__doc__", "__name__", "__qualname__", "__module__")
"""What functions and properties say of themselves."""
_ASKED: Final = frozenset({"__annotations__", "__path__"})
"""Of the globals that all modules have those that are compared where code sets such."""
_KINDS: Final = frozenset(map(identity, (types.FunctionType, property)))


class Special:
    """Says what else of an object is compared.

    Args:
        lists_subclasses: says whether code of some files asks classes for their subclasses.
        sets: gives the names of attributes that such code sets of anything, and of what may be
            given attributes.
    """

    def __init__(
        self,
        lists_subclasses: Callable[[Iterable[str]], bool],
        sets: Callable[[Iterable[str]], frozenset[str]],
    ) -> None:
        self._lists_subclasses = lists_subclasses
        self._sets = sets
        self._known: tuple[bool, frozenset[str]] | None = None

    def looks_at(self, value: Any, files: Iterable[str], *, is_global: bool) -> Iterator[Any]:
        """Give what tells states of a class or function apart that nothing else does.

        Args:
            files: those of the project that are loaded.
        """
        is_class = issubclass(type(value), type)
        if not is_class and identity(type(value)) not in _KINDS:
            return
        is_listed, written = self._of(files)
        if not is_class:
            is_function = type(value) is types.FunctionType
            if is_function and not is_global and written & _SET:
                yield function_ids
            if is_function and "__annotations__" in written:
                yield Annotations()
            told = [name for name in _TELLING if name in written and name in dir(type(value))]
            if told:
                yield Telling(value, told)
            return
        if is_listed:
            yield Subclasses()
        if is_abstract(value):
            yield Registered()
        if "__bases__" in written:
            yield Bases()
        if "__annotations__" in written:
            yield Annotations()

    def may_get(self, function: types.FunctionType, files: Iterable[str]) -> bool:
        """Say whether code of some files may give a function attributes that has none."""
        return function.__name__ in self._of(files)[1]

    def is_skipped(self, name: str, files: Iterable[str]) -> bool:
        """Say whether a global is not compared: all modules have it, and hardly any sets it."""
        return name in SKIPPED_GLOBALS and (name not in _ASKED or name not in self._of(files)[1])

    def _of(self, files: Iterable[str]) -> tuple[bool, frozenset[str]]:
        if self._known is None:
            self._known = self._lists_subclasses(files), self._sets(files)
        return self._known


class Telling(Beside):
    """Identifies what a function or property says of itself: its docstring, its names."""

    has_views = True

    def __init__(self, thing: Any, names: Sequence[str]) -> None:
        self._thing = thing
        self._names = names
        self._kept: list[Any] = []

    def __call__(self, thing: Any) -> list[int]:
        return [*map(identity, self._values())]

    def views(self, thing: Any) -> list[tuple[Any, memoryview]]:
        if type(thing) is not types.FunctionType:
            return []
        found = [field_of(thing, name) for name in self._names]
        fields = [field for field in found if field is not None]
        return [(thing, field) for field in fields] if len(fields) == len(found) else []

    def settle(self) -> None:
        self._kept = self._values()  # so that nothing else gets an identity of these

    def copy(self) -> Any:
        return self._values()

    def put_back(self, copy: Any) -> bool:
        for name, value in zip(self._names, copy, strict=True):
            setattr(self._thing, name, value)
        return True

    def _values(self) -> list[Any]:
        return [getattr(self._thing, name, None) for name in self._names]


class Bases(Beside):
    """Identifies the bases of a class."""

    is_lasting = True

    def __call__(self, kind: type) -> list[int]:
        return [*map(identity, type.__dict__["__bases__"].__get__(kind))]


class Annotations(Beside):
    """Identifies the annotations of a function, evaluated or not, or of a class."""

    has_views = True
    is_lasting = True

    def views(self, thing: Any) -> list[tuple[Any, memoryview]]:
        if not ARE_NUMBERED:
            return []
        if type(thing) is not types.FunctionType:
            spaces = gc.get_referents(type.__getattribute__(thing, "__dict__"))
            spaces += [each.get("__annotations__") for each in spaces if type(each) is dict]
            return [(each, number_of(each)) for each in spaces if type(each) is dict]
        field = field_of(thing, "__annotations__")
        if field is None:
            return []
        place = int.from_bytes(field, sys.byteorder)
        found = [each for each in gc.get_referents(thing) if type(each) is dict]
        return [(thing, field), *((d, number_of(d)) for d in found if id(d) == place)]

    def __call__(self, thing: Any) -> list[int]:
        if type(thing) is types.FunctionType:
            found = annotations_of(thing)
        else:
            members = type.__getattribute__(thing, "__dict__")
            kept = members.get("__annotations__", members.get("__annotations_cache__"))
            found = tuple(part for item in (kept or {}).items() for part in item)
        return [*map(identity, found if type(found) is tuple else (found,))]
