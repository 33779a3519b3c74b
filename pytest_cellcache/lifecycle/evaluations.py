"""Assigns what imports ran to the cells whose evaluation caused it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.evaluated import CellPlace, Evaluations, as_probed
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place, Ran
from pytest_cellcache.model.keys import BODY, MARKERS, NAME, Key
from pytest_cellcache.model.observation import CodeRef, Observation

_GETATTR: Final = "__getattr__"
Statement = tuple[str, int]
"""File name and line."""


def evaluations_of(
    digester: Digester,
    statements: Mapping[Statement, Observation],
    *,
    modules: Iterable[str],
    imported: Ran,
    outside: Iterable[Place],
    files: Iterable[str],
    late: Iterable[str] = (),
    unheard: Iterable[str] = (),
    unread: Iterable[Statement] = (),
    keys_of_code: Callable[[Iterable[CodeRef]], set[Key]],
) -> tuple[Evaluations, frozenset[Key]]:
    """Give what evaluating each cell ran, and what counts for every test.

    What was consulted beside code is placed by ``lifecycle.sites``, on every Python.

    Args:
        outside: bodies that ran in imports and collection, but not in a statement of a module.
        modules: absolute files of the modules all of whose statements were told apart.
        files: relative files of the first-party modules loaded before the first test.
        late: those of all loaded since.
        unheard: those of them that were loaded before anything was traced.
        unread: functions whose annotations nobody has looked at, by absolute file.
    """
    project = digester.project
    first = frozenset(files)
    loaded = first.union(late)
    places = project.snapshot.places
    cells: dict[CellPlace, set[Key]] = {}
    markers: dict[Place, set[Key]] = {}
    everywhere: set[Key] = set()
    lines: dict[str, _Lines] = {}
    for (filename, line), seen in statements.items():
        path = places.relative(filename)
        if path not in lines:
            lines[path] = _Lines(project, path)
        keys = keys_of_code(seen.codes)
        positions = lines[path].cells_at(line)
        marked = lines[path].marked_at(line) if not positions else None
        if marked is not None:
            keys.discard(Key(MARKERS, path, marked))
            # What it gives counts by value, for who is marked.
            markers.setdefault((path, marked), set()).update(keys)
            keys = {key for key in keys if not _is_quiet(digester, key)}
        if not positions:
            everywhere |= keys
        for position in positions:
            others = {key for key in keys if not lines[path].is_part_of(key, position)}
            found = _ran(digester, path, position, others)
            cells.setdefault((path, position), set()).update(found)
    traced = frozenset(places.relative(filename) for filename in modules)
    is_told = traced >= loaded
    calls = Calls(project, digester.names)
    unheard = frozenset(unheard)
    ran_early = (place for place in imported.places if place[0] in unheard)
    early = Ran(ran_early, within=imported.within)
    for path in loaded - traced:
        ran = early if path in unheard else imported
        for _, refs in project.index(path).table.markers.values():
            called = calls.reach(calls.callees(path, refs, ran), ran)
            keys = {Key(BODY, *place) for place in called}
            everywhere |= {key for key in keys if not _is_quiet(digester, key)}
    evaluations = Evaluations(
        {cell: frozenset(keys) for cell, keys in cells.items()},
        {place: frozenset(keys) for place, keys in markers.items()},
        traced,
        imported,
        early,
        frozenset(outside) if is_told else imported.places,
        loaded,
        unheard,
        frozenset((places.relative(filename), line) for filename, line in unread),
        first,
    )
    return evaluations, frozenset(everywhere)


def _ran(digester: Digester, path: str, position: int, keys: set[Key]) -> set[Key]:
    """Give what evaluating a cell ran.

    ``from module import name`` asks the ``__getattr__`` of the module for ``__path__``, too: what
    it does of its own accord counts, but not what it answers to others.
    """
    cell = digester.project.index(path).table.cells[position]
    if cell.kind != "import" or not cell.binds:  # a star import asks for ``__all__``
        return keys
    bindings = [b for name in cell.binds for b in digester.names.resolve(path, name).bindings]
    answering = {file for file, name, _ in bindings if name == _GETATTR}
    return {
        as_probed(digester.project, digester.names, key)
        if key.name == _GETATTR and key.path not in answering
        else key
        for key in keys
    }


def _is_quiet(digester: Digester, key: Key) -> bool:
    """Say whether running it at import changed nothing that another test could see."""
    return key.kind == BODY and digester.purity.changes_of_call(key.path, key.name) == frozenset()


class _Lines:
    """Which cells a line of a module belongs to."""

    def __init__(self, project: Project, path: str) -> None:
        table = self._table = project.index(path).table
        self._path = path
        self._markers = table.markers
        self._cells = [
            (position, cell)
            for position, cell in enumerate(table.cells)
            if not any("." in name for name in cell.binds)  # members are lines of their class
        ]

    def cells_at(self, line: int) -> list[int]:
        """Give the positions of the cells."""
        return [position for position, cell in self._cells if cell.start <= line <= cell.end]

    def is_part_of(self, key: Key, position: int) -> bool:
        """Say whether a key is that of a cell: expressions in it, as lambdas, have own code."""
        top = key.name.partition(".")[0]
        is_here = key.kind in (NAME, MARKERS) and key.path == self._path
        return is_here and top in self._table.cells[position].binds

    def marked_at(self, line: int) -> str | None:
        """Give what pytest's decorators on a line mark: that is what the next cell binds."""
        following = [cell for _, cell in self._cells if cell.start > line]
        cell = min(following, key=lambda each: each.start, default=None)
        name = cell.binds[0] if cell is not None and cell.binds else ""
        if name not in self._markers:
            return None
        # Scope and the like of a fixture count for everyone who uses it, and are no values.
        _, refs = self._markers[name]
        is_fixture = any(chain.endswith("fixture") for chain in refs.calls | refs.chains)
        return None if is_fixture else name
