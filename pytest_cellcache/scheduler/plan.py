"""Decides for one live test which of its fixtures run, are restored, or are left out.

::

    asked for by the test -> record holds, nothing speaks against it -> restore
                          -> else                                    -> run, and so all it uses
    used by a restored one only -> needed for its value, or never left out -> as if asked for
                                -> else                                    -> leave out (a stub)

A restored value speaks for the state of what it was made from *then*. So it must not stand beside a
fixture that its making may have changed (``apart``): where such a one is wanted, both run. Where no
more may have changed than is a stub once restored, it may stand beside a restored one (``by``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Key = int
"""Names a fixture definition within one run."""

Held = Literal["", "live", "restored", "stub"]
_NOBODY: Final[frozenset[Key]] = frozenset()


class Action(Enum):
    """What happens when pytest asks for a fixture."""

    RUN = "run"
    RESTORE = "restore"
    LEAVE = "leave"


class Stored(NamedTuple):
    """What a record that holds says of the fixtures its value was made from.

    Attributes:
        needs: must be there for the value to be put back: they share objects, or hold its files.
        apart: making the value may have changed these.
        by: making it may have changed parts of these that are never restored.
        has_stubs: parts of the value are missing.
    """

    needs: frozenset[Key] = _NOBODY
    apart: frozenset[Key] = _NOBODY
    by: frozenset[Key] = _NOBODY
    has_stubs: bool = False


class Producer(NamedTuple):
    """A fixture definition in the closure of one test.

    Attributes:
        upstream: what its function asks for.
        is_direct: the test itself asks for it, or it is autouse.
        may_be_left: it need not run for the sake of a restored value made from it.
        is_wide: it outlives the test.
        held: what pytest holds of it from an earlier test.
        stored: set when a record holds; for a held one, that of the value it was restored from.
    """

    key: Key
    upstream: tuple[Key, ...] = ()
    is_direct: bool = False
    may_be_left: bool = False
    is_wide: bool = False
    held: Held = ""
    stored: Stored | None = None


class Plan(NamedTuple):
    """Actions for all producers, and which held ones must end before the test begins."""

    actions: Mapping[Key, Action] = MappingProxyType({})
    refresh: frozenset[Key] = _NOBODY

    @property
    def is_live(self) -> bool:
        """Nothing is restored or left out."""
        return all(action is Action.RUN for action in self.actions.values())


def make_plan(producers: Iterable[Producer], forced: frozenset[Key] = _NOBODY) -> Plan:
    """Plan one attempt.

    Args:
        forced: must be live now, whatever the records say.
    """
    by_key = {producer.key: producer for producer in producers}
    live = set(forced)
    while True:
        wanted = _wanted(by_key, live)
        more = _conflicts(by_key, live, wanted)
        if not more:
            break
        live |= more
    actions: dict[Key, Action] = {}
    refresh: set[Key] = set()
    for key, producer in by_key.items():
        if key not in wanted:
            actions[key] = Action.RUN if producer.held == "live" else Action.LEAVE
            continue
        restores = _restores(producer, live)
        actions[key] = Action.RESTORE if restores else Action.RUN
        if producer.held == "stub" or (producer.held == "restored" and not restores):
            refresh.add(key)
    return Plan(actions, frozenset(refresh))


def _restores(producer: Producer, live: set[Key]) -> bool:
    return producer.stored is not None and producer.key not in live and producer.held != "live"


def _wanted(by_key: Mapping[Key, Producer], live: set[Key]) -> set[Key]:
    wanted: set[Key] = set()
    stack = [p.key for p in by_key.values() if p.is_direct or not p.may_be_left]
    stack += live
    while stack:
        key = stack.pop()
        if key in wanted or key not in by_key:
            continue
        wanted.add(key)
        producer = by_key[key]
        if _restores(producer, live):
            assert producer.stored is not None
            stack += producer.stored.needs
        elif producer.held != "live":
            stack += producer.upstream
    return wanted


def _conflicts(by_key: Mapping[Key, Producer], live: set[Key], wanted: set[Key]) -> set[Key]:
    found: set[Key] = set()
    for key in wanted:
        producer = by_key[key]
        if _restores(producer, live):
            assert producer.stored is not None
            for other in producer.stored.apart:
                there = other in by_key and by_key[other].held in ("live", "restored")
                if other in wanted or there:
                    found.add(key)
            for other in producer.stored.by & by_key.keys():
                runs = other in wanted and not _restores(by_key[other], live)
                if runs or by_key[other].held == "live":
                    found.add(key)
        elif producer.is_wide and producer.held != "live":
            # It may keep the stub beyond this test, where nobody would know whose touch it is.
            for other in producer.upstream:
                upstream = by_key.get(other)
                if upstream is not None and _restores(upstream, live):
                    assert upstream.stored is not None
                    if upstream.stored.has_stubs:
                        found.add(other)
    return found
