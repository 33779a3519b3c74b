"""What class statements make their classes of: bases and metaclasses, as chains."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pytest_cellcache.graph.inside import body_of, inside_of
from pytest_cellcache.graph.scopes import (
    FunctionNode,
    LocalScope,
    chain_of,
    names_bound_in,
    walk_scope,
)
from pytest_cellcache.graph.statements import inner_statements

_TAKING: Final = (ast.ClassDef, ast.Import, ast.ImportFrom)
UNKNOWN: Final = "."
"""Stands for a base that no chain names."""


def bases_of(node: ast.ClassDef, local: LocalScope, around: Mapping[str, str]) -> set[str]:
    """Give the chains of what a class is made of.

    ``f()`` is what a call of ``f`` gives, whose arguments may be bases, too.

    Args:
        around: what ``names_around`` gave for the scope that the statement is in.
    """
    keywords = [k.value for k in node.keywords if k.arg in (None, "metaclass")]
    found: set[str] = set()
    stack: list[ast.expr] = [*node.bases, *keywords]
    while stack:
        base = stack.pop()
        if isinstance(base, ast.Subscript):  # ``Generic[T]``
            stack.append(base.value)
        elif isinstance(base, ast.Call):
            callee = chain_of(base.func, local)
            found.add(f"{callee}()" if callee else UNKNOWN)
            handed = (*base.args, *(keyword.value for keyword in base.keywords))
            stack += [each for each in handed if isinstance(each, (ast.Name, ast.Attribute))]
        else:
            root, _, rest = (chain_of(base) or UNKNOWN).partition(".")
            if root in around:
                known = around[root]
                found.add(".".join(filter(None, (known, rest))) if known else "")
            else:
                found.add(chain_of(base, local) or UNKNOWN)
    return found - {""}


def names_around(node: FunctionNode | ast.ClassDef, path: Iterable[str]) -> dict[str, str]:
    """Say what names mean that classes right below a function or class see before globals.

    Their qualified names for classes in a class, of which ``path`` is the name; nothing for classes
    in a function, whose bodies are part of it; other names are unknown.
    """
    if not isinstance(node, ast.ClassDef):
        return dict.fromkeys((inner.name for inner in inside_of(node).of(ast.ClassDef)), "")
    body = body_of(node)
    inside = [inner for statement in body for inner in walk_scope(statement)]
    classes = {inner.name for inner in inside if isinstance(inner, ast.ClassDef)}
    prefix = ".".join(path)
    bound = dict.fromkeys(names_bound_in(body), UNKNOWN)
    return bound | {name: f"{prefix}.{name}" for name in classes}


def classes_in(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Give the qualified names that statements bind to classes or imports, and to nothing else."""
    chosen = list(_chosen_from(body))
    others = [part for part in chosen if not isinstance(part, _TAKING)]
    assigned = names_bound_in(others)
    for part in chosen:
        if isinstance(part, ast.ClassDef) and part.name not in assigned:
            yield prefix + part.name
            yield from classes_in(part.body, f"{prefix}{part.name}.")


def _chosen_from(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Take conditions and optional imports apart."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield statement.test
        elif isinstance(statement, ast.Try):
            yield from (ast.Name(h.name, ast.Store()) for h in statement.handlers if h.name)
        else:
            yield statement
            continue
        yield from _chosen_from(inner_statements(statement))
