"""Which bodies a body may have called, as far as they ran: for where no trace tells it.

Callees are matched by name for globals and by attribute name for methods, among bodies that are
known to have run: what never ran cannot have made anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place, Ran
from pytest_cellcache.model.memos import MEMO

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


class _Named(NamedTuple):
    """What a piece of code names.

    Attributes:
        places: bodies, if there are such.
        owners: classes, if there are such.
        attrs: attributes; those that are set, too, as a property may be.
    """

    places: set[Place]
    owners: set[Place]
    attrs: Collection[str]


class Calls:
    """Follows calls without a trace."""

    def __init__(self, project: Project, names: Names) -> None:
        self._project = project
        self._names = names
        # By identity of what refers, which is kept: what it may lead to, whatever ran.
        self._known: dict[int, tuple[Refs, _Named]] = {}

    def reach(self, places: Iterable[Place], ran: Ran) -> set[Place]:
        """Give these bodies and all they may have called, directly or not, among ``ran``."""
        seen, told = set(places), set[Place]()
        stack = list(seen)
        while stack:
            place = stack.pop()
            if place in ran.within:
                told |= ran.within[place]
                found = self._answered(place, ran)
            else:
                found = self._callees_of(place, ran)
            stack += found - seen
            seen |= found
        return seen | told

    def _answered(self, place: Place, ran: Ran) -> set[Place]:
        """Give what remembers and may have given its result to what ran within a body."""
        every = (self._callees_of(each, ran) for each in (place, *ran.within[place]))
        return {callee for found in every for callee in found if callee in ran.within}

    def _callees_of(self, place: Place, ran: Ran) -> set[Place]:
        found = ran.callees.get(place)
        if found is None:
            found = ran.callees[place] = self._called_by(place, ran)
        return found

    def _called_by(self, place: Place, ran: Ran) -> set[Place]:
        path, qualname = place
        found = set(ran.by_class.get((path, qualname + ".<locals>"), ()))
        found |= ran.operators
        for definition in self._project.index(path).defs.get(qualname, ()):
            if "" in definition.refs.calls and not _calls_what_it_remembers(qualname):
                return set(ran.places)  # ``HANDLERS[kind](x)``
            found |= self.callees(path, definition.refs, ran)
        return found

    def callees(self, path: str, refs: Refs, ran: Ran) -> set[Place]:
        """Give the bodies that a piece of code may have called directly, among ``ran``."""
        named = self._named(path, refs)
        found = named.places & ran.places
        found.update(*(ran.by_class[owner] for owner in named.owners if owner in ran.by_class))
        if refs.is_dynamic and any(_is_unknown_callee(call, ran) for call in refs.calls):
            # Which attribute is computed, and it may be called: any body that ran may be meant.
            return found | ran.places
        found.update(*(ran.by_name[attr] for attr in named.attrs if attr in ran.by_name))
        return found

    def of_cell(self, path: str, cell: Cell, ran: Ran) -> set[Place]:
        """Give the bodies that evaluating a cell may have run, directly or not, among ``ran``."""
        callees = self.callees(path, cell.refs, ran)
        if cell.kind == "class" or cell.refs.bases:
            # A class statement runs hooks of its bases, and of what its body creates.
            for base in (*cell.bases, *cell.refs.bases, *cell.binds, *cell.classes):
                for file, name, rest in self._names.resolve(path, base).bindings:
                    callees |= ran.by_class.get((file, ".".join((name, *rest))), set())
        return self.reach(callees, ran)

    def _named(self, path: str, refs: Refs) -> _Named:
        _, known = self._known.get(id(refs), (None, None))
        if known is None:
            resolutions = [self._names.resolve(path, chain) for chain in refs.chains]
            resolutions += [self._names.resolve_import(path, spec) for spec in refs.imports]
            places, owners = set[Place](), set[Place]()
            for file, name, rest in (b for found in resolutions for b in found.bindings):
                places |= {(file, ".".join((name, *rest))), (file, name)}
                # A class: any of its methods.
                parts = (name, *rest)
                owners |= {(file, ".".join(parts[: n + 1])) for n in range(len(parts))}
            known = _Named(places, owners, refs.attrs | refs.attr_stores)
            self._known[id(refs)] = refs, known
        return known


def _calls_what_it_remembers(qualname: str) -> bool:
    """Say whether a function is what a decorator that remembers makes of another one."""
    return any(MEMO.search(outer) for outer in qualname.split(".<locals>.")[:-1])


def _is_unknown_callee(call: str, ran: Ran) -> bool:
    """Say whether a call may run a body that no name leads to: ``f()``, ``self.callback()``."""
    if call in ("", "getattr()"):
        return True
    name = call[1:]
    return call[0] == "." and name not in ran.by_name and name not in _BUILTIN_METHODS
