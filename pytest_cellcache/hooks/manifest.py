"""Writes down the items of a collected module, so that they can be made again without it.

What is written is what pytest gave before plugins changed it: the tree, the marks, the names that
functions carry, the fixtures they ask for, parameters by their ids. Values that are not plain stay
in the module. A module that holds anything unusual has no manifest and is always collected.

Shape (JSON; tables hold what many items share, items name rows by number)::

    module    {"nodeid", "name", "own": [mark], "children": [child], tables}
    tables    "marks", "functions", "fixtures", "types", "paths", "templates"
    child     [name, function, type, fixtures, line, path, static, final, call or 0]
              or {"name", "type", "qualname", "module", "own": [mark], "children": [child]}
    mark      [name, description, values or 0]
    call      [template, [id], [index], {argument: value or ["token", number]}, [mark]]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from json import dumps
from types import FunctionType, MethodType
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.plainvalues import NotPlain, encode
from pytest_cellcache.hooks.values import Opaque, describe
from pytest_cellcache.sources.places import Places

UNREAD: Final = ["unread"]
"""Stands for a value that stays in the module."""

SHORT: Final = 16
"""Hex digits kept of the digest of an item."""

_TABLES: Final = ("marks", "functions", "fixtures", "types", "paths", "templates")
_BY_CALL: Final = "parametrize"
"""Its values are those of the items; whoever wants the mark's gets them from the module."""


class Unusual(Exception):
    """The module is to be collected for real each time; says why."""


@dataclass(slots=True)
class Captured:
    """A node as pytest collected it, before plugins could change it.

    Attributes:
        marks: its own marks.
        fixtures: names of the fixtures of an item.
        children: of a collector, once it was collected.
    """

    node: Any
    marks: list[pytest.Mark]
    fixtures: tuple[str, ...] = ()
    children: list[Captured] | None = field(default=None)


def capture(node: Any) -> Captured:
    """Take a node down as it is now."""
    return Captured(node, list(node.own_markers), tuple(getattr(node, "fixturenames", ())))


def write_manifest(
    module: Captured, places: Places, facts_of: Callable[[pytest.Item], tuple[str, str]]
) -> dict[str, Any]:
    """Give the manifest of a module all of whose classes were collected.

    Args:
        facts_of: gives the digests of an item without and with its marks.

    Raises:
        Unusual: it cannot be made again from a manifest.
    """
    return _Writer(module, places, facts_of).manifest()


def captured_items(held: Captured) -> Iterator[pytest.Item]:
    """Give the items below a node in their order."""
    for child in held.children or ():
        if isinstance(child.node, pytest.Item):
            yield child.node
        else:
            yield from captured_items(child)


def items_in(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give node id and short digest of each item in a manifest."""

    def walk(children: list[Any], nodeid: str) -> Iterator[tuple[str, str]]:
        for child in children:
            if isinstance(child, dict):
                yield from walk(child["children"], f"{nodeid}::{child['name']}")
            else:
                yield f"{nodeid}::{child[0]}", child[7]

    return walk(manifest["children"], manifest["nodeid"])


def describe_mark(mark: pytest.Mark, places: Places) -> str:
    """Describe the values of a mark, ``opaque`` where that is impossible."""
    try:
        return describe((mark.args, mark.kwargs), places.root)
    except Opaque:
        return "opaque"


class _Writer:
    def __init__(
        self,
        module: Captured,
        places: Places,
        facts_of: Callable[[pytest.Item], tuple[str, str]],
    ) -> None:
        self._module = module
        self._places = places
        self._facts_of = facts_of
        self._name = str(getattr(module.node.obj, "__name__", ""))
        self._values: dict[str, list[tuple[type, Any]]] = {}
        # By identity of functions and marks, which the captured nodes keep alive.
        self._known: dict[Any, tuple[int, int, int, int | None, int]] = {}
        self._tables: dict[str, dict[str, tuple[int, Any]]] = {name: {} for name in _TABLES}

    def manifest(self) -> dict[str, Any]:
        node = self._module.node
        if hasattr(node.obj, "pytest_plugins"):
            raise Unusual("it names plugins")
        data = {
            "nodeid": node.nodeid,
            "name": self._name,
            "own": self._marks(self._module.marks),
            "children": self._children(self._module, ""),
        }
        tables = {
            name: [row for _, row in sorted(table.values(), key=lambda pair: pair[0])]
            for name, table in self._tables.items()
        }
        return data | tables

    def _row(self, table: str, row: Any) -> int:
        key = dumps(row)
        rows = self._tables[table]
        if key not in rows:
            rows[key] = (len(rows), row)
        return rows[key][0]

    def _children(self, parent: Captured, prefix: str) -> list[Any]:
        if parent.children is None:
            raise Unusual("it was collected in part")
        return [
            self._item(child, prefix)
            if isinstance(child.node, pytest.Item)
            else self._class(child, prefix)
            for child in parent.children
        ]

    def _class(self, child: Captured, prefix: str) -> dict[str, Any]:
        node = child.node
        if not isinstance(node, pytest.Class) or type(node.obj) is not type:
            raise Unusual(f"{type(node).__name__} {node.name}")
        return {
            "name": node.name,
            "type": self._type(node),
            "qualname": node.obj.__qualname__,
            "module": self._module_name(node.obj),
            "own": self._marks(child.marks),
            "children": self._children(child, f"{prefix}{node.name}."),
        }

    def _item(self, child: Captured, prefix: str) -> list[Any]:
        item = child.node
        if not isinstance(item, pytest.Function):
            raise Unusual(type(item).__name__)
        if list(item.fixturenames) != list(child.fixtures):
            raise Unusual(f"a plugin changed the fixtures of {item.name}")
        callspec = getattr(item, "callspec", None)
        of_call = list(getattr(callspec, "marks", ()))
        of_function = child.marks[: len(child.marks) - len(of_call)]
        shared = self._shared(item, of_function, child.fixtures, prefix)
        static, final = self._facts_of(item)
        return [
            item.name,
            *shared,
            static[:SHORT],
            final[:SHORT],
            0 if callspec is None else self._call(item, callspec, of_call),
        ]

    def _shared(
        self,
        item: pytest.Function,
        marks: Sequence[pytest.Mark],
        fixtures: tuple[str, ...],
        prefix: str,
    ) -> tuple[int, int, int, int | None, int]:
        """Give what the items of one function have in common, found out once."""
        function: Any = item.obj
        function = getattr(function, "__func__", function)
        key = (id(function), prefix, item.originalname, fixtures, tuple(map(id, marks)))
        known = self._known.get(key) if type(item) is pytest.Function else None
        if known is None:
            path, line, domain = item.location
            if domain != prefix + item.name:
                raise Unusual(f"{item.name} has a place of its own")
            known = self._known[key] = (
                self._row("functions", self._function(item, marks)),
                self._type(item),
                self._row("fixtures", list(fixtures)),
                line,
                self._row("paths", path),
            )
        return known

    def _function(self, item: pytest.Function, marks: Sequence[pytest.Mark]) -> dict[str, Any]:
        function: Any = item.obj
        if type(function) not in (FunctionType, MethodType):
            raise Unusual(f"{item.name} is a {type(function).__name__}")
        if type(function) is MethodType and isinstance(function.__self__, type):
            raise Unusual(f"{item.name} is a class method")
        attributes = {
            name: self._attribute(value)
            for name, value in function.__dict__.items()
            if name != "pytestmark"
        }
        return {
            "name": item.originalname,
            "own": function.__name__,
            "qualname": function.__qualname__,
            "module": self._module_name(function),
            "dict": attributes,
            "marked": "pytestmark" in function.__dict__,
            "flags": function.__code__.co_flags,
            "line": function.__code__.co_firstlineno,
            "bound": type(function) is MethodType,
            "marks": self._marks(marks),
        }

    def _attribute(self, value: Any) -> Any:
        try:
            return encode(value, self._places)
        except NotPlain:
            return UNREAD

    def _call(self, item: pytest.Function, callspec: Any, marks: list[pytest.Mark]) -> list[Any]:
        scopes = callspec._arg2scope  # private: decides the order of items
        template = [[name, scopes[name].value] for name in callspec.params]
        values = {}
        for name, scope in template:
            if scope != "function":
                values[name] = self._value(item, name, scope, callspec.params[name])
        indices = [callspec.indices[name] for name in callspec.params]
        ids = [str(part) for part in callspec._idlist]
        row = self._row("templates", template)
        return [row, ids, indices, values, self._marks(marks)]

    def _value(self, item: pytest.Function, name: str, scope: str, value: Any) -> Any:
        """Write a value that items are ordered by, or a number that stands for it.

        Pytest takes the order from the equality of values: within a module, where the scope is no
        wider, equal numbers say the same.
        """
        try:
            return encode(value, self._places)
        except NotPlain:
            if scope not in ("class", "module"):
                raise Unusual(f"{item.name} is ordered by {name}") from None
        known = self._values.setdefault(name, [])
        try:
            hash(value)
        except TypeError:
            return ["token", -1]  # such values are told apart by their index
        try:
            for number, (kind, other) in enumerate(known):
                if kind is type(value) and bool(other == value):
                    return ["token", number]
        except (TypeError, ValueError, RuntimeError):
            raise Unusual(f"{item.name} is ordered by {name}") from None
        known.append((type(value), value))
        return ["token", len(known) - 1]

    def _marks(self, marks: Sequence[pytest.Mark]) -> list[int]:
        return [self._row("marks", self._mark(mark)) for mark in marks]

    def _mark(self, mark: pytest.Mark) -> list[Any]:
        if type(mark) is not pytest.Mark:
            raise Unusual(f"mark {mark.name}")
        if mark.name == _BY_CALL:
            return [mark.name, "", 0]
        described = describe_mark(mark, self._places)
        try:
            return [mark.name, described, encode([mark.args, mark.kwargs], self._places)]
        except NotPlain:
            return [mark.name, described, 0]

    def _type(self, node: Any) -> int:
        kind = type(node)
        found: Any = sys.modules.get(kind.__module__)
        for name in kind.__qualname__.split("."):
            found = getattr(found, name, None)
        if found is not kind:
            raise Unusual(kind.__name__)
        return self._row("types", [kind.__module__, kind.__qualname__])

    def _module_name(self, thing: Any) -> Any:
        return 0 if thing.__module__ == self._name else thing.__module__
