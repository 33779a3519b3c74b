"""What is registered with the standard library, which no module of the project leads to.

Some registers can be looked at; of others (codecs, the umask) it is only known what was handed to
the functions that change them, which get stand-ins.
"""

from __future__ import annotations

import codecs
import copyreg
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.trace.shims import Shim

Predicate = Callable[[str], bool]

_DIALECTS: Final = frozenset({"excel", "excel-tab", "unix"})
"""Those of ``csv`` itself."""


class Registered:
    """What was handed to functions that cannot be asked what they were given."""

    def __init__(self) -> None:
        self._placed: list[tuple[Any, str, Shim]] = []
        self._codecs: list[Any] = []
        self._handlers: dict[str, Any] = {}
        self._types: dict[Any, Any] = {}
        self._umask: tuple[int, int] | None = None

    def install(self) -> None:
        """Put the stand-ins in place."""
        self._place(codecs, "register", self._register)
        self._place(codecs, "unregister", self._unregister)
        self._place(codecs, "register_error", self._register_error)
        self._place(os, "umask", self._set_umask)

    def uninstall(self) -> None:
        """Put the real functions back, except where somebody else has put his own since."""
        for owner, name, shim in self._placed:
            if vars(owner).get(name) is shim:
                setattr(owner, name, shim.real)
        self._placed.clear()
        self._codecs.clear()
        self._handlers.clear()
        self._types.clear()
        self._umask = None

    def codecs(self) -> tuple[Any, ...]:
        """Give the codecs and error handlers registered since."""
        return (*self._codecs, None, *self._handlers.items())

    def put_codecs(self, before: tuple[Any, ...]) -> None:
        """Take back what was registered since; an error handler cannot be."""
        known = before[: before.index(None)]
        for search in [each for each in self._codecs if each not in known]:
            codecs.unregister(search)
        if self.codecs() != before:
            raise ValueError("an error handler stays")

    def types(self) -> tuple[Any, ...]:
        """Give the types that ``mimetypes`` was told, by their endings."""
        module: Any = sys.modules.get("mimetypes")
        if module is not None and not isinstance(module.add_type, Shim) and self._placed:
            self._place(module, "add_type", self._add_type)
        return tuple(self._types.items())

    def put_types(self, before: tuple[Any, ...]) -> None:
        """Find out that a type cannot be taken back."""
        if self.types() != before:
            raise ValueError("a type of files stays")

    def umask(self) -> tuple[int | None]:
        """Give the umask; ``None`` while it is what it was at first."""
        return (None if self._umask is None or len({*self._umask}) == 1 else self._umask[1],)

    def put_umask(self, before: tuple[int | None]) -> None:
        """Set it to what ``umask`` gave."""
        if self._umask is not None:
            os.umask(self._umask[0] if before[0] is None else before[0])

    def _place(self, owner: Any, name: str, note: Callable[..., Any]) -> None:
        shim = _Noting(getattr(owner, name), note)
        self._placed.append((owner, name, shim))
        setattr(owner, name, shim)

    def _register(self, _: object, search: Any) -> None:
        self._codecs.append(search)

    def _unregister(self, _: object, search: Any) -> None:
        if search in self._codecs:
            self._codecs.remove(search)

    def _register_error(self, _: object, name: str, handler: Any) -> None:
        self._handlers[name] = handler

    def _add_type(self, _: object, kind: str, ending: str, strict: bool = True) -> None:
        self._types[ending, strict] = kind

    def _set_umask(self, before: int, mask: int) -> None:
        first = before if self._umask is None else self._umask[0]
        self._umask = first, mask


class _Noting(Shim):
    """Calls ``note`` with what the real function gave and what it was given, if it worked."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self.real(*args, **kwargs)
        self.note(result, *args, **kwargs)
        return result


def tables_of(name: str) -> tuple[dict[Any, Any], ...]:
    """Give the registers of a module that are dictionaries; none while it is not loaded."""
    if name == "copyreg":
        return (copyreg.dispatch_table,)
    module: Any = sys.modules.get("_sqlite3")
    return () if module is None else (module.adapters, module.converters)


def rows_of(name: str, is_first_party: Predicate) -> tuple[Any, ...]:
    """Give keys and values of these, but for functions that other distributions register."""
    found: list[Any] = []
    for table in tables_of(name):
        for key, value in table.items():
            code = getattr(value, "__code__", None)
            if code is None or is_first_party(code.co_filename):
                found += [key, value]
        found.append(None)
    return tuple(found)


def put_rows(name: str, before: tuple[Any, ...], is_first_party: Predicate) -> None:
    """Let the registers hold what ``rows_of`` gave."""
    rest = iter(before)
    for table in tables_of(name):
        kept: dict[Any, Any] = {}
        while (key := next(rest, None)) is not None:
            kept[key] = next(rest)
        for key, value in list(table.items()):
            code = getattr(value, "__code__", None)
            if code is None or is_first_party(code.co_filename):
                del table[key]
        table.update(kept)


def dialects() -> tuple[Any, ...]:
    """Give the names and dialects that ``csv`` was told."""
    module: Any = sys.modules.get("_csv")
    if module is None:
        return ()
    names = [name for name in module.list_dialects() if name not in _DIALECTS]
    return tuple(each for name in names for each in (name, module.get_dialect(name)))


def put_dialects(before: tuple[Any, ...]) -> None:
    """Let ``csv`` know what ``dialects`` gave."""
    module: Any = sys.modules["_csv"]
    for name in dialects()[::2]:
        module.unregister_dialect(name)
    for name, dialect in zip(before[::2], before[1::2], strict=True):
        module.register_dialect(name, dialect)


REGISTERED: Final = Registered()  # process-wide, as what it watches
