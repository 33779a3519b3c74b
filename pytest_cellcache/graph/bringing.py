"""Whether it matters to others that a module is imported, or which one: most only bind names.

An optional module that appears, or one that comes to stand before another, then counts for who uses
what it binds, and not for everybody who imports its importer.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import Key


class Bringing:
    """Judges modules of a project; results are kept for the run."""

    def __init__(self, digester: Digester) -> None:
        self._digester = digester
        self._project = digester.project
        self._loaded: dict[str, frozenset[str] | None] = {}

    def is_nothing(self, key: Key) -> bool:
        """Say whether importing the module of a ``loads`` key does nothing to anybody else."""
        modules = self._project.modules
        name = key.name.rstrip("?")
        located = modules.locate(key.path, name)
        if located is not None:
            return self._only_bind(file for file in (*located.passed, located.file) if file)
        if not key.path and name.partition(".")[0] in sys.stdlib_module_names:
            return True
        return name != key.name and modules.digest(key.path, name) == ABSENT

    def _only_bind(self, files: Iterable[str]) -> bool:
        """Say whether importing files surely does no more than to bind names of their own."""
        seen = set(files)
        stack = list(seen)
        while stack:
            loaded = self._loaded_by(stack.pop())
            if loaded is None:
                return False
            stack += loaded - seen
            seen |= loaded
        return True

    def _loaded_by(self, path: str) -> frozenset[str] | None:
        """Give the first-party files that a file imports; ``None`` if it does anything else."""
        if path not in self._loaded:
            found = self._imported(path) if self._binds_only_its_own(path) else None
            self._loaded[path] = found
        return self._loaded[path]

    def _binds_only_its_own(self, path: str) -> bool:
        registering = self._digester.registering_cells(path)
        return (
            path.endswith(".py")
            and not self._project.index(path).table.is_broken
            and not self._digester.effect_cells(path)
            and all(file == path for _, _, places in registering for file, _ in places)
            and not self._may_raise(path)
        )

    def _may_raise(self, path: str) -> bool:
        index = self._project.index(path)
        every = [cell.refs for cell in index.table.cells]
        every += [refs for _, refs in index.table.annotations.values()]
        roots = {chain.partition(".")[0] for refs in every for chain in refs.chains}
        return any(cell.may_raise for cell in index.table.cells) or not all(
            index.binds(root) or hasattr(builtins, root) for root in roots
        )

    def _imported(self, path: str) -> frozenset[str] | None:
        found: set[str] = set()
        for spec in self._project.index(path).table.loads:
            module, _, name = spec.partition(":")
            located = self._project.modules.find_from(path, module)
            if located is not None:
                child = self._project.modules.find_child(located, name) if name else None
                files = (*located.passed, located.file, child.file if child else None)
                found.update(file for file in files if file)
                has_name = not name or child or located.source is None
                if not has_name and not self._project.index(located.source or "").binds(name):
                    return None
            elif not _is_standard(module, name):
                return None
        return frozenset(found)


def _is_standard(module: str, name: str) -> bool:
    """Say whether an import of the standard library surely finds what it takes."""
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return False
    loaded = sys.modules.get(module)
    return loaded is not None and (not name or name in vars(loaded))
