"""Which globals of the project a chain stands for, other names of the same object included."""

from __future__ import annotations

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place


def globals_meant(project: Project, names: Names, path: str, chain: str) -> set[Place]:
    """Give the globals that a chain in a file leads to; none if others may have the object."""
    found: set[Place] = set()
    for file, name, _ in names.resolve(path, chain).bindings:
        cells = [cell for cell in project.index(file).bound_by(name) if cell.kind != "import"]
        if any(cell.kind == "value" and cell.refs.calls and not cell.is_new for cell in cells):
            return set()  # ``log = getLogger("x")``: others may have the object, too
        if cells:
            found |= _same_as(project, names, (file, name))
    return found


def _same_as(project: Project, names: Names, place: Place) -> set[Place]:
    """Give a global and those that it is another name of: ``alias = shared.names``."""
    found = {place}
    stack = [place]
    while stack:
        path, name = stack.pop()
        for cell in project.index(path).bound_by(name):
            if cell.kind != "value" or cell.refs.calls or cell.is_new:
                continue
            for chain in cell.refs.chains:
                for file, bound, _ in names.resolve(path, chain).bindings:
                    if (file, bound) not in found:
                        found.add((file, bound))
                        stack.append((file, bound))
    return found
