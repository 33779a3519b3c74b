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


def ranks_in(node: FunctionNode, qualname: str, refs: Refs) -> set[str]:
    """Name the attributes among ``refs.attrs`` that are read for the order of objects only."""
    candidates = refs.attrs - refs.words
    is_initialiser = initialises(qualname) and bool(node.args.args)
    if _SORTING.isdisjoint(refs.attrs | refs.chains):
        candidates &= refs.attr_stores if is_initialiser else set()
    if not candidates:
        return set()
    own = node.args.args[0].arg if is_initialiser else ""
    ranked: Counter[str] = Counter()
    for inner in ast.walk(node):
        ranked.update(attr for attr in _ranked_by(inner, own) if attr in candidates)
    if not ranked:
        return set()
    reads = Counter(_read_in(node))
    return {attr for attr, times in ranked.items() if times == reads[attr]}


def _ranked_by(node: ast.AST, own: str) -> Iterator[str]:
    """Give what a key of sorting reads, and what the new object ``own`` takes over."""
    if isinstance(node, ast.Call) and _name_of(node.func) in _SORTING:
        for keyword in node.keywords:
            if keyword.arg == "key" and isinstance(keyword.value, ast.Lambda):
                yield from _plainly_read(keyword.value.body)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
        attr = node.value.attr
        if all(_is_own(target, own, attr) for target in node.targets):
            yield attr


def _is_own(target: ast.expr, own: str, attr: str) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and target.attr == attr
        and isinstance(target.value, ast.Name)
        and target.value.id == own
    )


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
