"""Asks at the end of collection what modules have entered in registers of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.lifecycle.entered import EnteredNow
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.record import Entry, Hit, Verdict
from pytest_cellcache.sources.loaded import loaded_modules, members_of
from pytest_cellcache.store.contract import Store
from pytest_cellcache.trace.parts import keys_of_mapping


def entered_now(
    basis: Basis,
    store: Store,
    around: Callable[[], Surroundings],
    left_out: Iterable[Entry],
    concerns: Callable[[str], bool],
) -> EnteredNow:
    """Give what tells what modules have entered; see there."""
    keys = mapping_keys(concerns, basis.snapshot.places.relative)
    return EnteredNow(basis.digester, store, around, left_out, keys.get, basis.verifier)


def upset_by(entered: EnteredNow, judged: Iterable[tuple[TestFacts, Verdict]]) -> set[str]:
    """Name the tests whose records do not hold because something else is entered now."""
    entries = {facts.nodeid: each.entry for facts, each in judged if isinstance(each, Hit)}
    if not entries:
        return set()
    entered.weigh(entries.values())
    return {name for name, each in entries.items() if entered.upsetting(each) is not None}


def mapping_keys(
    concerns: Callable[[str], bool], relative: Callable[[str], str]
) -> dict[Place, tuple[str, ...]]:
    """Copy the keys of mappings that are globals, where all are texts.

    Args:
        concerns: says whether a loaded module is one of this run's project.
        relative: gives the name that records have of a file.
    """
    found: dict[Place, tuple[str, ...]] = {}
    for module in loaded_modules():
        held = members_of(module) or {}
        filename = held.get("__file__")
        if type(filename) is not str or not concerns(filename):
            continue
        for name, value in list(held.items()):
            keys = None if name.startswith("__") else keys_of_mapping(value)
            if keys is not None:
                found[relative(filename), name] = keys
    return found
