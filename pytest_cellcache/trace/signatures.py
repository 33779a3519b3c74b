"""Tells whether a file changed while a unit ran.

A module of its own: what it opens is nobody's input (``origin``), unlike what its callers do for
those who open files.
"""

from __future__ import annotations

import os
import stat
import time

# Taken before the shim is in place, or what tests put there.
_lstat, _open, _read, _close = os.lstat, os.open, os.read, os.close
_SETTLED_NS = 30_000_000
"""Writes within a step of the clock leave the same times; of a young file the content counts."""
_MAX_BYTES = 1 << 18


def signature_of(path: str) -> object:
    """Tell states of a path apart; ``None`` where it changed so lately that it may do so unseen."""
    try:
        status = _lstat(path)
        is_young = time.time_ns() - status.st_mtime_ns < _SETTLED_NS
        if not is_young:
            return (
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_size,
                status.st_ino,
                status.st_mode,
            )
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None
        descriptor = _open(path, os.O_RDONLY | os.O_CLOEXEC)  # nobody hears of it: see ``origin``
        try:
            return hash(_read(descriptor, _MAX_BYTES + 1))
        finally:
            _close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except (OSError, ValueError):
        return None
