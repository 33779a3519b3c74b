"""What code may change without anybody else noticing: constants, and what new objects made."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable
from typing import Final

from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Index, Project
from pytest_cellcache.graph.refs import MUTATORS, OPERATING, Refs
from pytest_cellcache.graph.scopes import NEW_CONTAINERS
from pytest_cellcache.model.keys import Key

_ABSTRACT: Final = frozenset({"ABC", "ABCMeta", "Protocol", "Generic"})
_INITIALISERS: Final = ("__init__", "__new__", "__attrs_init__")
_UNCHANGEABLE: Final = frozenset(
    "abs ascii bin bool bytes chr float format hash hex id int len oct ord repr round str".split()
)
"""Builtins that give what nobody can change."""
_HOLDING: Final = frozenset("get setdefault pop popitem popleft __getitem__ get_nowait".split())
"""Methods that give what an object holds."""
_PLAIN: Final = frozenset({"staticmethod", "classmethod"})
_ENUMERATIONS: Final = frozenset(
    f"enum.{name}"
    for name in "Enum IntEnum StrEnum Flag IntFlag ReprEnum EnumMeta EnumType".split()
)
_PLAIN_DATA: Final = frozenset("int str float bytes tuple".split())
"""Builtin types of which members may be that nobody can change."""


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


def defaults_changed(
    project: Project, names: Names, path: str, definition: Def, refs: Refs
) -> frozenset[str]:
    """Give what a function may change that its parameters are by default.

    Args:
        refs: of all that runs when it is called.

    Returns:
        Chains of globals, methods aside; the empty one for a container that it keeps.
    """
    stepped = [chains for parameter, *chains in definition.defaults if parameter in refs.steps]
    if refs.alters_parameters or not all(map(all, stepped)):
        kept = {""} if definition.has_kept_default else ()
        return _defaults_named(project.index(path), definition).union(kept)
    named = frozenset(chain for chains in stepped for chain in chains)
    return frozenset(chain for chain in named if not _is_member(project, names, path, chain))


def _is_member(project: Project, names: Names, path: str, chain: str) -> bool:
    """Say whether a chain stands for members of enumerations, which no operator changes."""
    owner, _, name = chain.rpartition(".")
    return bool(owner) and name[0] != "_" and _are_enumerations(project, names, path, owner)


def _are_enumerations(
    project: Project, names: Names, path: str, chain: str, below: frozenset[str] = frozenset()
) -> bool:
    """Say whether a chain stands for such classes of which nothing is changed by an operator."""
    found = [
        (file, cell, rest)
        for file, name, rest in names.resolve(path, chain).bindings
        for cell in project.index(file).bound_by(name)
        if cell.kind != "import"
    ]
    return bool(found) and not any(
        rest
        or cell.kind != "class"
        or cell.decorators
        or not OPERATING.isdisjoint(cell.refs.attrs)
        or "nonmember" in cell.refs.attrs | cell.refs.chains
        or chain in below
        or not _enumerates(project, names, file, cell, below | {chain})
        for file, cell, rest in found
    )


def _enumerates(
    project: Project, names: Names, path: str, cell: Cell, below: frozenset[str]
) -> bool:
    """Say whether a class is made of enumerations and of types of which nothing is changed."""
    index = project.index(path)
    is_one = False
    for base in {*cell.bases, *cell.refs.bases}:
        root, *rest = base.split(".")
        named = {".".join(filter(None, (a.module, a.name, *rest))) for a in index.aliases(root)}
        if named and named <= _ENUMERATIONS:
            is_one = True
        elif index.binds(root) or base not in _PLAIN_DATA:
            if not _are_enumerations(project, names, path, base, below):
                return False
            is_one = True
    return is_one


def _defaults_named(index: Index, definition: Def) -> frozenset[str]:
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


def changes_held(
    project: Project, names: Names, path: str, refs: Refs, seen: Collection[Key] = ()
) -> bool:
    """Say whether code in ``path`` may change as a local of its own what somebody else has.

    Args:
        seen: all bodies that ran with it. A method that is none of them is a class, or of a
            library; if it is not known which ran, it may give anything.
    """
    return refs.changes_unknown or not _all_give_new(project, names, path, refs.given, seen)


def _all_give_new(
    project: Project, names: Names, path: str, makers: Iterable[str], seen: Collection[Key]
) -> bool:
    for maker in makers:
        owner, _, name = maker.rpartition(".")
        if not owner and maker[0] == ".":
            ran = [key for key in seen if key.name.rpartition(".")[2] == name]
            if not seen or (not ran and name in _HOLDING):
                return False
            if not all(_made_by(project, names, key) for key in ran):
                return False
            continue
        found = names.resolve(path, maker).bindings
        if not found and maker not in _UNCHANGEABLE:
            return False
        if not all(_makes_new(project, file, name) and not rest for file, name, rest in found):
            return False
    return True


def _made_by(project: Project, names: Names, key: Key) -> bool:
    """Say whether a method gives what is of nobody, or a property the class of it."""
    found = project.index(key.path).defs.get(key.name, ())
    if any(definition.decorators != ("property",) for definition in found):
        return _makes_new(project, key.path, key.name)
    if not all(definition.gives_new for definition in found):
        return False
    return not any(
        rest
        or any(cell.kind not in ("class", "import") for cell in project.index(file).bound_by(name))
        for definition in found
        for chain in definition.refs.chains
        for file, name, rest in names.resolve(key.path, chain).bindings
    )


def _makes_new(project: Project, path: str, name: str) -> bool:
    """Say whether what goes by a name is a function that gives what is of nobody, or a class."""
    index = project.index(path)
    cells, defs = index.bound_by(name), index.defs.get(name, ())
    if any(cell.kind not in ("def", "class") for cell in cells) or not (cells or defs):
        return False
    return all(found.gives_new and set(found.decorators) <= _PLAIN for found in defs)
