"""Finds the lambdas that a top-level statement binds names to, alone or in containers.

``OPS = {"add": lambda a, b: a + b}`` runs none of them: each is a body of its own, like a function
that is defined there. What is handed to a call may run at once, and belongs to the statement.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.statements import is_name_target

LAMBDA: Final = "<lambda>"
"""What such a body is called, below the name that the statement binds."""


def kept_lambdas(statement: ast.stmt) -> Iterator[tuple[str, ast.Lambda]]:
    """Give the lambdas of a statement, each with the name of its body."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return
    name = targets[0]
    if statement.value is None or not all(is_name_target(target) for target in targets):
        return
    if isinstance(name, ast.Name):
        for found in _kept(statement.value):
            yield f"{name.id}.{LAMBDA}", found


def is_lambda(qualname: str) -> bool:
    """Say whether a body is that of such a lambda."""
    return qualname.endswith(f".{LAMBDA}")


def _kept(value: ast.expr) -> Iterator[ast.Lambda]:
    if isinstance(value, ast.Lambda):
        yield value
    elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        for each in value.elts:
            yield from _kept(each)
    elif isinstance(value, ast.Dict):
        for item in value.values:
            yield from _kept(item)
    elif isinstance(value, ast.IfExp):
        yield from _kept(value.body)
        yield from _kept(value.orelse)
