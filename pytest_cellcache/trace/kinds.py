"""Says what a path is, without anybody noticing."""

from __future__ import annotations

import os
import stat

# Taken before any shim is in place, or what tests put there.
_access, _lstat, _stat = os.access, os.lstat, os.stat


def is_executable(path: str) -> bool:
    """Say whether this process could execute a path."""
    return _access(path, os.X_OK)


def is_file(path: str) -> bool:
    """Say whether a path leads to a regular file."""
    return kind_of(path) == "file"


def is_newer(path: str, than_ns: int) -> bool:
    """Say whether a path is there and has changed since a moment."""
    try:
        return _stat(path).st_ctime_ns > than_ns
    except (OSError, ValueError):
        return False


def kind_of(path: str) -> str:
    """Give ``absent``, ``file``, ``directory`` or ``other`` (links lead on)."""
    try:
        mode = _stat(path).st_mode
    except OSError:
        try:
            _lstat(path)
        except OSError:
            return "absent"
        return "other"  # a link to nothing
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"
