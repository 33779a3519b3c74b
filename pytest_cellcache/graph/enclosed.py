"""Finds the containers that functions in a function share and use by a key only.

``known = {}`` in a decorator, and ``known[key]`` in the function that it gives: nobody else gets
at the container, and who has a key finds nothing but what is under that.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scopes import FunctionNode, all_arguments, is_new

_KEYED: Final = frozenset({"get", "setdefault"})
_SEEING_ALL: Final = frozenset({"dir", "eval", "exec", "locals", "vars"})
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Defined(Protocol):
    @property
    def refs(self) -> Refs: ...


def used_by_key(node: FunctionNode) -> frozenset[str]:
    """Name the variables of a function that are new containers and used by a key only, by it and
    by all functions in it."""
    if isinstance(node, ast.Lambda):
        return frozenset()
    found = {name for statement in node.body if (name := _container_bound_by(statement))}
    found -= {argument.arg for argument in all_arguments(node.args)}
    if not found:
        return frozenset()
    every = [each for statement in node.body for each in ast.walk(statement)]
    if not any(isinstance(each, _FUNCTIONS) for each in every):
        return frozenset()
    if any(isinstance(each, ast.Name) and each.id in _SEEING_ALL for each in every):
        return frozenset()
    keyed = {id(name) for each in every for name in _used_by_key(each)}
    bound: set[str] = set()
    for each in every:
        if isinstance(each, ast.Name):
            if isinstance(each.ctx, ast.Store) and each.id not in bound:
                bound.add(each.id)
            elif id(each) not in keyed:
                found.discard(each.id)
        else:
            found.difference_update(_names_of(each))
    return frozenset(found)


def is_keyed_for(name: str, variable: str, defs: Mapping[str, Sequence[_Defined]]) -> bool:
    """Say whether all who have a variable that a function is enclosed by use it by a key only."""
    while ".<locals>." in name:
        name = name.rpartition(".<locals>.")[0]
        found = defs.get(name, ())
        if any(variable in each.refs.by_key for each in found):
            return len(found) == 1
    return False


def _container_bound_by(statement: ast.stmt) -> str:
    """Name the variable that a statement binds to a new container; empty if it does not."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return ""
    if not isinstance(target, ast.Name) or statement.value is None:
        return ""
    return target.id if _is_container(statement.value) else ""


def _is_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return is_new(value) and not (value.args or value.keywords)
    return isinstance(value, ast.Dict) and not value.keys


def _used_by_key(node: ast.AST) -> list[ast.expr]:
    """Give what some syntax looks up one key in, or sets it."""
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Del):
        return [] if isinstance(node.slice, ast.Slice) else [node.value]
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return node.comparators if isinstance(node.ops[0], (ast.In, ast.NotIn)) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [node.func.value] if node.func.attr in _KEYED and node.args else []
    return []


def _names_of(node: ast.AST) -> set[str]:
    """Name what else than a ``Name`` binds or declares."""
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return set(node.names)
    if isinstance(node, ast.alias):
        return {(node.asname or node.name).partition(".")[0]}
    named = (getattr(node, "name", None), getattr(node, "arg", None), getattr(node, "rest", None))
    return {name for name in named if isinstance(name, str)}
