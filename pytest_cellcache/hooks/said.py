"""Hears what a set-up says, and says it again where its value is put back.

What a fixture prints, logs and warns of is heard by the test that asks for it first: it may look at
it (``capsys``, ``caplog``, ``recwarn``, filters that make errors of warnings), and so do people.
Where pytest captures nothing (``-s``) what is printed is not heard.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.replay import category_of, keep_warning, warning_log
from pytest_cellcache.hooks.scopes import place_of, places_of
from pytest_cellcache.sources.loaded import loaded_files

MAX_CHARS: Final = 100_000
"""Who says more is not kept."""
_ROOT: Final = "<root>/"

_OF_RECORD: Final = "name levelno levelname pathname filename module lineno funcName".split()
_NOBODY: Final[list[logging.LogRecord]] = []

Said = Mapping[str, Any]
"""JSON; empty for who says nothing."""


class Hearing:
    """Listens from when it is made."""

    def __init__(self, request: Any, root: str) -> None:
        self._root = root + os.sep
        self._item = getattr(request, "_pyfuncitem", None)  # private; without it, no filters
        self._read = {"out": _reader(sys.stdout), "err": _reader(sys.stderr)}
        self._warnings, self._records = warning_log(), _records()
        self._begin = len(self._warnings or ()), len(self._records)

    def said(self) -> Said:
        """Give what was said so far."""
        found: dict[str, Any] = {}
        found |= {name: text for name, read in self._read.items() if (text := read())}
        if self._records is _records() and len(self._records) > self._begin[1]:
            found["logged"] = [_row(record) for record in self._records[self._begin[1] :]]
        if self._warnings is not None and self._warnings is warning_log():
            rows = [keep_warning(each, None) or {} for each in self._warnings[self._begin[0] :]]
            names = [str(row["filename"]).replace(self._root, _ROOT) for row in rows]
            found["warned"] = [
                {**row, "filename": name} for row, name in zip(rows, names, strict=True)
            ]
        filters = _filters(self._item)
        return {name: each for name, each in {**found, "filters": filters}.items() if each}


def _records() -> list[logging.LogRecord]:
    """Give the list in which pytest notes what is logged; private, an empty one without it."""
    for handler in logging.root.handlers:
        if type(handler).__module__ == "_pytest.logging":
            found: Any = getattr(handler, "records", None)
            if type(found) is list:
                return found
    return _NOBODY


def _row(record: logging.LogRecord) -> dict[str, Any]:
    trouble = record.exc_text or ""
    if record.exc_info and not trouble:
        trouble = logging.Formatter().formatException(record.exc_info)
    kept = {name: getattr(record, name) for name in _OF_RECORD}
    return {**kept, "msg": record.getMessage(), "exc_text": trouble or None}


class Echo:
    """Says again what was said when a value was made that is put back now."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._replayed: list[pytest.Item] = []

    def note_replay(self, item: pytest.Item) -> None:
        """Take a test that was replayed, with what its fixtures said."""
        self._replayed.append(item)

    def say(self, said: Said, fixturedef: Any, request: Any) -> bool:
        """Say it, if no test did so before; ``False`` where the set-up itself has to."""
        if not said:
            return True
        item = getattr(request, "_pyfuncitem", None)
        place = place_of(fixturedef, item)
        is_heard = not place or all(place not in places_of(each) for each in self._replayed)
        return _say(said, item, self._root, is_heard=is_heard)


def is_too_much(said: Said) -> bool:
    """Say whether a set-up is better done again than told of."""
    return len(str(said)) > MAX_CHARS


def _say(said: Said, item: Any, root: str, *, is_heard: bool) -> bool:
    filters = _filters(item)
    if filters != said.get("filters", []) and any(each.startswith("error") for each in filters):
        return False  # what was ignored was not heard
    if not is_heard:
        return True
    for row in said.get("warned", ()):
        filename = row["filename"].replace(_ROOT, root + os.sep)
        modules = [name for name, path in loaded_files().items() if path == filename]
        category = category_of(row["module"], row["name"])
        try:
            warning: Any = category(row["text"])
            warnings.warn_explicit(
                warning, category, filename, row["lineno"], modules[0] if modules else None
            )
        except (Warning, TypeError):  # an error now; its constructor wants something else
            return False
    for row in said.get("logged", ()):
        logging.getLogger(row["name"]).handle(logging.makeLogRecord(row))
    for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
        if said.get(name):
            stream.write(said[name])
    return True


def _filters(item: Any) -> list[str]:
    if not isinstance(item, pytest.Item):
        return []
    return [str(text) for mark in item.iter_markers("filterwarnings") for text in mark.args]


def _reader(stream: Any) -> Callable[[], str]:
    """Give what reads all that is written to a stream from now on."""

    def silence() -> str:
        return ""

    try:
        stream.flush()
        if hasattr(stream, "getvalue"):
            begin = len(stream.getvalue())
            return lambda: str(stream.getvalue()[begin:])
        number = stream.fileno()
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return silence
        start = os.lseek(number, 0, os.SEEK_CUR)
        os.pread(number, 0, start)
    except (OSError, ValueError, AttributeError, TypeError):
        return silence

    def read() -> str:
        stream.flush()
        size = os.fstat(number).st_size - start
        return os.pread(number, max(size, 0), start).decode("utf-8", "replace")

    return read
