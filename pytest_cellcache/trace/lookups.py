"""Says who can find what has changed in a long-lived object."""

from __future__ import annotations

import argparse
import sys
import threading
import types
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.holding import MAPPINGS
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import is_own_class, is_ref, origin_of

_NAMED: Final = (*MAPPINGS, types.SimpleNamespace, argparse.Namespace, threading.local)
"""Types of the standard library whose objects have the keys or attributes that others give them."""
_HEAP_TYPE: Final = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE``: made by a class statement."""
_LASTING: Final = (type, types.FunctionType, types.ModuleType)


def is_asked_by_name(value: Any, sources: frozenset[str]) -> bool:
    """Say whether code of the project names the keys or attributes of a value that it looks at.

    Not where methods do that which others have written.

    Args:
        sources: files of the project's modules.
    """
    kind = type(value)
    if any(kind is each for each in _NAMED) or issubclass(kind, _LASTING):
        return True
    return origin_of(kind, sources) == "own"


def is_named_by_others(value: Any, word: str, sources: frozenset[str]) -> bool:
    """Say whether methods that an object has from classes of others name an attribute of it.

    As those of ``UserDict`` do ``data``: who asks its subclass for a key does not name that.
    """
    kind = type(value)
    if issubclass(kind, _LASTING):
        return False
    bases = type.__getattribute__(kind, "__mro__")
    written = (b for b in bases if type.__getattribute__(b, "__flags__") & _HEAP_TYPE)  # not in C
    others = (b for b in written if not is_own_class(b, sources))
    members = (m for b in others for m in type.__getattribute__(b, "__dict__").values())
    return any(word in names for member in members for names in _names_in(member))


def _names_in(member: Any) -> Iterator[tuple[str, ...]]:
    functions: Any = (member.fget, member.fset) if type(member) is property else (member,)
    for each in functions:
        function = each.__func__ if type(each) in (classmethod, staticmethod) else each
        codes = [function.__code__] if type(function) is types.FunctionType else []
        while codes:
            code = codes.pop()
            yield code.co_names
            codes += [inner for inner in code.co_consts if type(inner) is types.CodeType]


def is_fleeting(held: Held, knows: Callable[[Any], bool]) -> bool:
    """Say whether all that changed is below weak references to objects that nobody keeps.

    Args:
        knows: says whether an object is watched.
    """
    keys = held.keys_changed()
    if not keys or not all(map(is_ref, keys)):
        return False
    objects = [key() for key in keys]
    lasting = {identity(each) for each in vars(sys).values()}
    return not any(
        issubclass(type(each), _LASTING) or identity(each) in lasting or knows(each)
        for each in objects
    )


def variable_of(function: Any, held: Held) -> str:
    """Name the variable of a function with a closure that is the changed mapping; or nothing."""
    if held.kind != "mapping" or type(function) is not types.FunctionType:
        return ""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            found = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if found is held.thing or (
            type(found) is WeakKeyDictionary and vars(found)["data"] is held.thing
        ):
            return name
    return ""


def is_lone(held: Held) -> bool:
    """Say whether all that changed are new entries under weak references to objects that nobody
    has but these entries: a value that is the object itself keeps it, and nobody finds it."""
    return held.has_only_more() and all(
        is_ref(key) and _holders(held.thing, key) == _LONE for key in held.keys_changed()
    )


def _holders(mapping: dict[Any, Any], key: weakref.ref[Any]) -> int:
    found = key()
    return sys.getrefcount(found) if mapping[key] is found else 0


class _Sample:
    __slots__ = ("__weakref__",)


def _lone() -> int:
    """Find out how often an object is referred to that one entry of a mapping alone has."""
    sample = _Sample()
    key = weakref.ref(sample)
    mapping = {key: sample}
    del sample
    return _holders(mapping, key)


_LONE: Final = _lone()
_CACHED: Final = "(cached)"


class Computed:
    """Tells attributes that objects of libraries compute when they are asked for them first.

    A descriptor of the class gives them, and leaves them with the object under its own name: as
    ``functools.cached_property`` does, and what many libraries have of their own. Whoever asks
    first gets the same, unless somebody has changed the object.
    """

    def __init__(self) -> None:
        # Identities of objects that were changed otherwise; one that is used again does no harm.
        self._changed: set[int] = set()

    def among(self, held: Held, words: Collection[str], *, is_cached: bool) -> Mapping[str, str]:
        """Give those among what changed in an object that are such, and their names.

        Args:
            is_cached: it is part of what is known for a cache.
        """
        if is_cached:
            return dict.fromkeys(words, _CACHED)
        instance = held.of() if held.is_foreign and held.of is not None else None
        if instance is None:
            return {}
        found = {w for w in words if w not in held.named and _is_computed(type(instance), w)}
        if any(word not in found and not word.startswith("_") for word in words):
            self._changed.add(held.ident)
        return {} if held.ident in self._changed else {word: word for word in found}


def _is_computed(kind: type, name: str) -> bool:
    for base in type.__getattribute__(kind, "__mro__"):
        members = type.__getattribute__(base, "__dict__")
        if name in members:
            return _gives_itself(type(members[name]))
    return False


def _gives_itself(kind: type) -> bool:
    """Say whether a descriptor gives a value, no method, that others may take the place of."""
    mro = type.__getattribute__(kind, "__mro__")
    names = {name for base in mro[:-1] for name in type.__getattribute__(base, "__dict__")}
    is_made_in_python = bool(type.__getattribute__(kind, "__flags__") & _HEAP_TYPE)
    has_others = not names.isdisjoint(("__set__", "__delete__", "__call__"))
    return is_made_in_python and "__get__" in names and not has_others
