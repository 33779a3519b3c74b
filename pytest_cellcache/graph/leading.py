"""Says of chains whether they lead out of the project, and what they hand over that lies in it."""

from __future__ import annotations

import builtins
from typing import Final

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.foreign import is_pure_foreign, makes_new
from pytest_cellcache.graph.meant import present
from pytest_cellcache.graph.names import Binding, Names
from pytest_cellcache.graph.newness import changes_container, may_change
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs, is_unknown_call
from pytest_cellcache.graph.remembered import Place

_OF_TESTS: Final = frozenset({"pytest", "unittest", "mock"})
_PATCHES: Final = frozenset(
    f"{module}.{patch}"
    for module in ("unittest.mock", "mock")
    for patch in ("patch", "patch.object", "patch.dict", "patch.multiple")
)


def is_foreign(project: Project, names: Names, path: str, name: str) -> bool:
    """Say whether a name is bound by imports from outside the project, and by nothing else."""
    index = project.index(path)
    aliases = index.aliases(name)
    return (
        bool(aliases)
        and all(project.modules.find_from(path, a.module) is None for a in aliases)
        and not any(
            name in cell.classes
            or name in index.defs
            or any(is_def(project, names, path, chain) for chain in cell.refs.chains)
            for cell in index.bound_by(name)
            if cell.kind != "import"
        )
    )


def ends_in_foreign(project: Project, bindings: list[Binding]) -> bool:
    """Judge a chain that leaves the project through a re-export."""
    for file, name, tail in bindings:
        for alias in project.index(file).aliases(name):
            if project.modules.find_from(file, alias.module) is None:
                return is_pure_foreign(".".join(filter(None, (alias.module, alias.name, *tail))))
    return False


def is_foreign_maker(project: Project, names: Names, file: str, call: str) -> bool:
    """Say whether a call makes an object of another distribution's class."""
    if is_unknown_call(call) or "(" in call:
        return False
    bindings = names.resolve(file, call).bindings
    kinds = {cell.kind for target, name, _ in bindings for cell in _bound(project, target, name)}
    return kinds == {"import"} and call.rpartition(".")[2][:1].isupper()


def calls_in(project: Project, path: str, refs: Refs) -> set[str]:
    """Give what a piece of code calls, but for what only opens files to read.

    Of ``open(path).read()`` the method of something unknown stays.
    """
    index = project.index(path)
    if refs.opens_to_write:
        return refs.calls
    if index.binds("open") or index.table.stars:
        return refs.calls - {".open"}
    return {call.removeprefix("open()") for call in refs.calls} - {"open", ".open"}


def calls_that_count(project: Project, names: Names, path: str, cell: Cell) -> set[str]:
    """Give what a statement calls, but for what changes a container that the module made.

    Nor what makes a patch beside a definition, as ``@patch("app.MODE", 1)`` does: it is started
    when the function is called. Not where somebody is called who might be handed it and start it.
    """
    every = calls_in(project, path, cell.refs)
    found = {call for call in every if not changes_container(project, path, call)}
    if cell.kind not in ("def", "class"):
        return found
    made = {call for call in found if _makes_patch(project, names, path, call)}
    others = found - made
    return others if all(_starts_nothing(project, names, path, c) for c in others) else found


def _makes_patch(project: Project, names: Names, path: str, call: str) -> bool:
    found = _foreign_names(project, names, path, call)
    return bool(found) and found <= _PATCHES and not call.partition("()")[2]


def _starts_nothing(project: Project, names: Names, path: str, call: str) -> bool:
    root = call.partition("()")[0].partition(".")[0]
    if not project.index(path).binds(root):
        return hasattr(builtins, root)
    found = _foreign_names(project, names, path, call)
    return bool(found) and all(n.split(".")[0] in _OF_TESTS or makes_new(n) for n in found)


def _foreign_names(project: Project, names: Names, path: str, call: str) -> set[str]:
    """Give the dotted names of what is called; none unless it is another distribution's."""
    root, *rest = call.partition("()")[0].split(".")
    if not is_foreign(project, names, path, root):
        return set()
    aliases = project.index(path).aliases(root)
    return {".".join(filter(None, (a.module, a.name, *rest))) for a in aliases}


def is_def(project: Project, names: Names, path: str, chain: str) -> bool:
    """Say whether a chain stands for a function of the project."""
    return any(
        not tail and cell.kind == "def"
        for file, name, tail in present(project, names, path, chain)
        for cell in _bound(project, file, name)
    )


def passes_values(project: Project, names: Names, path: str, refs: Refs) -> bool:
    """Say whether code may hand an object of some module to what it calls."""
    return bool(values_named(project, names, path, refs))


_EMPTY_BASES: Final = frozenset({"object", "ABC", "abc.ABC", "Generic", "typing.Generic"})


def is_own_object(project: Project, names: Names, place: Place) -> bool:
    """Say whether a global stands for an object of a class that has all methods from the
    project."""
    cells = _bound(project, *place)
    calls = {call for cell in cells for call in cell.refs.calls}
    if not calls or any(cell.kind != "value" for cell in cells):
        return False
    stack = [(place[0], call) for call in calls]
    seen = set(stack)
    while stack:
        file, chain = stack.pop()
        if chain in _EMPTY_BASES:
            continue
        bindings = names.resolve(file, chain).bindings
        classes = [
            (target, cell)
            for target, name, rest in bindings
            for cell in _bound(project, target, name)
            if cell.kind != "import" or not project.index(target).aliases(name)
        ]
        if not classes or any(cell.kind != "class" for _, cell in classes):
            return False
        new = {(target, base) for target, cell in classes for base in cell.refs.bases} - seen
        seen |= new
        stack += new
    return True


def values_named(project: Project, names: Names, path: str, refs: Refs) -> set[Place]:
    """Give the globals that code names, not to call them, and whose objects may be changed."""
    return {
        (file, name)
        for chain in refs.chains - refs.calls
        for file, name, _ in names.resolve(path, chain).bindings
        if any(map(may_change, _bound(project, file, name)))
    }


def _bound(project: Project, file: str, name: str) -> list[Cell]:
    return project.index(file).bound_by(name)


def only_changes_own(project: Project, path: str, cell: Cell) -> bool:
    """Say whether a statement only changes objects in place, or calls functions of its own module.

    What these do is looked at as where their result gets a name.
    """
    refs = cell.refs
    is_own = bool(refs.calls) and refs.calls <= project.index(path).defs.keys()
    return (is_own or bool(refs.receivers)) and cell.is_change and not refs.attr_stores
