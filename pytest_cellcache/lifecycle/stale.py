"""Finds what was remembered before somebody changed what it had been made of.

Who finds nothing remembered makes it anew, and gets the same as long as all is as it was::

    test 1 asks rate("eur")     -> remembered: follows from RATES as it is then
    test 2 sets RATES["eur"]
    test 3 asks rate("eur")     -> what test 1 got; without test 1 it would be another thing

So who reads that rests on the unit that was remembered for, not only on the bodies that made it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.lifecycle.surroundings import Edges
from pytest_cellcache.model.keys import BODY, Key


def with_stale(
    changes: Sequence[Change],
    edges: Edges,
    project: Project,
    names: Names,
    loaded_first: Collection[str] = (),
) -> list[Change]:
    """Let readers of what was made before a change that it follows from rest on who made it.

    Args:
        changes: in the order in which they were made.
        edges: ``Closure.live_edges``.
        loaded_first: files that were loaded as modules before the first test.
    """
    lasting = {n: each for n, each in enumerate(changes) if _lasts(each)}
    end = max(lasting, default=0)
    made = {n: _bodies(each) for n, each in enumerate(changes[:end]) if _is_made(each)}
    if not made:
        return [*changes]
    values = {
        bodies: unit_key("", f"remembered {number}")
        for number, bodies in enumerate(dict.fromkeys(made.values()))
    }
    of_values = {key: bodies for bodies, key in values.items()}
    readers = Readers(project, names, of_values, edges, loaded_first)
    # By value, or by global, and who changed last what it follows from; all, as one may be its own.
    after: dict[Key, list[tuple[int, Change]]] = {}
    beside: dict[Key, list[tuple[int, Change]]] = {}
    for number, each in lasting.items():
        for value in readers.of(each):
            after.setdefault(value, []).append((number, each))
        if each.word and not each.is_keyed:
            beside.setdefault(each.key, []).append((number, each))
    found = [*changes]
    for number, bodies in made.items():
        own = changes[number]
        others = [(n, each) for n, each in after.get(values[bodies], []) if each.key != own.key]
        if own.word and not own.is_keyed:
            # Of its own object what those read themselves that made it.
            read = _read_by_makers(own, bodies, project)
            others += [row for row in beside.get(own.key, []) if row[1].word in read - {own.word}]
        if any(n > number and each.unit != own.unit for n, each in others):
            assert own.unit is not None
            rests_on = own.rests_on | {own.unit}
            found[number] = own._replace(rests_on=rests_on, producer=own.unit, fillers=frozenset())
    return found


def _read_by_makers(change: Change, bodies: frozenset[Key], project: Project) -> set[str]:
    """Name the attributes that the bodies read which set another one, or remember under it."""
    makers = change.fillers or {b for b in bodies if b.name.rpartition(".")[2] == change.word}
    every = (refs.looked_up for maker in makers for refs in project.refs_of(maker))
    return {each[1:] for looked_up in every for each in looked_up if each[:1] == "."}


def _lasts(change: Change) -> bool:
    return change.producer is not None and not change.is_counter


def _is_made(change: Change) -> bool:
    return change.producer is None and change.unit is not None and bool(_bodies(change))


def _bodies(change: Change) -> frozenset[Key]:
    return frozenset(key for key in change.rests_on if key.kind == BODY)
