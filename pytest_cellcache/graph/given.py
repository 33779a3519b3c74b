"""What calls give: containers, texts and numbers that nobody else has, or anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.inside import inside_of
from pytest_cellcache.graph.scopes import (
    NEW_CONTAINERS,
    NEW_NODES,
    FunctionNode,
    LocalScope,
    all_arguments,
    chain_of,
)

_OF_NOBODY: Final = (ast.Constant, ast.BinOp, ast.Compare, ast.UnaryOp, *NEW_NODES)
_COPYING: Final = frozenset({"copy", "copy.copy", "deepcopy", "copy.deepcopy"})


def is_of_nobody(value: ast.expr | None) -> bool:
    """Say whether an expression gives a new container, or a text or a number."""
    if isinstance(value, ast.IfExp):
        return is_of_nobody(value.body) and is_of_nobody(value.orelse)
    if isinstance(value, ast.Call):
        chain = chain_of(value.func) or ""
        return chain in _COPYING or chain.rpartition(".")[2] in NEW_CONTAINERS
    return isinstance(value, _OF_NOBODY)


def looked_up(value: ast.expr | None) -> ast.expr | None:
    """Give the name, attribute or item that an expression is, also as ``cast(T, x)`` gives it."""
    if isinstance(value, ast.Call) and len(value.args) == 2:
        is_cast = (chain_of(value.func) or "").rpartition(".")[2] == "cast"
        value = value.args[1] if is_cast else None
    return value if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)) else None


def makers_of(values: Iterable[ast.expr | None], local: LocalScope) -> frozenset[str] | None:
    """Give the chains of the functions that gave a local its values.

    Args:
        values: all that it is bound to.
        local: names that are no globals.

    Returns:
        Nothing for a value that is of nobody or looked up, ``.m`` for what a method gave that may
        have made it; ``None`` if another one came some other way.
    """
    made: set[str] = set()
    for value in values:
        if is_of_nobody(value) or looked_up(value) is not None:
            continue
        maker = _maker(value.func, local) if isinstance(value, ast.Call) else None
        if maker is None:
            return None
        made.add(maker)
    return frozenset(made)


def _maker(function: ast.expr, local: LocalScope) -> str | None:
    chain = chain_of(function, local)
    if chain is not None or not isinstance(function, ast.Attribute):
        return chain
    return f".{function.attr}"


def gives_new(node: FunctionNode) -> bool:
    """Say whether a function returns only what is of nobody, or containers made in it.

    Of a property it says whether it returns only what globals name.
    """
    if isinstance(node, ast.Lambda):
        return is_of_nobody(node.body)
    inside = inside_of(node)
    returned = [found.value for found in inside.of(ast.Return) if found.value is not None]
    if any(chain_of(decorator) == "property" for decorator in node.decorator_list):
        local = {used.id for used in inside.of(ast.Name) if isinstance(used.ctx, ast.Store)}
        local |= {argument.arg for argument in all_arguments(node.args)}
        return all(_is_global(value, frozenset(local)) for value in returned)
    names = {value.id for value in returned if isinstance(value, ast.Name)}
    if not all(isinstance(value, ast.Name) or is_of_nobody(value) for value in returned):
        return False
    return not names or names <= set(_kept_to_itself(node, names))


def _is_global(value: ast.expr, local: LocalScope) -> bool:
    if isinstance(value, ast.IfExp):
        return _is_global(value.body, local) and _is_global(value.orelse, local)
    return chain_of(value, local) is not None


def _kept_to_itself(node: FunctionNode, names: set[str]) -> Iterator[str]:
    """Give locals that are always new containers and handed to nobody but the caller."""
    inside = inside_of(node)
    others = {argument.arg for argument in all_arguments(node.args)}
    for declared in inside.of(ast.Global, ast.Nonlocal):
        others.update(declared.names)
    bound: dict[str, list[ast.expr | None]] = {}
    for statement in inside.of(ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                is_alone = len(statement.targets) == 1
                bound.setdefault(target.id, []).append(statement.value if is_alone else None)
    for statement in inside.of(ast.AnnAssign):
        if isinstance(statement.target, ast.Name):
            bound.setdefault(statement.target.id, []).append(statement.value)
    harmless = {id(used) for used in _uses(inside.nodes)}
    for name in names - others:
        stores = [used for used in inside.of(ast.Name) if used.id == name]
        is_new = all(map(is_of_nobody, bound.get(name, [None])))
        if is_new and all(id(used) in harmless for used in stores) and not _is_inner(node, name):
            yield name


def _uses(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Give what is bound, returned, looped over, asked for an item, or called by a method."""
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.Delete)):
            yield from node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            yield node.target
        elif isinstance(node, (ast.Return, ast.Subscript)):
            yield from () if node.value is None else (node.value,)
        elif isinstance(node, (ast.For, ast.comprehension)):
            yield node.iter
        elif isinstance(node, ast.Compare):
            yield from node.comparators
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.value


def _is_inner(node: FunctionNode, name: str) -> bool:
    """Say whether a function or class in a function may use one of its locals."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    return any(
        isinstance(used, ast.Name) and used.id == name
        for inner in inside_of(node).of(*kinds)
        for used in ast.walk(inner)
    )
