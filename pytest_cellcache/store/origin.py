"""Who could have written a file: what will be run is read from files of this user only."""

from __future__ import annotations

import os
import stat


class Foreign(Exception):
    """The file could have been written by somebody else; the message says why."""


def check_origin(status: os.stat_result, path: str) -> None:
    """Make sure that a file or directory is of this user, and that nobody else may write it.

    Raises:
        Foreign: it is not so.
    """
    if not hasattr(os, "geteuid"):  # no owners to speak of
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise Foreign(f"{path} belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Foreign(f"{path} can be written by others")
