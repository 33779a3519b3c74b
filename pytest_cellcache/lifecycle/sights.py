"""What statements saw in registers when they were evaluated: ``NAMES = sorted(REGISTER)``.

What they made of it follows from what others had entered by then, and in which order. Who rests on
such a statement rests on that, too::

    written    keys of the statements that had entered something, behind the key of the one that
               looked
    verified   what is entered before it in this run is compared with what was then
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import LOOKING, Entered
from pytest_cellcache.graph.evaluated import CellPlace
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.graph.sights import Sights, named
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.model.keys import BODY, EFFECTS, NAME, REGISTERS, Key
from pytest_cellcache.model.observation import OUTSIDE

_WHOLE: Final = "(order)"


class Sight(NamedTuple):
    """A statement before which something else has been entered than in another run.

    Attributes:
        path: its file.
        by: its name, see ``named``.
        different: what was entered.
    """

    path: str
    by: str
    different: tuple[Entered, ...]


def is_look(each: Entered) -> bool:
    """Say whether nothing is entered, but a statement looks at what is there."""
    return each.by.startswith(LOOKING)


def places_entered(entered: Mapping[str, Iterable[Entered]]) -> set[Place]:
    """Give the globals of the project that something is entered in."""
    every = (each for rows in entered.values() for each in rows if not is_look(each))
    return {(each.path, each.name) for each in every if each.path != OUTSIDE}


def change_of(each: Entered, definitions: frozenset[str]) -> Change:
    """Give what entering something changes; names of definitions are told by what is defined."""
    key = Key(NAME, each.path, each.name)
    defined = words_of(each.word) & definitions
    return Change(key, each.word, each.is_keyed, frozenset(), None, defined=defined)


def turn_of(path: str, by: str) -> str:
    """Name a look at something in the order of what happens in imports."""
    return f"{path}\n{by}"


def looks_at(digester: Digester, path: str, rows: Iterable[Entered]) -> list[tuple[int, str]]:
    """Give the looks of a file by the positions of their statements."""
    names = {each.by.removeprefix(LOOKING) for each in rows if is_look(each)}
    if not names:
        return []
    cells = enumerate(digester.project.index(path).table.cells)
    return [
        (position, turn_of(path, named(cell))) for position, cell in cells if named(cell) in names
    ]


def out_of_sight(
    then: Mapping[str, frozenset[Entered]],
    now: Mapping[str, frozenset[Entered]],
    turns_then: Sequence[str],
    turns_now: Sequence[str],
) -> Iterator[Sight]:
    """Give the statements that see something else now."""
    places_then = {turn: place for place, turn in enumerate(turns_then)}
    places_now = {turn: place for place, turn in enumerate(turns_now)}
    all_then, all_now = _by_place(then), _by_place(now)
    for path, rows in now.items():
        for look in filter(is_look, rows):
            by = look.by.removeprefix(LOOKING)
            turn = turn_of(path, by)
            if turn not in places_then or turn not in places_now:
                continue  # the statement is new itself
            before = _entered_in(look, turns_then[: places_then[turn]], all_then)
            after = _entered_in(look, turns_now[: places_now[turn]], all_now)
            if before == after:
                continue
            different = {*before} ^ {*after}
            if not different:
                different = {
                    (file, each._replace(word=_WHOLE) if each.is_keyed else each)
                    for file, each in before
                }
            yield Sight(path, by, tuple(sorted({each for _, each in different})))


_ByPlace = Mapping[Place, Mapping[str, Sequence[Entered]]]


def _by_place(entered: Mapping[str, frozenset[Entered]]) -> _ByPlace:
    """Give by globals, and by the files that enter it, what is entered in them."""
    found: dict[Place, dict[str, list[Entered]]] = {}
    for file, rows in entered.items():
        for each in sorted(row for row in rows if not is_look(row)):
            found.setdefault((each.path, each.name), {}).setdefault(file, []).append(each)
    return found


def _entered_in(
    look: Entered, files: Iterable[str], entered: _ByPlace
) -> list[tuple[str, Entered]]:
    by_file = entered.get((look.path, look.name), {})
    return [(file, each) for file in files if file in by_file for each in by_file[file]]


class Seeing:
    """Tells which statements see what is entered.

    Args:
        closure: of this run.
    """

    def __init__(self, digester: Digester, closure: Closure) -> None:
        self._digester = digester
        self._project = digester.project
        self._closure = closure

    def resting_on(
        self, changes: Iterable[Change], entering: Mapping[Place, Collection[CellPlace]]
    ) -> dict[Key, frozenset[Key]]:
        """Give what keys of statements rest on because of what was entered when they looked.

        Args:
            changes: what imports entered.
            entering: the statements that entered something in a global.
        """
        by_place: dict[Place, list[Change]] = {}
        for change in (each for each in changes if each.key.path != OUTSIDE):
            by_place.setdefault((change.key.path, change.key.name), []).append(change)
        sights = Sights(self._project, self._digester.names, by_place.keys(), self._closure.ran_in)
        looking: dict[CellPlace, frozenset[Place]] = {}
        for file in self._closure.files:
            for position, _, looked_at in sights.of(file):
                at = (file, position)
                others = frozenset(p for p in looked_at if at not in entering.get(p, ()))
                if others:
                    looking[at] = others
        found: dict[Key, set[Key]] = {}
        readers = self._readers(looking)
        for place, group in by_place.items():
            cells = [at for at, places in looking.items() if place in places]
            for change in group if cells else ():
                for at in self._seeing(change, cells, readers):
                    for key in self._keys_of(at):
                        found.setdefault(key, set()).update(change.rests_on - {key})
        return {key: frozenset(needed) for key, needed in found.items()}

    def keys_seeing(self, sights: Iterable[Sight], change_of: Mapping[Entered, Change]) -> set[Key]:
        """Give the keys of the statements that see what is different."""
        found: set[Key] = set()
        for sight in sights:
            cells = enumerate(self._project.index(sight.path).table.cells)
            places = [(sight.path, at) for at, cell in cells if named(cell) == sight.by]
            readers = self._readers(places)
            for each in sight.different:
                for at in self._seeing(change_of[each], places, readers):
                    found |= self._keys_of(at)
        return found

    def _readers(self, cells: Iterable[CellPlace]) -> Readers:
        units = {_unit(at): self._roots_of(at) for at in cells}
        return Readers(
            self._project,
            self._digester.names,
            units,
            self._closure.live_edges,
            self._closure.loaded_first,
        )

    def _seeing(
        self, change: Change, cells: Iterable[CellPlace], readers: Readers
    ) -> Iterator[CellPlace]:
        seeing = readers.of(change)
        for at in cells:
            # What one has run is not known where its module is left out; of one that binds nothing
            # the names that it uses are no keys.
            is_known = at[0] in self._closure.files and self._cell(at).kind != "effect"
            if not is_known or _unit(at) in seeing:
                yield at

    def _roots_of(self, at: CellPlace) -> frozenset[Key]:
        cell = self._cell(at)
        names = {Key(NAME, at[0], name) for name in cell.binds if cell.kind != "effect"}
        ran = {Key(BODY, *place) for place in self._closure.ran_in(*at, cell)}
        return frozenset(names | ran)

    def _keys_of(self, at: CellPlace) -> set[Key]:
        path, position = at
        found = {Key(NAME, path, name) for name in self._cell(at).binds}
        for each, _, places in self._digester.registering_cells(path):
            if each == position:
                found |= {Key(REGISTERS, path, "::".join(place)) for place in places}
        if self._digester.is_effect_cell(path, position):
            found.add(Key(EFFECTS, path))
        return found

    def _cell(self, at: CellPlace) -> Cell:
        return self._project.index(at[0]).table.cells[at[1]]


def _unit(at: CellPlace) -> Key:
    return unit_key(at[0], f"statement {at[1]}")
