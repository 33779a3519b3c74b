"""Says whether code looks at what there is, whoever made it: loaded modules, subclasses, objects.

Where such code may run, leaving out the import of any module could be noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pytest_cellcache.graph.project import Index, Project
from pytest_cellcache.graph.refs import Refs, words_of

_EVERYTHING: Final = frozenset({"sys.modules", "gc.get_objects", "gc.get_referrers"})

Row = tuple[bool, tuple[str, ...]]
"""Whether a file may look around, and what it imports, be it in functions."""


class Watching:
    """Follows files that are about to run, and all that they may import.

    Args:
        known: rows of an earlier run, by the digest of a file.

    Attributes:
        rows: those that were needed in this run.
    """

    def __init__(self, project: Project, known: Mapping[str, Any]) -> None:
        self._project = project
        self._known = known
        self._files: set[str] = set()
        self._suspects: set[str] = set()
        self.rows: dict[str, Row] = {}

    def add(self, files: Iterable[str]) -> None:
        """Take files whose code may run from now on."""
        stack = [file for file in files if file.endswith(".py")]
        while stack:
            path = stack.pop()
            if path in self._files:
                continue
            self._files.add(path)
            may_watch, specs = self._row(path)
            if may_watch:
                self._suspects.add(path)
            for spec in specs:
                module, _, taken = spec.partition(":")
                located = self._project.modules.find_from(path, module)
                child = located and self._project.modules.find_child(located, taken)
                stack += [found.source for found in (located, child) if found and found.source]

    def is_watched(self, left_out: Iterable[str]) -> bool:
        """Say whether any of these files is looked for."""
        names = {words_of(file.rpartition("/")[2].removesuffix(".py")) for file in left_out}
        return bool(names) and any(
            _looks(refs, names)
            for path in self._suspects
            for refs in _code(self._project.index(path))
        )

    def _row(self, path: str) -> Row:
        digest = self._project.snapshot.digest_file(path)
        match self._known.get(digest):
            case [bool(may_watch), [*specs]]:
                row = may_watch, tuple(map(str, specs))
            case _:
                row = _row_of(self._project.index(path))
        self.rows[digest] = row
        return row


def lists_subclasses(index: Index) -> bool:
    """Say whether code of a module asks classes for their subclasses."""
    return any("__subclasses__" in refs.attrs for refs in _code(index))


def _row_of(index: Index) -> Row:
    specs = set(index.table.loads)
    for refs in _code(index):
        specs |= refs.imports
    may_watch = any(_may_look(refs) for refs in _code(index))
    return may_watch, tuple(sorted(specs))


def _code(index: Index) -> list[Refs]:
    table = index.table
    marked = [refs for _, refs in table.markers.values()]
    return [*(cell.refs for cell in table.cells), *(d.refs for d in table.defs), *marked]


def _may_look(refs: Refs) -> bool:
    return _takes_all(refs) or _names_modules(refs.chains)


def _takes_all(refs: Refs) -> bool:
    return (
        "__subclasses__" in refs.attrs
        or not {"sys:modules", "sys:*"}.isdisjoint(refs.imports)
        or not _EVERYTHING.isdisjoint(refs.wholes | refs.calls)
    )


def _looks(refs: Refs, names: set[frozenset[str]]) -> bool:
    if _takes_all(refs):
        return True
    # ``sys.modules[cls.__module__]`` looks for nothing that could be missing, and does not count
    # as computed; a name that does not occur is not looked for.
    return _names_modules(refs.chains) and (
        refs.imports_computed or bool(refs.importers) or any(name <= refs.words for name in names)
    )


def asks_for_modules(refs: Refs) -> bool:
    """Say whether code may ask ``sys.modules`` for a module that it does not name."""
    return _names_modules(refs.wholes - {"sys.modules.get"})


def _names_modules(chains: Iterable[str]) -> bool:
    return any(chain.startswith("sys.modules") for chain in chains)
