"""What code may change without anybody else noticing: constants, and what new objects made."""

from __future__ import annotations

from typing import Final

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project

_INITIALISERS: Final = ("__init__", "__new__", "__attrs_init__")


def attributes_made(project: Project, names: Names, path: str, owner: str) -> set[str]:
    """Give the attributes that initialisers of a class and of its bases set."""
    made: set[str] = set()
    seen: set[tuple[str, str]] = set()
    stack = [(path, owner)]
    while stack:
        place = stack.pop()
        if place in seen:
            continue
        seen.add(place)
        index = project.index(place[0])
        for initialiser in _INITIALISERS:
            for found in index.defs.get(f"{place[1]}.{initialiser}", ()):
                made |= found.refs.attr_stores
        for cell in index.bound_by(place[1]):
            for base in cell.bases:
                for file, name, rest in names.resolve(place[0], base).bindings:
                    stack.append((file, ".".join((name, *rest))))
    return made


def may_change(cell: Cell) -> bool:
    """Say whether what a statement binds may be changed in place: not a text or a number."""
    is_constant = not (cell.is_new or cell.refs.chains or cell.refs.calls)
    return cell.kind == "effect" or (cell.kind == "value" and not is_constant)
