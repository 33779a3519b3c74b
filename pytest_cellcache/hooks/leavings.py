"""What a replayed test would have left for later ones, as its record tells."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    KeysView,
    Mapping,
    ValuesView,
)
from typing import Any, Final, NamedTuple, TypeVar

from pytest_cellcache.lifecycle.inheritance import Told, draws_in, read
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.sequences import EVERYTHING, digest_of_sequence
from pytest_cellcache.lifecycle.setters import is_for, is_within

_K = TypeVar("_K", bound=Hashable)
LEAVING: Final = frozenset("handled wrote changes sets resets undone makes".split())
"""Entries of a record that tell of it."""


class SetUp(NamedTuple):
    """Fixtures that were really set up in this run, by ``Instance.lone_place``.

    Attributes:
        alive: those among them that a test has used.
        ever: all of them: what they have left beyond their end is there.
        open: those that have not ended: whoever came then would have found them set up.
        used: places of the wider fixtures that a test has used, by ``Instance.place``.
    """

    alive: Collection[str] = frozenset()
    ever: Collection[str] = frozenset()
    open: Collection[str] = frozenset()
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
        "_fills",
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
        self._fills = read(told.get("fills"))
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

    @property
    def is_special(self) -> bool:
        """Whether its changes concern some tests only, or not while others have made them."""
        return bool(self._undone or self._made)

    def fill(self, filled: set[tuple[str, str, str]]) -> None:
        """Count as changes what others made before it ran, where none of them comes before it now.

        Args:
            filled: places that are the same whoever makes them, and somebody has made so far; those
                of this test are added.
        """
        new = [change for change in self._fills if change.place[:3] not in filled]
        if new:
            self.changes += new
            self.kinds = self.kinds | {"changes"}
        filled.update(change.place[:3] for change in self.changes if change.fillers)

    def forget(self, name: str) -> None:
        """Let go of what another test has set or put back since."""
        self.sets = [each for each in self.sets if each != f"{name}@"]

    def changes_for(self, nodeid: str, set_up: SetUp = NOTHING_SET_UP) -> list[Told]:
        """Give the changes that concern a test, those undone later included; draws aside."""
        undone = [found for place, found in self._undone if is_within(nodeid, place)]
        alive, ever = self._made_by(set_up.alive), self._made_by(set_up.ever)
        found = [change for change in self.changes if change not in ever]
        return found + [each for known in undone for each in known if each not in alive]

    def sets_for(self, set_up: SetUp) -> list[str]:
        """Give what it and its fixtures set, but what fixtures set that are set up."""
        places = self._set_by.keys() & {*set_up.alive, *set_up.open}
        own = {name for place in places for name in self._set_by[place]}
        return [name for name in self.sets if name not in own]

    def is_leaving(self, nodeid: str, set_up: SetUp) -> bool:
        """Say whether it leaves anything for a test but what fixtures left that are set up."""
        others = self.draws or self.wrote or self.handled or self.resets
        return bool(others or self.sets_for(set_up) or self.changes_for(nodeid, set_up))

    def _made_by(self, places: Collection[str]) -> frozenset[Told]:
        """Give the changes that only fixtures of some places have made."""
        made = self._made.keys() & places
        return frozenset(change for place in made for change in self._made[place])


class Found:
    """What several tests leave, by node id, and whom it concerns.

    A live test asks for each of thousands of replayed ones, so they are found by what they leave.
    """

    def __init__(self) -> None:
        self._all: dict[str, Leavings] = {}
        # By what all that come later find, and of the others those who leave it.
        self._by_change: dict[Told, dict[str, None]] = {}
        self._special: dict[str, Leavings] = {}
        self._drawing: dict[str, Leavings] = {}
        self._setting: dict[str, Leavings] = {}
        self._writing: dict[str, Leavings] = {}
        self._by_handled: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def __contains__(self, nodeid: str) -> bool:
        return nodeid in self._all

    def keys(self) -> KeysView[str]:
        """Give the node ids, in the order in which they came."""
        return self._all.keys()

    def values(self) -> ValuesView[Leavings]:
        """Give what they leave, in the same order."""
        return self._all.values()

    def add(self, nodeid: str, told: Leavings) -> None:
        """Take what a test leaves."""
        if nodeid in self._all:
            self.pop(nodeid)
        self._all[nodeid] = told
        if told.is_special:
            self._special[nodeid] = told
        for change in () if told.is_special else told.changes:
            self._by_change.setdefault(change, {})[nodeid] = None
        for place in told.handled:
            self._by_handled.setdefault(place, {})[nodeid] = None
        for group, is_in in self._groups(told):
            if is_in:
                group[nodeid] = told

    def pop(self, nodeid: str) -> Leavings:
        """Leave a test out.

        Raises:
            KeyError: it is not among them.
        """
        told = self._all.pop(nodeid)
        self._special.pop(nodeid, None)
        for change in () if told.is_special else told.changes:
            _drop(self._by_change, change, nodeid)
        for place in told.handled:
            _drop(self._by_handled, place, nodeid)
        for group, _ in self._groups(told):
            group.pop(nodeid, None)
        return told

    def places(self) -> set[tuple[str, str, str, bool]]:
        """Give the places of all changes that are there for all that come later."""
        special = (change for told in self._special.values() for change in told.changes)
        return {change.place for each in (self._by_change, special) for change in each}

    def leaving(self, nodeid: str, set_up: SetUp) -> set[str]:
        """Name the tests among them that leave more for a test than what has been set up left."""
        return {name for name, told in self._all.items() if told.is_leaving(nodeid, set_up)}

    def concerning(
        self,
        nodeid: str,
        *,
        looked: Collection[str],
        seen_of: Callable[[set[Told]], set[Told]],
        variables: Collection[str] | None,
        places: Collection[str] = frozenset(),
        set_up: SetUp = NOTHING_SET_UP,
        by_chance: bool,
    ) -> set[str]:
        """Name the tests among them that leave what another one may see.

        Args:
            looked: names of the paths that it consulted.
            seen_of: gives those among changes of module state that it may see.
            variables: those that it has read, and what it has consulted of its surroundings;
                ``None`` before it has run.
            places: of the wider fixtures that it uses.
            set_up: fixtures that have been set up.
            by_chance: which tests come before it is chance.
        """
        chosen: set[str] = set()
        if looked:
            writing = self._writing.items()
            chosen.update(n for n, t in writing if EVERYTHING in t.wrote or meet(looked, t.wrote))
        if by_chance:
            return chosen
        for place in self._by_handled.keys() & places:
            chosen.update(self._by_handled[place])
        if variables is not None:
            chosen |= self._having_set(nodeid, {*variables}, set_up)
        lone = {name: told.changes_for(nodeid, set_up) for name, told in self._special.items()}
        drawn = {name: told.draws for name, told in self._drawing.items()}
        every = {*self._by_change}.union(*lone.values(), *drawn.values())
        seen = seen_of(every) if every else set()
        for change in seen & self._by_change.keys():
            chosen.update(self._by_change[change])
        for group in (lone, drawn) if seen else ():
            chosen.update(name for name, changes in group.items() if not seen.isdisjoint(changes))
        return chosen

    def _having_set(self, nodeid: str, read_by: set[str], set_up: SetUp) -> set[str]:
        chosen: set[str] = set()
        known: set[str] = set()  # one that sets something will do
        for name, told in self._setting.items():
            sets = told.sets_for(set_up)
            new = {each for each in sets if is_for(each, nodeid, read_by)} - known
            known |= new
            if new:
                chosen.add(name)
        return chosen

    def _groups(self, told: Leavings) -> Iterable[tuple[dict[str, Leavings], object]]:
        yield self._drawing, told.draws
        yield self._setting, told.sets
        yield self._writing, told.wrote


def _drop(index: dict[_K, dict[str, None]], key: _K, nodeid: str) -> None:
    names = index.get(key)
    if names is not None:
        names.pop(nodeid, None)
        if not names:
            del index[key]


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
