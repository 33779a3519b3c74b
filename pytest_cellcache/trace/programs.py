"""Tells from a command line which programs it starts, and whether git is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, Final

from pytest_cellcache.trace import unit
from pytest_cellcache.trace.surrounding import current_folder

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_MAX_WORDS: Final = 50
_GIT: Final = re.compile(r"(^|[^\w.-])git($|[^\w.-])")


def programs_in(words: Sequence[str]) -> list[str]:
    """Name the programs that a command consists of, as far as its words tell."""
    found = [words[0]] if words else []
    if found and os.path.basename(words[0]) in _SHELLS and len(words) > 2:
        found += re.findall(r"[\w./+-]*[\w+]", " ".join(words[2:]))[:_MAX_WORDS]
    return list(dict.fromkeys(found))


def note_history(words: Sequence[str], hearers: int, cwd: Any = None) -> None:
    """Note where git is asked, if it is: it tells what is in no file of the project."""
    if any(_GIT.search(word) for word in words):
        folder = os.path.join(current_folder() or "", os.fsdecode(cwd or ""))
        unit.charge(lambda each: each.ask_history(folder), hearers)
        for word in words:
            if os.path.isabs(word) and os.path.isdir(word):  # git -C folder
                unit.charge(lambda each, path=word: each.ask_history(path), hearers)  # type: ignore[misc]
