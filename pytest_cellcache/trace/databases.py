"""Names the files that connecting to an SQLite database reads and may write."""

from __future__ import annotations

import os
from typing import Any

from pytest_cellcache.trace.kinds import is_file

_LOGS = ("-wal", "-journal")
"""What was not yet, or is to be undone, in the database itself."""


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
