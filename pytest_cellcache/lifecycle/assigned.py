"""What importing modules sets for the whole process, and who may see that it is another thing now.

Variables and the working directory: which module sets them is seen as it is imported
(``Surroundings.assigned``), and who reads them by the keys of its record. What no key tells of,
such as the mask of new files, concerns everybody. All of it is entered (``entered``) like a name in
a register, by its value once everything is collected.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pytest_cellcache.graph.entering import FOR_ALL, Entered
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.model.keys import ENV, RUN, Key
from pytest_cellcache.model.observation import ALL_VARIABLES, CWD, OUTSIDE

_VARIABLES: Final = "os.environ"
"""In place of the name of a global: ``Entered.word`` is a variable, or ``CWD``."""


def variables_entered(assigned: Iterable[tuple[str, str, str]]) -> dict[str, set[Entered]]:
    """Give what modules set, by their files.

    Args:
        assigned: file, what is set, and its value.
    """
    found: dict[str, set[Entered]] = {}
    for path, name, value in assigned:
        found.setdefault(path, set()).add(Entered(OUTSIDE, _VARIABLES, name, True, value))
    return found


def with_values(
    found: Mapping[str, frozenset[Entered]],
) -> dict[str, frozenset[Entered]]:
    """Add to what counts for everybody what it is now."""
    return {
        path: frozenset(
            each._replace(by=f"{each.by} {_value(each.name)}") if is_for_all(each) else each
            for each in entered
        )
        for path, entered in found.items()
    }


def is_for_all(each: Entered | Key) -> bool:
    """Say whether what is entered concerns everybody."""
    return each.path == OUTSIDE and each.name in FOR_ALL


def is_variable(change: Change) -> bool:
    """Say whether a change is that of a variable or of the working directory."""
    return (change.key.path, change.key.name) == (OUTSIDE, _VARIABLES)


def read_among(changes: Collection[Change], keys: Iterable[Key]) -> Key | None:
    """Give what a test reads among changed variables; named as it is set."""
    read = {key.name for key in keys if key.kind == ENV or (key.kind == RUN and key.name == CWD)}
    for change in sorted(changes, key=lambda each: each.word):
        if change.word in read or (ALL_VARIABLES in read and change.word != CWD):
            name = CWD if change.word == CWD else f"{_VARIABLES}[{change.word!r}]"
            return change.key._replace(name=name)
    return None


def _value(name: str) -> int:
    return sys.getrecursionlimit() if name == "sys.setrecursionlimit" else _mask()


def _mask() -> int:
    """Give the mask of new files, which can only be asked for by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
