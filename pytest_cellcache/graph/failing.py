"""Says what may fail in importing modules: who may be the first to import one fails with it.

Others need not know: had it failed, they would not have been collected.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Final

from pytest_cellcache.graph.described import evaluated_annotations
from pytest_cellcache.graph.loading import Loading
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts
from pytest_cellcache.model.keys import NAME, Key

_BUILTINS: Final = frozenset(dir(builtins))


class Failing:
    """Digests ``imports`` keys; results are kept for the run.

    Args:
        digest_name: digests a ``name`` key.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        loading: Loading,
        digest_name: Callable[[Key], Digest],
    ) -> None:
        self._project = project
        self._names = names
        self._loading = loading
        self._digest_name = digest_name
        self._risky: dict[str, frozenset[str]] = {}
        self._needing = Reached(self._needed_by)
        self._winding: dict[str, bool] = {}

    def digest(self, key: Key) -> Digest:
        """Digest what may fail in importing a module; see ``Key``."""
        files = self._loading.brought(key.name or key.path)
        if key.name:
            files -= self._loading.certain(key.path) if key.name != key.path else frozenset()
            return digest_parts(sorted(frozenset[str]().union(*map(self._risks, files))))
        # Those of files that it loaded have keys of their own.
        risky = sorted(filter(self._risks, files))
        return digest_parts([*sorted(self._risks(key.path)), "loads", *risky])

    def _risks(self, path: str) -> frozenset[str]:
        """Give what may fail in importing a module, others that it imports aside."""
        if path not in self._risky:
            table = self._project.index(path).table
            found: set[str] = {table.code} if table.is_broken else set()
            for spec in table.loads:
                offered = self._offered(path, spec)
                if offered is not None:
                    found.add("\0".join((path if spec[0] == "." else "", spec, offered)))
            if any(cell.may_raise for cell in table.cells):
                found.add(path)
            chains = frozenset[str]().union(*(cell.refs.chains for cell in table.cells))
            for root in {chain.partition(".")[0] for chain in chains} - _BUILTINS:
                if not self._project.index(path).binds(root):
                    found.add(f"{path} lacks {root}")
            order = [s for s in table.loads if any(map(self._winds, self._needed(path, s)))]
            if order:
                found.add("\0".join((path, "in order", *order)))
            if annotated := evaluated_annotations(self._project, self._names, path):
                found.add(digest_parts([path, *annotated]))
            self._risky[path] = frozenset(found)
        return self._risky[path]

    def _winds(self, path: str) -> bool:
        """Say whether importing a module meets modules that import each other.

        What these have bound when they are asked for it depends on which of them is imported first.
        """
        if path not in self._winding:
            files = {path, *self._loaded_after(path)}
            self._winding[path] = any(file in self._loaded_after(file) for file in files)
        return self._winding[path]

    def _loaded_after(self, path: str) -> frozenset[str]:
        return frozenset[str]().union(*map(self._needing.of, self._needed_by(path)))

    def _needed_by(self, path: str) -> set[str]:
        loads = self._project.index(path).table.loads
        return {file for spec in loads for file in self._needed(path, spec)}

    def _needed(self, path: str, spec: str) -> set[str]:
        """Give the files of the project that must have been evaluated for an import to succeed."""
        module, _, name = spec.partition(":")
        located = self._project.modules.find_from(path, module)
        if located is None or located.source is None:
            return set()
        child = self._project.modules.find_child(located, name) if name not in ("", "*") else None
        if child is None:
            last, passed = located.source, set(located.passed)
        else:
            last, passed = child.source or "", {*located.passed, located.source}
        # The packages around the module itself have begun before.
        folders = [file.rpartition("/")[0] + "/" for file in passed]
        around = {f for f, at in zip(passed, folders, strict=True) if path.startswith(at)}
        return {last, *(passed - around)} - {""}

    def _offered(self, path: str, spec: str) -> str | None:
        """Say what there is of what a module imports; ``None`` if it surely is in the project."""
        module, _, name = spec.partition(":")
        located = self._project.modules.find_from(path, module)
        if located is None or located.source is None:
            return ""
        if name in ("", "*") or self._project.modules.find_child(located, name) is not None:
            return None
        index = self._project.index(located.source)
        bound = [cell for cell in index.bound_by(name) if not cell.is_mere]
        if index.table.is_broken or (not bound and name not in index.table.aliases):
            is_open = index.table.stars or index.binds("__getattr__")
            return index.table.code if is_open or index.table.is_broken else ABSENT
        is_certain = all(cell.kind != "effect" for cell in bound)
        return None if is_certain else self._digest_name(Key(NAME, located.source, name))
