"""Says by its form what a statement does: bind names, change objects, choose between others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.refs import MUTATORS
from pytest_cellcache.graph.scopes import chain_of, is_new, walk_scope

_BINDING: Final = (
    ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.ClassDef, ast.Pass, ast.Raise, ast.Break, ast.Continue,
)  # fmt: skip

_TAKING_NOTHING: Final = (
    ast.Expr, ast.Pass, ast.Raise, ast.Break, ast.Continue, ast.Delete, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip


def inner_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Give the statements in a compound one."""
    for node in ast.iter_child_nodes(statement):
        if isinstance(node, ast.stmt):
            yield node
        elif isinstance(node, (ast.ExceptHandler, ast.match_case)):
            yield from node.body


def only_binds(statement: ast.stmt) -> bool:
    """Say whether a statement, a compound one for example, does nothing but choose what names are
    bound to and what is in the objects of modules."""
    if isinstance(statement, (ast.If, ast.Try, ast.For, ast.While, ast.Match)):
        if isinstance(statement, ast.For) and not is_name_target(statement.target):
            return False
        inside = inner_statements(statement)
        return all(only_binds(inner) or is_change(inner) for inner in inside)
    if isinstance(statement, (ast.Assign, ast.Delete)):
        return all(is_name_target(target) for target in statement.targets)
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        return isinstance(statement.target, ast.Name)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, _BINDING)


def is_change(statement: ast.stmt) -> bool:
    """Say whether a statement is ``D[k] = v``, ``del D[k]`` or ``D.append(v)``, calling no other
    method."""
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Delete)):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr in MUTATORS
        and chain_of(statement.value.func) is not None
    )


def is_name_target(node: ast.expr) -> bool:
    """Say whether an assignment to something only binds names."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(is_name_target(element) for element in node.elts)
    if isinstance(node, ast.Starred):
        return is_name_target(node.value)
    return isinstance(node, ast.Name)


def binds_new(statement: ast.stmt) -> bool:
    """Say whether what a statement binds names to are surely objects that nobody else has.

    ``X += y`` is: whatever ``X`` stands for then, it is no object that ``y`` was.
    """
    if isinstance(statement, ast.AugAssign):
        return True
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return is_new(statement.value)
    if not isinstance(statement, (ast.If, ast.Try, ast.While)):
        return False
    is_plain = not any(isinstance(inner, ast.NamedExpr) for inner in walk_scope(statement))
    return is_plain and all(_takes_nothing(inner) for inner in inner_statements(statement))


def _takes_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        value = statement.value
        return value is None or isinstance(value, ast.Constant) or is_new(value)
    return isinstance(statement, _TAKING_NOTHING) or binds_new(statement)
