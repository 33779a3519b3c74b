"""What of classes and functions is compared only where code of the project asks for it or sets it.

No container that can be looked at holds it, or there are too many, and hardly anybody does.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from pytest_cellcache.trace.definitions import annotations_of
from pytest_cellcache.trace.fields import annotations_field_of
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Beside
from pytest_cellcache.trace.looks import function_ids
from pytest_cellcache.trace.parts import SET_OF_FUNCTIONS
from pytest_cellcache.trace.subclasses import Registered, Subclasses, is_abstract
from pytest_cellcache.trace.versions import ARE_NUMBERED, number_of

_SET: Final = frozenset(SET_OF_FUNCTIONS)


class Special:
    """Says what else of an object is compared.

    Args:
        lists_subclasses: says whether code of some files asks classes for their subclasses.
        sets: gives the special attributes that such code sets of anything.
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
        if not is_class and type(value) is not types.FunctionType:
            return
        if self._known is None:
            self._known = self._lists_subclasses(files), self._sets(files)
        is_listed, written = self._known
        if not is_class:
            if not is_global and written & _SET:
                yield function_ids
            if "__annotations__" in written:
                yield Annotations()
            return
        if is_listed:
            yield Subclasses()
        if is_abstract(value):
            yield Registered()
        if "__bases__" in written:
            yield Bases()
        if "__annotations__" in written:
            yield Annotations()


class Bases(Beside):
    """Identifies the bases of a class."""

    def __call__(self, kind: type) -> list[int]:
        return [*map(identity, type.__dict__["__bases__"].__get__(kind))]

    def put_back(self, copy: Any) -> bool:
        return False


class Annotations(Beside):
    """Identifies the annotations of a function, evaluated or not, or of a class."""

    has_views = True

    def views(self, thing: Any) -> list[tuple[Any, memoryview]]:
        if not ARE_NUMBERED:
            return []
        if type(thing) is not types.FunctionType:
            spaces = gc.get_referents(type.__getattribute__(thing, "__dict__"))
            spaces += [each.get("__annotations__") for each in spaces if type(each) is dict]
            return [(each, number_of(each)) for each in spaces if type(each) is dict]
        field = annotations_field_of(thing)
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

    def put_back(self, copy: Any) -> bool:
        return False
