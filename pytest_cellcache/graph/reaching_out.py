"""Names what code of the project may write to in the standard library and other distributions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_cellcache.graph.cells import Table
from pytest_cellcache.graph.project import Index
from pytest_cellcache.graph.refs import Refs

_PATCHING: Final = frozenset({"setattr", "delattr", "patch", "setitem", "delitem"})
"""Functions that set attributes of what they are given, or of what a text names."""


def reached_out(index: Index) -> set[str]:
    """Give dotted names, from a top-level module on, that code of a module may write to."""
    table = index.table
    found: set[str] = set()
    for refs in (*(cell.refs for cell in table.cells), *(each.refs for each in table.defs)):
        chains: Iterable[str] = refs.receivers
        if not _PATCHING.isdisjoint(refs.attrs) or not _PATCHING.isdisjoint(refs.chains):
            chains = refs.receivers | refs.arguments
            found |= refs.strings
        for chain in chains:
            found |= _meant(table, chain)
        found |= _inside(refs)
    return found


def _meant(table: Table, chain: str) -> set[str]:
    """Give what a chain of a module stands for, as far as imports of that module tell."""
    root, _, rest = chain.partition(".")
    return {
        ".".join(part for part in (alias.module, alias.name, rest) if part)
        for alias in table.aliases.get(root, ())
        if not alias.module.startswith(".")
    }


def _inside(refs: Refs) -> set[str]:
    """Give the same of modules that the code imports itself: ``import json; json.x = 1``."""
    found = set()
    for spec in refs.imports if refs.attr_stores | refs.attr_changes else ():
        module, _, name = spec.partition(":")
        last = name.rpartition(".")[2]
        if not module.startswith(".") and last in refs.attr_stores | refs.attr_changes:
            found.add(f"{module}.{name}")
    return found
