"""Who reads an attribute, and with it what a counter of objects was when an object was made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.keys import Key

_NONE: Final[frozenset[Key]] = frozenset()


class Attributes:
    """The keys of code by the attributes that it reads, otherwise than for the order of objects."""

    def __init__(self) -> None:
        self._reading: dict[str, set[Key]] = {}
        # By the name of a counter: those under which new objects take over what it is.
        self._handed: dict[str, set[str]] = {}

    def add(self, key: Key, refs: Refs) -> None:
        """Take what code reads and hands on."""
        for attr in refs.attrs - refs.ranks:
            self._reading.setdefault(attr, set()).add(key)
        for pair in refs.handed:
            counter, _, name = pair.partition("=")
            self._handed.setdefault(counter, set()).add(name)

    def reading(self, name: str) -> Collection[Key]:
        """Give the keys of code that reads an attribute."""
        return self._reading.get(name, _NONE)

    def asking(self, counter: str) -> frozenset[Key]:
        """Give those of code that reads a counter, or what objects have taken over from it."""
        names, found = [counter], {counter}
        while names:
            new = self._handed.get(names.pop(), set()) - found
            found |= new
            names += new
        return frozenset(key for name in found for key in self.reading(name))
