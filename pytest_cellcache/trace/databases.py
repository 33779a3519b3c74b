"""Names the files that connecting to an SQLite database reads; counts what is done to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.trace.kinds import is_file

_LOGS = ("-wal", "-journal")
"""What was not yet, or is to be undone, in the database itself."""
_ALLOWED: Final = 0
_PRAGMA: Final = 19
_COUNTED_OTHERWISE: Final = frozenset({9, 18, 20, 21, 22, 23, 31, 33})
"""Actions that change rows, which SQLite counts, or nothing; begin and end are told by a flag."""
_ASKING: Final = frozenset(
    """table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list
    foreign_key_check integrity_check quick_check database_list compile_options function_list
    module_list pragma_list collation_list""".split()
)
"""Pragmas that change nothing whatever they are given."""


class Authorizer:
    """What SQLite asks when it compiles a statement of one connection; it allows everything.

    Attributes:
        defined: how often it was asked for what changes a database, or the connection, in other
            ways than by its rows.

    Args:
        note: told of each action and what it is for.
    """

    __slots__ = ("_note", "defined")

    def __init__(self, note: Callable[[int, str | None], None]) -> None:
        self._note = note
        self.defined = 0

    def __call__(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        is_asking = action == _PRAGMA and (second is None or first in _ASKING)
        if action not in _COUNTED_OTHERWISE and not is_asking:
            self.defined += 1
        self._note(action, first)
        return _ALLOWED


def files_of(database: Any) -> list[str]:
    """Give the paths of a database and its logs, from the argument of ``sqlite3.connect``."""
    name = os.fsdecode(database)
    if name.startswith("file:"):
        name = name[len("file:") :].partition("?")[0].partition("#")[0]
        if name.startswith("//"):
            name = name[2:][name[2:].find("/") :]
        from urllib.parse import unquote

        name = unquote(name)
    if not name or name == ":memory:":
        return []
    logs = _LOGS if is_file(name) else ()
    return [name, *(name + log for log in logs)]
