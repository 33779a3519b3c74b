"""Says which parts of a value may change where no comparison sees it: objects of C types above all.

What ``trace.state`` compares is seen; what is known never to change need not be. All else is
unseen: connections, open files, arrays, processes, mocks.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import types
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.trace.effects import is_of_c
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.looks import LOOKS, is_counted
from pytest_cellcache.trace.parts import is_opaque, module_of, parts_of

MAX_OBJECTS: Final = 50_000
"""Objects of one value that are looked at; where there are more some count as unseen."""

_SETTLED: Final = frozenset(
    """abc codecs datetime decimal enum fractions inspect ipaddress keyword logging numbers operator
    os pathlib posix posixpath re select stat string struct time types typing uuid weakref zoneinfo
    _operator _pydatetime _pydecimal _struct _thread _weakref contextvars _contextvars""".split()
)
"""Modules of the standard library whose objects stay as they are, or whose state is nobody's."""
_SEEN: Final = frozenset(
    """builtins collections functools dataclasses queue _threading_local threading random
    string""".split()
)
"""Modules of the standard library whose objects are written in Python, or compared."""
_MACHINERY: Final = frozenset({"pytest", "_pytest", "pluggy", "pytest_cellcache", "xdist"})
_PATHS: Final = frozenset({"pathlib", "_pytest", "py"})
_SETTLED_BASES: Final = frozenset({("numpy", "generic"), ("numpy", "dtype")})
_LOOKED_AT: Final = tuple(kind for kind, _ in LOOKS)
_PLAIN: Final = (dict, tuple, frozenset, BaseException, int, float, complex, str, bytes)

IsStub = Callable[[object], bool]


def plain_data() -> frozenset[type]:
    """Give the types of buffers that nothing changes but methods, operators and assignments."""
    found: set[type] = {bytearray, memoryview}
    for module, name in (("array", "array"), ("numpy", "ndarray")):
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type):
            found.add(kind)
    return frozenset(found)


def unseen_parts(
    value: Any, is_stub: IsStub, *, only_stubs: bool = False, counts: bool = False
) -> tuple[frozenset[str], int]:
    """Name the keys and attributes of a value below which something may change unseen.

    Args:
        is_stub: stands for something that nobody has touched.
        only_stubs: such things count, and nothing else.
        counts: nobody does anything to connections of ``sqlite3`` that is not counted.

    Returns:
        The names, empty for what has none; and how many objects were looked at.
    """
    if is_stub(value):
        return frozenset({""} if only_stubs else ()), 1
    if _leads_nowhere(value):
        return frozenset(), 1
    if _is_unseen(value, counts):
        return frozenset(() if only_stubs else {""}), 1
    # Several parts may lead to one thing: who leads to what is noted, and followed backwards.
    holders: dict[int, list[int]] = {}
    hiding: list[int] = []
    top = identity(value)
    seen = {top: value}  # kept alive: another object would get the same identity
    parts = [(part, key if type(key) is str else "") for part, key in parts_of(value)]
    stack: list[tuple[Any, int]] = [(part, top) for part, _ in parts]
    while stack:
        thing, holder = stack.pop()
        is_absent = is_stub(thing)
        if (not only_stubs) if is_absent else _leads_nowhere(thing):
            continue
        own = identity(thing)
        holders.setdefault(own, []).append(holder)
        if own in seen:
            continue
        seen[own] = thing
        if len(seen) > MAX_OBJECTS:
            return frozenset({"", *(name for _, name in parts)}), len(seen)
        if is_absent or _is_unseen(thing, counts):
            if is_absent or not only_stubs:
                hiding.append(own)
            continue
        stack += [(part, own) for part, _ in parts_of(thing)]
        if type(thing) is types.BuiltinFunctionType:
            stack.append((thing.__self__, own))
    found = set(hiding)
    while hiding:
        new = {holder for holder in holders.get(hiding.pop(), ()) if holder not in found}
        found |= new
        hiding += new
    return frozenset(name for part, name in parts if identity(part) in found), len(seen)


def paths_in(value: Any, is_stub: IsStub) -> frozenset[str]:
    """Give the absolute paths that a value names, as texts or as paths."""
    found: set[str] = set()
    stack: list[Any] = [value]
    seen: set[int] = set()
    while stack and len(seen) < MAX_OBJECTS:
        thing = stack.pop()
        kind = type(thing)
        if is_stub(thing):
            continue
        if kind is str:
            if os.path.isabs(thing) and len(thing) < 4096:
                found.add(os.path.normpath(thing))
        elif module_of(kind).partition(".")[0] in _PATHS:
            with contextlib.suppress(TypeError, ValueError, OSError):
                found.add(os.path.abspath(os.fspath(thing)))
        elif not is_opaque(thing) and not issubclass(kind, type) and identity(thing) not in seen:
            seen.add(identity(thing))
            stack += [part for part, _ in parts_of(thing)]
    return frozenset(path for path in found if "\0" not in path and path != os.sep)


def _leads_nowhere(thing: Any) -> bool:
    kind = type(thing)
    if kind is types.BuiltinFunctionType:  # a method of some object, or a function
        owner = thing.__self__
        return owner is None or type(owner) is types.ModuleType or issubclass(type(owner), type)
    if issubclass(kind, type):  # of modules; what defines one gives it to nobody else
        return "<locals>" not in type.__getattribute__(thing, "__qualname__")
    return is_opaque(thing)


def _is_unseen(thing: Any, counts: bool) -> bool:
    """Say whether a thing, apart from what it leads to, may change unseen."""
    kind = type(thing)
    if kind is types.BuiltinFunctionType or issubclass(kind, type):
        return False
    if kind in _LOOKED_AT or issubclass(kind, (io.StringIO, io.BytesIO)):
        return False
    is_clear = counts and is_counted(thing)
    for base in type.__getattribute__(kind, "__mro__"):
        if base is object or base in _PLAIN or base in _LOOKED_AT:
            continue
        if is_clear and module_of(base).partition(".")[0] in ("sqlite3", "_sqlite3"):
            continue
        module = module_of(base).partition(".")[0]
        if module in _MACHINERY:
            return False
        if (module, base.__name__) in _SETTLED_BASES:
            return False
        if module in sys.stdlib_module_names:
            if module in _SETTLED:
                continue
            if module not in _SEEN or base is memoryview:
                return True
        elif is_of_c(base):
            return True
    return False
