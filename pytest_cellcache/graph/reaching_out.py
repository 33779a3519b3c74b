"""Names what code of the project may write to in the standard library and other distributions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.cells import Table
from pytest_cellcache.graph.project import Index
from pytest_cellcache.graph.refs import MUTATORS, Refs
from pytest_cellcache.graph.switches import FUNCTIONS, switched_by

_PATCHING: Final = frozenset({"setattr", "delattr", "patch", "setitem", "delitem"})
"""Functions that set attributes of what they are given, or of what a text names."""


def names_set(index: Index) -> frozenset[str]:
    """Give the names of attributes that code of a module may set, and of what may be given some.

    Of the latter those on the way to it: ``C.m`` for ``C.m.done = True`` and ``done(C.m)``.
    """
    found: set[str] = set()
    for refs in (*(cell.refs for cell in index.table.cells), *(d.refs for d in index.table.defs)):
        found |= refs.attr_stores | refs.attr_changes
        for chain in (*refs.receivers, *refs.arguments):
            found.update(chain.split(".")[1:])
        if "setattr" in refs.chains:
            found |= refs.attrs
        if "update_wrapper" in refs.attrs or "update_wrapper" in refs.chains:
            found |= {"__doc__", "__name__", "__qualname__", "__module__"}
    return frozenset(found)


def reached_out(index: Index) -> set[str]:
    """Give dotted names, from a top-level module on, that code of a module may write to.

    Those that end with ``()`` name a function that tells a state: see ``switches``.
    """
    table = index.table
    aliases = [alias for every in table.aliases.values() for alias in every]
    taken = {alias.name for alias in aliases if alias.name}
    modules = {alias.module.partition(".")[0] for alias in aliases}
    found: set[str] = {*switched_by(taken, modules)}
    for refs in (*(cell.refs for cell in table.cells), *(each.refs for each in table.defs)):
        for chain in refs.receivers:
            found |= _meant(table, chain)
        imports = {spec.replace(":", ".") for spec in refs.imports if spec[0] != "."}
        names = {part for spec in imports for part in spec.split(".")}
        if not all(map(_PATCHING.isdisjoint, (refs.attrs, refs.chains, names))):
            found |= refs.strings | {spec.removesuffix(".*") for spec in imports}
            found.update(*(_meant(table, chain) for chain in refs.arguments))
        if imports:
            found.update(_inside(refs))
        if not all(map(FUNCTIONS.isdisjoint, (refs.attrs, names))):
            tops = {spec.partition(".")[0] for spec in imports}
            found.update(switched_by(names | refs.attrs, modules | tops))
    return found


def _meant(table: Table, chain: str) -> set[str]:
    """Give what a chain of a module stands for, as far as imports of that module tell."""
    root, _, rest = chain.partition(".")
    return {
        ".".join(part for part in (alias.module, alias.name, rest) if part)
        for alias in table.aliases.get(root, ())
        if not alias.module.startswith(".")
    }


def _inside(refs: Refs) -> Iterator[str]:
    """Give the same of modules that the code imports itself: ``import json; json.x = 1``."""
    written = refs.attr_stores | refs.attr_changes
    for spec in refs.imports:
        module, _, name = spec.partition(":")
        owner, _, last = name.rpartition(".")
        if module.startswith("."):
            continue
        if last in written:
            yield f"{module}.{name}"
        elif owner and last in MUTATORS:
            yield f"{module}.{owner}"
