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

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.names import Resolution
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import MEMO, Refs, is_unknown_call
from pytest_cellcache.graph.remembered import Place, Ran, Writers, changes_object, may_remember
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import BODY, DOC, EFFECTS, FILE, FRAME, MARKERS, NAME, WHOLE, Key

PLAIN: Final = 0
IMPORT: Final = 1
SESSION: Final = 2

_SOURCE_READERS: Final = frozenset(
    "getsource getsourcelines findsource getblock getcomments getlines getline".split()
)
_DOC_READERS: Final = frozenset({"__doc__", "getdoc", "help", "cleandoc", "DocTestFinder"})


_BUILTIN_METHODS: Final = frozenset(
    name
    for kind in (
        str,
        bytes,
        list,
        tuple,
        dict,
        set,
        int,
        float,
        type,
        property,
        re.Pattern,
        re.Match,
    )
    for name in dir(kind)
)


def _is_unknown_callee(call: str, ran: Ran) -> bool:
    """Say whether a call may run a body that no name leads to: ``f()``, ``self.callback()``."""
    if call in ("", "getattr()"):
        return True
    name = call[1:]
    return call[0] == "." and name not in ran.by_name and name not in _BUILTIN_METHODS


class Node(NamedTuple):
    """A key and the way it is seen."""

    key: Key
    way: int = PLAIN


class Closure:
    """Edges of the graph of one run.

    Args:
        imported: defs that ran before the first test: imports, collection, hooks.
        ran: defs that ran at any time in this run.
        writers: which of them may write a global.
        files: first-party modules loaded.
    """

    def __init__(
        self,
        project: Project,
        digester: Digester,
        imported: Ran,
        ran: Ran,
        writers: Writers,
        files: Iterable[str] = (),
    ) -> None:
        self._files = set(files)
        self._project = project
        self._digester = digester
        self._names = digester.names
        self._ran = {IMPORT: imported, SESSION: ran}
        self._writers = writers
        self._memo: dict[Node, frozenset[Node]] = {}
        self._memos: dict[str, set[Place]] = {}
        self._keepers: set[Place] = set()
        for path, qualname in ran.places:
            for found in project.index(path).defs.get(qualname, ()):
                if found.is_memo or self._is_kept_by_decorator(path, found):
                    self._keepers.add((path, qualname))
                    name = qualname.rpartition(".")[2]
                    self._memos.setdefault(name, set()).add((path, qualname))

    def _is_kept_by_decorator(self, path: str, found: Def) -> bool:
        """Say whether a first-party decorator keeps what the function gives."""
        for chain in found.decorators:
            if chain:
                resolution = self._names.resolve(path, chain)
                for file, qualname in self._targets(resolution):
                    for decorator in self._project.index(file).defs[qualname]:
                        refs = decorator.refs
                        if refs.changes_closure or refs.receivers or refs.attr_changes:
                            return True
        return False

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
                docs |= self._docs_of(node.key.path, node.key.name)
        return frozenset(docs)

    def _kept_by_value(self, path: str, cell: Cell, out: set[Node]) -> None:
        """Edges of an object that a module keeps: what used it before may have changed it."""
        ran = self._ran[SESSION]
        for chain in cell.refs.chains:
            resolution = self._names.resolve(path, chain)
            handed = chain in cell.refs.arguments  # ``defaultdict(make)``
            for place in self._targets(resolution):
                found = self._project.index(place[0]).defs[place[1]]
                if place in ran.places and (handed or any(d.is_generator for d in found)):
                    out.add(Node(Key(BODY, *place), SESSION))
            for file, name, rest in resolution.bindings:
                owner = ".".join((name, *rest))
                for place in ran.by_class.get((file, owner), ()):
                    if any(changes_object(d) for d in self._project.index(file).defs[place[1]]):
                        out.add(Node(Key(BODY, *place), SESSION))

    def _has_foreign_base(self, path: str, cell: Cell) -> bool:
        """Say whether code of another distribution may read the docstrings of a class."""
        for base in cell.bases:
            aliases = self._project.index(path).aliases(base.partition(".")[0])
            for alias in aliases:
                if self._project.modules.find_from(path, alias.module) is None:
                    return True
        return False

    def _docs_of(self, path: str, name: str) -> set[Node]:
        inner = name + "."
        return {
            Node(Key(DOC, path, found))
            for found in self._project.index(path).table.docs
            if found == name or found.startswith(inner)
        }

    def _defs(self, key: Key) -> list[Def]:
        return self._project.index(key.path).defs.get(key.name, [])

    def _body(self, node: Node, out: set[Node]) -> None:
        path, qualname = node.key.path, node.key.name
        top = qualname.partition(".")[0]
        out.add(Node(Key(FRAME, path)))
        out.add(Node(Key(NAME, path, top)))
        if top != qualname and self._project.index(path).binds(qualname):
            out.add(Node(Key(NAME, path, qualname)))
        way = node.way
        for found in self._defs(node.key):
            if way == PLAIN and may_remember(found):
                way = SESSION
                out.add(Node(node.key, SESSION))
            self._called(path, found.refs, way, out)

    def _called(self, path: str, refs: Refs, way: int, out: set[Node]) -> None:
        """Edges of running code: its callees are traced, unless something remembered results."""
        for chain in refs.chains:
            resolution = self._names.resolve(path, chain)
            self._consult(resolution, way, out)
            for target in self._targets(resolution):
                if target in self._keepers:
                    out.add(Node(Key(BODY, *target), SESSION))
        for spec in refs.imports:
            self._consult(self._names.resolve_import(path, spec), way, out)
        for text in refs.strings:
            self._consult(self._names.resolve_dotted(text), PLAIN, out)
        for attr in self._memos.keys() & refs.attrs:
            out.update(Node(Key(BODY, *place), SESSION) for place in self._memos[attr])
        if refs.reads_namespace:
            out.add(Node(Key(WHOLE, path)))
        self._computed(path, refs, out)
        if way != PLAIN:
            self._by_attribute(refs, way, out)

    def _evaluated(self, path: str, refs: Refs, out: set[Node]) -> None:
        """Edges of code that ran at import: what it may have called ran there too."""
        named = {call for call in refs.calls if not is_unknown_call(call)}
        for chain in refs.chains | named:
            self._consult(self._names.resolve(path, chain), IMPORT, out)
        for spec in refs.imports:
            self._consult(self._names.resolve_import(path, spec), IMPORT, out)
        for text in refs.strings:
            self._consult(self._names.resolve_dotted(text), PLAIN, out)
        self._computed(path, refs, out)
        self._by_attribute(refs, IMPORT, out)

    def _computed(self, path: str, refs: Refs, out: set[Node]) -> None:
        """Edges of code that names what it consults at run time only."""
        if refs.imports_computed or "__subclasses__" in refs.attrs:
            # Any module may be meant; any class statement anywhere may add a subclass.
            out.update(Node(Key(WHOLE, file)) for file in self._files)
        if not _SOURCE_READERS.isdisjoint(refs.attrs | refs.chains):
            # As text: comments and layout count.
            out.add(Node(Key(FILE, path)))
            for chain in refs.chains:
                for file, _, _ in self._names.resolve(path, chain).bindings:
                    out.add(Node(Key(FILE, file)))
        if not _DOC_READERS.isdisjoint(refs.attrs):
            for chain in refs.chains:
                for file, name, _ in self._names.resolve(path, chain).bindings:
                    out.update(self._docs_of(file, name))

    def _by_attribute(self, refs: Refs, way: int, out: set[Node]) -> None:
        ran = self._ran[way]
        if refs.is_dynamic and any(_is_unknown_callee(call, ran) for call in refs.calls):
            # Which attribute is computed, and it may be called: any method that ran may be meant.
            out.update(Node(Key(BODY, *place), way) for place in ran.places)
            return
        for attr in refs.attrs | refs.attr_stores:  # a property may be set
            out.update(Node(Key(BODY, *place), way) for place in ran.by_name.get(attr, ()))

    def _consult(self, resolution: Resolution, way: int, out: set[Node]) -> None:
        out.update(Node(key) for key in resolution.keys)
        for path, name, _ in resolution.bindings:
            if name == "__getattr__":  # a module's: an import may have called it
                out.add(Node(Key(BODY, path, name), SESSION))
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
            if cell.kind == "value" and cell.refs.calls:
                self._kept_by_value(key.path, cell, out)
            if cell.kind == "value" and any(MEMO.search(call) for call in cell.refs.calls):
                # ``f = lru_cache(g)``
                for chain in cell.refs.chains:
                    for target in self._targets(self._names.resolve(key.path, chain)):
                        out.add(Node(Key(BODY, *target), SESSION))
            if cell.is_decorated or self._has_foreign_base(key.path, cell):
                out |= self._docs_of(key.path, key.name)
            if cell.kind == "class":
                # Its methods may have written attributes under computed names.
                out.update(
                    Node(Key(BODY, *place), SESSION)
                    for place in self._ran[SESSION].by_class.get((key.path, key.name), ())
                    if any(
                        "__dict__" in found.refs.attr_changes
                        for found in self._project.index(place[0]).defs.get(place[1], ())
                    )
                )
                # The class statement runs hooks of its bases, and of what its body creates.
                self._consult(self._names.resolve(key.path, key.name), IMPORT, out)
        # Statements of other modules: ``shared.V = 1``.
        for file in self._writers.modules_of(key.path, key.name):
            out.add(Node(Key(EFFECTS, file)))
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
