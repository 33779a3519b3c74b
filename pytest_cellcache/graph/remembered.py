"""What earlier work may have left behind: who ran, who writes globals and attributes, who keeps
results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import is_unknown_call

Place = tuple[str, str]
"""File and qualified name of a def."""


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
            # Functions too: ``mod.f`` through a module used as a value.
            self.by_name.setdefault(name, set()).add((path, qualname))
            if owner:
                self.by_class.setdefault((path, owner), set()).add((path, qualname))


_INITIALISERS: Final = frozenset({"__init__", "__post_init__", "__set_name__"})


def _initialises(qualname: str) -> bool:
    return qualname.rpartition(".")[2] in _INITIALISERS


def changes_object(found: Def) -> bool:
    """Say whether a method may change its object after it was made."""
    refs = found.refs
    return not _initialises(found.qualname) and bool(
        refs.attr_stores or refs.attr_changes or refs.changes_parameters
    )


def may_remember(found: Def) -> bool:
    """Say whether a body may find work done by an earlier call: it reads what it writes.

    ``if self._x is None: self._x = make()`` runs ``make`` once, for whoever comes first.
    """
    refs = found.refs
    if found.has_kept_default and refs.changes_parameters:
        return True
    if "globals" in refs.receivers:
        return True
    if _initialises(found.qualname):
        return False
    return bool(refs.attr_changes or refs.attrs & refs.attr_stores)


class Attributes:
    """Which attributes bodies write outside of initialisers, for who reads them later.

    A long-lived object may carry what an earlier test, fixture or import has put there.
    """

    def __init__(self, project: Project, ran: Ran) -> None:
        self._project = project
        self._writers: dict[str, set[Place]] = {}
        for place in ran.places:
            if not _initialises(place[1]):
                for attr in self._written([place]):
                    self._writers.setdefault(attr, set()).add(place)

    def left_by_others(self, places: Iterable[Place], own: Iterable[Place]) -> set[Place]:
        """Give the writers of attributes that bodies read but did not write themselves.

        Args:
            places: bodies that a unit and its fixtures ran.
            own: those among them that ran for this unit only, not in a fixture it shares.
        """
        read = {attr for d in self._defs(places) for attr in d.refs.fields}
        missing = (read & self._writers.keys()) - self._written(own)
        return {place for attr in missing for place in self._writers[attr]}

    def _written(self, places: Iterable[Place]) -> set[str]:
        return {
            attr
            for found in self._defs(places)
            for attr in (*found.refs.attr_stores, *found.refs.attr_changes)
        }

    def _defs(self, places: Iterable[Place]) -> list[Def]:
        return [
            found
            for path, qualname in places
            for found in self._project.index(path).defs.get(qualname, ())
        ]


class Writers:
    """Which bodies may rebind or change a global: lazy initialisation, counters, registers."""

    def __init__(
        self,
        project: Project,
        digester: Digester,
        places: Iterable[Place],
        files: Iterable[str] = (),
    ) -> None:
        self._modules: dict[tuple[str, str], set[str]] = {}
        for path in files:
            index = project.index(path)
            for cell in index.table.cells:
                for chain in cell.refs.receivers:
                    if index.aliases(chain.partition(".")[0]):
                        for file, name, _ in digester.names.resolve(path, chain).bindings:
                            if file != path:
                                self._modules.setdefault((file, name), set()).add(path)
        self._found: dict[tuple[str, str], set[Place]] = {}
        for path, qualname in places:
            for definition in project.index(path).defs.get(qualname, ()):
                refs = definition.refs
                if self._hands_over(project, digester, path, definition):
                    # ``put(CACHE, "v", make())``
                    for chain in refs.chains - refs.calls:
                        for file, name, rest in digester.names.resolve(path, chain).bindings:
                            bound = project.index(file).bound_by(name)
                            if not rest and any(c.kind == "value" for c in bound):
                                self._found.setdefault((file, name), set()).add((path, qualname))
                for name in refs.stores:
                    self._found.setdefault((path, name), set()).add((path, qualname))
                for chain in refs.receivers:
                    for file, name, _ in digester.names.resolve(path, chain).bindings:
                        # Not another distribution's: ``sys.stdout.write``.
                        bound = project.index(file).bound_by(name)
                        if name != "__getattr__" and any(c.kind != "import" for c in bound):
                            self._found.setdefault((file, name), set()).add((path, qualname))

    def modules_of(self, path: str, name: str) -> set[str]:
        """Give the other modules whose statements may write a global of a file."""
        return self._modules.get((path, name), set())

    def _hands_over(self, project: Project, digester: Digester, path: str, definition: Def) -> bool:
        """Say whether a body calls a function of the project that changes its arguments."""
        return any(
            found.refs.changes_parameters
            for chain in definition.refs.calls
            if not is_unknown_call(chain) and "(" not in chain
            for file, name, rest in digester.names.resolve(path, chain).bindings
            for found in project.index(file).defs.get(".".join((name, *rest)), ())
        )

    def of(self, path: str, name: str) -> set[Place]:
        """Give the defs that may write a global of a file."""
        return self._found.get((path, name), set())
