"""Decides from its source whether a generator fixture does something after its ``yield``."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def does_teardown(source: str) -> bool:
    """Say whether a fixture function does more than end after its ``yield``; in doubt it does."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError):
        return True
    functions = [node for node in tree.body if isinstance(node, _FUNCTIONS)]
    if len(functions) != 1:
        return True
    yields = list(_yields(functions[0]))
    if not yields:
        return False
    if not isinstance(yields[0], ast.Yield):
        return True
    return len(yields) > 1 or not _ends_after(functions[0].body, yields[0])


def _ends_after(body: Sequence[ast.stmt], found: ast.Yield) -> bool:
    """Say whether nothing happens once the ``yield`` among some statements is over."""
    for number, node in enumerate(body):
        if not any(inner is found for inner in ast.walk(node)):
            continue
        if not all(map(_is_idle, body[number + 1 :])):
            return False
        if isinstance(node, ast.Expr):
            return node.value is found
        if isinstance(node, ast.If):
            return _ends_after(node.body, found) or _ends_after(node.orelse, found)
        if isinstance(node, ast.Try) and all(map(_is_idle, (*node.orelse, *node.finalbody))):
            return _ends_after(node.body, found)  # handlers run for what is thrown into it: nothing
        return False
    return False


def _is_idle(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
