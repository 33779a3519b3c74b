"""The nodes of one body, by their kinds: several ask for them, each for other ones."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from pytest_cellcache.graph.scopes import FunctionNode, walk_scope


class Inside:
    """Nodes in an order of their own, and by kind.

    Attributes:
        nodes: all of them.
    """

    __slots__ = ("_by_kind", "nodes")

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.nodes = nodes
        self._by_kind: dict[type[ast.AST], list[Any]] = {}
        for node in nodes:
            self._by_kind.setdefault(node.__class__, []).append(node)

    def of(self, *kinds: type[ast.AST]) -> list[Any]:
        """Give the nodes of some kinds, one kind after the other."""
        if len(kinds) == 1:
            return self._by_kind.get(kinds[0], [])
        return [node for kind in kinds for node in self._by_kind.get(kind, ())]

    def has(self, kinds: Iterable[type[ast.AST]]) -> bool:
        """Say whether there is a node of one of some kinds."""
        return any(kind in self._by_kind for kind in kinds)


def body_of(node: FunctionNode | ast.ClassDef) -> list[ast.AST]:
    """Give the statements of a body, or the one expression of a lambda's."""
    return [node.body] if isinstance(node, ast.Lambda) else list(node.body)


def inside_of(node: FunctionNode) -> Inside:
    """Give what is in the body of a function, without entering functions and classes in it.

    What was found is kept on the function, as long as it has this body.
    """
    known: tuple[object, Inside] | None = node.__dict__.get("_inside")
    if known is not None and known[0] is node.body:
        return known[1]
    found = Inside([inner for part in body_of(node) for inner in walk_scope(part)])
    node.__dict__["_inside"] = node.body, found
    return found
