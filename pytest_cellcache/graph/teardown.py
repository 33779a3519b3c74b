"""Decides from its source whether a generator fixture does something after its ``yield``."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

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
    last = functions[0].body[-1]
    return not (len(yields) == 1 and isinstance(last, ast.Expr) and last.value is yields[0])


def _yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
