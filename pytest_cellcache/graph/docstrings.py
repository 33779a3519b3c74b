"""Takes docstrings out of code: they are values of their own, which only few read."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.statements import inner_statements
from pytest_cellcache.model.digest import Digest, digest_parts

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef
_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def take_docstrings(tree: ast.Module) -> dict[str, Digest]:
    """Take the docstrings; remove those of what is not nested in functions.

    Where functions are nested in others, they stay part of the bodies.
    """
    found: dict[str, Digest] = {}
    for prefix, node in definitions_in(tree.body, ""):
        _note_docstring(prefix, node, found)
        if _has_docstring(node):
            if len(node.body) == 1:
                node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
            else:
                del node.body[0]
        stack = [(prefix, node)] if isinstance(node, _DEFS) else []
        while stack:
            outer, definition = stack.pop()
            inner = f"{outer}{definition.name}.<locals>."
            for way, nested in definitions_in(definition.body, inner):
                _note_docstring(way, nested, found)
                if isinstance(nested, _DEFS):
                    stack.append((way, nested))
    return found


def _has_docstring(node: FunctionDef | ast.ClassDef) -> bool:
    first = node.body[0]
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


def _note_docstring(
    prefix: str, node: FunctionDef | ast.ClassDef, found: dict[str, Digest]
) -> None:
    if _has_docstring(node):
        name = prefix + node.name
        text = ast.get_docstring(node, clean=False) or ""
        found[name] = digest_parts([found.get(name, ""), text])


def definitions_in(
    body: Iterable[ast.stmt], prefix: str
) -> Iterator[tuple[str, FunctionDef | ast.ClassDef]]:
    """Walk defs and classes, also in compound statements, not inside functions."""
    for statement in body:
        if isinstance(statement, _DEFS):
            yield prefix, statement
        elif isinstance(statement, ast.ClassDef):
            yield prefix, statement
            yield from definitions_in(statement.body, f"{prefix}{statement.name}.")
        else:
            yield from definitions_in(inner_statements(statement), prefix)
