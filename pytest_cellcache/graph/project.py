"""The parsed modules of a run, and which cells bind a name in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from json import dumps, loads
from typing import Final

from pytest_cellcache.graph.cells import Alias, Cell, Def, Table, table_from_json, table_to_json
from pytest_cellcache.graph.modules import Modules
from pytest_cellcache.graph.refs import Refs, words_of
from pytest_cellcache.graph.split import split_cells
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import ANNOTATIONS, BODY, MAIN, MARKERS, NAME, Key
from pytest_cellcache.sources.snapshot import Snapshot

EMPTY: Final = Table()
_NUMBER: Final = "#"
"""Stands before the number of one among several defs of a name, counted from 1."""

TableCache = Callable[[str], bytes | None]


class Index:
    """One module's table with what is looked up in it often."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.binders: dict[str, list[tuple[int, Cell]]] = {}
        self.changers: dict[str, list[int]] = {}
        """Positions of the cells that bind a name or change what it stands for."""
        aliases = _aliases_in(table)
        for position, cell in enumerate(table.cells):
            changed = {chain.partition(".")[0] for chain in cell.refs.receivers}
            for name in tuple(changed):
                changed |= aliases.get(name, set())
            for name in changed.union(cell.binds):
                self.changers.setdefault(name, []).append(position)
                # ``mod.x = 1`` is a change of ``x``, wherever the name of the module is read.
                if name in cell.binds or not is_module(table, name):
                    self.binders.setdefault(name, []).append((position, cell))
        self.defs: dict[str, list[Def]] = {}
        for found in table.defs:
            self.defs.setdefault(found.qualname, []).append(found)
        self._nested: dict[str, list[str]] = {}
        for name in self.defs:
            outer, is_nested, _ = name.rpartition(".<locals>.")
            if is_nested:
                self._nested.setdefault(outer + is_nested, []).append(name)
        self._definitions: frozenset[str] | None = None
        self._handed: frozenset[str] | None = None
        self.writers: dict[str, list[Def]] = {}
        for found in table.defs:
            roots = {chain.partition(".")[0] for chain in found.refs.receivers}
            for name in roots | found.refs.stores:
                self.writers.setdefault(name, []).append(found)

    @property
    def definitions(self) -> frozenset[str]:
        """The words in the names of functions and classes, wherever in the module, and of it."""
        if self._definitions is None:
            found = {word for each in self.table.defs for word in words_of(each.qualname)}
            refs = [*(cell.refs for cell in self.table.cells), *(d.refs for d in self.table.defs)]
            found.update(*(each.defines for each in refs))
            classes = (cell.binds for cell in self.table.cells if cell.kind == "class")
            found |= {word for binds in classes for name in binds for word in words_of(name)}
            self._definitions = frozenset(found)
        return self._definitions

    @property
    def handed(self) -> frozenset[str]:
        """The names of what its code uses otherwise than by calling it: others may call it then."""
        if self._handed is None:
            found = set[str]()
            every = (*(cell.refs for cell in self.table.cells), *(d.refs for d in self.table.defs))
            for refs in every:
                found |= refs.fields | {chain.rpartition(".")[2] for chain in refs.arguments}
                found |= {c for c in refs.chains - refs.calls if "." not in c}
            self._handed = frozenset(found)
        return self._handed

    def binds(self, name: str) -> bool:
        """Say whether some statement of the module binds a name, star imports aside."""
        return name in self.table.aliases or bool(self.bound_by(name))

    def surely_binds(self, name: str) -> bool:
        """Say whether a statement binds a name whatever happens, so that nobody is asked for it."""
        return any(cell.kind != "effect" and not cell.is_mere for cell in self.bound_by(name))

    def bound_by(self, name: str) -> list[Cell]:
        """Give the cells that bind a name, without those that only change its value."""
        return [cell for _, cell in self.binders.get(name, ()) if name in cell.binds]

    def find(self, name: str) -> list[Def]:
        """Give the defs of a qualified name; of a ``numbered`` one only that."""
        base, mark, number = name.partition(_NUMBER)
        found = self.defs.get(base, [])
        return found[int(number) - 1 : int(number)] if mark else found

    def refs_run(self, found: Def, times: int) -> Refs:
        """Give what a call of a function refers to, with the functions defined in it that it may
        run.

        Args:
            times: how often what the call gives is called in turn: ``f(1)(2)`` is once.
        """
        bodies = list(self._run_by(found, times))
        if len(bodies) == 1:
            return found.refs
        refs = Refs()
        for each in bodies:
            refs.join(each.refs)
        return refs

    def _run_by(self, found: Def, times: int) -> Iterator[Def]:
        yield found
        prefix = found.qualname + ".<locals>."
        for name in self._nested.get(prefix, ()):
            # In a class in a function: who makes an object of it may call any.
            is_later = name.removeprefix(prefix) in found.refs.later
            if times or not is_later:
                for inner in self.defs[name]:
                    yield from self._run_by(inner, times - is_later)

    def aliases(self, name: str) -> tuple[Alias, ...]:
        return self.table.aliases.get(name, ())


def is_module(table: Table, name: str) -> bool:
    """Say whether a name stands for a module, as ``import mod`` binds it, and nothing else."""
    found = table.aliases.get(name, ())
    if not found or any(alias.name is not None for alias in found):
        return False
    return all(cell.kind == "import" for cell in table.cells if name in cell.binds)


def _aliases_in(table: Table) -> dict[str, set[str]]:
    """Give the names that a name may be another name of: ``alias = names``."""
    found: dict[str, set[str]] = {}
    for cell in table.cells:
        if cell.kind == "value" and cell.refs.chains and not cell.refs.calls and not cell.is_new:
            roots = {chain.partition(".")[0] for chain in cell.refs.chains}
            for name in cell.binds:
                found.setdefault(name, set()).update(roots - {name})
    return found


def numbered(name: str, number: int) -> str:
    """Name one of several defs of a qualified name: a property's setter, an overload."""
    return f"{name}{_NUMBER}{number}"


def unnumbered(name: str) -> str:
    """Give the qualified name of a def that may be one of several."""
    return name.partition(_NUMBER)[0]


class Project:
    """Tables of first-party files, parsed on demand and kept by content between runs.

    Args:
        cached: gives the stored JSON of the table of a file digest, if there is one.
    """

    def __init__(self, snapshot: Snapshot, modules: Modules, cached: TableCache) -> None:
        self.snapshot = snapshot
        self.modules = modules
        self._cached = cached
        self._indexes: dict[str, Index] = {}
        self.parsed: dict[str, bytes] = {}
        """JSON of the tables parsed in this run, by file digest: to be kept by the caller."""

    def index(self, path: str) -> Index:
        """Give a file's index; of an empty module when there is no such file."""
        found = self._indexes.get(path)
        if found is None:
            found = self._indexes[path] = Index(self._table(path))
        return found

    def refs_of(self, key: Key) -> list[Refs]:
        """Give what the code behind a body, a name or pytest decorators refers to."""
        index = self.index(key.path)
        if key.kind == BODY:
            return [found.refs for found in index.find(key.name)]
        if key.kind == MARKERS:
            marked = index.table.markers.get(key.name)
            return [marked[1]] if marked else []
        if key.kind == ANNOTATIONS:
            annotated = index.table.annotations.get(key.name)
            return [annotated[1]] if annotated else []
        if key.kind == MAIN:
            return [index.table.main[1]] if index.table.main else []
        if key.kind == NAME:
            return [cell.refs for _, cell in index.binders.get(key.name, ())]
        return []

    def _table(self, path: str) -> Table:
        digest = self.snapshot.digest_file(path)
        if digest == ABSENT:
            return EMPTY
        stored = self._cached(digest)
        if stored is not None:
            try:
                return table_from_json(loads(stored))
            except (KeyError, TypeError, ValueError):
                pass  # another version's, or damaged: parse again
        source = self.snapshot.read(path)
        if source is None:  # unreadable, or in an archive, which counts as a whole
            return Table(is_broken=True, code=digest)
        data = dumps(table_to_json(split_cells(source)), separators=(",", ":"))
        self.parsed[digest] = data.encode()
        # What was read holds a small part of the objects, which every collection would visit.
        return table_from_json(loads(data))
