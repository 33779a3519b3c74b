"""Says what tells classes and functions apart, without running any code of theirs."""

from __future__ import annotations

import gc
import logging
import sys
import traceback
import types
import warnings
import weakref
from collections.abc import Collection, Iterator
from typing import Any, Final

from pytest_cellcache.model.digest import Digest
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import module_of, slots_in
from pytest_cellcache.trace.versions import ARE_NUMBERED, number_of

_HEAP: Final = 1 << 9
_IMMUTABLE: Final = 1 << 8
_MANAGED_DICT: Final = 1 << 4
_MANAGED_WEAKREF: Final = 1 << 3
"""``Py_TPFLAGS_...``"""
_POINTER: Final = tuple.__itemsize__
_OF_ITSELF: Final = frozenset(
    """__dict__ __weakref__ __qualname__ __firstlineno__ __static_attributes__
    __annotations_cache__ __slotnames__""".split()
)
_WITH_LINES: Final[tuple[type, ...]] = (
    logging.LogRecord,
    traceback.FrameSummary,
    traceback.TracebackException,
    warnings.WarningMessage,
)
_SLOT: Final = identity(types.MemberDescriptorType)
_abc: Final[Any] = sys.modules["_abc"]  # the caches and registers of abstract classes
_BUILTIN: Final = frozenset(
    map(identity, (object, dict, list, tuple, set, frozenset, int, float, str, bytes))
)


class Unlike(TypeError):
    """A class has what cannot be told."""


def qualified(thing: Any) -> tuple[str, str]:
    """Name a class or function: its module, and its name there."""
    if issubclass(type(thing), type):
        return module_of(thing), str(type.__getattribute__(thing, "__qualname__"))
    return str(thing.__module__), str(thing.__qualname__)


def is_found(thing: Any, name: tuple[str, str]) -> bool:
    """Say whether a module holds a definition under its name."""
    found: Any = sys.modules.get(name[0])
    if type(found) is not types.ModuleType:
        return False
    for part in name[1].split("."):
        space = vars(found) if type(found) is types.ModuleType else None
        if issubclass(type(found), type):
            space = type.__getattribute__(found, "__dict__")
        if space is None or part not in space:
            return False
        found = space[part]
    return found is thing


def number_of_class(kind: Any) -> bytes:
    """Give what tells whether the members of a class have been replaced, where that is known."""
    if kind is None:  # it has gone
        return b""
    found = gc.get_referents(type.__getattribute__(kind, "__dict__")) if ARE_NUMBERED else []
    return b"".join(bytes(number_of(each)) for each in found if type(each) is dict)


def members_to_tell(kind: type) -> Iterator[tuple[str, Any]]:
    """Give the members of a class, those aside that follow from the others.

    Raises:
        Unlike: some are kept where nobody can look.
    """
    for name, member in list(type.__getattribute__(kind, "__dict__").items()):
        if name == "_abc_impl":
            if _abc._get_dump(kind)[0]:
                raise Unlike  # it has virtual subclasses
        elif name not in _OF_ITSELF:
            yield name, member


def text_of_code(code: types.CodeType, *, is_whole: bool) -> Iterator[str]:
    """Give what tells code apart.

    Args:
        is_whole: what it does counts, and not only how it is called.
    """
    yield str((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags))
    yield " ".join(code.co_varnames if is_whole else code.co_varnames[: _arguments(code)])
    if not is_whole:
        return
    yield repr((code.co_code, code.co_names, code.co_freevars, code.co_cellvars))
    yield repr(getattr(code, "co_exceptiontable", b""))
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield constant.co_name
            yield from text_of_code(constant, is_whole=True)
        else:
            yield repr(sorted(map(repr, constant)) if type(constant) is frozenset else constant)


def annotations_of(function: types.FunctionType) -> object:
    """Give the annotations of a function without asking it, which would leave a trace.

    See ``trace.annotations``; later versions of Python have a function that evaluates them.
    """
    if sys.version_info >= (3, 14):
        return function.__annotate__
    known = (
        function.__defaults__, function.__closure__, getattr(function, "__type_params__", ()),
        function.__kwdefaults__, function.__globals__, getattr(function, "__builtins__", None),
        function.__dict__, (),
    )  # fmt: skip
    left_out = {identity(each) for each in known}
    for found in gc.get_referents(function):
        if type(found) in (tuple, dict) and identity(found) not in left_out:
            return tuple(found) if type(found) is tuple else _flat(found)
    return ()


def _flat(mapping: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(part for item in mapping.items() for part in item)


def _arguments(code: types.CodeType) -> int:
    stars = bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return code.co_argcount + code.co_kwonlyargcount + stars


def own_slots_of(kind: type) -> list[Any]:
    """Give the descriptors of the slots that a class adds to those of its bases.

    Raises:
        Unlike: its instances hold something else than attributes, slots and items, or tell in which
            lines code has run: who moves a line changes that, and runs no other code.
    """
    if identity(kind) in _BUILTIN:
        return []
    if any(kind is each for each in _WITH_LINES) or not _is_made_in_python(kind):
        raise Unlike
    return slots_in(type.__getattribute__(kind, "__dict__"))


def _is_made_in_python(kind: Any) -> bool:
    flags = type.__getattribute__(kind, "__flags__")
    if not flags & _HEAP or flags & _IMMUTABLE:
        return False
    members = type.__getattribute__(kind, "__dict__")
    slots = [*map(identity, map(type, members.values()))].count(_SLOT)
    if slots and "__slots__" not in members:
        return False
    expected = slots * _POINTER
    if "__dict__" in members and not flags & _MANAGED_DICT:
        expected += _POINTER
    if "__weakref__" in members and not _has_managed_weakrefs(flags):
        expected += _POINTER
    base = type.__getattribute__(kind, "__base__")
    size, base_size = (type.__getattribute__(each, "__basicsize__") for each in (kind, base))
    return bool(size - base_size == expected)


def _has_managed_weakrefs(flags: int) -> bool:
    return sys.version_info >= (3, 12) and bool(flags & _MANAGED_WEAKREF)


class NamedClass:
    """A class that a module holds under its name.

    Attributes:
        top: its module, and the top-level name there.
        is_watched: its changes are noticed.
        inner: others that its members lead to, by identity.
        slots: as ``own_slots_of`` gives them, if they are known.
    """

    __slots__ = ("_number", "digest", "inner", "is_told", "is_watched", "reference", "slots", "top")

    def __init__(self, kind: Any, *, is_watched: bool) -> None:
        module, name = qualified(kind)
        self.top = module, name.partition(".")[0]
        self.reference = weakref.ref(kind)
        self.is_watched = is_watched
        self.is_told = False
        self.digest: Digest | None = None
        self.inner: frozenset[int] = frozenset()
        self.slots: list[Any] | None = None
        self._number = b""

    def note(self) -> None:
        """Take note that it is told as it is now."""
        self.is_told = True
        self._number = number_of_class(self.reference())

    def forget(self) -> None:
        """Look at it anew: it may have changed."""
        self.is_told, self.slots = False, None

    @property
    def is_as_told(self) -> bool:
        """Whether its members are those that were told, as far as nobody else says so."""
        return self.is_watched or self._number == number_of_class(self.reference())


class NamedClasses(dict[int, NamedClass]):
    """Those that were met, by identity."""

    def forget(self, names: Collection[tuple[str, str]]) -> None:
        """Look anew at those that may have changed: by module and top-level name there."""
        for named in self.values():
            if named.top in names:
                named.forget()

    def forget_others(self) -> None:
        """Look anew at all whose changes are not noticed."""
        for named in self.values():
            if not named.is_watched:
                named.forget()

    def own_slots_of(self, kind: type) -> list[Any]:
        """Give what the function of this name does, as far as it is known of a class that stays.

        Raises:
            Unlike: likewise.
        """
        named = self.get(identity(kind))
        if named is None or named.reference() is not kind or not named.is_watched:
            return own_slots_of(kind)
        if named.slots is None:
            named.slots = own_slots_of(kind)
        return named.slots
