"""Tells whether a file changed while a unit ran.

A module of its own: what it opens is nobody's input (``origin``), unlike what its callers do for
those who open files.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from pytest_cellcache.model.observation import Touched

# Taken before the shim is in place, or what tests put there.
_lstat, _stat, _readlink = os.lstat, os.stat, os.readlink
_open, _read, _close = os.open, os.read, os.close
_SETTLED_NS: Final = 30_000_000
"""Writes within a step of the clock leave the same times; of a young file the content counts."""
_MAX_BYTES: Final = 1 << 18


class Signature(NamedTuple):
    """The state of a path.

    Attributes:
        status: of what a path leads to, as ``Snapshot`` compares it; ``None`` where there is none.
        own: the same of the path itself, if it is a link, and permissions.
        content: stands for permissions and content of a file that is not too large.
        is_young: it changed so lately that it may do so again unseen.
    """

    status: tuple[int, int, int, int] | None
    own: tuple[object, ...] = ()
    content: int | None = None
    is_young: bool = False

    def is_like(self, other: Signature) -> bool:
        """Say whether nobody can tell two states of a path apart, but by its times."""
        if self.status is None or other.status is None:
            return self.status is other.status and self.own == other.own
        if not self.is_young and not other.is_young and self[:2] == other[:2]:
            return True
        return self.content is not None and self.content == other.content


class Written:
    """What paths were like before a unit wrote them."""

    def __init__(self) -> None:
        self._before: dict[str, Signature | None] = {}
        self._after: dict[str, Signature | None] = {}

    def note(self, path: str) -> None:
        """Take a path that is about to be written for the first time."""
        self._before[path] = signature_of(path)

    def adopt(self, part: Written) -> None:
        """Take in what a part of the unit wrote."""
        self._before = part._before | self._before

    def changed(self) -> frozenset[str]:
        """Give the paths that are not as they were."""
        self._after = {p: b and signature_of(p) for p, b in self._before.items()}
        return frozenset(path for path in self._before if not self._is_as_before(path))

    def touched(self) -> Iterator[Touched]:
        """Give the files that are but for their times, as of the last call of ``changed``."""
        for path, now in self._after.items():
            before = self._before[path]
            if before is None or now is None or not before.is_like(now):
                continue
            if before.status and now.status and before.status != now.status:
                yield Touched(path, before.status, now.status)

    def _is_as_before(self, path: str) -> bool:
        before, now = self._before[path], self._after[path]
        return before is not None and now is not None and before.is_like(now)


def signature_of(path: str) -> Signature | None:
    """Tell what state a path is in; ``None`` where that is not known."""
    try:
        own: tuple[object, ...] = ()
        status = _lstat(path)
        if stat.S_ISLNK(status.st_mode):
            own = (_readlink(path),)
            try:
                status = _stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return Signature(None, own)
        own = (*own, status.st_mode)
        content = None
        if stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES:
            # Nobody hears of it: see ``origin``.
            descriptor = _open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                content = hash((own, _read(descriptor, _MAX_BYTES + 1)))
            finally:
                _close(descriptor)
        is_young = time.time_ns() - status.st_mtime_ns < _SETTLED_NS
        return Signature(times_of(status), own, content, is_young)
    except (FileNotFoundError, NotADirectoryError):
        return Signature(None)
    except (OSError, ValueError):
        return None


def times_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Give what a snapshot knows a state of a file by."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
