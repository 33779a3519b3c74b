"""Replaces what raises no audit event (``os.stat`` and the like) by recording stand-ins.

Only attributes of Python modules are replaced, never those of ``posix``, so the import system
does not come through here. The standard library looks ``os.stat`` up when it calls it, except for
two classes that keep it and get the stand-in too: ``pathlib._NormalAccessor`` (Python 3.10) and
``glob._StringGlobber`` (3.13).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.model.observation import CWD
from pytest_cellcache.trace import unit
from pytest_cellcache.trace.bookkeeping import keeps_stack, unwatch
from pytest_cellcache.trace.inputs import absolute, note_open
from pytest_cellcache.trace.kinds import is_file
from pytest_cellcache.trace.made import LINKS
from pytest_cellcache.trace.origin import (
    SOURCES,
    asks_presence_only,
    asks_times_only,
    caller,
    ensures_folder,
    lines_shown,
    reach,
)

_KEEPERS: Final = frozenset({"gettext"})
"""Modules that look for a file and may have read it before."""


class Shim:
    """Calls ``note``, then the real function.

    An object and no function, so that it does not turn into a method where user code stores
    ``os.stat`` in a class. Once its note falls silent it is only a detour: it may be kept anywhere.
    """

    def __init__(self, real: Callable[..., Any], note: Callable[..., None]) -> None:
        self.real = real
        self.note = note
        self.__name__ = real.__name__
        self.__qualname__ = real.__qualname__
        self.__doc__ = real.__doc__
        if real.__module__ != "posix":
            self.__module__ = real.__module__
        self.__wrapped__ = real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            self.note(*args, **kwargs)
        except unit.TROUBLES:
            unit.confess()
        return self.real(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.real)

    def __reduce__(self) -> str:
        return self.__name__  # with ``__module__``: pickled by name, like the real one

    # ``pickle`` looks for the name in this module, where the shim is in place.
    __module__ = "os"


class ShimSet:
    """The stand-ins of one period of recording."""

    def __init__(self) -> None:
        self._placed: list[tuple[Any, str, Shim, Any]] = []

    def install(self) -> None:
        """Put the stand-ins in place."""
        for name in ("stat", "lstat"):
            self._place(os, name, _note_stat)
        for name in ("access", "readlink"):
            self._place(os, name, _note_presence)
        for name in ("getcwd", "getcwdb"):
            self._place(os, name, _note_folder)
        self._place(os, "open", _note_open_at)
        # What is loaded later keeps our stand-ins from the beginning.
        loaded = sys.modules.get
        if linecache := loaded("linecache"):
            self._place(linecache, "getlines", _note_lines)
        for keeper in (
            getattr(loaded("pathlib"), "_NormalAccessor", None),
            getattr(loaded("glob"), "_StringGlobber", None),
        ):
            for name in ("stat", "lstat", "readlink"):
                if name in vars(keeper or object):
                    note = _note_presence if name == "readlink" else _note_stat
                    self._place(keeper, name, note)
        for shim, capable in self._capabilities():
            capable.add(shim)

    def uninstall(self) -> None:
        """Put the real functions back, except where somebody else has put his own since."""
        unwatch()
        for shim, capable in self._capabilities():
            capable.discard(shim)
        for owner, name, shim, original in self._placed:
            if vars(owner).get(name) is shim:
                setattr(owner, name, original)
        self._placed.clear()

    def _place(self, owner: Any, name: str, note: Callable[..., None]) -> None:
        original = vars(owner).get(name)  # may be a staticmethod
        real = getattr(owner, name, None)
        if real is not None:
            shim = Shim(real, note)
            setattr(owner, name, shim)
            self._placed.append((owner, name, shim, original))

    def _capabilities(self) -> list[tuple[Shim, set[Any]]]:
        sets: list[Any] = [
            os.supports_dir_fd,
            os.supports_fd,
            os.supports_follow_symlinks,
            os.supports_effective_ids,
        ]
        return [
            (shim, capable)
            for _, _, shim, _ in self._placed
            for capable in sets
            if shim.real in capable
        ]


def _note_stat(path: Any, *_args: Any, dir_fd: Any = None, **_kwargs: Any) -> None:
    if not unit.LISTENERS or LINKS.is_looking or isinstance(path, int):
        return
    target = absolute(path, dir_fd=dir_fd)
    if target is None:
        return
    units = [*unit.innermost_units()]
    is_known = all(target in each.stats and not each.looks_again for each in units)
    if is_known and all(target in each.reads and target in each.modes for each in units):
        return
    # Size and times of a file change with its content only.
    module, frame = caller()
    gives_status = (module in _KEEPERS or not asks_presence_only()) and is_file(target)
    if is_known and not gives_status:
        return
    if (hearers := reach(module, frame)) and not keeps_stack(module, frame):
        if gives_status and (lines := lines_shown(target)):
            unit.charge(lambda each: each.show(target, lines), hearers)
            return
        is_ensured = not gives_status and ensures_folder()
        unit.charge(lambda each: (each.ensure_dir if is_ensured else each.stat)(target), hearers)
        if gives_status:
            unit.charge(lambda each: each.read(target), hearers)
            if not asks_times_only():
                unit.charge(lambda each: each.ask_mode(target), hearers)


def _note_presence(path: Any, *_args: Any, dir_fd: Any = None, **_kwargs: Any) -> None:
    if not unit.LISTENERS or LINKS.is_looking or isinstance(path, int):
        return
    target = absolute(path, dir_fd=dir_fd)
    if target is not None and (hearers := reach(*caller())):
        unit.charge(lambda each: each.stat(target), hearers)


def _note_folder() -> None:
    if unit.LISTENERS and (hearers := reach(*caller())):
        unit.charge(lambda each: each.look_around((CWD,)), hearers)


def _note_lines(filename: Any, *_args: Any, **_kwargs: Any) -> None:
    """Note a file whose lines may be known from an earlier look; sources count by their code."""
    if not unit.LISTENERS or not isinstance(filename, str) or filename.endswith(SOURCES):
        return
    target = absolute(filename)
    if target is not None and is_file(target) and (hearers := reach(*caller())):
        unit.charge(lambda each: each.read(target), hearers)


def _note_open_at(path: Any, flags: Any, *_args: Any, dir_fd: Any = None, **_kwargs: Any) -> None:
    # The audit event knows the path only, and takes it for relative to the current directory.
    if unit.LISTENERS and dir_fd is not None:
        note_open(path, None, flags, dir_fd=dir_fd)
