"""Takes the annotations of functions apart from what else defining these evaluates.

They count for who looks at them (``trace.annotations``), and for whether a module can be imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scan import scan
from pytest_cellcache.graph.scopes import all_arguments
from pytest_cellcache.graph.syntaxdigest import digest_syntax
from pytest_cellcache.model.digest import Digest, digest_parts

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef
_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN: Final = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant, ast.BinOp,
    ast.UnaryOp, ast.Starred, ast.Slice, ast.Load, ast.operator, ast.unaryop,
)  # fmt: skip
"""What an annotation is made of whose evaluation calls nothing by name."""


def take_annotations(
    body: Iterable[ast.stmt],
) -> tuple[dict[str, tuple[Digest, Refs]], set[ast.AST]]:
    """Remove annotations from functions of a module and of its classes; give also who had some.

    Those of functions in compound statements stay: such a statement is one cell, whatever it does
    with what it binds.
    """
    found: dict[str, tuple[Digest, Refs]] = {}
    annotated: set[ast.AST] = set()
    for name, node in _functions(body, ""):
        parts: list[str] = []
        taken: list[ast.expr] = []
        for argument in all_arguments(node.args):
            if argument.annotation is not None and _is_plain(argument.annotation):
                parts += [argument.arg, digest_syntax(argument.annotation)]
                taken.append(argument.annotation)
                argument.annotation = None
        if node.returns is not None and _is_plain(node.returns):
            parts += ["return", digest_syntax(node.returns)]
            taken.append(node.returns)
            node.returns = None
        if taken:
            annotated.add(node)
            refs = scan(taken)
            if name in found:  # defined several times
                parts.append(found[name][0])
                refs.join(found[name][1])
            found[name] = digest_parts(parts), refs
    return found, annotated


def _functions(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, FunctionDef]]:
    for statement in body:
        if isinstance(statement, _DEFS):
            yield prefix + statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body, f"{prefix}{statement.name}.")


def _is_plain(annotation: ast.expr) -> bool:
    return all(isinstance(node, _PLAIN) for node in ast.walk(annotation))
