"""Adds to the footprints of units what they rest on because other units left it behind."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.firsts import FirstValues
from pytest_cellcache.lifecycle.left import Left, modules_only
from pytest_cellcache.lifecycle.producers import keys_left, unit_of
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.lifecycle.reading import Reading
from pytest_cellcache.lifecycle.resets import Resets
from pytest_cellcache.lifecycle.setters import Setters, concerns
from pytest_cellcache.lifecycle.surroundings import Backwards, Edges
from pytest_cellcache.lifecycle.units import Attempt
from pytest_cellcache.model.keys import BODY, ENV, REGISTERS, Key

_FEW: Final = 4
"""Keys added to a unit that its record names one by one."""
_MAX_PASSES: Final = 4
"""Values made from values made from ... that are followed from test to test."""


class Kept(NamedTuple):
    """An attempt that may be stored.

    Attributes:
        producers: node ids of tests that must run before it when it runs.
        later: those of tests that would be such if they came before it.
        either: per fixture that did something for it, those of tests one of which must run.
        fills: changes of others that it would have made itself, had it come first.
    """

    attempt: Attempt
    roots: frozenset[Key]
    producers: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    fills: frozenset[Change] = frozenset()

    @property
    def needed(self) -> set[str]:
        """All that must run before it, or one of which must."""
        return {*self.producers, *(name for group in self.either for name in group)}


def with_producers(
    rows: list[Kept],
    left: Left,
    closure: Closure,
    changes: Sequence[Change],
    edges: Edges,
    project: Project,
    names: Names,
) -> list[Kept]:
    """Add to roots what units rest on because others left it behind."""
    registers = closure.changed_at_import
    if not changes and not registers:
        return rows
    roots = {left.key_of(row.attempt): row.roots | left.values_used(row.attempt) for row in rows}
    for unit, own in left.units.items():
        roots.setdefault(unit, own)
    added: dict[Key, set[Key]] = {}
    places: dict[object, list[Change]] = {}
    for change in changes:
        places.setdefault(change.place, []).append(change)
    first = FirstValues(places, left)
    resets = Resets(left.openings, project, names)

    def live_edges(key: Key) -> frozenset[Key]:
        return left.hubs.get(key) or closure.live_edges(key)

    filled: dict[Key, set[Change]] = {}
    served: dict[object, int] = dict.fromkeys(places, 0)
    for _ in range(_MAX_PASSES):
        grown = False
        live = {unit: own | frozenset(added.get(unit, ())) for unit, own in roots.items()}
        live |= first.live()
        live |= resets.views((group[0] for group in places.values()), live)
        readers = Readers(project, names, live, live_edges, closure.loaded_first)
        # By the units that rest on them: very many places may have the same readers.
        resting: dict[int, set[Key]] = {}
        # Of some units, those that do not rest yet on what they need: one test changes many places.
        unmet: dict[tuple[frozenset[Key], int], int] = {}
        for place, group in places.items():
            bits = readers.bits_of(group[0])
            spared = resets.sparing(group[0], bits, readers)
            bits = first.take_readers(place, bits & ~spared, readers)
            later = [change for change in group if not change.is_first]
            rests_on = frozenset[Key]().union(*(change.rests_on for change in later))
            instead = frozenset(change.unit for change in later if change.unit is not None)
            by_imports = (change.rests_on for change in later if change.unit is None)
            fillers = group[0].fillers
            bits = fully = bits & ~served[place]
            if fillers:  # others may turn out to be that, too
                filling = {h for h, keys in left.hubs.items() if not fillers.isdisjoint(keys)}
                filling |= fillers
                waiting = readers.units_in(bits)
                fully = readers.bits_for(
                    u for u in waiting if not (live[u] | first.of(u)).isdisjoint(filling)
                )
            served[place] |= fully
            if fillers and None not in (each.unit for each in group):
                for unit in readers.units_in(fully) - instead:
                    filled.setdefault(unit, set()).add(group[0])
            # Who fills it, too, and then counts what is there, counts what others have filled.
            whole = readers.looking_whole(group[0], fully) if fillers else 0
            sized = readers.sized_by(group[0], fully)
            of_keys = frozenset(map(keys_left, rests_on)) if sized else rests_on
            for needs, some in (
                (rests_on, fully & ~sized),
                (of_keys, sized),
                (instead, (bits & ~fully) | whole),
                (frozenset[Key]().union(*by_imports), spared),
            ):
                if not some:
                    continue
                if (needs, some) not in unmet:
                    owners = {*map(unit_of, needs)}
                    of = readers.units_in(some)
                    met = readers.bits_for(u for u in of if needs <= live[u] or owners == {u})
                    unmet[needs, some] = some & ~met
                if left_over := unmet[needs, some]:
                    resting.setdefault(left_over, set()).update(needs)
        for bits, needed in resting.items():
            hub = left.hub_of(frozenset(needed))
            is_code = any(key.kind == BODY for key in needed)
            for unit in readers.units_in(bits):
                more = added.setdefault(unit, set())
                grown = grown or (hub not in more and is_code)
                more.add(hub)
        grown = first.grow(readers) or grown
        if not grown:  # what bodies that made a remembered value read counts, too
            break
    for unit, reading in first.for_readers(readers):
        added.setdefault(unit, set()).update(reading)
    loaded: dict[Key, frozenset[str]] = {}
    reached = Reached[Key](lambda key: modules_only(edges(key)))
    registering: dict[tuple[frozenset[str], str, str], Key] = {}
    for file, name in sorted(registers):
        for unit in readers.of_register((file, name)) & roots.keys():
            # Statements that may come to change it, too, in the modules that it rests on; those of
            # modules that are imported before the first test are told there (``entered``).
            modules = loaded.get(unit)
            if modules is None:
                modules = left.modules_of(unit, roots[unit], edges, reached)
                modules = loaded[unit] = modules - closure.loaded_first
            if not modules:
                continue
            if (modules, file, name) not in registering:
                keys = (Key(REGISTERS, module, f"{file}::{name}") for module in modules)
                registering[modules, file, name] = left.hub_of(frozenset(keys))
            added.setdefault(unit, set()).add(registering[modules, file, name])
    sides = left.sides()
    for unit in left.units.keys() & added.keys():
        left.units[unit] |= sides.without_later(unit, frozenset(added[unit]))
    found = []
    for row in rows:
        unit = left.key_of(row.attempt)
        new = frozenset(added.get(unit, ()))
        around = sides.around(unit, new)
        if around.later:
            new = sides.without_later(unit, new)
        if len(new) > _FEW:
            new = frozenset({left.hub_of(new)})  # many units rest on the same
        fills = frozenset(filled.get(unit, ()))
        found.append(Kept(row.attempt, row.roots | new, *around, fills))
    return found


def with_setters(
    rows: Sequence[Kept], setters: Setters, every: Collection[Key], edges: Edges
) -> Iterable[Kept]:
    """Add who had set variables that a test comes to rest on by way of others.

    A producer may have read them before they were set. Nobody can tell who uses the record, so it
    would be taken for one that was made before they were set (``Setters.before``), in each run.

    Args:
        every: all keys that the rows lead to.
    """
    variables = {key for key in every if key.kind == ENV}
    if not (variables and setters.variables):
        return rows
    back = Backwards(every, edges)
    leading = {
        name: back.leading_to(key for key in variables if concerns(name, {key.name}))
        for name in setters.variables
    }
    return (_with_setters(row, setters, leading) for row in rows)


def _with_setters(row: Kept, setters: Setters, leading: Mapping[str, Container[Key]]) -> Kept:
    read = {name for name, keys in leading.items() if any(root in keys for root in row.roots)}
    groups = setters.before_then(row.attempt, read) if read else ()
    new = [group for group in groups if row.needed.isdisjoint(group)]
    return row._replace(either=(*row.either, *new))


def with_code_read(rows: Iterable[Kept], left: Left, reading: Reading) -> list[Kept]:
    """Add to roots what units rest on because they read code of what others left."""
    found = []
    for row in rows:
        read = reading.read_of(row.roots)
        new = frozenset({left.hub_of(read)}) if len(read) > _FEW else read
        found.append(row._replace(roots=row.roots | new))
    return found
