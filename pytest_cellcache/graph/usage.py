"""Says which parts of an argument a function may use, as far as its source tells."""

from __future__ import annotations

import ast
from typing import Final

_LOOKING_AROUND: Final = frozenset({"locals", "vars", "eval", "exec", "globals", "super", "dir"})


def parts_used(source: str, argument: str) -> frozenset[tuple[str, str]] | None:
    """Give the parts of an argument that a function uses; ``None`` if it may use all.

    Returns:
        Pairs of ``item`` or ``attr`` and the name: ``a['x']`` and ``a.x`` use no more than that.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    found: set[tuple[str, str]] = set()
    partial: set[ast.Name] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == argument:
                found.add(("attr", node.attr))
                partial.add(node.value)
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == argument
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
        ):
            found.add(("item", node.slice.value))
            partial.add(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and (
            (node.id == argument and node not in partial) or node.id in _LOOKING_AROUND
        ):
            return None
    return frozenset(found)
