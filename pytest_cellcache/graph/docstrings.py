"""Takes docstrings out of code: they are values of their own, which only few read."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.statements import inner_statements
from pytest_cellcache.model.digest import Digest, digest_parts

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef
DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def take_docstrings(tree: ast.Module) -> dict[str, Digest]:
    """Take the docstrings; remove those of what is not nested in functions.

    Where functions are nested in others, they stay part of the bodies.
    """
    found: dict[str, Digest] = {}
    for prefix, node in definitions_in(tree.body, ""):
        if _note_docstring(prefix, node, found):
            if len(node.body) == 1:
                node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
            else:
                del node.body[0]
        stack = [(prefix, node)] if isinstance(node, DEFS) else []
        while stack:
            outer, definition = stack.pop()
            inner = f"{outer}{definition.name}.<locals>."
            for way, nested in definitions_in(definition.body, inner):
                _note_docstring(way, nested, found)
                if isinstance(nested, DEFS):
                    stack.append((way, nested))
    return found


def _note_docstring(
    prefix: str, node: FunctionDef | ast.ClassDef, found: dict[str, Digest]
) -> bool:
    """Take the docstring of a definition; say whether it has one."""
    text = ast.get_docstring(node, clean=False)
    if text is not None:
        name = prefix + node.name
        found[name] = digest_parts([found.get(name, ""), text])
    return text is not None


def definitions_in(
    body: Iterable[ast.stmt], prefix: str
) -> Iterator[tuple[str, FunctionDef | ast.ClassDef]]:
    """Walk defs and classes, also in compound statements, not inside functions."""
    for statement in body:
        if isinstance(statement, DEFS):
            yield prefix, statement
        elif isinstance(statement, ast.ClassDef):
            yield prefix, statement
            yield from definitions_in(statement.body, f"{prefix}{statement.name}.")
        else:
            yield from definitions_in(inner_statements(statement), prefix)
