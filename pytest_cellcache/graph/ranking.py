"""Tells which attributes a body reads for the order of objects only.

::

    self.order = Field.order                     in an initialiser: an object's place among others
    fields.sort(key=lambda field: field.order)   who comes first, not how many there were

Where a counter stood before makes no difference to that: it only grows.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scopes import FunctionNode, initialises

_SORTING: Final = frozenset({"sort", "sorted", "min", "max"})


def ranks_in(node: FunctionNode, qualname: str, refs: Refs) -> tuple[set[str], set[str]]:
    """Name the attributes among ``refs.attrs`` that are read for the order of objects only.

    Returns:
        These; and which of them a new object takes over under which other name, see
        ``Refs.handed``: who reads that reads them.
    """
    candidates = refs.attrs - refs.words
    is_initialiser = initialises(qualname) and bool(node.args.args)
    is_sorting = not _SORTING.isdisjoint(refs.attrs | refs.chains)
    if not candidates or not (is_sorting or (is_initialiser and refs.attr_stores)):
        return set(), set()
    own = node.args.args[0].arg if is_initialiser else ""
    ranked: Counter[str] = Counter()
    handed: set[tuple[str, str]] = set()
    for inner in ast.walk(node):
        ranked.update(_ranked_by(inner))
        if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Attribute):
            names = [_own_attribute(target, own) for target in inner.targets]
            if all(names):
                ranked[inner.value.attr] += 1
                handed.update((inner.value.attr, name) for name in names)
    reads = Counter(_read_in(node)) if ranked else ranked
    found = {attr for attr in candidates if ranked[attr] and ranked[attr] == reads[attr]}
    return found, {f"{attr}={name}" for attr, name in handed if attr in found and attr != name}


def _ranked_by(node: ast.AST) -> Iterator[str]:
    """Give what a key of sorting reads."""
    if isinstance(node, ast.Call) and _name_of(node.func) in _SORTING:
        for keyword in node.keywords:
            if keyword.arg == "key" and isinstance(keyword.value, ast.Lambda):
                yield from _plainly_read(keyword.value.body)


def _own_attribute(target: ast.expr, own: str) -> str:
    """Name the attribute of the new object ``own`` that an assignment sets; empty if none."""
    is_own = (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == own
    )
    return target.attr if is_own and isinstance(target, ast.Attribute) else ""


def _plainly_read(node: ast.expr) -> Iterator[str]:
    """Give the attributes that a key consists of: what is computed from them may be anything."""
    if isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from _plainly_read(element)
    elif isinstance(node, ast.Attribute):
        yield node.attr


def _read_in(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Load):
            yield inner.attr


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
