"""Tells what tests have reset before they looked at it: what others left there is nothing to them.

A fixture that clears a register, or a ``setUp`` that binds a global anew, would make each test a
reader of what all before it have left in there. It is none where

1. a body that ran before the test began has reset the place (``trace.resets``), seen as it ran,
2. that body, and whatever else names the place in it, did nothing else with it so far,
3. nothing else that ran before the test began may see what was there, nor anything that the test
   rests on because it was remembered.

Then nothing of what was there has come to the test, and whatever had been there, all this would
have run likewise. That the container which was emptied is still in its place is another change,
with readers of its own (``StateChange.is_below``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_cellcache.graph.locate import Locator
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.resetting import CONTENT, is_on_way
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.model.keys import BODY, NAME, Key
from pytest_cellcache.model.observation import STARTED, CodeRef, Observation


class Made(NamedTuple):
    """What a body has reset, see ``Reset``."""

    key: Key
    word: str
    is_content: bool
    body: Key
    way: str

    def is_of(self, change: Change) -> bool:
        """Say whether nothing is left of a change then."""
        if change.key != self.key:
            return False
        if not self.word:
            return not self.is_content or change.is_keyed or change.is_below
        return change.word == self.word and (change.is_below or not self.is_content)


class Opening(NamedTuple):
    """What a test and its fixtures did before it began.

    Attributes:
        made: what they have reset.
        later: bodies that ran only after that.
    """

    made: frozenset[Made]
    later: frozenset[Key]


def opening_of(
    seen: Sequence[Observation], locator: Locator, relative: Callable[[str], str]
) -> Opening | None:
    """Tell how a test began; ``None`` where it has reset nothing, or the order is not known.

    Args:
        seen: what the test consulted, and its fixtures.
    """
    resets = [each for one in seen for each in one.resets]
    own = [one for one in seen if STARTED in one.opening]
    if not (resets and own):
        return None

    def keys_of(codes: Iterable[CodeRef]) -> set[Key]:
        return locator.exact(codes, ())

    made = frozenset(
        Made(Key(NAME, relative(file), name), word, is_content, body, way)
        for ref, way, file, name, word, is_content in resets
        for body in keys_of([ref])
        if body.kind == BODY
    )
    codes = frozenset[CodeRef]()
    first = {*codes.union(*(one.opening or one.codes for one in seen))} - {STARTED}
    later = {*keys_of(codes.union(*(one.codes for one in own)))} - keys_of(first)
    return Opening(made, frozenset(key for key in later if key.kind == BODY))


class Resets:
    """Tells who does not see a change because he has reset what was changed.

    Args:
        openings: by unit.
    """

    def __init__(self, openings: Mapping[Key, Opening], project: Project, names: Names) -> None:
        self._openings = openings
        self._project = project
        self._names = names
        self._by_key: dict[Key, list[Key]] = {}
        for unit, opening in openings.items():
            for key in {made.key for made in opening.made}:
                self._by_key.setdefault(key, []).append(unit)
        self._spared: dict[object, list[tuple[Key, Key]]] = {}

    def views(
        self, changes: Iterable[Change], live: Mapping[Key, frozenset[Key]]
    ) -> dict[Key, frozenset[Key]]:
        """Give what units lead to that saw a change before they had reset it, under other keys.

        Args:
            changes: one of each place.
            live: all that units lead to.
        """
        numbers: dict[frozenset[Key], Key] = {}
        known: dict[tuple[Key, frozenset[Key]], Key] = {}
        self._spared.clear()
        for change in changes if self._openings else ():
            for unit in self._by_key.get(change.key, ()):
                opening = self._openings[unit]
                silent = self.silent_in(opening, change) if unit in live else None
                if silent is None:
                    continue
                if (unit, silent) not in known:
                    roots = live[unit] - opening.later - silent
                    view = unit_key("", f"opening {len(numbers)}")
                    known[unit, silent] = numbers.setdefault(roots, view)
                row = unit, known[unit, silent]
                self._spared.setdefault(change.place, []).append(row)
        return {view: roots for roots, view in numbers.items()}

    def sparing(self, change: Change, bits: int, readers: Readers) -> int:
        """Give those among readers of a change that see nothing of it: units as bits."""
        rows = self._spared.get(change.place, ())
        seeing = {view for view in {view for _, view in rows} if bits & readers.bits_for([view])}
        return bits & readers.bits_for(unit for unit, view in rows if view not in seeing)

    def silent_in(self, opening: Opening, change: Change) -> frozenset[Key] | None:
        """Give the bodies that have reset what was changed and done nothing else with it.

        ``None`` where there are none.
        """
        found = {
            made.body for made in opening.made if made.is_of(change) and self._is_only(made, change)
        }
        return frozenset(found) or None

    def _is_only(self, made: Made, change: Change) -> bool:
        """Say whether a body names what it resets in one way, as far as names lead there."""
        way, place = made.way.removesuffix(CONTENT), (change.key.path, change.key.name)
        return not any(
            (file, name) == place and (not made.word or rest[:1] in ((), (made.word,)))
            for refs in self._project.refs_of(made.body)
            for chain in refs.chains
            if way[0] == "." or not is_on_way(chain, way)
            for file, name, rest in self._names.resolve(made.body.path, chain).bindings
        )
