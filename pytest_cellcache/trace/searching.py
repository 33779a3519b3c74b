"""Tells code that may look at ``sys.path``: by name, or by importing something."""

from __future__ import annotations

import dis
from types import CodeType
from typing import Final

_WORDS: Final = frozenset(
    """import_module __import__ find_spec resolve_name iter_modules walk_packages find_loader
    get_loader get_importer iter_importers entry_points distributions run_path run_module
    importorskip import_string getmodule locate""".split()
)
_IMPORT: Final = bytes([dis.opmap["IMPORT_NAME"]])

LATE: Final[set[str]] = set()
"""Last parts of the names of modules that units have searched for; process-wide, it only grows.

With other folders on ``sys.path`` then, another module might have been found, and who imports it
later gets that one.
"""


def note_search(module: str) -> None:
    """Take a module that is searched for while a test runs."""
    LATE.add(module.rpartition(".")[2])


def searches(code: CodeType) -> bool:
    """Say whether a code object may look at ``sys.path``, itself or through what it calls."""
    names = code.co_names
    return ("path" in names and "sys" in names) or not _WORDS.isdisjoint(names)


def imported_in(code: CodeType) -> frozenset[str]:
    """Give the last parts of what the code of a function may import; more does no harm."""
    if code.co_name == "<module>" or _IMPORT not in code.co_code[::2]:
        return frozenset()
    return frozenset(name.rpartition(".")[2] for name in code.co_names)
