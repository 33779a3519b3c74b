"""Says whose docstrings statements may read when they are evaluated, or pass to who may.

Code that runs in a test and reads docstrings is told by ``reads_docs``: such a test rests on those
of all that it reaches. Here it is about imports: decorators that register a function with its
help, hooks of classes, and what other distributions do with what they are handed.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection, Iterable
from typing import Final

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.described import Described, has_foreign_base
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.plainness import hands_to_anybody
from pytest_cellcache.graph.refs import Refs, is_unknown_call
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.graph.texts import reads_docs
from pytest_cellcache.model.keys import Key

_QUIET: Final = sys.stdlib_module_names | {"pytest", "_pytest", "attr", "attrs"}
"""Top-level modules whose functions copy docstrings at most, but for those that say so by name."""
_OF_PROPERTIES: Final = frozenset({"setter", "getter", "deleter"})
_OF_CONTAINERS: Final = frozenset(
    name for kind in (str, list, dict, set, tuple) for name in dir(kind)
)
_MAX_STEPS: Final = 1000


class DocReading:
    """Finds the keys of such docstrings; what bodies do is kept for the run."""

    def __init__(self, digester: Digester, described: Described) -> None:
        self._project = digester.project
        self._names = digester.names
        self._plainness = digester.plainness
        self._described = described
        self._reading: dict[Place, bool] = {}
        # By file and what is before the first dot: decorated functions and their decorators.
        self._decorated: dict[str, dict[str, dict[str, set[str]]]] = {}

    def of_cell(self, path: str, cell: Cell, ran: Collection[Place]) -> set[Key]:
        """Give what a statement may have read.

        Args:
            ran: the bodies that it has run.
        """
        if cell.kind == "import":
            return set()
        if reads_docs(cell.refs) or any(map(self._reads, ran)):
            return self._reached(path, (*cell.binds, *cell.refs.chains))
        is_definition = cell.kind in ("def", "class")
        found = self._of_definition(path, cell, ran) if is_definition else set()
        passes_on = any(
            self._calls_others(place[0], each.refs, ran)
            for place in ran
            for each in self._project.index(place[0]).defs.get(place[1], ())
        )
        if passes_on or self._calls_others(path, cell.refs, ran):
            found |= self._handed(path, cell.refs)
            if passes_on:
                found |= self._own(path, cell)
        return found

    def of_body(self, path: str, refs: Refs) -> set[Key]:
        """Give what a body hands to functions of other distributions."""
        return self._handed(path, refs) if self._calls_others(path, refs, ()) else set()

    def _reads(self, place: Place) -> bool:
        if place not in self._reading:
            found = self._project.index(place[0]).defs.get(place[1], ())
            self._reading[place] = any(reads_docs(each.refs) for each in found)
        return self._reading[place]

    def _own(self, path: str, cell: Cell) -> set[Key]:
        return {key for name in cell.binds for key in self._described.docs(path, name)}

    def _of_definition(self, path: str, cell: Cell, ran: Collection[Place]) -> set[Key]:
        """Give the docstrings of what decorators and bases of other distributions are handed."""
        if has_foreign_base(self._project, path, cell):
            return self._own(path, cell)
        found: set[Key] = set()
        for name in cell.binds:
            chains = [(name, {*cell.decorators})] if cell.kind == "class" else []
            for qualname, every in self._decorated_in(path, name.partition(".")[0]).items():
                if qualname == name or qualname.startswith(name + "."):
                    chains.append((qualname, every))
            for qualname, every in chains:
                if not all(self._is_quiet(path, chain, ran) for chain in every):
                    found |= self._described.docs(path, qualname)
        return found

    def _decorated_in(self, path: str, top: str) -> dict[str, set[str]]:
        if path not in self._decorated:
            by_top = self._decorated[path] = {}
            for each in self._project.index(path).table.defs:
                if each.decorators:
                    found = by_top.setdefault(each.qualname.partition(".")[0], {})
                    found.setdefault(each.qualname, set()).update(each.decorators)
        return self._decorated[path].get(top, {})

    def _is_quiet(self, path: str, chain: str, ran: Collection[Place]) -> bool:
        """Say whether a decorator hands what it is given to nobody who may read docstrings."""
        root, _, rest = chain.partition(".")
        index = self._project.index(path)
        if not index.binds(root):
            of_python = hasattr(builtins, root) and not rest and not index.table.stars
            return of_python or rest in _OF_PROPERTIES
        if self._is_of_others(path, root):
            return not self._is_telling(path, root)
        owners = [
            (file, name, rest)
            for file, name, rest in self._names.resolve(path, chain).bindings
            if any(cell.kind != "import" for cell in self._project.index(file).bound_by(name))
        ]
        return bool(owners) and all(
            self._is_own(*owner, ran) for owner in owners
        ) and not any(
            hands_to_anybody(each.refs)
            for file, name in ran
            for each in self._project.index(file).defs.get(name, ())
        )  # fmt: skip

    def _is_own(self, file: str, name: str, rest: tuple[str, ...], ran: Collection[Place]) -> bool:
        cells = self._project.index(file).bound_by(name)
        if all(cell.kind == "def" for cell in cells):
            return not rest
        is_plain = all(cell.kind == "class" for cell in cells) and len(rest) < 2
        return is_plain and self._plainness.is_plain(file, name)

    def _calls_others(self, path: str, refs: Refs, ran: Collection[Place]) -> bool:
        """Say whether code calls functions of other distributions that may read docstrings."""
        if any(self._is_strange(path, spec.partition(":")[0]) for spec in refs.imports):
            return True
        names = {name.rpartition(".")[2] for _, name in ran}
        for call in refs.calls:
            if is_unknown_call(call):
                continue
            root, _, rest = call.partition("()")[0].partition(".")
            if not self._project.index(path).binds(root):
                continue
            if self._is_telling(path, root):
                return True
            method = rest.rpartition(".")[2]
            if method and method not in names and method not in _OF_CONTAINERS and ran:
                bindings = self._names.resolve(path, f"{root}.{rest}").bindings
                for file, name, tail in bindings:
                    cells = self._project.index(file).bound_by(name)
                    if tail and any(cell.kind not in ("import", "class") for cell in cells):
                        return True  # a method of an object that the project did not define
        return False

    def _is_of_others(self, path: str, root: str) -> bool:
        """Say whether all that binds a name are imports from other distributions."""
        index = self._project.index(path)
        return all(cell.kind == "import" for cell in index.bound_by(root)) and all(
            self._project.modules.find_from(path, alias.module) is None
            for alias in index.aliases(root)
        )

    def _is_telling(self, path: str, root: str) -> bool:
        """Say whether a name may be imported from a distribution that reads docstrings."""
        aliases = self._project.index(path).aliases(root)
        return any(self._is_strange(path, alias.module) for alias in aliases)

    def _is_strange(self, path: str, module: str) -> bool:
        if module.partition(".")[0] in _QUIET:
            return False
        return self._project.modules.find_from(path, module) is None

    def _handed(self, path: str, refs: Refs) -> set[Key]:
        return {
            key
            for chain in refs.arguments
            for file, name, rest in self._names.resolve(path, chain).bindings
            for key in self._described.docs(file, ".".join((name, *rest)))
        }

    def _reached(self, path: str, chains: Iterable[str]) -> set[Key]:
        """Give the docstrings of all that names lead to, by way of what they were made of."""
        found: set[Key] = set()
        seen: set[tuple[str, str]] = set()
        stack = [(path, chain) for chain in chains]
        while stack and len(seen) < _MAX_STEPS:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            for file, name, _ in self._names.resolve(*at).bindings:
                found |= self._described.docs(file, name)
                for cell in self._project.index(file).bound_by(name):
                    further = cell.bases if cell.kind == "class" else cell.refs.chains
                    if cell.kind not in ("def", "import"):
                        stack += [(file, chain) for chain in further if chain]
        return found
