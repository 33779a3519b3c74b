"""What evaluating cells ran and consulted when their modules were imported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.candidates import with_bases
from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.meant import is_own_module
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import attributes_made, changes_held, defaults_changed
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place, Ran
from pytest_cellcache.graph.scopes import initialises
from pytest_cellcache.model.keys import BODY, WRITES, Key

CellPlace = tuple[str, int]
"""File and position of a cell in it."""

_HARMLESS: Final = frozenset({"linecache.cache"})
"""Objects outside the project whose change at import shows nowhere but in tracebacks."""


class Evaluations(NamedTuple):
    """What evaluating cells ran and consulted, as far as the tracer could tell them apart.

    Attributes:
        cells: keys per cell.
        markers: keys per file and name of what pytest's decorators mark.
        traced: files all of whose statements were told apart.
        imported: all bodies that ran in imports and collection.
        early: those of them in modules that were loaded before anything was traced.
        elsewhere: those that may have run otherwise than in cells that were told apart.
        files: first-party modules loaded.
        unheard: those that were loaded before anything was traced.
        unread: file and first line of the functions whose annotations nobody has looked at.
        first: those of ``files`` that were loaded before the first test.
    """

    cells: Mapping[CellPlace, frozenset[Key]] = MappingProxyType({})
    markers: Mapping[Place, frozenset[Key]] = MappingProxyType({})
    traced: frozenset[str] = frozenset()
    imported: Ran = Ran(())
    early: Ran = Ran(())
    elsewhere: frozenset[Place] = frozenset()
    files: frozenset[str] = frozenset()
    unheard: frozenset[str] = frozenset()
    unread: frozenset[tuple[str, int]] = frozenset()
    first: frozenset[str] = frozenset()

    def ran_by(self, path: str) -> Ran:
        """Give the bodies that statements of a module may have run which were not told apart.

        What was loaded before anything was traced has run nothing that was loaded since.
        """
        return self.early if path in self.unheard else self.imported

    def ran_in(self, calls: Calls, path: str, position: int, cell: Cell) -> Iterable[Place]:
        """Give the bodies that evaluating a cell has run."""
        if path not in self.traced:
            return calls.of_cell(path, cell, self.ran_by(path))
        found = self.cells.get((path, position), ())
        return [(key.path, key.name) for key in found if key.kind == BODY]

    def ran_with(self, place: Place, cells: Collection[CellPlace]) -> Ran:
        """Give the bodies that may have run when imports ran one, in cells as far as is known."""
        if place in self.elsewhere or not cells:
            return self.imported
        keys = {key for cell in cells for key in self.cells[cell]}
        ran = ((key.path, key.name) for key in keys if key.kind == BODY)
        return Ran(ran, within=self.imported.within)


def is_contained(project: Project, names: Names, key: Key, seen: Collection[Key] = ()) -> bool:
    """Say whether a body that ran at import changed only new objects and known globals.

    Readers of such a global rest on the body by ``Closure.written_at_import``.

    Args:
        seen: what else ran with it.
    """
    if key.kind != BODY:
        return True
    index = project.index(key.path)
    owner = key.name.partition(".<locals>")[0].rpartition(".")[0]
    for found in index.defs.get(key.name, ()):
        refs = found.refs
        if refs.changes_closure or changes_held(project, names, key.path, refs, seen):
            return False
        if refs.changes_parameters and defaults_changed(project, names, key.path, found, refs):
            return False
        for chain in refs.receivers - _HARMLESS:
            if is_own_module(project, names, key.path, chain):
                called = [call for call in refs.calls if call.startswith(chain + ".")]
            else:
                called = [chain]
            if not all(_is_own(project, names, key.path, each) for each in called):
                return False
        changed = refs.attr_changes - refs.attr_stores - {"__dict__"}
        if not changed:
            continue
        if changed - attributes_made(project, names, key.path, owner):
            return False
        if not initialises(key.name) and not _is_made_in(project, names, key.path, owner, seen):
            return False  # of an object that was there before
    return True


def all_contained(project: Project, names: Names, seen: Collection[Key]) -> bool:
    """Say whether this is so of all that evaluating a statement has run."""
    return all(is_contained(project, names, key, seen) for key in seen)


def _is_made_in(
    project: Project, names: Names, path: str, owner: str, seen: Collection[Key]
) -> bool:
    """Say whether a statement that ran bodies has made an object of a class, or of one below it."""
    makers = {(k.path, k.name.rpartition(".")[0]) for k in seen if initialises(k.name)}
    return any(
        (path, owner) in {maker, *with_bases(project, names, maker[0], [maker[1]])}
        or maker in with_bases(project, names, path, [owner])
        for maker in makers
    )


def _is_own(project: Project, names: Names, path: str, chain: str) -> bool:
    """Say whether a chain leads to something that a module of the project has made."""
    return any(
        cell.kind != "import"
        for file, name, _ in names.resolve(path, chain).bindings
        if name != "__getattr__"
        for cell in project.index(file).bound_by(name)
    )


def as_probed(project: Project, names: Names, key: Key) -> Key:
    """Give what counts of a body that ran while tests were collected.

    pytest asks everything it finds for attributes. What a ``__getattr__`` answers then is seen by
    the collection of this run, too; what it may change for tests is not.
    """
    is_probe = key.kind == BODY and key.name.rpartition(".")[2] == "__getattr__"
    if is_probe and is_contained(project, names, key):
        return key._replace(kind=WRITES)
    return key
