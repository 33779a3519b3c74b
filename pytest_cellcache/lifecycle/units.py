"""What the life cycle knows of a test: facts by value, and how it went."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import CodeRef, Observation, StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import failure_of
from pytest_cellcache.trace.holding import Content


class TestFacts(NamedTuple):
    """A collected test as a value.

    Attributes:
        group: relative path of its file.
        digest: of everything about the item that counts by value (parameters, marks, fixtures).
        static: the same without the marks.
        keys: inputs of the item itself, beside what running it consults.
        snippets: (file, source) of code that runs in a module's namespace: doctest examples,
            conditions of ``skipif`` given as text.
        barrier: why its outcome cannot be kept or used, if so.
        may_connect: what answers on the network does not count.
    """

    nodeid: str
    group: str
    digest: Digest
    keys: frozenset[Key] = frozenset()
    snippets: tuple[tuple[str, str], ...] = ()
    barrier: Reason | None = None
    may_connect: bool = False
    static: str = ""


TestFacts.__test__ = False  # type: ignore[attr-defined]  # no tests, whatever pytest thinks


class Restored(NamedTuple):
    """The stored record that an instance was restored from.

    Attributes:
        unit: what the record is a record of.
        keys: all its footprint leads to; they count for every test that uses the instance.
    """

    unit: str
    keys: frozenset[Key]


@dataclass(slots=True)
class Instance:
    """One set-up of a fixture.

    Attributes:
        seen: what setting it up and tearing it down consulted.
        uses: fixture instances it rests on.
        is_open: its teardown has not ended.
        has_failed: set-up or teardown raised.
        changes: long-lived objects that it changed; known only for scopes wider than a test.
        undone: those among them of which nothing was left when it ended.
        restored: set when its value came from the store.
        keys: inputs that its declaration names.
        place: of a scope wider than a test: its definition, and the node whose life it shares.
        paths: absolute paths that its value leads to.
        touches: wider ones that it was made from and whose values it may have changed unseen.
        touched_by: the other way round.
        leaves: what of ``seen.left`` was not put back when it had ended.
        parameter: tells it from others of its definition at its place: empty without a parameter,
            ``None`` if it cannot be told apart.
        original: what this is a copy of, as it was at some moment.
    """

    name: str
    seen: Observation = field(default_factory=Observation)
    uses: set[Instance] = field(default_factory=set)
    is_open: bool = True
    has_failed: bool = False
    changes: frozenset[StateChange] = frozenset()
    undone: frozenset[StateChange] = frozenset()
    restored: Restored | None = None
    keys: frozenset[Key] = frozenset()
    place: str = ""
    paths: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    parameter: str | None = None
    touches: set[Instance] = field(default_factory=set)
    touched_by: set[Instance] = field(default_factory=set)
    original: Instance | None = None

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def value_name(self) -> str:
        """Tells its value from those of all other instances of the run."""
        return f"{self.name} {id(self):x}"

    @property
    def lone_place(self) -> str:
        """Its place, with parameters; empty where another set-up may have the same."""
        every = self.with_upstream()
        told = sorted(f"{each.name}={each.parameter}" for each in every if each.parameter)
        is_known = bool(self.place) and all(each.parameter is not None for each in every)
        return "|".join([self.place, *told]) if is_known else ""

    @property
    def owned(self) -> frozenset[str]:
        """Paths that are its own; not a log, which others go on with, too."""
        return self.paths | (self.seen.writes - self.seen.appends)

    def touch(self, others: Iterable[Instance]) -> None:
        """Note that its set-up may have changed values unseen."""
        for other in others:
            self.touches.add(other)
            other.touched_by.add(self)

    def with_upstream(self) -> set[Instance]:
        """Give this instance and all it rests on."""
        found: set[Instance] = set()
        stack = [self]
        while stack:
            instance = stack.pop()
            if instance not in found:
                found.add(instance)
                stack.extend(instance.uses)
        return found


class Attempt(NamedTuple):
    """How a live test went.

    Attributes:
        seen: what it consulted, its fixtures aside.
        instances: fixture instances it used.
        result: what is needed to report it again; JSON; its shape is the business of ``hooks``.
        barrier: why it cannot be stored, if so (it failed, its reports cannot be stored, ...).
        duration_s: seconds of all its phases.
        code: the function of the test, if it has one.
        changes: long-lived objects that it and its own fixtures changed.
        blobs: names of the blobs that ``result`` speaks of.
        is_setup: it is no test but the set-up of a fixture, whose value is kept.
        met: fixture instances of whose values it was given what may change unseen.
        handled: those among them that it may have changed.
        inherits: node ids of producers of it that were replayed, or not known when it began.
        is_known: it failed as it does with nothing left out, and something was.
        leaving: what was in the changed places at its end, where that is known.
        failure: digest of how it failed, with nothing left out before it; see ``failure_of``.
    """

    facts: TestFacts
    seen: Observation
    instances: frozenset[Instance]
    result: Any
    barrier: Reason | None
    duration_s: float
    code: CodeRef | None = None
    changes: frozenset[StateChange] = frozenset()
    blobs: tuple[str, ...] = ()
    is_setup: bool = False
    met: frozenset[Instance] = frozenset()
    handled: frozenset[Instance] = frozenset()
    inherits: tuple[str, ...] = ()
    is_known: bool = False
    leaving: Mapping[StateChange, Content] = MappingProxyType({})
    failure: str = ""

    @property
    def unit(self) -> str:
        """What its record is a record of."""
        return failure_of(self.facts.nodeid) if self.failure else self.facts.nodeid

    def without_values_met(self) -> Attempt:
        """Leave out changes of the values that count as a whole for who is given them."""
        met = {each.value_name for each in self.met}
        changes = {c for c in self.changes if not (c.is_of_value and c.name in met)}
        return self._replace(changes=frozenset(changes))


def blamed(
    attempts: Iterable[Attempt], nodeids: Collection[str], changes: frozenset[StateChange]
) -> list[Attempt]:
    """Let attempts of some tests have made changes, too."""
    return [
        each._replace(changes=each.changes | changes, leaving={})
        if each.facts.nodeid in nodeids
        else each
        for each in attempts
    ]
