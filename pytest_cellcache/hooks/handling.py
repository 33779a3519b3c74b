"""Finds the wider fixtures whose values a test may have changed where no comparison sees it.

Sure signs that it did not: it is given none of the value but parts that are compared; the value
still gives the bytes that it was stored as. In doubt it did.

``_fixture_defs`` of the request and ``_fixtureinfo`` of the item are private, as for
``FixtureWatch``; without them a test may have changed every value that it used.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
import time
import types
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pytest

from pytest_cellcache.graph.usage import Use, parts_used
from pytest_cellcache.hooks.definitions import is_foreign_machinery, source_of
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.lifecycle.fixtures import Kept
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.store.stubs import is_stub
from pytest_cellcache.trace.parts import namespace_of
from pytest_cellcache.trace.unseen import paths_in, plain_data, unseen_parts

_FEW: Final = 200
"""Objects of a value that are looked through after each test; those of larger ones only once."""
_ENCODE_S: Final = 0.5
"""Comparing a value with what it was stored as may take this long in a run."""

_UNCOUNTED: Final = re.compile(
    r"\b(create_(function|aggregate|window_function|collation)|set_(authorizer|trace_callback"
    r"|progress_handler)|(enable_)?load_extension|deserialize|backup|setlimit|setconfig|blobopen)\b"
)
"""What changes a connection of ``sqlite3`` and is not counted."""
_MEMBERS: Final = (types.FunctionType, staticmethod, classmethod, property)

Parts = frozenset[str]


class Handled(NamedTuple):
    """What a test was given that may change unseen, and what of it may have changed."""

    met: frozenset[Instance] = frozenset()
    handled: frozenset[Instance] = frozenset()


class Handling:
    """Looks at the fixtures of a test while they are there.

    Args:
        kept: what is known of the instances of this run.
        by_chance: which tests come before one is chance.
    """

    def __init__(
        self,
        fixtures: FixtureWatch,
        worker: Worker,
        kept: Mapping[Instance, Kept],
        modules: FirstParty,
        *,
        by_chance: bool = False,
    ) -> None:
        self._by_chance = by_chance
        self._fixtures = fixtures
        self._modules = modules
        self._worker = worker
        self._kept = kept
        # By instance, as are the next ones; bounded by those of the run.
        self._parts: dict[Instance, tuple[Parts, int]] = {}
        self._contents: dict[Instance, str | None] = {}
        self._spent_s: dict[Instance, float] = {}
        self._noted: set[Instance] = set()  # likewise
        # By code object and name of the argument.
        self._used: dict[tuple[Any, str], frozenset[Use] | None] = {}

    def of(self, item: pytest.Item) -> Handled:
        """Give the instances; to be asked before the item is torn down."""
        met: set[Instance] = set()
        handled: set[Instance] = set()
        for name in ("tmp_path", "tmpdir"):
            self._note_paths(getattr(item, "_request", None), name)
        self._note_touches(item)
        for fixturedef, argument in self._within_reach(item):
            instance = self._fixtures.instance_of(fixturedef)
            result = getattr(fixturedef, "cached_result", None)
            if instance is None or not instance.place or result is None:
                continue
            if result[2] is not None or is_foreign_machinery(fixturedef):
                continue
            value = result[0]
            if instance not in self._parts:
                instance.paths |= paths_in(value, is_stub)
            parts = self._parts_of(instance, value)
            function = getattr(item, "function", None)
            if parts and not self._uses_others_only(function, argument, value, parts):
                met.add(instance)
                is_read = self._only_reads(function, argument, value, parts)
                if not is_read and not self._is_as_stored(instance, value, item):
                    handled.add(instance)
                    if instance in self._kept:
                        self._kept[instance].is_handled = True
        held_by_class = self._holding_class(item)
        return Handled(frozenset(met | held_by_class), frozenset(handled | held_by_class))

    def may_touch(self, item: pytest.Item) -> frozenset[int]:
        """Give the wider fixtures whose stubs a test may touch, as far as its source tells.

        By the identities of their definitions; asked like ``of``.
        """
        found = set()
        for fixturedef, argument in self._within_reach(item):
            result = getattr(fixturedef, "cached_result", None)
            if result is None or result[2] is not None:
                continue
            parts, _ = unseen_parts(result[0], is_stub, only_stubs=True)
            function = getattr(item, "function", None)
            if parts and not self._uses_others_only(function, argument, result[0], parts):
                found.add(id(fixturedef))
        return frozenset(found)

    def _holding_class(self, item: Any) -> set[Instance]:
        """Give what set up the class of a test, if the class holds something unseen since."""
        kind = getattr(item, "cls", None)
        active = getattr(getattr(item, "_request", None), "_fixture_defs", None) or {}
        own = [d for d in active.values() if str(d.scope) == "class"]
        instances = {i for d in own if (i := self._fixtures.instance_of(d)) is not None and i.place}
        if kind is None or not instances:
            return set()
        space = type.__getattribute__(kind, "__dict__")
        data = {
            name: value
            for name, value in list(space.items())
            if not issubclass(type(value), _MEMBERS) and name[:2] != "__"
        }
        return instances if self._unseen_parts(data)[0] else set()

    def _note_paths(self, request: Any, name: str) -> None:
        """Note the directory of a test, which is no business of others."""
        fixturedef = (getattr(request, "_fixture_defs", None) or {}).get(name)
        instance = self._fixtures.instance_of(fixturedef)
        result = getattr(fixturedef, "cached_result", None)
        if instance is not None and result is not None:
            instance.paths = paths_in(result[0], is_stub)

    def _note_touches(self, item: pytest.Item) -> None:
        """Note what wider fixtures that were set up may have changed of what they were handed."""
        active = getattr(getattr(item, "_request", None), "_fixture_defs", None) or {}
        for fixturedef in active.values():
            instance = self._fixtures.instance_of(fixturedef)
            if instance is None or not instance.place or instance in self._noted:
                continue
            self._noted.add(instance)
            for argument in fixturedef.argnames if instance.restored is None else ():
                used_def = active.get(argument)
                used = self._fixtures.instance_of(used_def)
                result = getattr(used_def, "cached_result", None)
                if used is None or used is instance or not used.place or result is None:
                    continue
                if result[2] is not None or is_foreign_machinery(used_def):
                    continue
                parts = self._parts_of(used, result[0])
                if parts and not self._only_reads(fixturedef.func, argument, result[0], parts):
                    instance.touch([used])

    def _within_reach(self, item: pytest.Item) -> Iterable[tuple[Any, str]]:
        """Give the wider fixtures that a test is handed, or fixtures of its own.

        With the name of the argument, where that is the only way.
        """
        active = getattr(getattr(item, "_request", None), "_fixture_defs", None)
        info = getattr(item, "_fixtureinfo", None)
        names = getattr(info, "argnames", None)
        if active is None or names is None:
            return [(found, "") for found in self._fixtures.definitions()]
        own = [d for d in active.values() if str(d.scope) == "function"]
        inner = {name for found in own for name in found.argnames}
        is_open = "request" in getattr(item, "fixturenames", ())
        found = []
        for name, fixturedef in active.items():
            if str(fixturedef.scope) == "function":
                continue
            if is_open or name in inner:
                found.append((fixturedef, ""))
            elif name in names:
                found.append((fixturedef, name))
        return found

    def _unseen_parts(self, value: Any) -> tuple[Parts, int]:
        found = unseen_parts(value, is_stub)
        if self._by_chance or not found[0]:
            return found  # what others did is of no concern, and told so as a whole only
        if "sqlite3" not in sys.modules or self._modules.mentions(_UNCOUNTED):
            return found
        return unseen_parts(value, is_stub, counts=True)

    def _parts_of(self, instance: Instance, value: Any) -> Parts:
        known = self._parts.get(instance)
        if known is None or known[1] <= _FEW:
            known = self._parts[instance] = self._unseen_parts(value)
        return known[0]

    def _uses_others_only(self, function: Any, argument: str, value: Any, parts: Parts) -> bool:
        """Say whether a test function names no more of its argument than what is compared."""
        used = self._uses_of(function, argument)
        return used is not None and all(
            use.kind != "whole" and use.name not in parts and _has_data(value, use) for use in used
        )

    def _only_reads(self, function: Any, argument: str, value: Any, parts: Parts) -> bool:
        """Say whether all that a test function does with what is not compared is to read it."""
        used = self._uses_of(function, argument)
        return used is not None and all(_is_harmless(value, use, parts) for use in used)

    def _uses_of(self, function: Any, argument: str) -> frozenset[Use] | None:
        function = source_of(function)
        code = getattr(function, "__code__", None)
        if not argument or code is None:
            return None
        key = code, argument
        if key not in self._used:
            try:
                source = textwrap.dedent(inspect.getsource(function))
            except (OSError, TypeError):
                source = "("
            self._used[key] = parts_used(source, argument)
        return self._used[key]

    def _is_as_stored(self, instance: Instance, value: Any, item: Any) -> bool:
        """Say whether a value gives the same bytes as after the test before."""
        kept = self._kept.get(instance)
        if kept is None or kept.value is None:
            return False
        before = self._contents.get(instance, kept.value)
        if before is None:
            return False
        began_s = time.perf_counter()
        now = self._worker.digest_of(instance, value, self._kept, item._request)
        spent_s = self._spent_s.get(instance, 0.0) + time.perf_counter() - began_s
        self._spent_s[instance] = spent_s
        self._contents[instance] = now if spent_s <= _ENCODE_S else None
        return now is not None and now == before


def _part(value: Any, use: Use) -> Any:
    if use.kind == "whole":
        return value
    items = value if type(value) is dict else {}
    return (items if use.kind == "item" else namespace_of(value) or {}).get(use.name)


def _has_data(value: Any, use: Use) -> bool:
    """Say whether a part is what a dictionary or an instance holds under its name."""
    if use.kind == "item":
        return type(value) is dict and use.name in value
    return use.name in (namespace_of(value) or {}) and _is_plain(value, use.name)


def _is_harmless(value: Any, use: Use, parts: Parts) -> bool:
    is_known = use.kind == "whole" or _has_data(value, use)
    is_compared = use.kind != "whole" and use.name not in parts
    is_read = use.is_read and type(_part(value, use)) in plain_data()
    return is_known and (is_compared or is_read)


def _is_plain(value: Any, name: str) -> bool:
    """Say whether a class has nothing of a name that would run when the attribute is read."""
    return all(
        name not in type.__getattribute__(base, "__dict__")
        and "__getattribute__" not in type.__getattribute__(base, "__dict__")
        for base in type.__getattribute__(type(value), "__mro__")
        if base is not object
    )
