"""Says what importing a module brings along, and whether anybody else could notice.

A module that is not imported because all its tests are replayed must leave nothing out that a live
test could see: a register filled, something patched, a submodule that became an attribute of its
package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.model.digest import ABSENT


class Brought(NamedTuple):
    """What importing one module has for others.

    Attributes:
        is_loud: the module itself changes more than the names it binds.
        direct: relative first-party files that it imports itself, packages on the way included.
        names: foreign modules that it imports itself and that others may find loaded or bound:
            all but plain modules of the standard library.
        loud: files among all that are imported with it that change more than what they bind.
    """

    is_loud: bool
    direct: frozenset[str]
    names: frozenset[str]
    loud: frozenset[str]


class Imports:
    """Follows imports through a project; results are kept for the run.

    Args:
        ran: bodies that ran while modules were imported and tests collected: what they import
            counts as imported by their module, and what pytest called among them is judged.
        asked: files that a file imported under computed names.
    """

    def __init__(
        self,
        project: Project,
        digester: Digester,
        ran: Iterable[Place] = frozenset(),
        asked: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> None:
        self._project = project
        self._digester = digester
        self._asked = asked
        self._reached = Reached[str](lambda path: self.direct(path)[0])
        self._loads: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._ran: dict[str, list[str]] = {}
        for path, qualname in ran:
            self._ran.setdefault(path, []).append(qualname)
        self._marks: dict[tuple[str, str], Cell] = {}
        self._loud: dict[str, bool] = {}

    def brought(self, path: str) -> Brought:
        """Follow the imports of a file and of the first-party modules it imports."""
        direct, names = self.direct(path)
        every = frozenset[str]().union(*map(self._reached.of, direct))
        loud = frozenset(filter(self._is_loud, every - {path}))
        is_loud = self._is_loud(path) or any(
            self._reaches_out(path, self._digester.purity.changes_of_call(path, qualname))
            for qualname in self._ran.get(path, ())
            if "." not in qualname  # methods are judged with what calls them
        )
        return Brought(is_loud, direct, names, loud)

    def direct(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give the first-party files and the foreign names that a file imports itself."""
        if path not in self._loads:
            files = set(self._asked.get(path, ()))
            names: set[str] = set()
            for spec in self._specs(path):
                found = self._project.modules.find_import(path, spec)
                files.update(file for located in found for file in located.evaluated)
                if not found:
                    module, _, taken = spec.partition(":")
                    names |= _foreign(module, taken)
            folder = path.rpartition("/")[0]
            while folder and self._project.snapshot.digest_file(f"{folder}/__init__.py") != ABSENT:
                files.add(f"{folder}/__init__.py")
                folder = folder.rpartition("/")[0]
            files.discard(path)
            self._loads[path] = frozenset(files), frozenset(names)
        return self._loads[path]

    def _specs(self, path: str) -> Iterator[str]:
        """Give what a module imports, be it in statements, by name or in what these call."""
        index = self._project.index(path)
        yield from index.table.loads
        called = [d for name in self._ran.get(path, ()) for d in index.defs.get(name, ())]
        marked = (refs for _, refs in index.table.markers.values())
        cells = (cell.refs for cell in index.table.cells)
        for refs in (*cells, *marked, *(found.refs for found in called)):
            yield from refs.imports
            yield from (text for text in refs.strings if self._project.modules.find(text))

    def _is_loud(self, path: str) -> bool:
        if path not in self._loud:
            table = self._project.index(path).table
            changes = [self._changes_of_mark(path, name) for name in table.markers]
            changes += [found for _, _, found in self._digester.registering_cells(path)]
            self._loud[path] = (
                table.is_broken
                or bool(self._digester.effect_cells(path))
                or any(self._reaches_out(path, found) for found in changes)
            )
        return self._loud[path]

    @staticmethod
    def _reaches_out(path: str, changed: frozenset[Place] | None) -> bool:
        return changed is None or any(file != path for file, _ in changed)

    def _changes_of_mark(self, path: str, name: str) -> frozenset[Place] | None:
        """Judge pytest's decorators of a def, which are no part of a cell."""
        digest, refs = self._project.index(path).table.markers[name]
        cell = self._marks.setdefault((path, name), Cell("value", (), digest, refs, 0, 0))
        return self._digester.purity.changes_of(path, cell)


def _foreign(module: str, taken: str) -> set[str]:
    """Name the foreign modules that an import loads and that others could notice."""
    names = {module, f"{module}.{taken}"} if taken else {module}
    parts = module.split(".")
    names |= {".".join(parts[:length]) for length in range(1, len(parts))}
    return {
        name
        for name in names
        if name in sys.modules and ("." in name or name not in sys.stdlib_module_names)
    }
