"""Finds the fixtures that an item may ask for at run time, by the names that its source holds.

``getfixturedefs`` of the fixture manager is private: without it no such fixture is found, and those
run whenever they are asked for. So do those whose names are computed, or held by other code.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.scopes import place_of, places_of

_ASKING: Final = "getfixturevalue"
Known = Mapping[str, Sequence[Any]]
"""Definitions by name; of those that override others the last counts."""


class ByName:
    """Reads code; what it holds is read once."""

    def __init__(self) -> None:
        # Kept with the functions that pytest keeps; bounded by those of a run.
        self._read: dict[types.CodeType, tuple[bool, frozenset[str]]] = {}

    def of(self, item: Any) -> tuple[frozenset[str], Known]:
        """Give the names that an item may ask for, and the definitions that they lead to.

        Those in the closure of the item are left out: they are known anyway.
        """
        known: Any = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None)
        manager = getattr(getattr(item, "session", None), "_fixturemanager", None)
        find = getattr(manager, "getfixturedefs", None)
        if known is None or find is None or "request" not in getattr(item, "fixturenames", ()):
            return frozenset(), {}
        functions = [getattr(item, "function", None)]
        functions += [each.func for every in known.values() for each in every]
        read = [self._words_of(function) for function in functions]
        if not any(is_asking for is_asking, _ in read):
            return frozenset(), {}
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        words = {word for _, texts in read for word in texts}
        words |= {each for each in parameters.values() if type(each) is str}
        found: dict[str, Sequence[Any]] = {}
        todo = [word for word in words if word.isidentifier()]  # a fixture is an argument
        while todo:
            name = todo.pop()
            if name in known or name in found:
                continue
            try:
                every = find(name, item)
            except (TypeError, AttributeError):  # another pytest
                return frozenset(), {}
            if every and every[-1].params is None:
                found[name] = every
                todo += [argument for each in every for argument in each.argnames]
        return frozenset(words & found.keys()), found

    def places_of(self, item: Any) -> frozenset[str]:
        """Name the wider fixtures among them (``scopes``)."""
        every = (each for known in self.of(item)[1].values() for each in known)
        return frozenset({place_of(each, item) for each in every} - {""})

    def all_places_of(self, item: pytest.Item) -> frozenset[str]:
        """Name every wider fixture that an item may ask for, by an argument or by name."""
        return places_of(item) | self.places_of(item)

    def _words_of(self, function: Any) -> tuple[bool, frozenset[str]]:
        """Say whether a function asks for fixtures by name, and give the texts in it."""
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if type(code) is not types.CodeType:
            return False, frozenset()
        if code not in self._read:
            words: set[str] = set()
            is_asking = False
            stack: list[Any] = [code]
            while stack:
                part = stack.pop()
                if type(part) is types.CodeType:
                    is_asking |= _ASKING in part.co_names
                    stack += part.co_consts
                elif type(part) in (tuple, frozenset):
                    stack += part
                elif type(part) is str:
                    words.add(part)
            self._read[code] = is_asking, frozenset(words)
        return self._read[code]
