"""Tells records that hold, but were made before other tests came to leave what their tests see.

A record names the tests that it was made after. One that leaves more since then is not among them,
and where the test of the record ran meanwhile, if otherwise, nobody has asked what it would see::

    A  ``test_sets`` leaves nothing, ``test_reads`` passes       record of ``test_reads``
    B  ``test_sets`` leaves a value, ``test_reads`` looks away   another record
    C  ``test_reads`` is what it was                             the first one holds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pytest_cellcache.hooks.leavings import meet
from pytest_cellcache.lifecycle.inheritance import ANY, Told, draws_in, read
from pytest_cellcache.lifecycle.precedence import needed_in, texts
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.keys import EXISTS, FILE, LISTING, NAME, Key
from pytest_cellcache.model.record import Entry, Hit, Verdict


class Known(Protocol):
    """What is known of records."""

    def entries_of(self, facts: TestFacts) -> Sequence[Entry]: ...

    def keys_of(self, entry: Entry) -> frozenset[Key]: ...


class _Left(NamedTuple):
    """What a test leaves that it did not at some time."""

    changes: frozenset[Told]
    wrote: frozenset[str]


_FILES: Final = frozenset({FILE, EXISTS, LISTING})


class Outdated:
    """Answers for the tests of one run.

    Args:
        ranks: places of the tests.
        judged: verdicts as they are when it is asked first; who runs is asked what it leaves then.
    """

    def __init__(
        self,
        ranks: Mapping[str, int],
        judged: Mapping[str, tuple[TestFacts, Verdict]],
        known: Known,
    ) -> None:
        self._ranks, self._judged, self._known = ranks, judged, known
        self._grown: dict[str, tuple[float, list[tuple[float, _Left]]]] | None = None

    def is_among(self, entry: Entry) -> bool:
        """Say whether that is so of a record."""
        if self._grown is None:
            self._grown = {name: found for name in self._ranks if (found := self._growth(name))}
        own, keys, needed = self._ranks[entry.unit], frozenset[Key](), set[str]()
        for name, (since, history) in self._grown.items():
            if since <= entry.created_s or self._ranks[name] >= own:
                continue
            left = next((left for when, left in history if when <= entry.created_s), None)
            if left is None or not any(left):
                continue
            if not keys:
                keys, needed = self._keys_of(entry), needed_in(entry.body)
            if name not in needed and _sees(keys, left):
                return True
        return False

    def _growth(self, name: str) -> tuple[float, list[tuple[float, _Left]]] | None:
        """Give since when a test leaves what it does, and what of it is new, by earlier times."""
        facts, verdict = self._judged[name]
        told = verdict.entry if isinstance(verdict, Hit) else None
        if told is None or told.body.keys().isdisjoint(("changes", "wrote")):
            return None
        entries = self._known.entries_of(facts)
        older = [each for each in entries if each.created_s < told.created_s]
        history = [(each.created_s, _new(told, each)) for each in older]
        return (told.created_s, history) if any(any(left) for _, left in history) else None

    def _keys_of(self, entry: Entry) -> frozenset[Key]:
        try:
            return self._known.keys_of(entry)
        except (LookupError, ValueError, TypeError):
            return frozenset()


def _new(now: Entry, before: Entry) -> _Left:
    places = {change.place for change in read(before.body.get("changes"))}
    changes = read(now.body.get("changes"))
    draws = draws_in(changes)
    new = frozenset(each for each in changes if each.place not in places and each not in draws)
    wrote = frozenset(texts(now.body.get("wrote")))
    return _Left(new, wrote - frozenset(texts(before.body.get("wrote"))))


def _sees(keys: frozenset[Key], left: _Left) -> bool:
    if ANY in left.changes:
        return True
    files = {key.path for key in keys if key.kind in _FILES}
    if files and meet(files, left.wrote):
        return True
    changed: dict[str, list[str]] = {}
    for change in left.changes:
        changed.setdefault(change.path, []).append(f"{change.name}.")
    named = ((f"{key.name}.", changed.get(key.path, ())) for key in keys if key.kind == NAME)
    return any(a.startswith(b) or b.startswith(a) for a, found in named for b in found)
