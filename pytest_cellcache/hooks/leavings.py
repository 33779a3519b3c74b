"""What a replayed test would have left for later ones, as its record tells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pytest_cellcache.lifecycle.inheritance import Told, draws_in, read
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.sequences import EVERYTHING, digest_of_sequence
from pytest_cellcache.lifecycle.setters import is_for, is_within

LEAVING: Final = frozenset("handled wrote changes sets resets undone makes".split())
"""Entries of a record that tell of it."""


class SetUp(NamedTuple):
    """Fixtures that were really set up in this run, by ``Instance.lone_place``.

    Attributes:
        alive: those among them that a test has used.
        ever: all of them: what they have left beyond their end is there.
        used: places of the wider fixtures that a test has used, by ``Instance.place``.
    """

    alive: Collection[str] = frozenset()
    ever: Collection[str] = frozenset()
    used: frozenset[str] = frozenset()


NOTHING_SET_UP: Final = SetUp()


class Leavings:
    """Read once, for every live test asks for it.

    Attributes:
        leaves: variables and the like that it has changed itself for all that come later.
        resets: those of others that it has put back.
        draws: what it did to the generator that all share, until somebody seeds it.
        changes: other changes that last.
    """

    __slots__ = (
        "_made",
        "_set_by",
        "_undone",
        "changes",
        "draws",
        "handled",
        "kinds",
        "leaves",
        "resets",
        "sets",
        "wrote",
    )

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.kinds = told.keys() & LEAVING
        found = read(told.get("changes"))
        self.draws: Collection[Told] = draws_in(found)
        self.changes = [change for change in found if change not in self.draws]
        undone = told.get("undone")
        self._undone = [
            (place, read(changes))
            for place, changes in (undone.items() if isinstance(undone, dict) else ())
        ]
        made = told.get("set_up")
        self._made = {
            place: set(read(changes))
            for place, changes in (made.items() if isinstance(made, dict) else ())
        }
        set_by = told.get("set_by")
        self._set_by = {
            place: set(texts(names))
            for place, names in (set_by.items() if isinstance(set_by, dict) else ())
        }
        self.sets = texts(told.get("sets"))
        self.leaves = texts(told.get("leaves"))
        self.resets = texts(told.get("resets"))
        self.wrote = texts(told.get("wrote"))
        self.handled = frozenset(texts(told.get("handled")))

    def forget(self, name: str) -> None:
        """Let go of what another test has set or put back since."""
        self.sets = [each for each in self.sets if each != f"{name}@"]

    def changes_for(self, nodeid: str, set_up: SetUp = NOTHING_SET_UP) -> list[Told]:
        """Give the changes that concern a test, those undone later included."""
        undone = [found for place, found in self._undone if is_within(nodeid, place)]
        alive, ever = self._made_by(set_up.alive), self._made_by(set_up.ever)
        found = [change for change in self.changes if change not in ever]
        found += self.draws
        return found + [each for known in undone for each in known if each not in alive]

    def sets_for(self, set_up: SetUp) -> list[str]:
        """Give what it and its fixtures set, but what fixtures set that a test has set up."""
        places = self._set_by.keys() & {*set_up.alive}
        own = {name for place in places for name in self._set_by[place]}
        return [name for name in self.sets if name not in own]

    def _made_by(self, places: Collection[str]) -> frozenset[Told]:
        """Give the changes that only fixtures of some places have made."""
        made = self._made.keys() & places
        return frozenset(change for place in made for change in self._made[place])


def concerning(
    found: Mapping[str, Leavings],
    nodeid: str,
    *,
    looked: Collection[str],
    seen_of: Callable[[set[Told]], set[Told]],
    variables: Collection[str] | None,
    places: Collection[str] = frozenset(),
    set_up: SetUp = NOTHING_SET_UP,
    by_chance: bool,
) -> set[str]:
    """Name the tests among some that leave what another one may see.

    Args:
        found: what they leave, by node id.
        looked: names of the paths that it consulted.
        seen_of: gives those among changes of module state that it may see.
        variables: those that it has read, and what it has consulted of its surroundings; ``None``
            before it has run.
        places: of the wider fixtures that it uses.
        set_up: fixtures that have been set up.
        by_chance: which tests come before it is chance.
    """
    chosen: set[str] = set()
    read_by = {*(variables or ())}
    changes = {name: told.changes_for(nodeid, set_up) for name, told in found.items()}
    every = {change for each in changes.values() for change in each}
    seen = seen_of(every) if every and not by_chance else set()
    known: set[str] = set()  # one that sets something will do
    for name, told in found.items():
        sets = () if by_chance or variables is None else told.sets_for(set_up)
        new = {each for each in sets if is_for(each, nodeid, read_by)} - known
        known |= new
        is_handled = not by_chance and not told.handled.isdisjoint(places)
        is_written = looked and (EVERYTHING in told.wrote or meet(looked, told.wrote))
        if new or is_handled or is_written or not seen.isdisjoint(changes[name]):
            chosen.add(name)
    return chosen


def meet(looked: Collection[str], wrote: Iterable[str]) -> bool:
    """Say whether a path, one above it, or the content of a folder was written."""
    for name in wrote:
        if name in looked or name.rpartition("/")[0] in looked:
            return True
        if any(path.startswith(name + "/") for path in looked):
            return True
    return False


def has_other_past(told: Mapping[str, Any], done: Mapping[str, list[str]]) -> bool:
    """Say whether a record was made after other tests had handled the values that it used."""
    before = told.get("before")
    if not isinstance(before, dict):
        return False
    return any(
        digest != digest_of_sequence(done.get(place, ())) for place, digest in before.items()
    )


def set_in(told: Mapping[str, Any]) -> set[str]:
    """Name what a test has set for all that come later, as its record tells."""
    return set(texts(told.get("leaves"))) if "leaves" in told else set()


def put_back_in(told: Mapping[str, Any]) -> set[str]:
    """Name what others had set and a test has put back."""
    return set(texts(told.get("resets"))) if "resets" in told else set()
