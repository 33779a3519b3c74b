"""Says whether what a body found may have been there for the time being only.

What a body fills (``keeping``) follows from its place and from all that it reads. While a test
runs, some of that may be another than at any other time: a patched attribute, a variable that is
set and put back, a flag. Nothing of it is left when the test ends but what was filled meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.graph.scopes import initialises

_PATCHING: Final = frozenset({"setattr", "delattr", "setitem", "delitem", "patch"})
"""Functions that change what they are given, or what a text names, and put it back."""
_SETTING: Final = frozenset({"setenv", "delenv", "environ", "environb", "putenv", "unsetenv"})
_ENVIRONMENT: Final = frozenset({"environ", "environb", "getenv", "getenvb"})
_MOVING: Final = frozenset({"chdir", "fchdir"})
_ANY: Final = "*"


class Meanwhile:
    """Compares what bodies read with what others that ran in the same unit write."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._read: dict[Place, frozenset[str]] = {}
        self._written: dict[Place, frozenset[str]] = {}
        self._texts: dict[Place, frozenset[str]] = {}
        self._answers: dict[frozenset[Place], bool] = {}
        # Of the unit that was asked about last.
        self._ran: frozenset[Place] | None = None
        self._writers: Counter[str] = Counter()
        self._handing: Counter[str] = Counter()
        self._changing = frozenset[Place]()
        self._named = frozenset[str]()

    def may_differ(self, bodies: Iterable[Place], ran: frozenset[Place]) -> bool:
        """Say whether others may have changed something that bodies read, and put it back.

        Args:
            bodies: those that filled, and what they called.
            ran: all that ran in the unit.
        """
        if ran != self._ran:
            self._take(ran)
        those = frozenset(bodies)
        if those not in self._answers:
            self._answers[those] = self._may_differ(those)
        return self._answers[those]

    def _take(self, ran: frozenset[Place]) -> None:
        self._answers.clear()
        self._ran = ran
        self._writers = Counter(word for place in ran for word in self._written_by(place))
        self._named = frozenset[str]().union(*map(self._texts_of, ran))
        self._changing = frozenset(filter(self._changes_what_it_is_given, ran))
        handing = ran if self._changing else ()
        self._handing = Counter(word for place in handing for word in self._handed_by(place))

    def _may_differ(self, bodies: frozenset[Place]) -> bool:
        own = Counter(word for body in bodies for word in self._written_by(body))
        read = frozenset[str]().union(*map(self._read_by, bodies))
        if any(self._writers[word] > own[word] for word in (_ANY, *(read & self._writers.keys()))):
            return True
        if self._changing - bodies and (handed := read & self._handing.keys()):
            own = Counter(word for body in bodies for word in self._handed_by(body))
            if any(self._handing[word] > own[word] for word in handed):
                return True
        return bool(self._named) and any(words_of(name) <= self._named for name in read)

    def _read_by(self, place: Place) -> frozenset[str]:
        found = self._read.get(place)
        if found is None:
            names = (_name_in(each) for each in self._all(place, "looked_up"))
            found = self._read[place] = frozenset(name for name in names if words_of(name))
        return found

    def _written_by(self, place: Place) -> frozenset[str]:
        found = self._written.get(place)
        if found is None:
            those = self._project.index(place[0]).defs.get(place[1], ())
            words = frozenset[str]().union(*map(_patched_by, those), self._patched_around(place))
            if not initialises(place[1]):
                words |= frozenset(map(_name_in, self._all(place, "kept")))
            found = self._written[place] = words - {""}
        return found

    def _texts_of(self, place: Place) -> frozenset[str]:
        """Give the words in texts of a body that may name by a text what it changes."""
        found = self._texts.get(place)
        if found is None:
            those = self._project.index(place[0]).defs.get(place[1], ())
            patching = (d.refs.words for d in those if not _PATCHING.isdisjoint(_called_by(d)))
            found = self._texts[place] = frozenset[str]().union(*patching)
        return found

    def _patched_around(self, place: Place) -> frozenset[str]:
        """Say whether the class of a method is decorated so that each changes something."""
        top, _, method = place[1].partition(".")
        binders = self._project.index(place[0]).binders.get(top, ()) if method else ()
        chains = (chain for _, cell in binders for chain in cell.refs.chains)
        parts = {part for chain in chains for part in chain.split(".")}
        return frozenset() if parts.isdisjoint(_PATCHING) else frozenset({_ANY})

    def _changes_what_it_is_given(self, place: Place) -> bool:
        those = self._project.index(place[0]).defs.get(place[1], ())
        return any(each.refs.changes_parameters for each in those)

    def _handed_by(self, place: Place) -> frozenset[str]:
        return frozenset(each.rpartition(".")[2] for each in self._all(place, "arguments"))

    def _all(self, place: Place, what: str) -> Iterable[str]:
        for found in self._project.index(place[0]).defs.get(place[1], ()):
            yield from getattr(found.refs, what)


def _name_in(place: str) -> str:
    """Give the last name in what ``keeping`` writes for a place; none for a variable's content."""
    return "" if place[:1] == "~" else place.removesuffix("[]").rpartition(".")[2]


def _called_by(found: Def) -> frozenset[str]:
    chains = (*found.refs.chains, *found.decorators)
    return frozenset(found.refs.attrs).union(*(chain.split(".") for chain in chains))


def _patched_by(found: Def) -> frozenset[str]:
    """Name what a body may change through functions that put it back later; texts aside."""
    called = _called_by(found)
    decorated = {part for chain in found.decorators for part in chain.split(".")}
    if not _PATCHING.isdisjoint(decorated) or not _MOVING.isdisjoint(called):
        return frozenset({_ANY})
    words: set[str] = set()
    if not _PATCHING.isdisjoint(called):
        words.update(each.rpartition(".")[2] for each in found.refs.arguments)
    if not _SETTING.isdisjoint(called):
        words |= _ENVIRONMENT
    return frozenset(words)
