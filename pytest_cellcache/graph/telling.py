"""Finds the functions of a source that may tell a stand-in from the real thing.

A stub notices every use but ``type``, ``id``, ``callable`` and ``is``. Not counted: these asked of
``self``, for the methods of a stub are its own; and ``is`` where one side is ``None`` or the like,
which neither the stub nor what it stands for is.
"""

from __future__ import annotations

import ast
from typing import Final

_TELLING: Final = frozenset({"type", "id", "callable"})
_OWN: Final = frozenset({"self", "cls"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def telling_lines(source: str) -> frozenset[int]:
    """Give the first lines, decorators included, of the functions that may tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    found: set[int] = set()
    stack: list[tuple[ast.AST, tuple[int, ...]]] = [(tree, ())]
    while stack:
        node, lines = stack.pop()
        if isinstance(node, _Function):
            decorators = getattr(node, "decorator_list", ())
            lines = (min(each.lineno for each in (node, *decorators)),)
        elif isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
            lines = (*lines, node.lineno)  # a function of its own before Python 3.12
        if _tells(node):
            found.update(lines)
        asks = node.func if isinstance(node, ast.Call) else None
        stack += [
            (child, lines)
            for child in ast.iter_child_nodes(node)
            if child is not asks or not _is_of_self(node)
        ]
    return frozenset(found)


def _is_of_self(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        return False
    return isinstance(node.args[0], ast.Name) and node.args[0].id in _OWN


def _tells(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _TELLING
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for number, operator in enumerate(node.ops):
            if isinstance(operator, (ast.Is, ast.IsNot)) and not any(
                isinstance(side, ast.Constant) or (isinstance(side, ast.Name) and side.id in _OWN)
                for side in sides[number : number + 2]
            ):
                return True
    return False
