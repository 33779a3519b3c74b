"""Reads the fixtures that an item leads to, and gives each instance of one its identity.

An instance is identified by its definition, its parameter's value and the identities of the
fixtures it uses. Private: ``item._fixtureinfo`` and the attributes of ``FixtureDef`` beside its
name, function, scope and base id; nothing public tells what a test will ask for. Where they are
missing nothing is known of an item's fixtures, and none is restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from pytest_cellcache.hooks.byname import ByName, Known
from pytest_cellcache.hooks.values import Opaque, describe
from pytest_cellcache.model.declare import NOTE, Declaration
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.sources.places import Places

_FOREIGN_GROUP: Final = "(plugins)"
_HARMLESS: Final = frozenset("pytestconfig tmp_path_factory tmp_path tmpdir_factory tmpdir".split())
_LOOPS: Final = ("pytest_asyncio", "anyio.")
"""Plugins whose fixtures hold the event loop: no value is made from it, and it must be there."""
_CALLERS: Final = frozenset({"_pytest.python", "_pytest.unittest"})
"""Their fixtures call ``setup_module``, ``setUpClass`` and the like, which are the user's."""
_PARAMETER: Final = ("_pytest.python", "get_direct_param_fixture_func")


class Definition(NamedTuple):
    """A fixture definition as one item uses it.

    Attributes:
        fixturedef: pytest's object; its ``id`` is the key in plans.
        identity: of the instance, or None when it has none that can be told in another run.
        upstream: definitions that its function asks for.
        is_direct: the item itself asks for it.
        is_builtin: of pytest or a plugin that it needs to run; always run, never kept.
        is_bound: a builtin that ties what uses it to this session (``monkeypatch``, ...).
        is_parameter: stands for a value that the test is parametrised with.
        parameter: the text of its parameter, for people.
        group: file in records.
        parts: what tells the definition from all others.
        is_by_name: the item asks for it at run time, if at all.
    """

    fixturedef: Any
    name: str
    identity: Digest | None
    upstream: tuple[Definition, ...]
    is_direct: bool
    is_builtin: bool
    is_bound: bool
    is_parameter: bool
    parameter: str
    group: str
    parts: tuple[str, ...]
    declaration: Declaration
    is_by_name: bool = False

    @property
    def key(self) -> int:
        return id(self.fixturedef)

    @property
    def is_wide(self) -> bool:
        return str(self.fixturedef.scope) != "function"

    @property
    def may_share(self) -> bool:
        """Its value is one that others may hold parts of, or change."""
        return self.is_parameter or not self.is_builtin

    @property
    def unit(self) -> str:
        return f"fixture {self.name} {self.identity}"

    def with_upstream(self) -> Iterator[Definition]:
        """Give this definition and all it rests on, each once."""
        seen: set[int] = set()
        stack = [self]
        while stack:
            found = stack.pop()
            if found.key not in seen:
                seen.add(found.key)
                yield found
                stack.extend(found.upstream)


class Definitions:
    """Reads definitions; what does not depend on the item is read once."""

    def __init__(self, places: Places) -> None:
        self._places = places
        # With the definition itself, so that its id is not used again; bounded by those of a run.
        self._fixed: dict[int, tuple[Any, _Fixed]] = {}
        self._by_name = ByName()

    def of(self, item: pytest.Item) -> list[Definition]:
        """Give the definitions in an item's closure; none when that cannot be known."""
        info: Any = getattr(item, "_fixtureinfo", None)
        if not all(hasattr(info, name) for name in ("initialnames", "name2fixturedefs")):
            return []
        named, more = self._by_name.of(item)
        try:
            reader = _Reader(item, info, more, self._places.root, self._fixed_of)
            for name in info.initialnames:
                reader.read(name, (), is_direct=True)
            closure = set(reader.found)
            for name in sorted(named):
                reader.read(name, (), is_direct=True)
        except AttributeError:  # another pytest
            return []
        found = reader.found.values()
        return [each._replace(is_by_name=each.key not in closure) for each in found]

    def named(self, item: pytest.Item) -> Known:
        """Give the definitions that an item may lead to at run time only."""
        return self._by_name.of(item)[1]

    def describe(self, parameter: Any) -> str:
        """Give the text of a parameter, empty if it has none."""
        try:
            return describe(parameter, self._places.root)
        except Opaque:
            return ""

    def _fixed_of(self, fixturedef: Any) -> _Fixed:
        known = self._fixed.get(id(fixturedef))
        if known is not None:
            return known[1]
        found = _read_fixed(fixturedef, self._places)
        if not found.is_parameter:  # made anew for each test
            self._fixed[id(fixturedef)] = fixturedef, found
        return found


def is_parameter(fixturedef: Any) -> bool:
    """Say whether a definition only stands for a value that a test is parametrised with."""
    function = fixturedef.func
    return (function.__module__, getattr(function, "__name__", "")) == _PARAMETER


def is_foreign_machinery(fixturedef: Any) -> bool:
    """Say whether a fixture is one of pytest's, or of a plugin that it needs to run."""
    module = str(getattr(source_of(fixturedef.func), "__module__", ""))
    return module.startswith(("_pytest.", "xdist.", *_LOOPS))


def source_of(function: Any) -> Any:
    """Give the function that a fixture's decorators wrap."""
    function = getattr(function, "__func__", function)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


class _Fixed(NamedTuple):
    """What is the same of a definition for all items."""

    file: str
    parts: tuple[str, ...]
    is_builtin: bool
    is_bound: bool
    is_parameter: bool
    declaration: Declaration


def _read_fixed(fixturedef: Any, places: Places) -> _Fixed:
    function = source_of(fixturedef.func)
    name = fixturedef.argname
    module = str(getattr(function, "__module__", ""))
    is_parameter = (module, getattr(function, "__name__", "")) == _PARAMETER
    is_pytests = module.startswith("_pytest.") and (module not in _CALLERS or is_parameter)
    is_loop = module.startswith(_LOOPS)
    is_builtin = is_pytests or is_loop or module.startswith("xdist.")
    code = getattr(function, "__code__", None)
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    file, place = _FOREIGN_GROUP, f"{module}.{qualname}"
    if code is not None and places.is_first_party(code.co_filename):
        file = places.relative(code.co_filename)
        place = f"{file}::{qualname}"
    declaration = getattr(function, NOTE, getattr(fixturedef.func, NOTE, None))
    return _Fixed(
        file,
        (place, str(fixturedef.baseid), str(fixturedef.scope), name),
        is_builtin,
        is_builtin and not (is_loop or is_parameter or name in _HARMLESS),
        is_parameter,
        declaration if isinstance(declaration, Declaration) else Declaration(),
    )


class _Reader:
    def __init__(
        self, item: Any, info: Any, more: Known, root: str, fixed_of: Callable[[Any], _Fixed]
    ) -> None:
        self._known = {**info.name2fixturedefs, **more}
        self._root = root
        self._fixed_of = fixed_of
        self._params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        self._direct = frozenset(info.initialnames)
        self.found: dict[int, Definition] = {}

    def read(self, name: str, chain: tuple[str, ...], *, is_direct: bool) -> Definition | None:
        known = self._known.get(name, ())
        depth = chain.count(name) + 1  # an override asks for what it overrides by its own name
        if depth > len(known):
            return None
        fixturedef = known[-depth]
        found = self.found.get(id(fixturedef))
        if found is None:
            inner = (*chain, name)
            upstream = tuple(
                made
                for argument in fixturedef.argnames
                if argument != "request"
                and (made := self.read(argument, inner, is_direct=False)) is not None
            )
            is_direct = is_direct or (depth == 1 and name in self._direct)
            found = self.found[id(fixturedef)] = self._make(fixturedef, name, upstream, is_direct)
        return found

    def _make(
        self, fixturedef: Any, name: str, upstream: tuple[Definition, ...], is_direct: bool
    ) -> Definition:
        fixed = self._fixed_of(fixturedef)
        parameter = ""
        identity: Digest | None = None
        try:
            if name in self._params:
                parameter = describe(self._params[name], self._root)
            inner = [used.identity for used in upstream]
            if None not in inner:
                identity = digest_parts([*fixed.parts, parameter, *map(str, inner)])
        except Opaque:
            pass
        return Definition(
            fixturedef=fixturedef,
            name=name,
            identity=identity,
            upstream=upstream,
            is_direct=is_direct,
            is_builtin=fixed.is_builtin,
            is_bound=fixed.is_bound,
            is_parameter=fixed.is_parameter,
            parameter=parameter,
            group=fixed.file,
            parts=fixed.parts,
            declaration=fixed.declaration,
        )
