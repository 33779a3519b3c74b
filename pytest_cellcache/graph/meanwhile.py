"""Says whether what a body found may have been there for the time being only.

What a body fills (``keeping``) follows from its place and from all that it reads. While a test
runs, some of that may be another than at any other time: a patched attribute, a variable that is
set and put back, a flag. Nothing of it is left when the test ends but what was filled meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

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


class _Body(NamedTuple):
    """What one body has to do with what others may read: names, and words of texts."""

    reads: frozenset[str]
    writes: frozenset[str]
    hands: frozenset[str]
    texts: frozenset[str]
    changes_parameters: bool


class Meanwhile:
    """Compares what bodies read with what others that ran in the same unit write."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._bodies: dict[Place, _Body] = {}
        self._answers: dict[frozenset[Place], bool] = {}
        # Of the unit that was asked about last.
        self._ran: frozenset[Place] | None = None
        self._writing: Counter[str] = Counter()
        self._handing: Counter[str] = Counter()
        self._changing = frozenset[Place]()
        self._texts = frozenset[str]()

    def may_differ(self, bodies: Iterable[Place], ran: frozenset[Place]) -> bool:
        """Say whether others may have changed something that bodies read, and put it back.

        Args:
            bodies: those that filled, and what they called.
            ran: all that ran in the unit.
        """
        if ran is not self._ran:
            self._take(ran)
        those = frozenset(bodies)
        if those not in self._answers:
            self._answers[those] = self._may_differ(those)
        return self._answers[those]

    def _take(self, ran: frozenset[Place]) -> None:
        self._answers.clear()
        self._ran = ran
        bodies = [self._body(place) for place in ran]
        self._writing = Counter(word for body in bodies for word in body.writes)
        self._handing = Counter(word for body in bodies for word in body.hands)
        self._changing = frozenset(p for p in ran if self._body(p).changes_parameters)
        self._texts = frozenset[str]().union(*(body.texts for body in bodies))

    def _may_differ(self, places: frozenset[Place]) -> bool:
        bodies = [self._body(place) for place in places]
        read = frozenset[str]().union(*(body.reads for body in bodies))
        written = self._writing - Counter(word for body in bodies for word in body.writes)
        if _ANY in written or not read.isdisjoint(written):
            return True
        if self._changing - places:
            handed = self._handing - Counter(word for body in bodies for word in body.hands)
            if not read.isdisjoint(handed):
                return True
        return bool(self._texts) and any(words_of(name) <= self._texts for name in read)

    def _body(self, place: Place) -> _Body:
        if place not in self._bodies:
            self._bodies[place] = self._look_at(place)
        return self._bodies[place]

    def _look_at(self, place: Place) -> _Body:
        defs = self._project.index(place[0]).defs.get(place[1], ())
        looked_up = {_name_in(each) for found in defs for each in found.refs.looked_up}
        writes = {word for found in defs for word in _patched_by(found)}
        if self._is_patched_around(place):
            writes.add(_ANY)
        if not initialises(place[1]):
            writes |= {_name_in(each) for found in defs for each in found.refs.kept}
        patching = [found for found in defs if not _PATCHING.isdisjoint(_called_by(found))]
        return _Body(
            reads=frozenset(filter(words_of, looked_up)),
            writes=frozenset(writes - {""}),
            hands=frozenset(_last_of(each) for found in defs for each in found.refs.arguments),
            texts=frozenset[str]().union(*(found.refs.words for found in patching)),
            changes_parameters=any(found.refs.changes_parameters for found in defs),
        )

    def _is_patched_around(self, place: Place) -> bool:
        """Say whether the class of a method is decorated so that each changes something."""
        top, _, method = place[1].partition(".")
        binders = self._project.index(place[0]).binders.get(top, ()) if method else ()
        chains = (chain for _, cell in binders for chain in cell.refs.chains)
        return not _PATCHING.isdisjoint(_parts_of(chains))


def _parts_of(chains: Iterable[str]) -> set[str]:
    return {part for chain in chains for part in chain.split(".")}


def _last_of(chain: str) -> str:
    return chain.rpartition(".")[2]


def _name_in(place: str) -> str:
    """Give the last name in what ``keeping`` writes for a place; none for a variable's content."""
    return "" if place[:1] == "~" else _last_of(place.removesuffix("[]"))


def _called_by(found: Def) -> frozenset[str]:
    return frozenset(found.refs.attrs | _parts_of((*found.refs.chains, *found.decorators)))


def _patched_by(found: Def) -> frozenset[str]:
    """Name what a body may change through functions that put it back later; texts aside."""
    called = _called_by(found)
    if not _PATCHING.isdisjoint(_parts_of(found.decorators)) or not _MOVING.isdisjoint(called):
        return frozenset({_ANY})
    words: set[str] = set()
    if not _PATCHING.isdisjoint(called):
        words.update(map(_last_of, found.refs.arguments))
    if not _SETTING.isdisjoint(called):
        words |= _ENVIRONMENT
    return frozenset(words)
