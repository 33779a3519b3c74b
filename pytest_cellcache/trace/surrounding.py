"""What surrounds a unit and it can change for others; and whether a module is being imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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


SET_BY_PYTEST: Final = frozenset({b"PYTEST_CURRENT_TEST"})


class Surrounding(NamedTuple):
    """What units can change for each other.

    Attributes:
        folder: the working directory; ``None`` if it is gone.
    """

    variables: Mapping[bytes, bytes]
    folder: str | None
    search: tuple[str, ...]


def value_in(around: Surrounding, name: str) -> str:
    """Give a variable, or the working directory, as a text of its own."""
    value = around.folder if name == CWD else around.variables.get(os.fsencode(name))
    return repr(value)


def differing(names: Iterable[str], before: Surrounding, now: Surrounding) -> frozenset[str]:
    """Give those among variables and ``SURROUNDINGS`` that are not what they were."""

    def value(name: str, around: Surrounding) -> object:
        if name == CWD:
            return around.folder
        return around.search if name == SEARCH else around.variables.get(os.fsencode(name))

    return frozenset(name for name in names if value(name, before) != value(name, now))


def surrounding_now() -> Surrounding:
    """Take down what there is."""
    variables: dict[bytes, bytes] = os.environb._data  # type: ignore[attr-defined]
    return Surrounding(dict(variables), current_folder(), tuple(sys.path))


def put(around: Surrounding) -> bool:
    """Make the surroundings what they were; say whether that was possible."""
    now = surrounding_now()
    for name in now.variables.keys() - around.variables.keys():
        del os.environb[name]
    for name, value in around.variables.items():
        if now.variables.get(name) != value:
            os.environb[name] = value
    if now.search != around.search:
        sys.path[:] = around.search
    if now.folder != around.folder:
        try:
            os.chdir(around.folder or "")
        except OSError:
            return False
    return True


@contextmanager
def surrounded_by(around: Surrounding) -> Iterator[None]:
    """Let something happen as if at an earlier time; what it changes is changed afterwards, too."""
    now = surrounding_now()
    if now == around:
        yield
        return
    put(around)
    try:
        yield
    finally:
        after = surrounding_now()
        old, new = around.variables, after.variables
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        variables = {name: now.variables[name] for name in now.variables.keys() - changed}
        variables |= {name: new[name] for name in changed & new.keys()}
        folder = now.folder if after.folder == around.folder else after.folder
        gone = set(around.search).difference(after.search)
        search = [path for path in after.search if path not in {*around.search, *now.search}]
        search += [path for path in now.search if path not in gone]
        put(Surrounding(variables, folder, tuple(search)))


def current_folder() -> str | None:
    """Give the working directory; ``None`` if it is gone."""
    try:
        return _getcwd()
    except OSError:
        return None


def raw_variable(name: str) -> bytes | None:
    """Give a variable without anybody noticing."""
    found: bytes | None = os.environb._data.get(os.fsencode(name))  # type: ignore[attr-defined]
    return found
