"""What a unit made itself: no input of it.

Ownership is claimed only where nothing can be left of what was there before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

_MOST_LINKS: Final = 1_000


class Made:
    """The files and directories that one unit made.

    Attributes:
        dirs: made or emptied: all below them is the unit's own, too.
        ensured: directories that are there now, whether or not they were before.
    """

    __slots__ = ("dirs", "ensured", "files")

    def __init__(self, files: Iterable[str] = (), dirs: Iterable[str] = ()) -> None:
        self.files = set(files)
        self.dirs = set(dirs)
        self.ensured: set[str] = set()

    def adopt(self, other: Made) -> None:
        """Take for one's own what another one made."""
        for path in other.files:
            self.files.add(path)
        for path in other.dirs:
            self.dirs.add(path)
        self.ensured |= other.ensured

    def owns(self, path: str) -> bool:
        """Say whether a path was made here."""
        if path in self.files or path in self.dirs:
            return True
        if self.dirs:
            parent = os.path.dirname(path)
            while parent != path:
                if parent in self.dirs:
                    return True
                path, parent = parent, os.path.dirname(parent)
        return False


class Links:
    """The symbolic links made while recording goes on: later they may be gone.

    Attributes:
        is_looking: what is looked at now is nobody's input.
    """

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self.is_looking = False

    def add(self, link: str) -> None:
        """Take one that is about to be made."""
        self._known[link] = None
        if len(self._known) > _MOST_LINKS:
            del self._known[next(iter(self._known))]

    def clear(self) -> None:
        """Forget them all."""
        self._known.clear()

    def through(self, path: str) -> str | None:
        """Give where a path leads now if such a link is on the way."""
        if not self._known or self.is_looking:  # ``realpath`` looks at what is watched
            return None
        part = path
        while part not in self._known:
            part, before = os.path.dirname(part), part
            if part == before:
                return None
        self.is_looking = True
        try:
            real = os.path.realpath(path)
        finally:
            self.is_looking = False
        return real if real != path else None


LINKS: Final = Links()  # process-wide, as the events that tell of them
