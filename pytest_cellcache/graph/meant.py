"""Which globals of the project a chain stands for, other names of the same object included."""

from __future__ import annotations

from collections.abc import Collection

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Binding, Names
from pytest_cellcache.graph.project import Project, is_module
from pytest_cellcache.graph.refs import KEYED, MUTATORS
from pytest_cellcache.graph.remembered import Place, at_attribute, attribute_of
from pytest_cellcache.graph.scopes import NEW_CONTAINERS


def all_meant(
    project: Project, names: Names, path: str, receivers: Collection[str]
) -> set[Place] | None:
    """Give the globals that the receivers of some code lead to; ``None`` if others may be."""
    table = project.index(path).table
    meant: set[Place] = set()
    for chain in receivers:
        if is_module(table, chain) and any(c.startswith(chain + ".") for c in receivers):
            continue  # of ``mod.x = 1`` the module itself: ``mod.x`` is among them
        if is_own_module(project, names, path, chain):
            continue  # ``mod.register(x)``: what it calls is judged as a call
        found = globals_meant(project, names, path, chain)
        if not found:
            return None
        meant |= found
    # ``K.x = 1`` names ``K`` as well.
    return {p for p in meant if ":" not in p[1] or attribute_of(p)[0] not in meant}


def is_own_module(project: Project, names: Names, path: str, chain: str) -> bool:
    """Say whether a chain stands for a module of the project, and for nothing else."""
    resolution = names.resolve(path, chain)
    return bool(resolution.modules) and not any(
        cell.kind != "import"
        for file, name, _ in resolution.bindings
        if name != "__getattr__"
        for cell in project.index(file).bound_by(name)
    )


def globals_meant(project: Project, names: Names, path: str, chain: str) -> set[Place]:
    """Give the globals that a chain in a file leads to; none if others may have the object.

    Of a class only the attribute that is changed: it and the classes below it are asked for that.
    """
    found: set[Place] = set()
    for file, name, rest in names.resolve(path, chain).bindings:
        cells = [cell for cell in project.index(file).bound_by(name) if cell.kind != "import"]
        if any(cell.kind == "value" and cell.refs.calls and not cell.is_new for cell in cells):
            return set()  # ``log = getLogger("x")``: others may have the object, too
        if any(_may_take(project, names, file, c) for c in cells if c.kind == "effect"):
            return set()
        if rest and cells and all(cell.kind == "class" for cell in cells):
            found.add(at_attribute((file, name), rest[0]))
        elif cells:
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


def _may_take(project: Project, names: Names, path: str, cell: Cell) -> bool:
    """Say whether a compound statement may bind a name to an object that others have, too."""
    if cell.is_new:
        return False
    if any(call.rpartition(".")[2] not in NEW_CONTAINERS for call in cell.refs.calls):
        return True
    return any(
        found.kind != "import"
        for chain in cell.refs.chains
        for file, name, _ in names.resolve(path, chain).bindings
        for found in project.index(file).bound_by(name)
        if found is not cell
    )


def is_item(cell: Cell, tail: tuple[str, ...], method: str) -> bool:
    """Say whether what changes is in a container: ``D.setdefault(k, []).append(x)``."""
    is_container = cell.is_new and not cell.refs.calls
    return is_container and len(tail) == 1 and tail[0] in KEYED and method.lstrip(".") in MUTATORS


def present(project: Project, names: Names, path: str, chain: str) -> list[Binding]:
    """Give the bindings that a chain in a file reaches.

    Without the ``__getattr__`` of a package where what it would be asked for is there anyway.
    """
    bindings = names.resolve(path, chain).bindings
    own = [
        (file, name, rest)
        for file, name, rest in bindings
        if name != "__getattr__"
        and any(cell.kind != "import" for cell in project.index(file).bound_by(name))
    ]
    return own or bindings
