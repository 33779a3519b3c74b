"""What rests on what: edges from each key to the keys that it consults.

Bodies lead on by name only: what they called is in the trace of the unit that ran them. Cells were
evaluated when their module was imported: what ran then is known per cell where the tracer tells
the statement, and is found by following calls (``calls``) where it does not.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from pytest_cellcache.graph.bringing import Bringing
from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.described import Described
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.docreading import DocReading
from pytest_cellcache.graph.evaluated import CellPlace, Evaluations, all_contained
from pytest_cellcache.graph.lambdas import LAMBDA
from pytest_cellcache.graph.loading import keys_of_search, neighbours
from pytest_cellcache.graph.names import Resolution
from pytest_cellcache.graph.namespaces import reads_frames
from pytest_cellcache.graph.project import Project, unnumbered
from pytest_cellcache.graph.refs import Refs, is_unknown_call
from pytest_cellcache.graph.remembered import (
    Place,
    Writers,
    foreign_writers,
    is_implicit,
    is_kept,
    module_setters,
)
from pytest_cellcache.graph.texts import reads_docs, reads_sources, sources_of
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import (
    ANNOTATIONS,
    BODY,
    EFFECTS,
    FILE,
    FRAME,
    LOADS,
    MAIN,
    MARKERS,
    MODULE,
    NAME,
    REGISTERS,
    SOURCES,
    SURFACE,
    WHOLE,
    WRITES,
    Key,
)
from pytest_cellcache.model.memos import MEMO

_LIVE: Final = frozenset({BODY, NAME, MAIN, MARKERS, ANNOTATIONS, SURFACE, MODULE})
"""Kinds of keys through which running code reaches objects; modules of others, too."""


class Closure:
    """Edges of the graph of one run."""

    def __init__(self, project: Project, digester: Digester, evaluations: Evaluations) -> None:
        self._project, self._digester = project, digester
        self._bringing = Bringing(digester)
        self._names = digester.names
        self._evaluations = evaluations
        self._ran = evaluations.imported
        self.files, self.loaded_first = evaluations.files, evaluations.first
        self.sets_modules = module_setters(project, evaluations.first)
        self.calls = Calls(project, digester.names)
        self.ran_in = functools.partial(evaluations.ran_in, self.calls)
        self.writers = Writers(project, digester.names, self._ran.places)
        self._statements = foreign_writers(project, digester.names, evaluations.files)
        self._memo, self._live = dict[Key, frozenset[Key]](), dict[Key, frozenset[Key]]()
        self._described = Described(project, evaluations.unread)
        self._doc_reading = DocReading(digester, self._described)
        self._evaluated_by: dict[Place, set[CellPlace]] = {}
        for cell, keys in evaluations.cells.items():
            for key in keys:
                if key.kind == BODY:
                    self._evaluated_by.setdefault((key.path, key.name), set()).add(cell)
        self._keepers: dict[Place, frozenset[Key]] = {}
        self._keepers_by_name: dict[str, set[Place]] = {}
        for place in self._ran.places:
            found = project.index(place[0]).defs.get(place[1], ())
            if any(d.is_memo or is_kept(project, self._names, place[0], d) for d in found):
                ran = evaluations.ran_with(place, self._evaluated_by.get(place, ()))
                self._keepers[place] = self._bodies(self.calls.reach([place], ran))
                self._keepers_by_name.setdefault(place[1].rpartition(".")[2], set()).add(place)

    def edges(self, key: Key) -> frozenset[Key]:
        """Give the keys that a key leads to directly."""
        found = self._memo.get(key)
        if found is None:
            out: set[Key] = set()
            if key.kind == BODY:
                self._body(key, out)
            elif key.kind == NAME:
                self._name(key, out)
            elif key.kind == EFFECTS:
                self._effects(key, out)
            elif key.kind == ANNOTATIONS:
                for refs in self._project.refs_of(key):
                    self._evaluated(key.path, refs, out)
            elif key.kind == REGISTERS:
                self._registers(key, out)
            elif key.kind == MAIN:
                out.add(Key(FRAME, key.path))
                for refs in self._project.refs_of(key):
                    self._called(key.path, refs, out)
            elif key.kind in (WHOLE, SURFACE):
                self._surface(key, out)
            elif key.kind == MARKERS:
                marked = self._project.index(key.path).table.markers.get(key.name)
                if marked is not None:
                    self._evaluated(key.path, marked[1], out)
                    ran = self._evaluations.ran_by(key.path)
                    called = self.calls.callees(key.path, marked[1], ran)
                    if key.path not in self._evaluations.traced:
                        called = self.calls.reach(called, ran)
                    out |= self._bodies(called)
                    out |= self._evaluations.markers.get((key.path, key.name), frozenset())
            out.discard(key)
            found = self._memo[key] = frozenset(out)
        return found

    def live_edges(self, key: Key) -> frozenset[Key]:
        """Give the keys whose present value code may see when it runs a body or reads a name.

        Not what evaluating a cell saw: that was when its module was imported.
        """
        found = self._live.get(key)
        if found is None:
            out: set[Key] = set()
            if key.kind in (BODY, MAIN):
                out |= self.edges(key)
            elif key.kind in (NAME, MARKERS, ANNOTATIONS):
                if key.kind == NAME:
                    out |= self._described.read(key.path, key.name)
                for refs in self._project.refs_of(key):
                    for chain in refs.chains:
                        out |= self._names.resolve(key.path, chain).keys
            elif key.kind == SURFACE:
                self._held(key.path, out)
            found = frozenset(k for k in out if k.kind in _LIVE)
            self._live[key] = found
        return found

    def called(self, path: str, refs: Refs) -> frozenset[Key]:
        """Give what running a piece of code in the module ``path`` consults, e.g. a doctest."""
        out: set[Key] = {Key(FRAME, path)}
        self._called(path, refs, out)
        return frozenset(out)

    def codes(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Give the bodies of what bodies among keys name: one of them can read code objects."""
        found = [(key.path, d.refs) for key in keys if key.kind == BODY for d in self._defs(key)]
        # ``f.__code__.co_names`` names ``f``, too.
        chains = {(path, chain) for path, refs in found for chain in refs.chains}
        named = {(p, n) for p, c in chains for n in accumulate(c.split("."), "{}.{}".format)}
        return self._bodies(p for at in named for p in self._targets(self._names.resolve(*at)))

    def docs(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Give the docstrings of everything named among keys."""
        docs: set[Key] = set()
        for key in keys:
            if key.kind in (NAME, BODY):
                docs |= self._described.docs(key.path, unnumbered(key.name))
        return frozenset(docs)

    def annotations(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Give the annotations of everything named among keys, whether looked at or not."""
        named = [self._described.annotations(k.path, k.name) for k in keys if k.kind == NAME]
        return frozenset[Key]().union(*named)

    # -- bodies ----------------------------------------------------------------------------------

    def _body(self, key: Key, out: set[Key]) -> None:
        path, qualname = key.path, unnumbered(key.name)
        top = qualname.partition(".")[0]
        outer, is_nested, _ = qualname.rpartition(".<locals>.")
        out.add(Key(FRAME, path))
        out.add(Key(NAME, path, top))
        if is_nested:
            # Its definer made it, whenever that was, with what its variables hold.
            while outer not in self._project.index(path).defs and "." in outer:
                outer = outer.rpartition(".")[0]  # a class in a function
            out.add(Key(BODY, path, outer))
        elif top != qualname and self._project.index(path).binds(qualname):
            out.add(Key(NAME, path, qualname))
        for found in self._defs(key):
            self._called(path, found.refs, out)
            out |= self._doc_reading.of_body(path, found.refs)

    def _called(self, path: str, refs: Refs, out: set[Key]) -> None:
        """Edges of running code: what it called is traced, unless an import called it before."""
        for chain in refs.chains:
            resolution = self._names.resolve(path, chain)
            self._consult(resolution, out)
            for place in self._targets(resolution):
                out |= self._keepers.get(place, frozenset())
        if refs.imports:
            out |= self._digester.loading.imports_of(path, refs.imports)
        for attr in self._keepers_by_name.keys() & refs.attrs:
            for place in self._keepers_by_name[attr]:
                out |= self._keepers[place]
        self._computed(path, refs, out)

    def _computed(self, path: str, refs: Refs, out: set[Key]) -> None:
        """Edges of code by imports and texts, and where it names things at run time only."""
        for spec in refs.imports:
            self._consult(self._names.resolve_import(path, spec), out)
        for text in refs.strings:
            self._consult(self._names.resolve_dotted(text), out)
        if refs.reads_namespace:
            out |= self._names.in_namespace(path, refs)
        is_unheard = refs.imports_asked and path in self._evaluations.unheard
        is_any = is_unheard or self._names.imports_any(path, refs)
        if is_any or "__subclasses__" in refs.attrs:
            # Any module may be meant; any class statement anywhere may add a subclass.
            out.update(Key(SURFACE, file) for file in self._evaluations.files)
            out |= {Key(SOURCES)} if is_any else neighbours(self._evaluations.files)
        if refs.finds_computed:
            out |= keys_of_search(self._evaluations.files)
        if reads_sources(refs):
            # As text: comments and layout count.
            out.add(Key(FILE, path))
            for chain in refs.chains:
                out |= sources_of(self._names.resolve(path, chain))
        if reads_docs(refs):
            for chain in refs.chains:
                for file, name, _ in self._names.resolve(path, chain).bindings:
                    out |= self._described.docs(file, name)

    def _consult(self, resolution: Resolution, out: set[Key]) -> None:
        out |= resolution.keys
        for path, name, _ in resolution.bindings:
            # A module's: an import may have called it, which is told where statements are.
            if name == "__getattr__" and not self._evaluations.traced:
                out.add(Key(BODY, path, name))

    def _targets(self, resolution: Resolution) -> list[Place]:
        return [
            (path, found)
            for path, name, rest in resolution.bindings
            for found in (".".join((name, *rest)), f"{name}.{LAMBDA}")
            if found in self._project.index(path).defs
        ]

    # -- cells -----------------------------------------------------------------------------------

    def _name(self, key: Key, out: set[Key]) -> None:
        index = self._project.index(key.path)
        out.add(Key(FRAME, key.path))
        owner = key.name.rpartition(".")[0]
        if owner:
            out.add(Key(NAME, key.path, owner))
        for position, cell in index.binders.get(key.name, ()):
            self._cell(key.path, position, cell, out)
            if cell.kind == "value" and any(MEMO.search(call) for call in cell.refs.calls):
                # ``f = lru_cache(g)``
                for chain in cell.refs.chains:
                    for place in self._targets(self._names.resolve(key.path, chain)):
                        out |= self._keepers.get(place, frozenset())
        out |= self._described.read(key.path, key.name)
        # Statements of other modules: ``shared.V = 1``.
        for file in self._statements.get((key.path, key.name), ()):
            out.add(Key(EFFECTS, file))

    def written_at_import(self, changed: Place) -> dict[CellPlace, frozenset[Key]]:
        """Give the cells that changed a global when they were evaluated, and what that rests on.

        Cells that bind the global or are known to change it by name are part of its digest.
        """
        found: dict[CellPlace, set[Key]] = {}
        known: set[CellPlace] = set()
        for place in self.writers.of(*changed):
            told = self._evaluated_by.get(place)
            for cell in self._may_have_asked(place) if told is None else told:
                found.setdefault(cell, set()).add(Key(BODY, *place))
        for file in self._evaluations.files:
            for position, _, places in self._digester.registering_cells(file):
                if changed in places:
                    found.setdefault((file, position), set())
                    known.add((file, position))
        for (path, position), keys in found.items():
            made = self._project.index(path).table.cells[position]
            binds = made.binds if made.kind != "effect" else ()  # of a loop, its target
            keys.update(Key(NAME, path, name) for name in binds)
            if not binds:
                keys.add(Key(EFFECTS, path))
                keys.add(Key(REGISTERS, path, "::".join(changed)))
            is_told = (path, position) in known or self._digester.is_effect_cell(path, position)
            if made.kind == "effect" and not is_told:
                # ``if KNOWN[x]: y = 1``: an operator did it, which no name told.
                keys.update(Key(NAME, path, name) for name in made.binds)
                keys.update(() if made.binds else {Key(SURFACE, path)})
        return {cell: frozenset(keys) for cell, keys in found.items()}

    def _may_have_asked(self, place: Place) -> Iterator[CellPlace]:
        """Give the cells that may have run a body by a method which no call names, untraced."""
        untold = self._evaluations.files - self._evaluations.traced
        for file in untold if place in self._implicit else ():
            if place[0] in self._digester.loading.brought(file):
                for position, cell in enumerate(self._project.index(file).table.cells):
                    if cell.kind != "import" and (cell.refs.chains or cell.refs.imports):
                        yield file, position

    @functools.cached_property
    def _implicit(self) -> set[Place]:
        asked = [place for place in self._ran.places if is_implicit(self._project, place)]
        return self.calls.reach(asked, self._ran)

    @functools.cached_property
    def changed_at_import(self) -> frozenset[Place]:
        """The globals that something changed when modules were imported."""
        found = set(self.writers.changed)
        for file in self._evaluations.files:
            for _, _, places in self._digester.registering_cells(file):
                found |= places
        return frozenset(found)

    def _registers(self, key: Key, out: set[Key]) -> None:
        file, _, name = key.name.partition("::")
        for position, cell, changed in self._digester.registering_cells(key.path):
            if (file, name) in changed:
                self._cell(key.path, position, cell, out)
                if cell.kind != "effect":
                    out.update(Key(NAME, key.path, bound) for bound in cell.binds)

    def _effects(self, key: Key, out: set[Key]) -> None:
        table = self._project.index(key.path).table
        out.add(Key(FRAME, key.path))
        for position, cell in self._digester.effect_cells(key.path):
            seen = self._evaluations.cells.get((key.path, position), frozenset())
            is_traced = key.path in self._evaluations.traced
            is_told = is_traced and cell.kind != "effect"
            if is_told and all_contained(self._project, self._names, seen):
                # It changed nothing that others see, and does not while no body writes otherwise.
                out |= {k._replace(kind=WRITES) if k.kind == BODY else k for k in seen}
            else:
                self._cell(key.path, position, cell, out)
                out.update(Key(NAME, key.path, name) for name in cell.binds)
        for spec in table.loads:
            mark = "?" if spec in table.guarded else ""
            for found in self._names.resolve_import(key.path, spec).keys:
                # What it binds counts where it is used; here, what importing it runs.
                if found.kind == MODULE:
                    loads = Key(LOADS, found.path, found.name + mark)
                    out.add(loads if self._bringing.is_nothing(loads) else found)
                elif found.kind not in (NAME, WHOLE, SURFACE):
                    out.add(found)
        folder, _, file = key.path.rpartition("/")
        if file != "__init__.py" or "/" in folder:
            parent = folder if file != "__init__.py" else folder.rpartition("/")[0]
            init = f"{parent}/__init__.py" if parent else "__init__.py"
            if self._project.snapshot.digest_file(init) != ABSENT:
                out.add(Key(EFFECTS, init))

    def _cell(self, path: str, position: int, cell: Cell, out: set[Key]) -> None:
        """Edges of a cell: what it names, and what ran when it was evaluated."""
        self._evaluated(path, cell.refs, out)
        out |= self._evaluations.cells.get((path, position), frozenset())
        ran = frozenset(self.ran_in(path, position, cell))
        if path not in self._evaluations.traced:
            out |= self._bodies(ran)
        out |= self._doc_reading.of_cell(path, cell, ran)
        bodies = (refs for body in ran for refs in self._project.refs_of(Key(BODY, *body)))
        if any(map(reads_frames, bodies)):
            out |= self._names.in_namespace(path, cell.refs)

    def _evaluated(self, path: str, refs: Refs, out: set[Key]) -> None:
        named = {call for call in refs.calls if not is_unknown_call(call)}
        for chain in refs.chains | named:
            self._consult(self._names.resolve(path, chain), out)
        self._computed(path, refs, out)

    def _surface(self, key: Key, out: set[Key]) -> None:
        out.add(Key(EFFECTS, key.path))
        self._held(key.path, out)

    def _held(self, path: str, out: set[Key]) -> None:
        """Edges to everything that a module holds."""
        table = self._project.index(path).table
        for cell in table.cells:
            out.update(Key(NAME, path, name) for name in cell.binds)
        for star in table.stars:
            out |= self._names.resolve_import(path, f"{star}:*").keys

    # -- shared ----------------------------------------------------------------------------------

    def _defs(self, key: Key) -> list[Def]:
        return self._project.index(key.path).find(key.name)

    @staticmethod
    def _bodies(places: Iterable[Place]) -> frozenset[Key]:
        return frozenset(Key(BODY, *place) for place in places)
