"""What importing a module enters in objects that modules hold, its own and others': registers.

Whoever looks into such an object sees what is there, whichever module has entered it. Where the
form of a statement tells which globals it changes, that is what it enters in; else all that the
bodies do which ran when it was evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple

from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.foreign import is_pure_foreign
from pytest_cellcache.graph.leading import is_foreign
from pytest_cellcache.graph.locate import places_of
from pytest_cellcache.graph.objects import changed_in_class
from pytest_cellcache.graph.refs import MUTATORS, Refs, words_of
from pytest_cellcache.graph.remembered import Place, Writers, at_attribute, attribute_of
from pytest_cellcache.graph.scopes import initialises
from pytest_cellcache.graph.sights import Sights, named
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.model.observation import OUTSIDE

LOOKING: Final = "?"
"""Begins ``Entered.by`` where a statement enters nothing, but looks at what is there."""
_SETTING: Final = ("set", "add", "register", "remove", "update", "append", "insert", "enable")
"""Beginnings of the names of methods that are taken to change what all share."""
_ELSEWHERE: Final = frozenset(
    """sys os builtins warnings random gc threading importlib pytest unittest subprocess shutil
    linecache multiprocessing ctypes tracemalloc""".split()
)
"""Modules whose state is watched in other ways, or is nothing that tests look at."""
FOR_ALL: Final = frozenset({"os.umask", "sys.setrecursionlimit"})
"""Functions that set for everybody what nobody is seen to read."""
SEEDED: Final = "random.seed"
"""In place of the name of a global: the state of the generator that all share."""
_SETTERS: Final = {
    **{name: (OUTSIDE, name) for name in FOR_ALL},
    **{f"random.{name}": (OUTSIDE, SEEDED) for name in ("seed", "setstate")},
    **{f"gc.{name}": (OUTSIDE, "gc") for name in ("enable", "disable", "set_threshold", "freeze")},
}
"""What is changed by functions of modules that are in ``_ELSEWHERE``."""
_OF_THE_RUN: Final = frozenset("path modules stdin stdout stderr dont_write_bytecode".split())
"""Attributes of ``sys`` that are watched in other ways, or nothing that tests look at."""


class Entered(NamedTuple):
    """One thing that a statement enters.

    Attributes:
        path: file of the global that leads to the object; ``OUTSIDE`` for a module of others.
        name: that global.
        word: key or attribute below it; empty if it may be any.
        is_keyed: ``word`` is a key of the mapping that the global is.
        by: the statement, by what it binds or by its code.
    """

    path: str
    name: str
    word: str
    is_keyed: bool
    by: str


KeysOf = Callable[[Place], tuple[str, ...] | None]
"""Gives the keys of a global that is a mapping, if all are texts."""


def words_entered(
    path: str, cell: Cell | Refs, changed: Place, keys_of: KeysOf
) -> tuple[list[str], bool]:
    """Give the keys or the attribute that a statement may have entered something under, and
    whether these are keys; an empty word if it may be any."""
    refs, binds = (cell, ()) if isinstance(cell, Refs) else (cell.refs, cell.binds)
    place, attribute = attribute_of(changed)
    if attribute:
        return [attribute], False
    named = refs.words | {word for name in binds for word in words_of(name)}
    named |= words_of(path)
    words = [key for key in keys_of(place) or () if words_of(key) <= named]
    return words or [""], bool(words)


class Entering:
    """Tells what modules enter; results are kept for the run.

    Args:
        evaluations: gives what ran when modules were imported; asked where no form tells.
    """

    def __init__(
        self, digester: Digester, keys_of: KeysOf, evaluations: Callable[[], Evaluations]
    ) -> None:
        self._project = digester.project
        self._names = digester.names
        self._digester = digester
        self._keys_of = keys_of
        self._evaluations = evaluations
        self._calls = Calls(digester.project, digester.names)
        # The globals that statements change, by file and name.
        self._changed: dict[tuple[str, str], set[Place]] = {}

    def looks(self, path: str, places: Collection[Place]) -> frozenset[Entered]:
        """Give what statements of a file look at that they do not enter themselves, after ``of``.

        Args:
            places: globals that something is entered in.
        """
        sights = Sights(self._project, self._names, places, self._ran)
        return frozenset(
            Entered(file, name, "", False, LOOKING + named(cell))
            for _, cell, looked_at in sights.of(path)
            for file, name in looked_at - self._changed.get((path, named(cell)), set())
        )

    def of(self, path: str) -> frozenset[Entered]:
        """Give what importing a file enters, itself and not by what it imports."""
        found: set[Entered] = set()
        for by, cell, places in self._changing(path):
            if not isinstance(cell, Refs):
                own = self._changed.setdefault((path, named(cell)), set())
                own |= {attribute_of(place)[0] for place in places}
            for place in places:
                words, is_keyed = words_entered(path, cell, place, self._keys_of)
                name = attribute_of(place)[0][1]
                found |= {Entered(place[0], name, word, is_keyed, by) for word in words}
        return frozenset(found)

    def _changing(self, path: str) -> Iterator[tuple[str, Cell | Refs, Iterable[Place]]]:
        """Give the statements that change what others hold, each with a name of its own.

        What names do not tell readers rest on by no key: there the code that ran is in the name.
        """
        seen: dict[str, int] = {}
        known = {position: found for position, _, found in self._digester.registering_cells(path)}
        unknown = {position for position, _ in self._digester.effect_cells(path)}
        for position, cell in enumerate(self._project.index(path).table.cells):
            if position not in known and position not in unknown:
                continue
            by = named(cell)
            seen[by] = seen.get(by, 0) + 1
            by = by if seen[by] == 1 else f"{by}#{seen[by]}"
            if position in known:
                yield by, cell, known[position]
            else:
                bodies = self._ran(path, position, cell)
                places = self._looked_for(path, cell.refs, bodies)
                yield by, cell, places | self._digester.purity.noted_changes_of(path, cell)
                given = {*self._given(path, cell.refs, cell.kind), *_seeded(places)}
                yield f"{by} {self._code(cell.digest, bodies)}", cell, given
        for name, (digest, refs) in self._project.index(path).table.markers.items():
            if bodies := self._ran_for(path, name, refs):
                yield f"@{name}", refs, Writers(self._project, self._names, bodies).changed
                given = self._given(path, refs, "marker")
                yield f"@{name} {self._code(digest, bodies)}", refs, given

    def _code(self, own: str, bodies: Iterable[Place]) -> Digest:
        digest = self._digester.digest
        return digest_parts([own, *(digest(Key(BODY, *place)) for place in sorted(bodies))])

    def _looked_for(self, path: str, own: Refs, bodies: Collection[Place]) -> set[Place]:
        """Give what a statement has changed that may change anything."""
        places = {*Writers(self._project, self._names, bodies).changed}
        code = [(path, own)]
        methods: set[str] = set()
        for file, name in bodies:
            for found in self._project.index(file).defs.get(name, ()):
                code.append((file, found.refs))
                if not initialises(name):
                    methods |= found.refs.attr_stores | found.refs.attr_changes
                places.update(changed_in_class(self._project, self._names, file, name, found.refs))
        for chain in own.receivers:
            places.update(self._globals(path, chain))
        for file, refs in code:
            places.update(self._outside(file, refs))
        attributes = methods | own.attr_stores | own.attr_changes
        if _changes_any(own):
            attributes.add("")
        if attributes:  # of whose objects, no name tells
            owners = {p for file, refs in code for c in refs.chains for p in self._globals(file, c)}
            places |= {at_attribute(owner, name) for owner in owners for name in attributes}
        return places

    def _handed_over(self, path: str, refs: Refs) -> set[Place]:
        """Give what functions may change that are told of it: ``patch("app.MODE", 1).start()``."""
        found: set[Place] = set()
        resolved = [self._names.resolve(path, chain) for chain in refs.arguments]
        resolved += [self._names.resolve_dotted(text) for text in refs.strings]
        for resolution in resolved:
            for file, name, rest in resolution.bindings:
                bound = self._project.index(file).bound_by(name)
                if any(cell.kind != "import" for cell in bound):
                    found.add(at_attribute((file, name), rest[0] if rest else ""))
            for file in resolution.modules:
                names = [
                    name for cell in self._project.index(file).table.cells for name in cell.binds
                ]
                told = {name for name in names if words_of(name) and words_of(name) <= refs.words}
                found |= {(file, name) for name in told or names}
        return found

    def _given(self, path: str, refs: Refs, kind: str) -> set[Place]:
        """Give what functions may change that are told of it when a statement is evaluated.

        Where it makes something, classes and functions are what that is made of (``List(String)``):
        who changes one is called for that alone.
        """
        found = self._handed_over(path, refs)
        return found if kind == "effect" else {p for p in found if not self._is_defined(p)}

    def _is_defined(self, place: Place) -> bool:
        """Say whether a global is a class or function that a statement of its own defines."""
        bound = self._project.index(place[0]).bound_by(attribute_of(place)[0][1])
        return bool(bound) and all(cell.kind in ("class", "def") for cell in bound)

    def _outside(self, path: str, refs: Refs) -> Iterator[Place]:
        """Give the modules of others whose state code changes: ``codecs.register(f)``."""
        for chain in refs.calls | refs.receivers:
            called, is_called, method = chain.partition("()")
            root, *rest = called.split(".")
            if not is_foreign(self._project, self._names, path, root):
                continue
            for alias in self._project.index(path).aliases(root):
                full = ".".join(filter(None, (alias.module, alias.name, *rest)))
                is_asked = is_called and method.lstrip(".").startswith(_SETTING)
                if chain in refs.receivers or is_asked or not is_pure_foreign(full):
                    top = full.partition(".")[0]
                    yield from (
                        _changed_elsewhere(full, refs) if top in _ELSEWHERE else [(OUTSIDE, top)]
                    )

    def _ran(self, path: str, position: int, cell: Cell) -> set[Place]:
        evaluations = self._evaluations()
        if path not in evaluations.traced:
            return self._calls.of_cell(path, cell, evaluations.imported)
        return places_of(evaluations.cells.get((path, position), ()))

    def _ran_for(self, path: str, name: str, refs: Refs) -> set[Place]:
        """Give what ran in pytest's decorators that may change something it was given."""
        evaluations = self._evaluations()
        if path in evaluations.traced:
            ran = places_of(evaluations.markers.get((path, name), ()))
        else:
            called = self._calls.callees(path, refs, evaluations.imported)
            ran = self._calls.reach(called, evaluations.imported)
        defs = [d for file, body in ran for d in self._project.index(file).defs.get(body, ())]
        return ran if any(map(_changes_something, defs)) else set()

    def _globals(self, path: str, chain: str) -> Iterator[Place]:
        """Give the objects that a chain leads to or passes by."""
        for file, name, _ in self._names.resolve(path, chain).bindings:
            if any(cell.kind == "value" for cell in self._project.index(file).bound_by(name)):
                yield file, name


def _changed_elsewhere(full: str, refs: Refs) -> Iterator[Place]:
    """Give what code changes of a module that is in ``_ELSEWHERE``: ``sys.excepthook = f``."""
    top, _, name = full.partition(".")
    if full in _SETTERS:
        yield _SETTERS[full]
    elif top == "builtins":
        names = {name} if name else refs.attr_changes
        yield from (at_attribute((OUTSIDE, top), each) for each in names)
    elif top in ("sys", "threading") and name:
        is_set = name.startswith("set") or full in refs.receivers
        if is_set and name.partition(".")[0] not in _OF_THE_RUN:
            yield OUTSIDE, top


def _seeded(places: Iterable[Place]) -> Iterator[Place]:
    """Give the seed, of which readers have no key by which the statement counts."""
    return (place for place in places if place == (OUTSIDE, SEEDED))


def _changes_something(body: Def) -> bool:
    """Say whether a body changes anything that it has not made itself."""
    refs = body.refs
    is_new = initialises(body.qualname) and not (refs.receivers or refs.changes_parameters)
    found = (refs.stores, refs.receivers, refs.attr_stores, refs.attr_changes, refs.kept)
    return not is_new and (refs.changes_parameters or refs.changes_given or any(found))


def _changes_any(refs: Refs) -> bool:
    """Say whether code changes what some call has given: ``get().append(1)``."""
    return refs.changes_given or any(
        "()" in call and call.rpartition(".")[2] in MUTATORS for call in refs.calls
    )
