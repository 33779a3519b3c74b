"""Says of which classes nobody can tell, as they are made, which plain methods they have.

No metaclass, no ``__init_subclass__``, no bases of other distributions but such as are known, and
decorators of the project only, or such as are known. What those of the project did when the class
was made is part of what its users rest on, so they tell of the rest.
"""

from __future__ import annotations

import builtins
import sys
from typing import Final

from pytest_cellcache.graph.asking import GIVEN, MADE, OTHER
from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs

_QUIET_BASES: Final = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
) | {"object"}
_LOOKING_AT_FIELDS: Final = frozenset(
    """typing.NamedTuple dataclasses.dataclass typing.final attr.s attr.attrs attr.dataclass
    attr.define attr.frozen attr.mutable attrs.define attrs.frozen attrs.mutable""".split()
)
"""What looks at annotations, values and special methods of a class alone."""
_MAX_DEPTH: Final = 20


def hands_to_anybody(refs: Refs) -> bool:
    """Say whether code may give something to a function that no name leads to."""
    return not refs.asked.isdisjoint((OTHER, MADE, GIVEN))


class Plainness:
    """Judges the classes of a project; results are kept for the run."""

    def __init__(self, project: Project, names: Names) -> None:
        self._project = project
        self._names = names
        self._known: dict[tuple[str, str], bool] = {}
        self._decorating: dict[tuple[str, str], bool] = {}
        self._deciding: set[tuple[str, str]] = set()

    def is_plain(self, path: str, name: str, depth: int = 0) -> bool:
        """Say whether a class is such a one."""
        place = path, name
        if place not in self._known:
            self._known[place] = False  # one that is its own base
            self._known[place] = depth <= _MAX_DEPTH and self._is_plain(path, name, depth)
        return self._known[place]

    def may_decorate(self, path: str, name: str) -> bool:
        """Say whether a body is a part of what decorates a class that was asked about."""
        return (path, name.partition(".<locals>.")[0]) in self._deciding

    def _is_plain(self, path: str, name: str, depth: int) -> bool:
        index = self._project.index(path)
        binders = index.binders.get(name, [])
        if len(binders) != 1:
            return False
        cell = binders[0][1]
        if cell.kind != "class" or cell.binds != (name,):
            return False
        if f"{name}.__init_subclass__" in index.defs:
            return False
        if not all(self._decorates_quietly(path, chain, depth) for chain in cell.decorators):
            return False
        for base in cell.bases:
            root = base.partition(".")[0]
            if not index.binds(root):
                if base not in _QUIET_BASES or index.table.stars:
                    return False
                continue
            if self._is_known(path, base):
                continue
            owners = self._owners(path, base)
            if len(owners) != 1:  # of another distribution, or one of several
                return False
            if not self.is_plain(*owners.pop(), depth + 1):
                return False
        return True

    def _decorates_quietly(self, path: str, chain: str, depth: int) -> bool:
        """Say whether a decorator is a function of the project that hands nothing to others.

        Whether it may call what it has looked up is asked of the part of it that ran.
        """
        if not chain or depth > _MAX_DEPTH:
            return False
        if self._is_known(path, chain):
            return True
        place = path, chain
        if place not in self._decorating:
            self._decorating[place] = True  # what calls itself is judged by the rest
            owners = self._owners(path, chain)
            self._decorating[place] = bool(owners) and all(
                self._is_own(file, name, depth + 1) for file, name in owners
            )
        return self._decorating[place]

    def _is_own(self, path: str, name: str, depth: int) -> bool:
        index = self._project.index(path)
        self._deciding.add((path, name))
        if any(cell.kind != "def" for cell in index.bound_by(name)) or name not in index.defs:
            return False
        for found in index.defs[name]:
            refs = index.refs_run(found, 2)
            if refs.imports or "__init_subclass__" in refs.attr_stores:
                return False
            for chain in refs.chains:
                root = chain.partition(".")[0]
                if not index.binds(root):
                    if not hasattr(builtins, root) or index.table.stars:
                        return False
                elif chain in refs.calls or chain in refs.arguments:
                    owners = self._owners(path, chain)
                    is_def = any(
                        cell.kind == "def" for f, n in owners for cell in self._bound(f, n)
                    )
                    if is_def and not self._decorates_quietly(path, chain, depth):
                        return False
                    if not owners and not self._is_of_python(path, root):
                        return False
        return True

    def _bound(self, file: str, name: str) -> list[Cell]:
        return self._project.index(file).bound_by(name)

    def _is_of_python(self, path: str, root: str) -> bool:
        aliases = self._project.index(path).aliases(root)
        tops = {alias.module.partition(".")[0] for alias in aliases}
        return bool(tops) and tops <= sys.stdlib_module_names

    def _is_known(self, path: str, chain: str) -> bool:
        """Say whether a chain stands for something that looks at fields alone."""
        root, *rest = chain.split(".")
        aliases = self._project.index(path).aliases(root)
        if self._owners(path, chain):
            return False
        names = {".".join(filter(None, (a.module, a.name, *rest))) for a in aliases}
        return bool(names) and names <= _LOOKING_AT_FIELDS

    def _owners(self, path: str, chain: str) -> set[tuple[str, str]]:
        """Give what the project binds that a chain stands for."""
        return {
            (file, ".".join((found, *rest)))
            for file, found, rest in self._names.resolve(path, chain).bindings
            if any(cell.kind != "import" for cell in self._bound(file, found))
        }
