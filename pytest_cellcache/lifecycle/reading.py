"""Finds what tests rest on because code that they ran reads other code: texts, lines, bytecode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Container, Iterable
from typing import Final

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.namespaces import reads_frames
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.texts import (
    reads_any_lines,
    reads_beginnings,
    reads_codes,
    reads_docs,
    reads_excerpts,
    reads_lines,
    reads_sources,
)
from pytest_cellcache.lifecycle.gathering import Gathered, places_in
from pytest_cellcache.lifecycle.surroundings import Edges, reach
from pytest_cellcache.model.keys import (
    BODY,
    EFFECTS,
    EXCERPT,
    FILE,
    LEFT,
    LINES,
    MARKERS,
    NAME,
    SURFACE,
    UNIT,
    WHOLE,
    Key,
)

_READS: Final[tuple[Callable[[Refs], bool], ...]] = (
    reads_docs,
    reads_lines,
    reads_codes,
    lambda refs: "module" in refs.attrs,  # ``request.module``
    reads_sources,
    reads_excerpts,
    reads_beginnings,
    reads_frames,
    reads_any_lines,
)
_NAMELESS: Final = frozenset({EFFECTS, MARKERS, WHOLE})
_OF_UNITS: Final = frozenset({LEFT, UNIT})
_DOCS, _LINES, _CODES, _MODULE, _SOURCES, _EXCERPTS, _BEGINNINGS, _FRAMES, _ANY_LINES = (
    1 << place for place in range(len(_READS))
)


Framed = frozenset[Key] | None
"""Code of which somebody has got a frame; ``None`` if it may be any."""


class Reading:
    """Tells what bodies that ran may have read of others.

    Args:
        framed_by: gives the code of which a unit has got a frame; ``None`` if it may be any.
        edges: what keys lead to. What it says of keys that ``read_by`` was asked about must not
            change, nor anything that it says once ``read_of`` is asked.
    """

    def __init__(
        self,
        project: Project,
        closure: Closure,
        edges: Edges,
        framed_by: Callable[[Key], Framed],
    ) -> None:
        self._project = project
        self._framed_by = framed_by
        self._closure = closure
        self._edges = edges
        self._docs = _Sets(self._docs_of, edges)
        self._late: _Sets | None = None
        self._codes = _Sets(self._code_of, self._left_by)
        # By the kind of keys, and whether lines of what does not run may be read.
        self._lines = {
            (kind, is_any): _Sets(
                functools.partial(self._line_of, kind=kind),
                self._left_by if is_any else self._left_untold_by,
            )
            for kind in (LINES, EXCERPT)
            for is_any in (False, True)
        }
        self._framed = {
            kind: _Sets(functools.partial(self._framed_line_of, kind=kind), self._left_untold_by)
            for kind in (LINES, EXCERPT, FILE)
        }
        self._kinds: dict[Key, int] = {}

    def read_by(
        self,
        roots: Collection[Key],
        group: str,
        framed: Collection[Framed],
        *,
        has_children: bool,
    ) -> set[Key]:
        """Give what a test rests on beside the roots that it is known to have.

        Args:
            group: file of the test.
            framed: code of which it has got a frame, and of which somebody got one before the first
                test.
            has_children: processes that it started may have looked at annotations.
        """
        kinds = self._kinds_in(roots)
        found: set[Key] = set()
        if kinds & _MODULE:
            found.add(Key(SURFACE, group))
        if kinds & _FRAMES:
            found |= {Key(SURFACE, key.path) for key in roots if key.kind == BODY}
        if kinds & _DOCS:
            found |= self._docs.reached((*roots, *found))
        if kinds & _CODES:
            found |= self._closure.codes(roots)
        if kinds & _LINES:
            kind = FILE if kinds & _SOURCES else EXCERPT if kinds & _EXCERPTS else LINES
            defined = (BODY, NAME) if kinds & _BEGINNINGS else (BODY,)
            ran = (*roots, *found)
            if kinds & _ANY_LINES or has_children or None in framed:
                found |= _lines_of(ran, kind, defined)
            else:
                own, before = (each or frozenset() for each in framed)
                found |= _lines_of({*own, *before.intersection(ran)}, kind, defined)
                found |= {Key(FILE, key.path) for key in own if key.kind in _NAMELESS}
        if has_children:
            found |= self._closure.annotations(reach((*roots, *found), self._edges))
        return found

    def read_of(self, roots: Collection[Key]) -> frozenset[Key]:
        """Give what a test rests on because it reads code of what others left.

        Args:
            roots: all that it rests on, what others left included.
        """
        kinds = self._kinds_in(roots)
        found = frozenset[Key]()
        if kinds & _DOCS:
            if self._late is None:  # what producers rest on was not known before
                self._late = _Sets(self._docs_of, self._edges)
            found |= self._late.reached(roots)
        units = [key for key in roots if key.kind in _OF_UNITS]
        is_framed = not kinds & (_CODES | _ANY_LINES)
        if is_framed and kinds & _LINES:
            kind = FILE if kinds & _SOURCES else EXCERPT if kinds & _EXCERPTS else LINES
            found |= self._framed[kind].reached(units)
        elif kinds & _CODES or (kinds & _LINES and kinds & _SOURCES):
            found |= self._codes.reached(units)
        elif kinds & _LINES:
            kind = EXCERPT if kinds & _EXCERPTS else LINES
            found |= self._lines[kind, bool(kinds & _BEGINNINGS)].reached(units)
        return found

    def _docs_of(self, key: Key) -> frozenset[Key]:
        return self._closure.docs((key,))

    def _code_of(self, key: Key) -> frozenset[Key]:
        """Give what may be read of the code that a key of a unit stands for."""
        if key.kind in _OF_UNITS:
            return frozenset()
        texts = (Key(FILE, key.path),) if key.kind == BODY else ()
        return self._closure.codes((key,)).union((key, *texts))

    def _line_of(self, key: Key, kind: str) -> frozenset[Key]:
        """Give what line numbers may tell of the code that a key of a unit stands for."""
        if key.kind in _OF_UNITS:
            return frozenset()
        lines = (key._replace(kind=kind),) if key.kind == BODY else ()
        return self._closure.codes((key,)).union((key, *lines))

    def _framed_line_of(self, key: Key, kind: str) -> frozenset[Key]:
        """Give what line numbers of frames may tell that a unit has got hold of."""
        if key.kind != UNIT:
            return frozenset()
        framed = self._framed_by(key)
        if framed is None:
            framed = frozenset(each for each in self._edges(key) if each.kind not in _OF_UNITS)
        codes = frozenset[Key]().union(*(self._line_of(each, kind) for each in framed))
        return codes | {Key(FILE, each.path) for each in framed if each.kind in _NAMELESS}

    def _left_by(self, key: Key) -> frozenset[Key]:
        return self._edges(key) if key.kind in _OF_UNITS else frozenset()

    def _left_untold_by(self, key: Key) -> frozenset[Key]:
        """Give what units ran that left something whose content is not known.

        What is known holds nothing that has run: no frame, no traceback.
        """
        return self._edges(key) if key.kind == UNIT else frozenset()

    def _kinds_in(self, roots: Iterable[Key]) -> int:
        kinds = 0
        for key in roots:
            if key.kind == BODY:
                known = self._kinds.get(key)
                kinds |= self._kinds_of(key) if known is None else known
        return kinds

    def _kinds_of(self, key: Key) -> int:
        refs = list(self._project.refs_of(key))
        found = sum(1 << place for place, reads in enumerate(_READS) if any(map(reads, refs)))
        self._kinds[key] = found
        return found


def _lines_of(ran: Iterable[Key], kind: str, defined: Container[str]) -> set[Key]:
    """Give what who reads line numbers and excerpts rests on, of files with bodies that ran.

    Args:
        ran: what ran, by its keys.
        kind: of the keys: ``FILE`` where they may read all of the files.
        defined: kinds of keys whose code may be asked about: a name's where that need not run.
    """
    ran = [*ran]
    files = {key.path for key in ran if key.kind == BODY}
    # Of a module as it is imported, and of what no name stands for, any statement may be running.
    whole = files if kind == FILE else {key.path for key in ran if key.kind in _NAMELESS} & files
    found = {Key(FILE, path) for path in whole}
    return found | {
        key._replace(kind=kind) for key in ran if key.kind in defined and key.path in files - whole
    }


class _Sets:
    """What all that keys lead to has of its own.

    Args:
        own: gives what a key has itself.
        edges: gives the keys that one leads to.
    """

    def __init__(self, own: Callable[[Key], frozenset[Key]], edges: Edges) -> None:
        self._own = own
        self._gathered = Gathered(self._bits_of, edges)
        self._bits: dict[Key, int] = {}
        self._members: list[Key] = []
        self._sets: dict[int, frozenset[Key]] = {}

    def reached(self, roots: Iterable[Key]) -> frozenset[Key]:
        bits = self._gathered.of(roots)
        found = self._sets.get(bits)
        if found is None:
            found = self._sets[bits] = frozenset(self._members[place] for place in places_in(bits))
        return found

    def _bits_of(self, key: Key) -> int:
        bits = 0
        for member in self._own(key):
            if member not in self._bits:
                self._bits[member] = 1 << len(self._members)
                self._members.append(member)
            bits |= self._bits[member]
        return bits
