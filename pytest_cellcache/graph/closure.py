"""What rests on what: nodes are keys seen in one of three ways, edges lead to what they consult.

Ways to see a key::

    PLAIN    a body that a unit ran (its callees are in the trace), or any other key
    IMPORT   a body that ran while modules were imported and may have made a value
    SESSION  a body that ran at some time in this run and may have left something behind

A body seen as IMPORT or SESSION leads on to every body it may have called, as far as those ran in
imports or in this run at all: what never ran cannot have made anything. Callees are matched by
name for globals, by attribute name for methods.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.names import Resolution
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.scan import Refs
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import BODY, DOC, EFFECTS, MARKERS, NAME, FRAME, WHOLE, Key

PLAIN: Final = 0
IMPORT: Final = 1
SESSION: Final = 2

Place = tuple[str, str]
"""File and qualified name of a def."""

_DOC_READERS: Final = frozenset({"__doc__", "getdoc", "help", "cleandoc", "DocTestFinder"})


class Node(NamedTuple):
    """A key and the way it is seen."""

    key: Key
    way: int = PLAIN


class Ran:
    """Which defs ran, and how to find them by simple name.

    Args:
        uncalled: defs that only pytest calls, the functions of tests: no attribute leads there.
    """

    def __init__(self, places: Iterable[Place], uncalled: frozenset[Place] = frozenset()) -> None:
        self.places = frozenset(places) - uncalled
        self.by_name: dict[str, set[Place]] = {}
        self.by_class: dict[Place, set[Place]] = {}
        for path, qualname in self.places:
            owner, _, name = qualname.rpartition(".")
            if owner:
                self.by_name.setdefault(name, set()).add((path, qualname))
                self.by_class.setdefault((path, owner), set()).add((path, qualname))
            else:
                # ``mod.f`` through a module used as a value.
                self.by_name.setdefault(name, set()).add((path, qualname))


class Closure:
    """Edges of the graph of one run.

    Args:
        imported: defs that ran before the first test: imports, collection, hooks.
        ran: defs that ran at any time in this run.
    """

    def __init__(
        self, project: Project, digester: Digester, imported: Ran, ran: Ran, writers: Writers
    ) -> None:
        self._project = project
        self._digester = digester
        self._names = digester.names
        self._ran = {IMPORT: imported, SESSION: ran}
        self._writers = writers
        self._memo: dict[Node, frozenset[Node]] = {}
        self._memos: dict[str, set[Place]] = {}
        for path, qualname in ran.places:
            for found in project.index(path).defs.get(qualname, ()):
                if found.is_memo:
                    name = qualname.rpartition(".")[2]
                    self._memos.setdefault(name, set()).add((path, qualname))

    def edges(self, node: Node) -> frozenset[Node]:
        """Give the nodes that a node leads to directly."""
        found = self._memo.get(node)
        if found is None:
            out: set[Node] = set()
            kind = node.key.kind
            if kind == BODY:
                self._body(node, out)
            elif kind == NAME:
                self._name(node.key, out)
            elif kind == EFFECTS:
                self._effects(node.key, out)
            elif kind == WHOLE:
                self._whole(node.key, out)
            elif kind == MARKERS:
                marked = self._project.index(node.key.path).table.markers.get(node.key.name)
                if marked is not None:
                    self._evaluated(node.key.path, marked[1], out)
            out.discard(node)
            found = self._memo[node] = frozenset(out)
        return found

    def reads_docs(self, nodes: Iterable[Node]) -> bool:
        """Say whether some body among nodes can read docstrings."""
        return any(
            not _DOC_READERS.isdisjoint(found.refs.attrs) or "help" in found.refs.chains
            for node in nodes
            if node.key.kind == BODY
            for found in self._defs(node.key)
        )

    def docs(self, nodes: Iterable[Node]) -> frozenset[Node]:
        """Give the docstrings of everything named among nodes."""
        docs: set[Node] = set()
        for node in nodes:
            if node.key.kind in (NAME, BODY):
                table = self._project.index(node.key.path).table
                inner = node.key.name + "."
                for name in table.docs:
                    if name == node.key.name or name.startswith(inner):
                        docs.add(Node(Key(DOC, node.key.path, name)))
        return frozenset(docs)

    def _defs(self, key: Key) -> list[Def]:
        return self._project.index(key.path).defs.get(key.name, [])

    def _body(self, node: Node, out: set[Node]) -> None:
        path, qualname = node.key.path, node.key.name
        top = qualname.partition(".")[0]
        out.add(Node(Key(FRAME, path)))
        out.add(Node(Key(NAME, path, top)))
        if top != qualname and self._project.index(path).binds(qualname):
            out.add(Node(Key(NAME, path, qualname)))
        for found in self._defs(node.key):
            self._called(path, found.refs, node.way, out)

    def _called(self, path: str, refs: Refs, way: int, out: set[Node]) -> None:
        """Edges of running code: its callees are traced, unless something remembered results."""
        for chain in refs.chains:
            resolution = self._names.resolve(path, chain)
            self._consult(resolution, way, out)
            for target in self._targets(resolution):
                if any(found.is_memo for found in self._project.index(target[0]).defs[target[1]]):
                    out.add(Node(Key(BODY, *target), SESSION))
        for spec in refs.imports:
            self._consult(self._names.resolve_import(path, spec), way, out)
        for text in refs.strings:
            self._consult(self._names.resolve_dotted(text), PLAIN, out)
        for attr in self._memos.keys() & refs.attrs:
            out.update(Node(Key(BODY, *place), SESSION) for place in self._memos[attr])
        if refs.reads_namespace:
            out.add(Node(Key(WHOLE, path)))
        if way != PLAIN:
            self._by_attribute(refs, way, out)

    def _evaluated(self, path: str, refs: Refs, out: set[Node]) -> None:
        """Edges of code that ran at import: what it may have called ran there too."""
        for chain in refs.chains | refs.calls - {""}:
            self._consult(self._names.resolve(path, chain), IMPORT, out)
        for spec in refs.imports:
            self._consult(self._names.resolve_import(path, spec), IMPORT, out)
        for text in refs.strings:
            self._consult(self._names.resolve_dotted(text), PLAIN, out)
        if refs.reads_namespace:
            out.add(Node(Key(WHOLE, path)))
        self._by_attribute(refs, IMPORT, out)

    def _by_attribute(self, refs: Refs, way: int, out: set[Node]) -> None:
        ran = self._ran[way]
        if refs.is_dynamic:
            # Which attribute is computed: any method that ran may be meant.
            out.update(Node(Key(BODY, *place), way) for place in ran.places)
            return
        for attr in refs.attrs:
            out.update(Node(Key(BODY, *place), way) for place in ran.by_name.get(attr, ()))

    def _consult(self, resolution: Resolution, way: int, out: set[Node]) -> None:
        out.update(Node(key) for key in resolution.keys)
        if way == PLAIN:
            return
        ran = self._ran[way]
        for path, name, rest in resolution.bindings:
            qualname = ".".join((name, *rest))
            if (path, qualname) in ran.places:
                out.add(Node(Key(BODY, path, qualname), way))
            if (path, name) in ran.places:
                out.add(Node(Key(BODY, path, name), way))
            for length in range(1, len(rest) + 2):
                owner = ".".join((name, *rest)[:length])
                methods = ran.by_class.get((path, owner), ())
                out.update(Node(Key(BODY, *place), way) for place in methods)

    def _targets(self, resolution: Resolution) -> list[Place]:
        return [
            (path, ".".join((name, *rest)))
            for path, name, rest in resolution.bindings
            if ".".join((name, *rest)) in self._project.index(path).defs
        ]

    def _name(self, key: Key, out: set[Node]) -> None:
        index = self._project.index(key.path)
        out.add(Node(Key(FRAME, key.path)))
        owner = key.name.rpartition(".")[0]
        if owner:
            out.add(Node(Key(NAME, key.path, owner)))
        for _, cell in index.binders.get(key.name, ()):
            self._evaluated(key.path, cell.refs, out)
            if cell.is_decorated:
                inner = key.name + "."
                out.update(
                    Node(Key(DOC, key.path, name))
                    for name in index.table.docs
                    if name == key.name or name.startswith(inner)
                )
            if cell.kind == "class":
                # The class statement runs hooks of its bases, and of what its body creates.
                self._consult(self._names.resolve(key.path, key.name), IMPORT, out)
        for place in self._writers.of(key.path, key.name):
            out.add(Node(Key(BODY, *place), SESSION))

    def _effects(self, key: Key, out: set[Node]) -> None:
        table = self._project.index(key.path).table
        out.add(Node(Key(FRAME, key.path)))
        for _, cell in self._digester.effect_cells(key.path):
            self._evaluated(key.path, cell.refs, out)
            out.update(Node(Key(NAME, key.path, name)) for name in cell.binds)
        for spec in table.loads:
            resolution = self._names.resolve_import(key.path, spec)
            # What it binds counts where it is used; here, what importing it runs.
            out.update(Node(found) for found in resolution.keys if found.kind not in (NAME, WHOLE))
        folder, _, file = key.path.rpartition("/")
        if file != "__init__.py" or "/" in folder:
            parent = folder if file != "__init__.py" else folder.rpartition("/")[0]
            init = f"{parent}/__init__.py" if parent else "__init__.py"
            if self._project.snapshot.digest_file(init) != ABSENT:
                out.add(Node(Key(EFFECTS, init)))

    def called(self, path: str, refs: Refs) -> frozenset[Node]:
        """Give what running a piece of code in the module ``path`` consults, e.g. a doctest."""
        out: set[Node] = {Node(Key(FRAME, path))}
        self._called(path, refs, PLAIN, out)
        return frozenset(out)

    def _whole(self, key: Key, out: set[Node]) -> None:
        index = self._project.index(key.path)
        out.add(Node(Key(EFFECTS, key.path)))
        for cell in index.table.cells:
            out.update(Node(Key(NAME, key.path, name)) for name in cell.binds)


class Writers:
    """Which bodies may rebind or change a global: lazy initialisation, counters, registers."""

    def __init__(self, project: Project, digester: Digester, places: Iterable[Place]) -> None:
        self._found: dict[tuple[str, str], set[Place]] = {}
        for path, qualname in places:
            for definition in project.index(path).defs.get(qualname, ()):
                refs = definition.refs
                for name in refs.stores:
                    self._found.setdefault((path, name), set()).add((path, qualname))
                for chain in refs.receivers:
                    for file, name, _ in digester.names.resolve(path, chain).bindings:
                        # Not another distribution's: ``sys.stdout.write``.
                        bound = project.index(file).bound_by(name)
                        if name != "__getattr__" and any(c.kind != "import" for c in bound):
                            self._found.setdefault((file, name), set()).add((path, qualname))

    def of(self, path: str, name: str) -> set[Place]:
        """Give the defs that may write a global of a file."""
        return self._found.get((path, name), set())
