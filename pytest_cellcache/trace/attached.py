"""Notices which databases an SQLite connection attaches: that raises no event.

``sqlite3.connect`` gets a stand-in that gives every connection an authorizer, which SQLite asks
when it compiles a statement. One that the user sets takes its place. Connections made by the class
itself are not seen.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from pytest_cellcache.trace import audit, unit
from pytest_cellcache.trace.databases import Authorizer
from pytest_cellcache.trace.inputs import note_database
from pytest_cellcache.trace.origin import process_reach
from pytest_cellcache.trace.shims import Shim

_ATTACH: Final = 24
"""``SQLITE_ATTACH``; ``sqlite3`` gives it no name."""
_HOLDERS: Final = ("_sqlite3", "sqlite3.dbapi2", "sqlite3")
_FIRST: Final = "/sqlite3/dbapi2.py"


class AttachWatch:
    """The stand-in of one period of recording."""

    def __init__(self) -> None:
        self._shim: Shim | None = None

    def install(self) -> None:
        """Put it in place now, or as soon as the module begins to be loaded."""
        if "sqlite3.dbapi2" in sys.modules:
            self._place()
        else:
            audit.listen("exec", self._on_exec)

    def uninstall(self) -> None:
        audit.unlisten("exec", self._on_exec)
        if self._shim is None:
            return
        for name in _HOLDERS:
            module: Any = sys.modules.get(name)
            if module is not None and vars(module).get("connect") is self._shim:
                module.connect = self._shim.real
        self._shim = None

    def _on_exec(self, args: tuple[Any, ...]) -> None:
        if str(getattr(args[0], "co_filename", "")).endswith(_FIRST):
            audit.unlisten("exec", self._on_exec)
            try:
                import _sqlite3  # noqa: F401  # from which the module is about to import
            except ImportError:
                return
            self._place()

    def _place(self) -> None:
        for name in _HOLDERS:
            module: Any = sys.modules.get(name)
            real = vars(module).get("connect") if module is not None else None
            if real is None or isinstance(real, Shim):
                continue
            if self._shim is None:
                self._shim = _Connecting(real, _watch)
            if real is self._shim.real:  # else somebody has put his own there
                module.connect = self._shim


class _Connecting(Shim):
    """Calls ``note`` with what the real function gave."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        connection = self.real(*args, **kwargs)
        try:
            self.note(connection)
        except unit.TROUBLES:
            unit.confess()
        return connection


def _watch(connection: Any) -> None:
    plain: Any = sys.modules["_sqlite3"].Connection
    if unit.LISTENERS and isinstance(connection, plain):
        plain.set_authorizer(connection, Authorizer(_note))


def _note(action: int, name: str | None) -> None:
    if action == _ATTACH:
        try:
            if name is not None:
                note_database(name)
            elif hearers := process_reach():  # a parameter of the statement: any file
                unit.charge(lambda each: each.start_child("sqlite3"), hearers)
        except unit.TROUBLES:
            unit.confess()
