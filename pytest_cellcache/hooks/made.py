"""Parts of the nodes that are made from a manifest (``hooks.outline``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from pytest_cellcache.hooks.views import View


class Reader(Protocol):
    """What reads the module that the nodes are of."""

    def real(self, made: Made) -> Any:
        """Give a node after making it a real one."""


class Fixtures:
    """Takes the place of pytest's ``FuncFixtureInfo``: names are known, definitions are not."""

    __slots__ = ("_made", "_outline", "initialnames", "is_made", "names_closure")

    def __init__(self, names: list[str], outline: Reader, made: Made) -> None:
        self.names_closure = names
        self.initialnames = tuple(names)
        self._outline = outline
        self._made = made
        self.is_made = False

    @property
    def name2fixturedefs(self) -> Any:
        # The item's request takes them when the item is made; anybody else wants to see them.
        return self.read().name2fixturedefs if self.is_made else _Definitions(self)

    def read(self) -> Any:
        return self._outline.real(self._made)._fixtureinfo

    def __getattr__(self, name: str) -> Any:
        return getattr(self.read(), name)


class _Definitions:
    """Takes the place of a mapping that a request keeps until it is used."""

    __slots__ = ("_fixtures",)

    def __init__(self, fixtures: Fixtures) -> None:
        self._fixtures = fixtures

    def copy(self) -> _Definitions:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fixtures.read().name2fixturedefs, name)


class Made:
    """A node made from a manifest, and what of it was there from the beginning."""

    __slots__ = ("children", "fixtures", "marks", "node", "real")

    def __init__(self, node: Any) -> None:
        self.node = node
        self.marks: Sequence[pytest.Mark] = ()
        self.real: Sequence[pytest.Mark] = ()
        self.fixtures: list[str] = []
        self.children: Sequence[Made] = ()


class SharedFunction:
    """What the items of one function share: it is the same for all of them.

    Attributes:
        items: they themselves.
        view: of the function, unless each of its items binds it to an instance of its own.
    """

    __slots__ = ("attributes", "code", "items", "marks", "view")

    def __init__(self) -> None:
        self.items: list[Made] = []
        self.marks: list[pytest.Mark] = []
        self.attributes: dict[str, Any] = {}
        self.code: Any = None
        self.view: View | None = None


class Parameter:
    """Reads the value of a parameter."""

    def __init__(self, outline: Reader, made: Made, name: str) -> None:
        self._outline = outline
        self._made = made
        self._name = name

    def __call__(self) -> Any:
        return self._outline.real(self._made).callspec.params[self._name]
