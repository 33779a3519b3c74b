"""Tells in the middle of a run whether a test sees what others leave behind in modules.

A record names the changes that its test makes of what others may read. A test that is replayed
makes none, so it has to be run before who reads one of them. Which code a test runs, and so what
it reads, is known only when it has run: this is asked of a silent attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.lifecycle.change import Change, without_address
from pytest_cellcache.lifecycle.looking import Condition, Looking, is_start
from pytest_cellcache.lifecycle.producers import COUNTED, DRAWS, Producers
from pytest_cellcache.lifecycle.resets import Opening, Resets
from pytest_cellcache.lifecycle.units import Attempt
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.keys import BODY, NAME, Key
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE


class Told(NamedTuple):
    """A change as a record tells it, see ``Change``; bodies by their files and names."""

    path: str
    name: str = ""
    word: str = ""
    is_keyed: bool = False
    is_counter: bool = False
    fillers: tuple[Place, ...] = ()
    function: Place | tuple[()] = ()
    defined: tuple[str, ...] = ()
    is_below: bool = False

    @property
    def place(self) -> tuple[str, str, str, bool]:
        """What was changed, whoever did it."""
        return self.path, self.name, self.word, self.is_below

    @property
    def change(self) -> Change:
        """What it tells of, as far as readers are concerned."""
        return Change(
            Key(NAME, self.path, self.name),
            self.word,
            self.is_keyed,
            frozenset(),
            None,
            frozenset(Key(BODY, *place) for place in self.fillers),
            is_counter=self.is_counter,
            function=Key(BODY, *self.function) if self.function else None,
            defined=frozenset(self.defined),
            is_below=self.is_below,
        )


ANY: Final = Told("*")
"""In place of changes: there were too many to name."""
_MOST: Final = 50


def tell(changes: Iterable[Change]) -> list[Told]:
    """Name changes of module state in a record.

    Not what a memo keeps: it is the same whoever asks first, and asking needs nobody to have asked.
    Nor how much that is: few look, and then at what is known to have been asked before.
    """
    found = {
        Told(
            c.key.path,
            c.key.name,
            c.word,
            c.is_keyed,
            c.is_counter,
            tuple(sorted(map(_place, c.fillers))),
            _place(c.function) if c.function is not None else (),
            tuple(sorted(c.defined)),
            c.is_below,
        )
        for c in changes
        if c.key.path != FIXTURE and (c.producer is not None or c.fillers) and c.word != COUNTED
    }
    return sorted(found) if len(found) <= _MOST else [ANY]


def tell_made(
    made: Mapping[str, set[Change]], every: Iterable[set[Change]]
) -> dict[str, list[Told]]:
    """Name, by place, the changes that only the fixture there has made.

    Who has set that fixture up himself finds them made.

    Args:
        made: what the fixtures of some places changed.
        every: all that is told of a test.
    """
    all_changes = set[Change]().union(*every)
    found = {}
    for place, changes in made.items():
        others = set(tell(all_changes - changes))
        if ANY not in others and (own := [each for each in tell(changes) if each not in others]):
            found[place] = own
    return found


def digest_of_changes(attempt: Attempt, relative: Callable[[str], str]) -> Digest:
    """Tell apart what attempts have changed in modules, whether or not others may read it.

    Who ran the same functions did it in the same way, but for what footprints tell.

    Args:
        relative: gives the name that records have of a file.
    """
    seen = [attempt.seen, *(each.seen for each in attempt.instances)]
    ran = {(relative(code.filename), code.name) for each in seen for code in each.codes}
    rows = [*sorted(_places_changed(attempt, relative)), ("",), *sorted(ran)]
    return digest_parts(str(part) for row in rows for part in row)


def are_told(attempt: Attempt, last: Mapping[str, Any], relative: Callable[[str], str]) -> bool:
    """Say whether an attempt has changed nothing in modules but what was told before.

    If now it does so in another way, that is for the footprints of those who read it.

    Args:
        last: what is known of the test since it last ran.
        relative: gives the name that records have of a file.
    """
    if last.get("changed") == digest_of_changes(attempt, relative):
        return True
    told = read(last.get("changes"))
    return ANY in told or _places_changed(attempt, relative) <= {each.place for each in told}


def draws_in(changes: Iterable[Told]) -> tuple[Told, ...]:
    """Give those changes that are of the generator that all share."""
    return tuple(c for c in changes if (c.path, c.name) == (DRAWS.path, DRAWS.name))


def read(found: object) -> list[Told]:
    """Take the changes that a record tells; what cannot be understood may be any."""
    return [_read(each) for each in found] if isinstance(found, (list, tuple)) else []


def undone_in(last: Mapping[str, Any]) -> list[Told]:
    """Give the changes that wider fixtures of a test undo, as its record tells."""
    found = last.get("undone")
    return [each for told in found.values() for each in read(told)] if type(found) is dict else []


class Present:
    """What running code leads to in this run."""

    def __init__(self, project: Project, names: Names, closure: Closure) -> None:
        self._project = project
        self._names = names
        self._closure = closure
        self._looking = Looking(project, names, closure.live_edges, closure.loaded_first)
        # As long as the code that is looked at stays the same.
        self._asked: dict[Told, tuple[frozenset[Key], list[Condition]]] = {}
        self._resets = Resets({}, project, names)

    def producers(self) -> Producers:
        """Make what tells changes by those who make them."""
        return Producers(self._project, self._names, self._closure.calls)

    def seen(self, changes: Collection[Told], roots: frozenset[Key]) -> set[Told]:
        """Give the changes that a test may see.

        Args:
            roots: what it ran and consulted.
        """
        starts = {*filter(is_start, roots)}
        if self._looking.add(starts):
            self._asked.clear()
        reached = self._looking.reached(starts)
        met: dict[int, bool] = {}  # by identity: many changes have conditions in common

        def is_met(condition: Condition) -> bool:
            known = met.get(id(condition))
            if known is None:
                is_missed = reached.isdisjoint(condition.ends)
                known = not (is_missed and starts.isdisjoint(condition.starts))
                met[id(condition)] = known
            return known

        found = set()
        for told in changes:
            asked = self._asked.get(told)
            if asked is None:
                asked = self._asked[told] = self._conditions_of(told)
            fillers, conditions = asked
            # Who makes the same change need not find it made.
            if fillers.isdisjoint(roots) and all(map(is_met, conditions)):
                found.add(told)
        return found

    def _conditions_of(self, told: Told) -> tuple[frozenset[Key], list[Condition]]:
        """Give the bodies that make a change, and what a test must meet to see it."""
        if told == ANY:
            return frozenset(), []
        change = told.change
        return change.fillers, [*self._looking.conditions_of(change)]

    def seen_by(
        self, changes: Collection[Told], roots: frozenset[Key], opening: Opening | None
    ) -> set[Told]:
        """Give the changes that a test may see which began in some way."""
        found = self.seen(changes, roots)
        if opening is None:
            return found
        silent = {t: self._resets.silent_in(opening, t.change) for t in found if t != ANY}
        reset = {told: bodies for told, bodies in silent.items() if bodies is not None}
        return {
            told
            for told in found
            if told not in reset or self.seen([told], roots - opening.later - reset[told])
        }


def _places_changed(
    attempt: Attempt, relative: Callable[[str], str]
) -> set[tuple[str, str, str, bool]]:
    changes = attempt.changes.union(*(each.changes for each in attempt.instances))
    return {
        (OUTSIDE, c.name, without_address(c.word), False)
        if c.filename == OUTSIDE
        else (relative(c.filename), c.name, c.word, c.is_below)
        for c in changes
        if c.filename != FIXTURE
    }


def _place(key: Key) -> Place:
    return key.path, key.name


def _read(told: Any) -> Told:
    try:
        path, name, word, is_keyed, is_counter, fillers, function, defined, is_below = told
        return Told(
            str(path),
            str(name),
            str(word),
            bool(is_keyed),
            bool(is_counter),
            tuple(_as_place(place) for place in fillers),
            _as_place(function) if function else (),
            tuple(map(str, defined)),
            bool(is_below),
        )
    except (TypeError, ValueError):
        return ANY


def _as_place(place: Any) -> Place:
    file, name = place
    return str(file), str(name)
