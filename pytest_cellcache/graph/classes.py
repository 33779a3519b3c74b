"""Judges what defining classes, and calling them, changes beside the class or a new object."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Final

from pytest_cellcache.graph.bases import UNKNOWN
from pytest_cellcache.graph.candidates import NEW_CLASS, NEW_OBJECT, with_bases
from pytest_cellcache.graph.cells import Cell, makes_classes
from pytest_cellcache.graph.foreign import (
    INITIALISERS,
    METACLASS_METHODS,
    OF_CLASSES,
    PLAIN_BASES,
    SUBCLASS_METHODS,
)
from pytest_cellcache.graph.judging import Judging
from pytest_cellcache.graph.leading import is_foreign
from pytest_cellcache.graph.meant import present
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place

MAX_DEPTH: Final = 12
"""Calls in calls that are followed."""


class Classes:
    """Judges classes.

    Args:
        is_quiet: judges a method as ``Purity`` does.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        judging: Judging,
        is_quiet: Callable[[str, str, int, bool, Place | None], bool],
    ) -> None:
        self._project = project
        self._names = names
        self._judging = judging
        self._is_quiet = is_quiet

    def defines_quietly(self, file: str, cell: Cell, depth: int) -> bool:
        """Say whether class statements in a cell change nothing else: bases and metaclasses may."""
        return self._judging.judge(
            ("definition", file, id(cell)),
            lambda: (
                depth <= MAX_DEPTH
                and all(self.is_plain_base(file, base, depth) for base in sorted(cell.refs.bases))
            ),
        ).is_quiet

    def is_plain_class(
        self, file: str, cell: Cell, name: str, depth: int, is_strict: bool = False
    ) -> bool:
        """Say whether calling a class of a cell changes nothing else."""
        bases = sorted(cell.refs.bases)
        return self._judging.judge(
            ("class", file, name, is_strict),
            lambda: (
                depth <= MAX_DEPTH
                and self.has_quiet(file, name, INITIALISERS, depth, is_strict)
                and all(self.is_plain_base(file, base, depth, is_strict) for base in bases)
            ),
        ).is_quiet

    def is_called_quietly(self, file: str, name: str, depth: int) -> bool:
        """Say whether calling a new object of a class changes nothing else."""
        for target, owner in with_bases(self._project, self._names, file, [name]):
            method = f"{owner}.__call__"
            if method in self._project.index(target).defs:
                return self._is_quiet(target, method, depth + 1, False, NEW_OBJECT)
        return True

    def has_quiet(
        self, file: str, name: str, methods: tuple[str, ...], depth: int, is_strict: bool
    ) -> bool:
        """Say whether those of some methods that a class defines are quiet."""
        defs = self._project.index(file).defs
        is_hook = methods in (METACLASS_METHODS, SUBCLASS_METHODS)  # of class statements
        top = name.partition(".")[0]
        return all(
            self._is_quiet(
                file,
                f"{name}.{method}",
                depth + 1,
                is_strict,
                (file, top) if method in OF_CLASSES else NEW_CLASS if is_hook else NEW_OBJECT,
            )
            for method in methods
            if f"{name}.{method}" in defs
        )

    def is_plain_base(
        self, file: str, base: str, depth: int, is_strict: bool | None = None
    ) -> bool:
        """Judge a base or metaclass: of a class statement, or, with ``is_strict``, of a call."""
        if base == UNKNOWN:
            return False
        chain, parens, _ = base.partition("()")
        root = chain.partition(".")[0]
        index = self._project.index(file)
        if not index.binds(root):
            return hasattr(builtins, root)
        if is_foreign(self._project, self._names, file, root):
            tops = {a.module.lstrip(".").partition(".")[0] for a in index.aliases(root)}
            return bool(parens) or tops <= sys.stdlib_module_names | PLAIN_BASES
        found = False
        for target, name, tail in present(self._project, self._names, file, chain):
            owner = ".".join((name, *tail))
            for _, cell in self._project.index(target).binders.get(name, ()):
                if name in cell.binds and cell.kind != "import":
                    found = True
                    if parens or not (
                        owner in cell.classes or (owner == name and cell.kind == "class")
                    ):
                        return False
                    is_meta = makes_classes(cell)
                    hooks = METACLASS_METHODS if is_meta else SUBCLASS_METHODS
                    if not self.has_quiet(target, owner, hooks, depth, False):
                        return False
                    if not self.defines_quietly(target, cell, depth + 1):
                        return False
                    if is_strict is None or is_meta:
                        continue  # only defined, or made by the metaclass
                    if not self.is_plain_class(target, cell, owner, depth + 1, is_strict):
                        return False
        return found
