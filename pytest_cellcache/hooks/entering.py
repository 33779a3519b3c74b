"""Asks at the end of collection what modules have entered in registers of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import pytest

from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.lifecycle.entered import EnteredNow
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.record import Hit, Verdict
from pytest_cellcache.sources.loaded import loaded_modules, members_of
from pytest_cellcache.store.contract import Store
from pytest_cellcache.trace.parts import keys_of_mapping


def entered_now(
    session: pytest.Session,
    basis: Basis,
    store: Store,
    around: Callable[[], Surroundings],
    collection: Collection,
    groups: Sequence[str],
    concerns: Callable[[str], bool],
    resting: Callable[[], AbstractContextManager[None]],
) -> EnteredNow:
    """Give what tells what modules have entered; see there.

    Modules that were left out, and whose items may be made of what others entered, are imported.

    Args:
        groups: files of modules of tests, in the order in which they are collected.
        resting: see ``Recorder``.
    """
    while True:
        left_out = collection.left_out
        with resting():
            keys = mapping_keys(concerns, basis.snapshot.places.relative)
            entered = EnteredNow(
                basis.digester, store, around, left_out, keys.get, basis.verifier, groups
            )
            entered.weigh(left_out)
        if not collection.confirm(session, entered.holds):
            return entered


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
