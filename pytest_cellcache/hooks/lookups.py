"""Looks up what is stored of fixtures; each instance once a run, for inputs stay what they were."""

from __future__ import annotations

import linecache
import types
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pytest_cellcache.graph.telling import telling_lines
from pytest_cellcache.hooks.definitions import Definition
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.lifecycle.fixtures import Consulted, FixtureRecord
from pytest_cellcache.lifecycle.units import Instance, TestFacts
from pytest_cellcache.model.events import FixtureEvent
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import CodeRef
from pytest_cellcache.model.record import Entry, Hit, Verdict
from pytest_cellcache.scheduler.plan import Held, Stored
from pytest_cellcache.store.stubs import StubPlace

_TELLING: Final = frozenset({"type", "id", "callable"})
Found = tuple[Entry, FixtureRecord]


class Records(Protocol):
    """What restoring needs of the run."""

    @property
    def may_restore(self) -> bool: ...

    def judge_fixture(self, facts: TestFacts, *, again: bool = False) -> Verdict: ...

    def keys_of(self, entry: Entry) -> frozenset[Key]: ...

    def consulted_by(self, entry: Entry) -> Consulted: ...

    def body_of(self, group: str, name: str) -> str: ...

    def tell(self, event: FixtureEvent) -> None: ...


@dataclass(slots=True)
class Holding:
    """A restored or left-out fixture that pytest holds."""

    definition: Definition
    kind: Held
    record: FixtureRecord | None = None
    entry: Entry | None = None


class Lookups:
    """Records that hold, by fixture instance.

    Args:
        holdings: what was restored; its records are those it was restored from.
    """

    def __init__(self, records: Records, worker: Worker, holdings: Mapping[Any, Holding]) -> None:
        self._records = records
        self._worker = worker
        self._holdings = holdings
        # By unit; bounded by the instances of the run.
        self._judged: dict[str, Found | None] = {}
        # By file name; bounded by those of the project.
        self._telling: dict[str, frozenset[int]] = {}

    def record_of(self, definition: Definition, *, again: bool = False) -> Found | None:
        """Give the record of an instance; ``again``: another process may have stored one."""
        holding = self._holdings.get(definition.fixturedef)
        is_held = holding is not None and holding.definition.identity == definition.identity
        if is_held and holding and holding.entry and holding.record:
            return holding.entry, holding.record
        if definition.is_builtin or definition.identity is None:
            return None
        if not definition.declaration.enabled:
            return None
        if again or definition.unit not in self._judged:
            facts = self._worker.facts(definition)
            verdict = self._records.judge_fixture(facts, again=again)
            self._judged[definition.unit] = _read(verdict)
        return self._judged[definition.unit]

    def changed(
        self, names: Container[str], instance_of: Callable[[Any], Instance | None]
    ) -> list[StubPlace]:
        """Name what was restored and has changed: it is not any more what would be put back.

        Were such a value made anew for a later test, what an earlier one did to it would be lost.
        """
        found = []
        for fixturedef, holding in self._holdings.items():
            instance = instance_of(fixturedef)
            if instance is not None and instance.value_name in names:
                found.append(StubPlace(holding.definition.unit, "value", "changed"))
        return found

    def values_of(
        self, keys: Container[int], instance_of: Callable[[Any], Instance | None]
    ) -> frozenset[str]:
        """Name the values of what was restored among some fixtures, given by key."""
        found = [instance_of(each) for each in self._holdings if id(each) in keys]
        return frozenset(instance.value_name for instance in found if instance is not None)

    def tell_stubs(self, absent: Container[int], codes: Iterable[CodeRef]) -> bool:
        """Say whether code that ran may have told a stub in a value from the real thing.

        Args:
            absent: what was restored, by key.
        """
        if not any(
            holding.record is not None and holding.record.has_stubs and id(fixturedef) in absent
            for fixturedef, holding in self._holdings.items()
        ):
            return False
        for code in codes:
            if code.filename not in self._telling:
                source = "".join(linecache.getlines(code.filename))
                self._telling[code.filename] = telling_lines(source)
            if code.line in self._telling[code.filename]:
                return True
        return False

    def stubs(self, absent: Container[int]) -> list[StubPlace]:
        """Name what holds stubs among what is absent, given by key."""
        found = [self._holdings[fixturedef] for fixturedef in self.with_stubs(absent)]
        return [StubPlace(each.definition.unit, "value", "kept somewhere") for each in found]

    def with_stubs(self, within: Container[int]) -> list[Any]:
        """Give the definitions that are stubs or hold some among what is held, given by key."""
        return [
            fixturedef
            for fixturedef, holding in self._holdings.items()
            if id(fixturedef) in within
            and (holding.kind == "stub" or (holding.record and holding.record.has_stubs))
        ]


def stored_of(definition: Definition, record: FixtureRecord) -> Stored | None:
    """Say what a record that holds says of the fixtures of a plan; ``None`` if it is of no use."""
    keys = {str(used.identity): used.key for used in definition.with_upstream()}
    if not record.needs <= keys.keys():
        return None
    return Stored(
        frozenset(keys[name] for name in record.needs),
        frozenset(keys[name] for name in record.apart if name in keys),
        frozenset(keys[name] for name in record.by if name in keys),
        record.has_stubs,
    )


def upstream_there(definition: Definition, held: Callable[[Definition], Held]) -> list[Any]:
    """Give the pytest definitions of all that a fixture is made from, without what is left out.

    Nobody can have changed that, nor can this set-up. What it is given itself is there: a stub that
    is handed over counts as touched.
    """
    given = {each.key for each in definition.upstream}
    every = [d for d in definition.with_upstream() if d.fixturedef is not definition.fixturedef]
    return [each.fixturedef for each in every if each.key in given or held(each) != "stub"]


def asks_for_types(item: Any) -> bool:
    """Say whether a test function names what a stub cannot trap, so that it would be told apart."""
    stack = [getattr(getattr(item, "function", None), "__code__", None)]
    while stack:
        code = stack.pop()
        if isinstance(code, types.CodeType):
            if not _TELLING.isdisjoint(code.co_names):
                return True
            stack += code.co_consts
    return False


def _read(verdict: Verdict) -> Found | None:
    if not isinstance(verdict, Hit):
        return None
    try:
        return verdict.entry, FixtureRecord.from_json(verdict.entry.body["result"])
    except (KeyError, TypeError, ValueError):
        return None
