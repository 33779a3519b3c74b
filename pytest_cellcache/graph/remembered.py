"""What earlier work may have left behind: who ran, who writes globals, who keeps results."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.foreign import INITIALISERS, METACLASS_METHODS
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import may_change
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import is_unknown_call
from pytest_cellcache.graph.scopes import initialises

Place = tuple[str, str]
"""File and qualified name of a def."""


def at_attribute(place: Place, name: str) -> Place:
    """Name an attribute of what a global stands for; without a name, all of that."""
    if not name or name == "__dict__":
        return place
    return place[0], f"{place[1].partition(':')[0]}:{name}"


def attribute_of(place: Place) -> tuple[Place, str]:
    """Take apart what ``at_attribute`` gave."""
    owner, _, name = place[1].partition(":")
    return (place[0], owner), name


class Ran:
    """Which defs ran, and how to find them by simple name.

    Args:
        uncalled: defs that only pytest calls, the functions of tests: no attribute leads there.
        within: per function whose results are kept, what ran within it, where that is known.
    """

    def __init__(
        self,
        places: Iterable[Place],
        uncalled: frozenset[Place] = frozenset(),
        within: Mapping[Place, frozenset[Place]] = MappingProxyType({}),
    ) -> None:
        self.places = frozenset(places) - uncalled
        self.within = within
        self.by_name: dict[str, set[Place]] = {}
        self.by_class: dict[Place, set[Place]] = {}
        self._by_file: dict[str, list[Place]] = {}
        self.operators: set[Place] = set()
        """Those that ``a + b``, ``a[b]`` and the like may run, which no call names."""
        self.callees: dict[Place, set[Place]] = {}
        """What each of them may have called directly, as far as it was asked."""
        for path, qualname in self.places:
            owner, _, name = qualname.rpartition(".")
            # Functions too: ``mod.f`` through a module used as a value.
            self.by_name.setdefault(name, set()).add((path, qualname))
            if _is_operator(name):
                self.operators.add((path, qualname))
            if owner:
                self.by_class.setdefault((path, owner), set()).add((path, qualname))

    def inside(self, path: str, inner: str) -> set[Place]:
        """Give those of a file whose qualified names begin like this."""
        for place in () if self._by_file else self.places:
            self._by_file.setdefault(place[0], []).append(place)
        return {place for place in self._by_file.get(path, ()) if place[1].startswith(inner)}


_CALLED_BY_NAME: Final = frozenset({*INITIALISERS, *METACLASS_METHODS}) - {"__call__"}


def _is_operator(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in _CALLED_BY_NAME


def is_implicit(project: Project, place: Place) -> bool:
    """Say whether code may run a method without calling its name: ``a / b``, ``a[b]``, ``a.b``."""
    name = place[1].rpartition(".")[2]
    if name.startswith("__") and name.endswith("__"):
        return _is_operator(name)
    found = project.index(place[0]).defs.get(place[1], ())
    return any(d.is_method and d.decorators for d in found)


def is_kept(project: Project, names: Names, path: str, found: Def) -> bool:
    """Say whether a first-party decorator may keep what a function gives.

    What its own body keeps, as registers do, is the function, unless it calls that.
    """
    for chain in filter(None, found.decorators):
        for file, name, rest in names.resolve(path, chain).bindings:
            decorator = ".".join((name, *rest))
            for inner, defs in project.index(file).defs.items():
                for each in defs if f"{inner}.".startswith(f"{decorator}.") else ():
                    if each.refs.kept and (inner != decorator or "" in each.refs.calls):
                        return True
    return False


def fills(found: Def) -> bool:
    """Say whether what a body leaves behind is the same whoever calls it first (``keeping``)."""
    refs = found.refs
    if (found.is_memo or initialises(found.qualname)) and not refs.kept:
        return True
    return (
        bool(refs.kept)
        and refs.kept <= refs.looked_up
        and not refs.keeps_arguments
        and not refs.accumulates
    )


Written = list[tuple[str, str, str]]
"""What a body may write: file and name of a global, and an attribute that it writes by both."""


class Writers:
    """Which bodies among some may rebind or change a global.

    Args:
        known: what bodies may write, to be shared and added to.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        places: Iterable[Place],
        known: dict[Place, Written] | None = None,
    ) -> None:
        self._project = project
        self._names = names
        self._found: dict[tuple[str, str], set[Place]] = {}
        self._attributes: dict[tuple[str, str, str], set[Place]] = {}
        self._written: list[tuple[Place, Written]] = []
        known = {} if known is None else known
        for place in places:
            written = known.get(place)
            if written is None:
                written = known[place] = list(self._written_by(place))
            self._written.append((place, written))
            for file, name, attribute in written:
                self._found.setdefault((file, name), set()).add(place)
                if attribute:
                    self._attributes.setdefault((file, name, attribute), set()).add(place)

    @property
    def changed(self) -> Iterable[Place]:
        """The globals that some of the bodies may write; of a class, its attributes."""
        return self._by_change.keys()

    @functools.cached_property
    def _by_change(self) -> dict[Place, set[Place]]:
        found: dict[Place, set[Place]] = {}
        for place, written in self._written:
            for file, name, attribute in written:
                bound = self._project.index(file).bound_by(name) if attribute else ()
                is_class = bool(bound) and all(cell.kind == "class" for cell in bound)
                changed = at_attribute((file, name), attribute if is_class else "")
                found.setdefault(changed, set()).add(place)
        return found

    def of(self, path: str, name: str) -> set[Place]:
        """Give the defs that may write a global of a file, or one of ``changed``."""
        if not attribute_of((path, name))[1]:
            return self._found.get((path, name), set())
        return self._by_change.get((path, name), set())

    def of_attribute(self, path: str, name: str, attribute: str) -> set[Place]:
        """Give the defs that write an attribute of a global by both names: ``C.counter += 1``."""
        return self._attributes.get((path, name, attribute), set())

    def _written_by(self, place: Place) -> Iterator[tuple[str, str, str]]:
        path = place[0]
        for definition in self._project.index(path).defs.get(place[1], ()):
            refs = definition.refs
            if self._hands_over(path, definition):  # ``put(CACHE, "v", make())``
                for chain in refs.chains - refs.calls:
                    for file, name, rest in self._names.resolve(path, chain).bindings:
                        bound = self._project.index(file).bound_by(name)
                        if not rest and any(c.kind == "value" and may_change(c) for c in bound):
                            yield file, name, ""
            for name in refs.stores:
                yield path, name, ""
            for chain in refs.receivers | refs.counts:
                for file, name, rest in self._names.resolve(path, chain).bindings:
                    # Not another distribution's: ``sys.stdout.write``.
                    bound = self._project.index(file).bound_by(name)
                    if name != "__getattr__" and any(cell.kind != "import" for cell in bound):
                        yield file, name, rest[0] if len(rest) == 1 else ""

    def _hands_over(self, path: str, definition: Def) -> bool:
        """Say whether a body calls a function of the project that changes its arguments."""
        return any(
            found.refs.changes_parameters
            for chain in definition.refs.calls
            if not is_unknown_call(chain) and "(" not in chain
            for file, name, rest in self._names.resolve(path, chain).bindings
            for found in self._project.index(file).defs.get(".".join((name, *rest)), ())
        )


def module_setters(project: Project, files: Iterable[str]) -> dict[str, set[str]]:
    """Give, per file whose statements put something among the loaded modules, the names of these.

    The empty name where some name is not a constant.
    """
    found: dict[str, set[str]] = {}
    for path in files:
        for cell in project.index(path).table.cells:
            if "sys.modules" in cell.refs.receivers:
                specs = {spec.removesuffix(":*") for spec in cell.refs.imports}
                found.setdefault(path, set()).update(specs or {""})
    return found


def foreign_writers(project: Project, names: Names, files: Iterable[str]) -> dict[Place, set[str]]:
    """Give, per global of a file, the other modules whose statements may write it."""
    found: dict[Place, set[str]] = {}
    for path in files:
        index = project.index(path)
        for cell in index.table.cells:
            for chain in cell.refs.receivers:
                if index.aliases(chain.partition(".")[0]):
                    for file, name, _ in names.resolve(path, chain).bindings:
                        if file != path:
                            found.setdefault((file, name), set()).add(path)
    return found
