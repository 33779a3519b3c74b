"""Assigns what imports ran and consulted to the cells whose evaluation caused it."""

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
    keys_of_code: Callable[[Iterable[CodeRef]], set[Key]],
    keys_of_inputs: Callable[[Observation], set[Key]],
) -> tuple[Evaluations, frozenset[Key]]:
    """Give what evaluating each cell ran and consulted, and what counts for every test.

    What an import statement consults beside first-party code (a variable that some package reads,
    say) may show anywhere: it counts for every test.

    Args:
        modules: absolute files of the modules all of whose statements were told apart.
        files: relative files of all first-party modules loaded.
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
        inputs = keys_of_inputs(seen)
        positions, imports = lines[path].cells_at(line)
        if imports or not positions:
            everywhere |= inputs
        else:
            keys |= inputs
        if not positions:
            everywhere |= keys
        for position in positions:
            cells.setdefault((path, position), set()).update(keys)
    evaluations = Evaluations(
        {cell: frozenset(keys) for cell, keys in cells.items()},
        frozenset(places.relative(filename) for filename in modules),
        imported,
        frozenset(files),
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

    def cells_at(self, line: int) -> tuple[list[int], bool]:
        """Give the positions of the cells, and whether one of them imports."""
        found = [
            (position, cell) for position, cell in self._cells if cell.start <= line <= cell.end
        ]
        imports = any(cell.kind == "import" or cell.refs.imports for _, cell in found)
        return [n for n, _ in found], imports
