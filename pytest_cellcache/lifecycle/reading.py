"""Finds what tests rest on because code that they ran reads other code: texts, lines, bytecode."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.texts import reads_codes, reads_docs, reads_lines
from pytest_cellcache.lifecycle.gathering import Gathered, places_in
from pytest_cellcache.lifecycle.surroundings import Edges, reach
from pytest_cellcache.model.keys import BODY, FILE, SURFACE, Key

_READS: Final[tuple[Callable[[Refs], bool], ...]] = (
    reads_docs,
    reads_lines,
    reads_codes,
    lambda refs: "module" in refs.attrs,  # ``request.module``
)
_DOCS, _LINES, _CODES, _MODULE = (1 << place for place in range(len(_READS)))


class Reading:
    """Tells what bodies that ran may have read of others.

    Args:
        edges: what keys lead to. What it says of keys that ``read_by`` was asked about must not
            change, nor anything that it says once ``read_of`` is asked.
    """

    def __init__(self, project: Project, closure: Closure, edges: Edges) -> None:
        self._project = project
        self._closure = closure
        self._edges = edges
        self._docs = _Docs(closure, edges)
        self._late: _Docs | None = None
        self._kinds: dict[Key, int] = {}

    def read_by(self, roots: Collection[Key], group: str, *, has_children: bool) -> set[Key]:
        """Give what a test rests on beside the roots that it is known to have.

        Args:
            group: file of the test.
            has_children: processes that it started may have looked at annotations.
        """
        kinds = self._kinds_in(roots)
        found: set[Key] = set()
        if kinds & _MODULE:
            found.add(Key(SURFACE, group))
        if kinds & _DOCS:
            found |= self._docs.reached((*roots, *found))
        if kinds & _CODES:
            found |= self._closure.codes(roots)
        if kinds & _LINES:
            found |= {Key(FILE, key.path) for key in (*roots, *found) if key.kind == BODY}
        if has_children:
            found |= self._closure.annotations(reach((*roots, *found), self._edges))
        return found

    def read_of(self, roots: Collection[Key], units: Iterable[frozenset[Key]]) -> set[Key]:
        """Give what a test rests on because it reads code of what others left.

        Args:
            roots: all that it rests on, what others left included.
            units: what these rest on.
        """
        kinds = self._kinds_in(roots)
        found: set[Key] = set()
        if kinds & _DOCS:
            if self._late is None:  # what producers rest on was not known before
                self._late = _Docs(self._closure, self._edges)
            found |= self._late.reached(roots)
        for keys in units if kinds & (_CODES | _LINES) else ():
            found |= {*keys, *self._closure.codes(keys)}
            found |= {Key(FILE, key.path) for key in keys if key.kind == BODY}
        return found

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


class _Docs:
    """The docstrings of all that keys lead to."""

    def __init__(self, closure: Closure, edges: Edges) -> None:
        self._closure = closure
        self._gathered = Gathered(self._own, edges)
        self._bits: dict[Key, int] = {}
        self._docs: list[Key] = []
        self._sets: dict[int, frozenset[Key]] = {}

    def reached(self, roots: Iterable[Key]) -> frozenset[Key]:
        bits = self._gathered.of(roots)
        found = self._sets.get(bits)
        if found is None:
            found = self._sets[bits] = frozenset(self._docs[place] for place in places_in(bits))
        return found

    def _own(self, key: Key) -> int:
        bits = 0
        for doc in self._closure.docs((key,)):
            if doc not in self._bits:
                self._bits[doc] = 1 << len(self._docs)
                self._docs.append(doc)
            bits |= self._bits[doc]
        return bits
