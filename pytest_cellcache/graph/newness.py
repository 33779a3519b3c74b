"""What code may change without anybody else noticing: constants, and what new objects made."""

from __future__ import annotations

import builtins
from typing import Final

from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Index, Project
from pytest_cellcache.graph.refs import MUTATORS
from pytest_cellcache.graph.scopes import NEW_CONTAINERS

_ABSTRACT: Final = frozenset({"ABC", "ABCMeta", "Protocol", "Generic"})
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
            for base in {*cell.bases, *cell.refs.bases}:
                for file, name, rest in names.resolve(place[0], base).bindings:
                    stack.append((file, ".".join((name, *rest))))
    return made


def defaults_named(index: Index, definition: Def) -> frozenset[str]:
    """Give what the defaults of a function may be, by chains of globals; methods aside."""
    return frozenset(
        chain
        for cell in index.bound_by(definition.qualname)
        for chain in cell.refs.chains.difference(definition.decorators)
        if cell.kind == "def"
    )


def may_change(cell: Cell) -> bool:
    """Say whether what a statement binds may be changed in place: not a text or a number."""
    is_constant = not (cell.is_new or cell.refs.chains or cell.refs.calls)
    return cell.kind == "effect" or (cell.kind == "value" and not is_constant)


def changes_container(project: Project, path: str, call: str) -> bool:
    """Say whether a call is a mutating method of a container that a module made."""
    owner, _, method = call.rpartition(".")
    if method not in MUTATORS or "." in owner or not _is_own(project, path, owner):
        return False
    if any(cell.kind == "class" for cell in project.index(path).bound_by(owner)):
        return _has_no_method(project, path, owner, method)
    called = {c for cell in project.index(path).bound_by(owner) for c in cell.refs.calls}
    return all(call.rpartition(".")[2] in NEW_CONTAINERS for call in called)


def _has_no_method(project: Project, path: str, owner: str, method: str) -> bool:
    """Say whether a class has a method of its metaclass only: ``Base.register(Other)``."""
    index = project.index(path)
    bases = {base for cell in index.bound_by(owner) for base in (*cell.bases, *cell.refs.bases)}
    is_known = all(
        hasattr(builtins, base) or base.rpartition(".")[2] in _ABSTRACT for base in bases
    )
    return is_known and f"{owner}.{method}" not in index.defs


def _is_own(project: Project, path: str, name: str) -> bool:
    """Say whether a global stands for an object that its module made: only its readers care."""
    index = project.index(path)
    bound = index.bound_by(name)
    if not bound or index.aliases(name):
        return False
    return all(
        cell.is_new
        or cell.kind in ("def", "class")
        or (cell.kind == "value" and not cell.refs.calls and not cell.refs.chains)
        for cell in bound
    )
