"""Tells counters of new objects: of ``Field.order += 1`` only the order of these is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.graph.scopes import initialises


def all_count(project: Project, places: Iterable[Place]) -> bool:
    """Say whether all that bodies keep is how many objects there have been (``keeping``)."""
    return all(
        initialises(name) and not any(each.refs.kept for each in project.index(path).defs[name])
        for path, name in places
    )


def all_only_rank(project: Project, places: Iterable[Place], word: str) -> bool:
    """Say whether new objects do no more with a counter than take it over under its name."""
    return all(
        word in each.refs.ranks or word not in each.refs.attrs
        for path, name in places
        for each in project.index(path).defs[name]
    )


def are_counting(project: Project, places: Collection[Place], attribute: str) -> bool:
    """Say whether bodies that change an attribute of a class do no more than that with it."""
    is_known = bool(attribute and places)
    return is_known and all_count(project, places) and all_only_rank(project, places, attribute)


def sets(cell: Cell, attribute: str) -> bool:
    """Say whether a statement sets an attribute itself, and not by the objects that it makes."""
    return attribute in cell.refs.attr_stores | cell.refs.attr_changes
