"""What surrounds a unit and it can change for others; and whether a module is being imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Final, NamedTuple

from pytest_cellcache.model.observation import CWD, SEARCH

_getcwd = os.getcwd  # before tests put something in its place

_MAIN_MODULES: Final = frozenset({"__main__", "__channelexec__"})
"""What began the process: Python itself, or a worker of pytest-xdist."""


def is_importing() -> bool:
    """Say whether the code of some module is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return frame.f_globals.get("__name__") not in _MAIN_MODULES
        frame = frame.f_back
    return False


REMOVED: Final = object()
"""What a variable was before somebody saw to it that there is none, whether or not there was."""


class Surrounding(NamedTuple):
    """What units can change for each other.

    Attributes:
        folder: the working directory; ``None`` if it is gone.
    """

    variables: Mapping[bytes, bytes]
    folder: str | None
    search: tuple[str, ...]


def differing(names: Iterable[str], before: Surrounding, now: Surrounding) -> frozenset[str]:
    """Give those among variables and ``LEFT_FOR_ALL`` that are not what they were."""

    def value(name: str, around: Surrounding) -> object:
        if name == CWD:
            return around.folder
        return around.search if name == SEARCH else around.variables.get(os.fsencode(name))

    return frozenset(name for name in names if value(name, before) != value(name, now))


def surrounding_now() -> Surrounding:
    """Take down what there is."""
    variables: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    return Surrounding(dict(variables), current_folder(), tuple(sys.path))


def current_folder() -> str | None:
    """Give the working directory; ``None`` if it is gone."""
    try:
        return _getcwd()
    except OSError:
        return None


def raw_variable(name: str) -> bytes | None:
    """Give a variable without anybody noticing."""
    found: bytes | None = os.environ._data.get(os.fsencode(name))  # type: ignore[attr-defined]
    return found
