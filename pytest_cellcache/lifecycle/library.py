"""What objects of libraries compute when they are asked for it first (``trace.lookups``).

Whoever asks first gets the same, so nobody needs him to run before. What is computed rests on the
project's bodies that the library's code may have called meanwhile::

    a method that overrides another, or is special   -> called under a name that libraries know
    what is decorated, or used otherwise than called -> handed to somebody
    any other function or method                     -> only the project's own code calls it
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.sources.loaded import attribute_of, loaded_files

_SETTERS: Final = frozenset("setattr __setattr__ delattr patch object multiple".split())
"""What sets attributes under names that it is given."""
_QUIET: Final = frozenset("property staticmethod classmethod cached_property".split())
"""Decorators that hand a method to nobody."""


class Library:
    """Says what the code of libraries may have to do with what a unit ran."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[Place, bool] = {}
        self._modules: dict[str, str] | None = None
        self._handed: frozenset[str] | None = None

    def is_set(self, name: str, places: Iterable[Place]) -> bool:
        """Say whether one of some bodies may set an attribute of that name."""
        return any(_sets(refs, name) for place in places for refs in self._refs(place))

    def callable_among(self, places: Iterable[Place]) -> frozenset[Place]:
        """Give those among bodies that code of libraries may call."""
        return frozenset(filter(self._may_call, places))

    def _refs(self, place: Place) -> Iterable[Refs]:
        return self._project.refs_of(Key(BODY, *place))

    def _may_call(self, place: Place) -> bool:
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = self._is_named(*place)
        return known

    def _is_named(self, path: str, qualname: str) -> bool:
        owner, _, name = qualname.rpartition(".")
        if "<" in qualname or (name.startswith("__") and name.endswith("__")):
            return True
        definitions = self._project.index(path).defs.get(qualname, ())
        decorators = {chain.rpartition(".")[2] for d in definitions for chain in d.decorators}
        if name in self._handed_names() or not decorators <= _QUIET:
            return True
        kind: Any = sys.modules.get(self._loaded().get(path, ""))
        for part in owner.split(".") if owner else ():
            kind = attribute_of(kind, part)
            if not issubclass(type(kind), type):
                return True
        others = type.__getattribute__(kind, "__mro__")[1:] if owner else ()
        return any(name in type.__getattribute__(base, "__dict__") for base in others)

    def _loaded(self) -> dict[str, str]:
        if self._modules is None:
            places = self._project.snapshot.places
            self._modules = {
                places.relative(file): module
                for module, file in loaded_files().items()
                if places.is_first_party(file)
            }
        return self._modules

    def _handed_names(self) -> frozenset[str]:
        if self._handed is None:
            names = (self._project.index(path).handed for path in self._loaded())
            self._handed = frozenset[str]().union(*names)
        return self._handed


def _sets(refs: Refs, name: str) -> bool:
    called = {chain.rpartition(".")[2] for chain in refs.calls} | refs.attrs
    set_here = {chain.rpartition(".")[2] for chain in refs.receivers} | refs.attr_stores
    return name in set_here or "__dict__" in refs.attr_changes or not _SETTERS.isdisjoint(called)
