"""Says which parts of an argument a function may use, as far as its source tells."""

from __future__ import annotations

import ast
from typing import Final, NamedTuple

_PURE: Final = frozenset(
    "abs all any bool bytes float frozenset hash int isinstance len list max min repr round set "
    "sorted str sum tuple".split()
)
"""Builtins that change nothing of plain data that they are given."""
_LOOKING_AROUND: Final = frozenset({"locals", "vars", "eval", "exec", "globals", "super", "dir"})


class Use(NamedTuple):
    """How a function uses an argument.

    Attributes:
        kind: ``item`` or ``attr`` for what ``a['x']`` or ``a.x`` gives, ``whole`` for ``a`` itself.
        is_read: it is only compared, indexed, or given to builtins that change nothing.
    """

    kind: str
    name: str
    is_read: bool


def parts_used(source: str, argument: str) -> frozenset[Use] | None:
    """Give how a function uses an argument; ``None`` if that is not known."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: set[Use] = set()
    for node in parents:
        if not isinstance(node, ast.Name):
            continue
        if node.id in _LOOKING_AROUND:
            return None
        if node.id == argument:
            use = _use_of(node, parents)
            if use is None:
                return None
            found.add(use)
    return frozenset(found)


def _use_of(node: ast.Name, parents: dict[ast.AST, ast.AST]) -> Use | None:
    part = parents[node]
    if isinstance(part, ast.Attribute):
        return Use("attr", part.attr, _is_read(part, parents))
    if isinstance(part, ast.Subscript) and part.value is node:
        key = part.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return Use("item", key.value, _is_read(part, parents))
    return Use("whole", "", is_read=True) if _is_read(node, parents) else None


def _is_read(node: ast.expr, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    while isinstance(parent, ast.Subscript) and parent.value is node:
        if not isinstance(parent.ctx, ast.Load):
            return False
        node, parent = parent, parents[parent]
    if isinstance(parent, ast.Call):
        function = parent.func
        return isinstance(function, ast.Name) and function.id in _PURE and node in parent.args
    return isinstance(parent, ast.Compare)
