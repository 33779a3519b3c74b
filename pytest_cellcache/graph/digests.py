"""Digests of the code keys: a pure function of the sources, the same when recorded and verified."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Mapping
from typing import Final

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.described import EVERY
from pytest_cellcache.graph.failing import Failing
from pytest_cellcache.graph.foreign import QUIET_IMPORTS
from pytest_cellcache.graph.lines import Lines
from pytest_cellcache.graph.loading import Loading
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.plainness import Plainness
from pytest_cellcache.graph.project import Project, unnumbered
from pytest_cellcache.graph.purity import Purity
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts
from pytest_cellcache.model.keys import (
    ANNOTATIONS,
    BODY,
    DOC,
    EFFECTS,
    EXCERPT,
    EXPORT,
    FRAME,
    HOOKS,
    IMPORTS,
    LINES,
    MAIN,
    MARKERS,
    MODULE,
    NAME,
    REGISTERS,
    SURFACE,
    WHOLE,
    WRITES,
    Key,
)

_BUILTINS: Final = frozenset(dir(builtins))


def is_hook(qualname: str) -> bool:
    """Say whether pytest may call what has this name on its own."""
    return qualname.rpartition(".")[2].startswith("pytest_")


class Digester:
    """Digests code keys of a project; results are kept for the run."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.names = Names(project)
        self.loading = Loading(project, self.names)
        self.purity = Purity(project, self.names, self.loading.loaded_by)
        self.plainness = Plainness(project, self.names)
        lines = Lines(project)
        self._memo: dict[Key, Digest] = {}
        self._effect_cells: dict[str, list[tuple[int, Cell]]] = {}
        self._registering: dict[str, list[tuple[int, Cell, frozenset[Place]]]] = {}
        self._imports: dict[str, list[tuple[int, str]]] = {}
        self._brought: dict[str, frozenset[str]] = {}
        # By the files that are loaded together.
        self._changed: dict[frozenset[str], frozenset[Place]] = {}
        self._kinds: Mapping[str, Callable[[Key], Digest]] = {
            BODY: self._body,
            NAME: self._name,
            EFFECTS: self._effects,
            IMPORTS: Failing(project, self.names, self.loading, self._name).digest,
            REGISTERS: self._registers,
            WRITES: self._writes,
            FRAME: self._frame,
            MARKERS: self._markers,
            DOC: self._doc,
            ANNOTATIONS: self._annotations,
            LINES: lines.digest,
            EXCERPT: lines.digest_around,
            EXPORT: self._export,
            HOOKS: self._hooks,
            MAIN: self._main,
            WHOLE: self._whole,
            SURFACE: self._surface,
            MODULE: lambda key: project.modules.digest(key.path, key.name),
        }

    def digest(self, key: Key) -> Digest:
        """Digest a code or module key.

        Raises:
            KeyError: a key of another kind.
        """
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._kinds[key.kind](key)
        return found

    def _body(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        found = index.find(key.name)
        name = unnumbered(key.name)
        # One more of them may come after it, or before.
        several = [] if name == key.name else [f"of {len(index.defs.get(name, ()))}"]
        return digest_parts([*several, *(d.digest for d in found)]) if found else ABSENT

    def _name(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        binders = index.binders.get(key.name, [])
        if not binders:
            return ABSENT
        return digest_parts(
            part
            for position, cell in binders
            for part in (cell.digest, *self.around(key.path, position, cell))
        )

    def around(self, path: str, position: int, cell: Cell) -> tuple[str, str, str]:
        """Give what counts of a cell beside its code: its kind and place among others."""
        ranks = self._ranks(path, position, cell)
        return cell.kind, ranks, self._effects_before(path, position, cell)

    def _effects_before(self, path: str, position: int, cell: Cell) -> str:
        """Digest the effects that come before a cell whose value is computed.

        ``fill(); N = count()`` and ``N = count(); fill()`` differ in nothing else.
        """
        if cell.kind == "import" or not (cell.refs.chains or cell.refs.calls):
            return ""
        before = [
            part
            for other, c in self.effect_cells(path)
            if other < position
            for part in self._effect_code(path, c)
        ]
        if cell.kind in ("value", "effect"):
            before += [c.digest for other, c, _ in self.registering_cells(path) if other < position]
        before += [source for other, source in self._effectful_imports(path) if other < position]
        return digest_parts(before) if before else ""

    def _effectful_imports(self, path: str) -> list[tuple[int, str]]:
        """List the imports of a module that bring effects of first-party modules, by position.

        Each with the files whose effects it is the first to bring, whichever way it comes by them.
        """
        if path not in self._imports:
            self._imports[path] = found = []
            brought: set[str] = {path}
            for position, sources in self.loading.sources_in(path):
                new = frozenset[str]().union(*map(self._effects_of, sources)) - brought
                if new:
                    brought |= new
                    found.append((position, "\0".join(sorted(new))))
        return self._imports[path]

    def _effects_of(self, path: str) -> frozenset[str]:
        """Give the files whose effects importing a module brings; for all it imports in one go."""
        if path not in self._brought:
            brought: dict[str, set[str]] = {}
            importers: dict[str, list[str]] = {}
            stack = [path]
            while stack:
                current = stack.pop()
                if current in brought:
                    continue
                brought[current] = {current} if self.effect_cells(current) else set()
                for _, sources in self.loading.sources_in(current):
                    for source in sources:
                        if source in self._brought:
                            brought[current] |= self._brought[source]
                        else:
                            importers.setdefault(source, []).append(current)
                            stack.append(source)
            stack = list(brought)
            while stack:  # until nobody brings more
                current = stack.pop()
                for importer in importers.get(current, ()):
                    if not brought[current] <= brought[importer]:
                        brought[importer] |= brought[current]
                        stack.append(importer)
            self._brought.update((file, frozenset(found)) for file, found in brought.items())
        return self._brought[path]

    def _ranks(self, path: str, position: int, cell: Cell, refs: Refs | None = None) -> str:
        """Say how many bindings and changes of what a cell reads come before it, where not all do.

        ``X = 1; Y = X; X = 2`` and ``X = 1; X = 2; Y = X`` differ in nothing else.
        """
        changers = self.project.index(path).changers
        ranks = []
        for name in sorted({chain.partition(".")[0] for chain in (refs or cell.refs).chains}):
            found = changers.get(name, [])
            if found and cell.kind != "import":
                before = sum(other < position for other in found)
                if before != len(found):
                    ranks.append(f"{name}={before}")
        return ",".join(ranks)

    def effect_cells(self, path: str) -> list[tuple[int, Cell]]:
        """List the cells of a module that count for everyone who imports it, in order."""
        if path not in self._effect_cells:
            table = self.project.index(path).table
            self._effect_cells[path] = [
                (position, cell)
                for position, cell in enumerate(table.cells)
                if self.purity.changes_of(path, cell) is None
            ]
        return self._effect_cells[path]

    def is_effect_cell(self, path: str, position: int) -> bool:
        """Say whether a cell is one of those."""
        return any(position == other for other, _ in self.effect_cells(path))

    def registering_cells(self, path: str) -> list[tuple[int, Cell, frozenset[Place]]]:
        """List the cells of a module that change globals which others bind, with these globals.

        They count for who reads such a global, not for everyone who imports the module.
        """
        if path not in self._registering:
            found: list[tuple[int, Cell, frozenset[Place]]] = []
            for position, cell in enumerate(self.project.index(path).table.cells):
                changed = self.purity.changes_of(path, cell) or frozenset()
                changed -= {(path, name) for name in cell.binds}
                if changed:
                    found.append((position, cell, changed))
            self._registering[path] = found
        return self._registering[path]

    def _effect_code(self, path: str, cell: Cell, *, is_bare: bool = True) -> list[str]:
        """Give what decides what evaluating an effect cell does.

        Args:
            is_bare: the names of plain methods do not count where their users can be told.
        """
        if not cell.shape:
            return [cell.digest]
        is_bare = is_bare and self.plainness.is_plain(path, cell.binds[0])
        # Where it changes more than known globals, the name of the class counts as well.
        return [cell.bare if is_bare else cell.shape, *_may_write(cell.refs)]

    def _effects(self, key: Key) -> Digest:
        return self.effects(key.path, is_bare=False)

    def effects(self, path: str, *, is_bare: bool) -> Digest:
        """Digest the effects of a module; see ``_effect_code``."""
        key = Key(EFFECTS, path)
        index = self.project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        parts: list[str] = []
        for position, cell in self.effect_cells(key.path):
            code = self._effect_code(path, cell, is_bare=is_bare)
            parts += [cell.kind, *code, self._ranks(key.path, position, cell)]
            parts += self.loading.reading_environment_before(key.path, position)
        # A module imported for the first time brings its own effects, in their order.
        parts.append("imports")
        for position, source in self._effectful_imports(key.path):
            parts += [source, *self.loading.reading_environment_before(key.path, position)]
        # Which globals it changes; how is the business of those who read them. Where a statement
        # names a global of its own module, that is part of the global's digest already.
        changed = {
            (path, name)
            for position, _, places in self.registering_cells(key.path)
            for path, name in places
            if path != key.path or all(position != p for p, _ in index.binders.get(name, ()))
        }
        parts += ["changes", *(part for place in sorted(changed) for part in place)]
        loaded = set()
        for spec in index.table.loads:
            module = spec.partition(":")[0]
            if self.project.modules.find_from(key.path, module) is None:
                top = module.partition(".")[0]
                is_there = self.project.modules.digest("", top) != ABSENT
                if is_there or spec not in index.table.guarded:
                    loaded.add(top)
        loaded -= sys.stdlib_module_names | QUIET_IMPORTS
        return digest_parts([*parts, "foreign", *sorted(loaded)])

    def _registers(self, key: Key) -> Digest:
        file, _, name = key.name.partition("::")
        parts: list[str] = []
        for position, cell, changed in self.registering_cells(key.path):
            if (file, name) in changed:
                parts += [cell.kind, cell.digest, self._ranks(key.path, position, cell)]
                parts += self.loading.before(key.path, position, file)
        # A module imported for the first time brings its own.
        for position, sources in self.loading.sources_in(key.path):
            for source in sources:
                if (file, name) in self._changed_with(source):
                    parts += ["import", source, *self.loading.before(key.path, position, file)]
        return digest_parts(parts) if parts else ABSENT

    def _changed_with(self, path: str) -> frozenset[Place]:
        """Give the globals that a module, or one that it imports, may change."""
        files = self.loading.loaded_by(path)
        if files not in self._changed:
            self._changed[files] = frozenset().union(
                *(places for file in files for _, _, places in self.registering_cells(file))
            )
        return self._changed[files]

    def _writes(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        parts = [part for found in index.defs.get(key.name, ()) for part in _may_write(found.refs)]
        return digest_parts(parts) if parts else ABSENT

    def _frame(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        table = index.table
        if table.is_broken:
            return table.code
        shadowed = sorted(name for name in index.binders if name in _BUILTINS and index.binds(name))
        return digest_parts([*table.futures, "stars", *table.stars, "builtins", *shadowed])

    def _markers(self, key: Key) -> Digest:
        found = self.project.index(key.path).table.markers.get(key.name)
        return found[0] if found else ABSENT

    def _doc(self, key: Key) -> Digest:
        docs = self.project.index(key.path).table.docs
        if not key.name.endswith(EVERY):
            return docs.get(key.name, ABSENT)
        names = sorted(name for name in docs if name.startswith(key.name.removesuffix(EVERY)))
        return digest_parts(names) if names else ABSENT

    def _annotations(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        found = index.table.annotations.get(key.name)
        if found is None:
            return ABSENT
        top = key.name.partition(".")[0]
        ranks = [self._ranks(key.path, at, cell, found[1]) for at, cell in index.binders[top]]
        return digest_parts([found[0], *ranks])

    def _export(self, key: Key) -> Digest:
        exports = self.project.index(key.path).table.exports
        if exports is None:
            return digest_parts(["__all__", self._name(Key(NAME, key.path, "__all__"))])
        return Digest("listed") if key.name in exports else ABSENT

    def _hooks(self, key: Key) -> Digest:
        index = self.project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        names = {name for name in (*index.binders, *index.defs) if is_hook(name)}
        return digest_parts(sorted(names))

    def _main(self, key: Key) -> Digest:
        found = self.project.index(key.path).table.main
        return found[0] if found else ABSENT

    def _whole(self, key: Key) -> Digest:
        if self.project.snapshot.digest_file(key.path) == ABSENT:
            return ABSENT
        return self.project.index(key.path).table.code

    def _surface(self, key: Key) -> Digest:
        if self.project.snapshot.digest_file(key.path) == ABSENT:
            return ABSENT
        table = self.project.index(key.path).table
        if table.is_broken:
            return table.code
        cells = [part for cell in table.cells for part in (cell.kind, *cell.binds, cell.digest)]
        cells += [part for name, found in table.annotations.items() for part in (name, found[0])]
        return digest_parts([*table.futures, *cells])


def _may_write(refs: Refs) -> list[str]:
    """List by name what a piece of code may call or change."""
    return [
        part
        for names in (
            refs.kept,
            refs.receivers,
            refs.stores,
            refs.attr_stores,
            refs.attr_changes,
            refs.imports,
            refs.calls,
        )
        for part in (*sorted(names), ";")
    ]
