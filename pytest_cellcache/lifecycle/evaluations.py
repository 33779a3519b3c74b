"""Assigns what imports ran to the cells whose evaluation caused it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pytest_cellcache.graph.evaluated import CellPlace, Evaluations
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import CodeRef, Observation

Statement = tuple[str, int]
"""File name and line."""


def evaluations_of(
    project: Project,
    statements: Mapping[Statement, Observation],
    *,
    modules: Iterable[str],
    imported: Ran,
    files: Iterable[str],
    unheard: Iterable[str] = (),
    keys_of_code: Callable[[Iterable[CodeRef]], set[Key]],
) -> tuple[Evaluations, frozenset[Key]]:
    """Give what evaluating each cell ran, and what counts for every test.

    What was consulted beside code is placed by ``lifecycle.sites``, on every Python.

    Args:
        modules: absolute files of the modules all of whose statements were told apart.
        files: relative files of all first-party modules loaded.
        unheard: those of them that were loaded before anything was traced.
    """
    places = project.snapshot.places
    cells: dict[CellPlace, set[Key]] = {}
    everywhere: set[Key] = set()
    lines: dict[str, _Lines] = {}
    for (filename, line), seen in statements.items():
        path = places.relative(filename)
        if path not in lines:
            lines[path] = _Lines(project, path)
        keys = keys_of_code(seen.codes)
        positions = lines[path].cells_at(line)
        if not positions:
            everywhere |= keys
        for position in positions:
            cells.setdefault((path, position), set()).update(keys)
    evaluations = Evaluations(
        {cell: frozenset(keys) for cell, keys in cells.items()},
        frozenset(places.relative(filename) for filename in modules),
        imported,
        frozenset(files),
        frozenset(unheard),
    )
    return evaluations, frozenset(everywhere)


class _Lines:
    """Which cells a line of a module belongs to."""

    def __init__(self, project: Project, path: str) -> None:
        table = project.index(path).table
        self._cells = [
            (position, cell)
            for position, cell in enumerate(table.cells)
            if not any("." in name for name in cell.binds)  # members are lines of their class
        ]

    def cells_at(self, line: int) -> list[int]:
        """Give the positions of the cells."""
        return [position for position, cell in self._cells if cell.start <= line <= cell.end]
