"""Names files in records, alike on another machine and in another run."""

from __future__ import annotations

import os


class PathNames:
    """Names of absolute paths; those of temporary directories count without their numbers.

    Args:
        root: of the project.
        temporary: where temporary directories are made, whose names differ from run to run.
    """

    def __init__(self, root: str, temporary: str) -> None:
        self._root = root + os.sep
        self._temporary = temporary.rstrip(os.sep) + os.sep

    def __call__(self, path: str) -> str:
        if path.startswith(self._root):
            return path[len(self._root) :].replace(os.sep, "/")
        if path.startswith(self._temporary):
            parts = path[len(self._temporary) :].split(os.sep)
            if parts[0].startswith("pytest-of-"):
                del parts[1:2]
                return "/".join(
                    ["tmp", *(part.rstrip("0123456789") for part in parts[1:2]), *parts[2:]]
                )
            return "/".join(["temporary", *parts[1:]]) if parts[1:] else path
        return path
