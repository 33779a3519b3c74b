"""Which statements look at given globals when they are evaluated: ``NAMES = sorted(REGISTER)``.

What they make of them follows from what is there at that moment, whatever is entered later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place

Ran = Callable[[str, int, Cell], Iterable[Place]]
"""Gives the bodies that evaluating a cell has run, by its file and position."""


class Sights:
    """Finds such statements.

    Args:
        places: the globals that are looked for.
        ran: see there.
    """

    def __init__(self, project: Project, names: Names, places: Collection[Place], ran: Ran) -> None:
        self._project = project
        self._names = names
        self._places = places
        self._ran = ran
        self._by_file: dict[str, frozenset[str]] = {}
        self._by_body: dict[Place, frozenset[Place]] = {}

    def of(self, path: str) -> Iterator[tuple[int, Cell, frozenset[Place]]]:
        """Give the statements of a file, each with the globals that it looks at."""
        if not self._places:
            return
        for position, cell in enumerate(self._project.index(path).table.cells):
            if cell.kind == "import":
                continue
            found = self._looked_at(path, cell.refs)
            for body in self._ran(path, position, cell):
                found |= self._looked_at_by(body)
            if found:
                yield position, cell, found

    def _looked_at_by(self, body: Place) -> frozenset[Place]:
        if body not in self._by_body:
            found = self._project.index(body[0]).defs.get(body[1], ())
            self._by_body[body] = frozenset[Place]().union(
                *(self._looked_at(body[0], each.refs) for each in found)
            )
        return self._by_body[body]

    def _looked_at(self, path: str, refs: Refs) -> frozenset[Place]:
        meant = self._meant_in(path)
        return frozenset(
            (file, name)
            for chain in refs.chains
            if not meant.isdisjoint(chain.split("."))
            for file, name, _ in self._names.resolve(path, chain).bindings
            if (file, name) in self._places
        )

    def _meant_in(self, path: str) -> frozenset[str]:
        """Give the names under which one of the globals may be found in a file."""
        if path not in self._by_file:
            names = {name for _, name in self._places}
            aliases = self._project.index(path).table.aliases
            renamed = {own for own, every in aliases.items() if any(a.name in names for a in every)}
            self._by_file[path] = frozenset(names | renamed)
        return self._by_file[path]


def named(cell: Cell) -> str:
    """Name a statement: by what it binds, or by its code."""
    return " ".join(cell.binds) or cell.digest
