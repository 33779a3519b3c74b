"""Compares the process before and after a set-up: what did it change besides its value?

Seen: the environment, the working directory, ``sys.path``, globals, classes and objects of
first-party modules, values of upstream fixtures, logging, warnings, random state, a few switches of
the interpreter, and attributes of often patched modules of the standard library.

Containers are compared with shallow copies by identity: no code of the user's runs for it. Objects
of C types cannot be looked into and are *opaque*.
"""

from __future__ import annotations

import atexit
import gc
import locale
import logging
import os
import random
import signal
import sys
import time
import types
import warnings
from collections import deque
from collections.abc import Iterable
from operator import is_
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, Final

from pytest_cellcache.sources.loaded import attribute_of, members_of, name_of
from pytest_cellcache.trace.interrupts import handler_of

ENVIRONMENT: Final = "environment"
DIRECTORY: Final = "directory"
IMPORT_PATH: Final = "import-path"
MODULE: Final = "module"
LOGGING: Final = "logging"
WARNINGS: Final = "warnings"
RANDOM: Final = "random"
INTERPRETER: Final = "interpreter"
PATCHED: Final = "patched"

_PATCHED_MODULES: Final = (
    "os os.path sys time datetime socket subprocess random builtins io pathlib shutil tempfile "
    "uuid json urllib.request http.client asyncio threading ssl locale decimal platform getpass "
    "requests httpx"
).split()
_OWN_NAMES: Final = frozenset(
    """__builtins__ __warningregistry__ __cached__ __dict__ __weakref__ _abc_impl
    __abstractmethods__ __annotations_cache__ __doc__ _asyncgens""".split()
)
"""Members that Python itself changes, and the generators that an event loop knows of."""
_ATOMS: Final = frozenset({
    type(None), bool, int, float, complex, str, bytes, types.BuiltinFunctionType,
    types.CodeType, range, slice, type(...), type(NotImplemented), types.GetSetDescriptorType,
    types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.ClassMethodDescriptorType, types.GenericAlias, types.UnionType,
    # What a path keeps beside its place (its text, its parts) follows from that.
    PurePosixPath, PosixPath, PureWindowsPath, WindowsPath,
})  # fmt: skip
_MACHINERY: Final = ("_pytest.", "pluggy.", "pytest_cellcache.")
"""What runs tests changes all the time."""
_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)
_LIMIT: Final = 30_000
"""Objects looked at for one comparison; beyond, state is not seen."""

Copy = tuple[Any, ...]


class Objects:
    """Mutable objects reachable from some roots, with what they held.

    Attributes:
        is_opaque: an object was met that cannot be looked into.
        is_cut: there are more objects than were looked at.
    """

    def __init__(
        self, roots: Iterable[object], modules: frozenset[str], *, limit: int = _LIMIT
    ) -> None:
        self._modules = modules
        self._held: list[tuple[object, Copy]] = []
        self.is_opaque = self.is_cut = False
        self.ids: set[int] = set()
        queue: deque[object] = deque(roots)
        while queue:
            thing = queue.popleft()
            # By type and never by ``isinstance``, which asks proxies what they are.
            if type(thing) in _ATOMS or id(thing) in self.ids:
                continue
            if len(self.ids) >= limit:
                self.is_opaque = self.is_cut = True
                break
            self.ids.add(id(thing))
            content = self._content(thing)
            if content is None:
                self.is_opaque = True
                continue
            if type(thing) is not tuple:
                self._held.append((thing, content))
            queue.extend(content)

    def changed(self) -> object | None:
        """Give an object that no longer holds what it held."""
        for thing, before in self._held:
            now = self._content(thing)
            if now is None or len(now) != len(before) or not all(map(is_, now, before)):
                return thing
        return None

    def _content(self, thing: Any) -> Copy | None:
        """Give what an object holds; None for one that cannot be looked into."""
        kind = type(thing)
        try:
            if kind is dict:
                return (*thing, *thing.values())
            if kind in (list, tuple, deque):
                return tuple(thing)
            if kind in (set, frozenset):
                return tuple(thing)
            if kind is types.ModuleType:
                return self._members(vars(thing)) if name_of(thing) in self._modules else ()
            if issubclass(kind, type):
                return self._members(vars(thing)) if thing.__module__ in self._modules else ()
            if kind is types.FunctionType:
                if thing.__module__ not in self._modules:
                    return ()
                cells = tuple(cell for cell in thing.__closure__ or () if _is_filled(cell))
                inner = tuple(cell.cell_contents for cell in cells)
                return (*inner, *(thing.__defaults__ or ()), *self._members(vars(thing)))
            if kind in (staticmethod, classmethod):
                return (thing.__func__,)
            if kind is property:
                return (thing.fget, thing.fset, thing.fdel)
            if kind is types.MethodType:
                return (thing.__self__, thing.__func__)
            if issubclass(kind, dict):
                return (*dict.keys(thing), *dict.values(thing), *self._own(thing))
            if issubclass(kind, (list, tuple, set, frozenset, deque)):
                return (*kind.__iter__(thing), *self._own(thing))
            if kind.__module__.startswith(_MACHINERY):
                return ()
            if kind is bytearray:
                return (*thing[:4096], len(thing))
            own: Copy | None = self._own(thing, strict=True)
            return own
        except _TROUBLES:
            return None

    def _own(self, thing: Any, *, strict: bool = False) -> Any:
        """Give the attributes of an object; None if its type may hide some."""
        found: list[object] = []
        is_known = False
        for base in type(thing).__mro__:
            space = base.__dict__
            slots = space.get("__slots__")
            if slots is not None:
                is_known = True
                for name in [slots] if isinstance(slots, str) else slots:
                    member = space.get(name)
                    if isinstance(member, types.MemberDescriptorType):
                        try:
                            found.append(member.__get__(thing))
                        except AttributeError:
                            found.append(None)
            if base is not object and is_of_c(base):
                return None if strict else tuple(found)
        members = members_of(thing)
        if members is not None:
            found += self._members(members)
            is_known = True
        return tuple(found) if is_known or not strict else None

    @staticmethod
    def _members(members: Any) -> Copy:
        kept = [(k, v) for k, v in list(members.items()) if k not in _OWN_NAMES and k[:1] != "@"]
        return (*(k for k, _ in kept), *(v for _, v in kept))


def is_of_c(kind: Any) -> bool:
    """Say whether instances of a type may hold more than Python shows."""
    if not kind.__flags__ & (1 << 9) or kind.__flags__ & (1 << 8):  # static, or immutable
        return True
    slots = kind.__dict__.get("__slots__", ())
    named = 1 if isinstance(slots, str) else len(slots)
    # A pointer for each slot, for the dictionary and for weak references.
    return bool(kind.__basicsize__ > kind.__base__.__basicsize__ + 8 * (named + 2))


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # raises when empty
    except ValueError:
        return False
    return True


class State:
    """The process as it is now.

    Args:
        roots: objects to look into; classes, functions and modules that they lead to are not.
    """

    def __init__(self, roots: Iterable[object]) -> None:
        self._environment = _environment()
        self._directory = _directory()
        self._path = tuple(sys.path)
        self._fakes = _fake_modules()
        self._objects = Objects(roots, frozenset())
        self._logging = _logging()
        self._warnings = (*warnings.filters, warnings.showwarning)
        self._random = _random()
        self._interpreter = _interpreter()
        self._patched = {
            name: dict(members_of(sys.modules.get(name)) or {}) for name in _PATCHED_MODULES
        }

    @property
    def is_cut(self) -> bool:
        return self._objects.is_cut

    def changes(self) -> list[tuple[str, str]]:
        """Give what is different now, as pairs of kind and subject."""
        found: list[tuple[str, str]] = []
        now = _environment()
        for name in sorted(now.keys() | self._environment.keys()):
            if (
                now.get(name) != self._environment.get(name)
                and os.fsdecode(name) != "PYTEST_CURRENT_TEST"
            ):
                found.append((ENVIRONMENT, os.fsdecode(name)))
        if _directory() != self._directory:
            found.append((DIRECTORY, ""))
        if tuple(sys.path) != self._path:
            found.append((IMPORT_PATH, ""))
        fakes = _fake_modules() - self._fakes
        if fakes:
            found.append((MODULE, min(fakes)))
        changed = self._objects.changed()
        if changed is not None:
            found.append((MODULE, _describe(changed)))
        if _logging() != self._logging:
            found.append((LOGGING, ""))
        if not _same((*warnings.filters, warnings.showwarning), self._warnings):
            found.append((WARNINGS, ""))
        if _random() != self._random:
            found.append((RANDOM, ""))
        if not _same(_interpreter(), self._interpreter):
            found.append((INTERPRETER, ""))
        for name, before in self._patched.items():
            # What was added is a submodule that somebody imported.
            members = members_of(sys.modules.get(name)) or {}
            if not all(map(is_, map(members.get, before), before.values())):
                found.append((PATCHED, name))
        return found


def _environment() -> dict[Any, Any]:
    # ``os.environ`` itself may have been replaced by a dictionary of texts.
    return dict(os.environb._data)  # type: ignore[attr-defined]


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _fake_modules() -> set[str]:
    return {
        name
        for name, module in list(sys.modules.items())
        if name != "__main__" and attribute_of(module, "__spec__") is None
    }


def _logging() -> Copy:
    loggers = [logging.root, *list(logging.root.manager.loggerDict.values())]
    rows = [
        (id(x), x.level, x.propagate, x.disabled, *map(id, x.handlers), *map(id, x.filters))
        for x in loggers
        if isinstance(x, logging.Logger)
    ]
    # A logger that somebody asked for is no change.
    changed = [row for row in rows if row[1:] != (0, True, False)]
    return (logging.root.manager.disable, *sorted(changed))


def _random() -> Copy:
    found: list[Any] = [random.getstate()]
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None and hasattr(numpy, "get_state"):
        kind, keys, *rest = numpy.get_state()
        found += [kind, keys.tobytes(), *rest]
    return tuple(found)


def _interpreter() -> Copy:
    names = ("SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGCHLD", "SIGHUP")
    handlers = tuple(handler_of(getattr(signal, n)) for n in names if hasattr(signal, n))
    patches: Any = getattr(sys.modules.get("unittest.mock"), "_patch", None)
    active = tuple(getattr(patches, "_active_patches", ()))
    hooks = (sys.excepthook, sys.displayhook, sys.stdin, sys.stdout, sys.stderr)
    callbacks: Any = getattr(atexit, "_ncallbacks", int)  # of CPython
    network: Any = sys.modules.get("socket")
    timeout = network.getdefaulttimeout() if network is not None else None
    switches = (
        sys.getrecursionlimit(),
        gc.isenabled(),
        sys.gettrace(),
        len(sys.meta_path),
        sys.intern(locale.setlocale(locale.LC_ALL)),
        *map(sys.intern, time.tzname),
        callbacks(),
        -1 if timeout is None else int(timeout * 1000),
    )
    return (*handlers, *active, *hooks, *switches)


def _same(now: Copy, before: Copy) -> bool:
    if len(now) != len(before):
        return False
    # Numbers are made anew each time they are asked for.
    return all(a is b or (type(a) is int and a == b) for a, b in zip(now, before, strict=True))


def _describe(thing: object) -> str:
    if isinstance(thing, types.ModuleType):
        return name_of(thing)
    if isinstance(thing, (type, types.FunctionType)):
        return thing.__qualname__
    return f"a {type(thing).__qualname__}"
