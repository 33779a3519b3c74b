"""Reads a collected item: everything about it that counts by value, and what else it rests on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.manifest import SHORT, Captured
from pytest_cellcache.hooks.outline import static_of
from pytest_cellcache.hooks.owners import keys_of_class
from pytest_cellcache.hooks.values import Opaque, describe
from pytest_cellcache.hooks.views import LazyMark
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.keys import ENV, FILE, MARKERS, NAME, Key
from pytest_cellcache.model.observation import CodeRef
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.sources.places import Places

MARK: Final = "cell_cache"
_CONDITIONAL: Final = frozenset({"skipif", "xfail"})
_PARAMETRIZE: Final = "parametrize"
_BY_CALLSPEC: Final = frozenset({_PARAMETRIZE, MARK})
_BY_OUTCOME: Final = (
    ("pytest_dependency", "dependency", "automark_dependency"),
    ("pytest_depends", "", ""),
)
"""Plugins that skip tests by how others went: module, mark of the tests concerned (all without
one), and the ini value by which all are."""
_ACCOUNTS: Final = frozenset({"syrupy.snapshot"})
"""Fixtures of plugins that keep account of what the tests of a run have used.

syrupy fails a run that leaves snapshots unused, or deletes these where it was told to update; and
it remembers what it has read of a file for the tests that come later.
"""


def read_item(item: pytest.Item, places: Places) -> TestFacts:
    """Describe an item; what cannot be described counts by its code."""
    static = static_of(item)
    # Parameters count by value, as a part of what is known already.
    if static is not None and all(mark.name == _PARAMETRIZE for mark in item.iter_markers()):
        group = places.relative(str(item.path))
        return TestFacts(item.nodeid, group, digest_parts([static]), static=static)
    reader = _Reader(item, places)
    try:
        return reader.facts()
    except AttributeError as error:  # an item class that only looks like pytest's own
        barrier = Reason(reasons.UNSUPPORTED, f"{type(item).__name__}: {error}")
        return TestFacts(item.nodeid, reader.group, digest_parts([]), barrier=barrier)


def is_doctest_file(node: object) -> bool:
    """Say whether a collector collects the doctests of one file."""
    return _is_a(node, "DoctestModule") or _is_a(node, "DoctestTextfile")


def _is_a(node: object, name: str) -> bool:
    # By name: pytest gives these types no public one, and ``-p no:doctest`` leaves them out.
    return any(
        kind.__name__ == name and kind.__module__ == "_pytest.doctest"
        for kind in type(node).__mro__
    )


def code_of(item: pytest.Item) -> CodeRef | None:
    """Give the code object that must have run when the item passed; ``None`` if unknown."""
    function: Any = getattr(item, "obj", None)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        return CodeRef(code.co_filename, code.co_firstlineno, code.co_name)
    return None


def other_files(captured: Captured, places: Places) -> frozenset[str]:
    """Give the files of classes, functions and fixtures that a module's items come from."""
    things: list[Any] = []
    stack = [captured]
    while stack:
        held = stack.pop()
        stack.extend(held.children or ())
        node = held.node
        if isinstance(node, pytest.Function):
            things.append(getattr(node.function, "__code__", None))
            info = getattr(node, "_fixtureinfo", None)  # private: see ``_fixtures``
            for found in getattr(info, "name2fixturedefs", {}).values():
                things += [getattr(definition.func, "__code__", None) for definition in found]
        elif isinstance(node, pytest.Class):
            things += [sys.modules.get(base.__module__) for base in node.obj.__mro__]
    files = {
        str(getattr(thing, "co_filename", None) or attribute_of(thing, "__file__"))
        for thing in things
    }
    return frozenset(places.relative(file) for file in files if places.is_first_party(file))


class _Reader:
    def __init__(self, item: pytest.Item, places: Places) -> None:
        self._item = item
        self._places = places
        self.group = places.relative(str(item.path))
        self._keys: set[Key] = set()
        self._snippets: list[tuple[str, str]] = []

    def facts(self) -> TestFacts:
        barrier = self._barrier()
        parts: list[str] = []
        static = ""
        if barrier is None:
            static = static_of(self._item) or digest_parts(self._static())[:SHORT]
            parts = [static, *self._marks()]
        return TestFacts(
            self._item.nodeid,
            self.group,
            digest_parts(parts),
            frozenset(self._keys),
            tuple(self._snippets),
            barrier,
            self._may_connect(),
            static,
        )

    def _static(self) -> Iterator[str]:
        item = self._item
        yield f"{type(item).__module__}.{type(item).__qualname__}"
        if isinstance(item, pytest.Function):
            yield self._name_of(item.function)
            yield from self._parameters()
            self._count_class(item.cls)
        elif _is_a(item, "DoctestItem"):
            yield from self._examples(item)
        yield from self._fixtures()

    def _barrier(self) -> Reason | None:
        item = self._item
        if not isinstance(item, pytest.Function) and not _is_a(item, "DoctestItem"):
            return Reason(reasons.UNSUPPORTED, type(item).__name__)
        marker = item.get_closest_marker(MARK)
        if marker is not None and marker.kwargs.get("enabled") is False:
            return Reason(reasons.DISABLED)
        for module, mark, option in _BY_OUTCOME:
            if module in sys.modules and (not mark or _is_marked(item, mark, option)):
                return Reason(reasons.ACCOUNTED, module)
        if all(name.partition(".")[0] not in sys.modules for name in _ACCOUNTS):
            return None  # nor is an item whose module is not imported asked for its fixtures
        named = _functions_of_fixtures(item)
        functions = {f"{getattr(f, '__module__', '')}.{getattr(f, '__name__', '')}" for f in named}
        accounting = sorted(functions & _ACCOUNTS)
        return Reason(reasons.ACCOUNTED, accounting[0]) if accounting else None

    def _may_connect(self) -> bool:
        marker = self._item.get_closest_marker(MARK)
        return marker is not None and marker.kwargs.get("network") is True

    def _marks(self) -> Iterator[str]:
        for mark in self._item.iter_markers():
            if mark.name == MARK:
                yield from self._declare(mark)
            if mark.name in _BY_CALLSPEC:
                continue
            yield mark.name
            if isinstance(mark, LazyMark):
                yield mark.description
                continue
            yield self._describe((mark.args, mark.kwargs))
            if mark.name in _CONDITIONAL and mark.args and isinstance(mark.args[0], str):
                self._snippets.append((self.group, mark.args[0]))

    def _declare(self, mark: pytest.Mark) -> Iterator[str]:
        """Take the inputs that a test declares; which files there are counts by value."""
        for variable in mark.kwargs.get("env", ()):
            self._keys.add(Key(ENV, "", variable))
        for pattern in mark.kwargs.get("inputs", ()):
            yield pattern
            for path in self._places.glob(pattern):
                yield path
                self._keys.add(Key(FILE, path))

    def _parameters(self) -> Iterator[str]:
        callspec = getattr(self._item, "callspec", None)
        if callspec is None:
            return
        for name, value in sorted(callspec.params.items()):
            yield name
            yield self._describe(value)

    def _examples(self, item: Any) -> Iterator[str]:
        dtest = item.dtest
        for example in dtest.examples:
            yield example.source
            yield example.want
            yield str(example.exc_msg)
            yield str(sorted(example.options.items()))
        source = "".join(example.source for example in dtest.examples)
        self._snippets.append((self.group, source))

    def _fixtures(self) -> Iterator[str]:
        names = getattr(self._item, "fixturenames", ())
        info = getattr(self._item, "_fixtureinfo", None)  # private: which fixtures a test uses
        known = getattr(info, "name2fixturedefs", None)
        if known is None:
            return
        for name in names:
            for definition in known.get(name, ()):
                yield name
                yield str(definition.baseid)
                yield str(definition.scope)
                yield self._name_of(definition.func)

    def _name_of(self, function: Any) -> str:
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        name = getattr(function, "__qualname__", type(function).__qualname__)
        if code is not None and self._places.is_first_party(code.co_filename):
            return f"{self._places.relative(code.co_filename)}::{name}"
        return f"{getattr(function, '__module__', '')}.{name}"

    def _count_class(self, cls: Any) -> None:
        """Make the class that collects a test count: an inherited test runs no code of it."""
        self._keys.update(keys_of_class(cls, self._places))

    def _describe(self, value: Any) -> str:
        try:
            return describe(value, self._places.root)
        except Opaque:
            self._count_markers()
            return "opaque"

    def _count_markers(self) -> None:
        """Make the code count that may have made parameters and marks of this item."""
        item = self._item
        function = getattr(item, "function", None)
        definitions: list[Any] = [function, getattr(item, "cls", None)]
        definitions += _functions_of_fixtures(item)
        for definition in definitions:
            definition = getattr(definition, "__func__", definition)
            file = self._file_of(definition)
            if file is not None:
                name = definition.__qualname__.split(".<locals>")[0]
                self._keys.add(Key(MARKERS, file, name))
                for length in range(1, name.count(".") + 1):
                    self._keys.add(Key(MARKERS, file, ".".join(name.split(".")[:length])))
        self._keys.add(Key(NAME, self.group, "pytestmark"))

    def _file_of(self, definition: Any) -> str | None:
        code = getattr(definition, "__code__", None)
        filename = code.co_filename if code is not None else None
        if isinstance(definition, type):
            filename = getattr(self._item.getparent(pytest.Module), "path", None)
        if filename is None or not self._places.is_first_party(str(filename)):
            return None
        return self._places.relative(str(filename))


def _is_marked(item: pytest.Item, mark: str, option: str) -> bool:
    try:
        is_every = bool(item.config.getini(option))
    except (KeyError, ValueError):  # the plugin is blocked
        is_every = False
    return is_every or item.get_closest_marker(mark) is not None


def _functions_of_fixtures(item: pytest.Item) -> Iterator[Any]:
    info = getattr(item, "_fixtureinfo", None)  # private: see ``_fixtures``
    for found in getattr(info, "name2fixturedefs", {}).values():
        yield from (definition.func for definition in found)
