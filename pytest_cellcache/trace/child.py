"""The recording of a traced child process: everything goes to its log at once.

A child is vouched for by its log: it has begun and ended or, where the tracer tells of code as it
starts, has begun and is dead.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any, Final, Protocol

from pytest_cellcache.model.observation import CodeRef
from pytest_cellcache.sources.handover import Log
from pytest_cellcache.sources.listings import digest_module_names
from pytest_cellcache.sources.loaded import loaded_files
from pytest_cellcache.trace.contract import LOG_LOST, IsFirstParty, Traced
from pytest_cellcache.trace.shims import Shim
from pytest_cellcache.trace.unit import OpenUnit

_FIELDS: Final = tuple(
    """reads writes listings stats folders modes repositories variables options distributions
    imports children hosts gaps spawned""".split()
)
_LEAVE_US: Final = ("setuid", "setgid", "seteuid", "setegid", "setreuid", "setresuid", "chroot")
"""Functions after which the log may be out of reach."""


class LoneRecorder(Protocol):
    """What is needed of a recorder."""

    def go_on_alone(self, base: OpenUnit, sink: Any) -> bool: ...

    def base_code(self) -> Traced: ...


class LoggedSet(set[Any]):
    """Tells the log of every new element."""

    def __init__(self, log: Log, kind: str) -> None:
        super().__init__()
        self._log = log
        self._kind = kind

    def add(self, element: Any) -> None:
        if element not in self:
            super().add(element)
            self._log.write(self._kind, element if isinstance(element, str) else _plain(element))


def _plain(element: Any) -> Any:
    return [sorted(part) if isinstance(part, frozenset) else part for part in element]


class ChildRecording:
    """Turns a running recorder into that of a child.

    Args:
        after: token of the traced process that this one is a fork of, if it had one.
    """

    def __init__(
        self,
        recorder: LoneRecorder,
        is_first_party: IsFirstParty,
        log: Log,
        after: str | None = None,
    ) -> None:
        self._recorder = recorder
        self._is_first_party = is_first_party
        self._log = log
        self._after = after
        self._is_live = False
        self._pid = os.getpid()
        self._told: set[CodeRef] = set()
        self._told_search: list[str] = []

    def begin(self, command: list[str] | None) -> None:
        """Write down what this process is, then everything it does.

        Args:
            command: ``sys.orig_argv`` of a process that was just executed; ``None`` for a fork.
        """
        base = OpenUnit()
        for kind in _FIELDS:
            setattr(base, kind, LoggedSet(self._log, kind))
        base.made.files = LoggedSet(self._log, "made_files")
        base.made.dirs = LoggedSet(self._log, "made_dirs")
        self._is_live = self._recorder.go_on_alone(base, self._note_code)
        start = {
            "pid": self._pid,
            "cwd": os.getcwd() if command is not None else "",
            "live": self._is_live,
            "command": command,
            "after": self._after,
        }
        self._log.write("start", start)
        # Registered before anything of the user's: run after all of it.
        atexit.register(self.end)
        _place("_exit", lambda *_: self.end())
        for name in _LEAVE_US:
            _place(name, lambda *_: self._log.write("gaps", LOG_LOST))

    def end(self) -> None:
        """Tell what is known at the end only."""
        if os.getpid() != self._pid:  # a fork has a recording of its own
            return
        traced = self._recorder.base_code()
        if not self._is_live:
            for ref in traced.codes:
                self._note_code(ref)
        for gap in traced.gaps:
            self._log.write("gaps", gap)
        self._log.write("end", None)

    def _note_code(self, ref: CodeRef) -> None:
        if ref not in self._told:
            self._told.add(ref)
            self._log.write("codes", ref)
            if ref.name == "<module>":
                self._tell_module(ref.filename)

    def _tell_module(self, filename: str) -> None:
        """Say under which name a module was found, and where modules are searched."""
        search = [path or os.getcwd() for path in sys.path]
        search = [path for path in search if self._is_first_party(os.path.join(path, "x.py"))]
        if search != self._told_search:
            self._told_search = search
            self._log.write("search", [[path, digest_module_names(path)] for path in search])
        for name, found in loaded_files().items():
            if found == filename:
                self._log.write("modules", [name, filename])


def _place(name: str, note: Any) -> None:
    real = getattr(os, name, None)
    if real is not None:
        setattr(os, name, Shim(real, note))
