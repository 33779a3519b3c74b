"""What parameters are by default."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_cellcache.graph.scopes import chain_of, is_new


def keeps_default(arguments: ast.arguments) -> bool:
    """Say whether a default is a container, which outlives the call."""
    return any(
        is_new(default) and not _is_constant(default)
        for default in (*arguments.defaults, *arguments.kw_defaults)
    )


def defaults_of(arguments: ast.arguments) -> tuple[tuple[str, ...], ...]:
    """Give the parameters with a default that somebody may change.

    Returns:
        Per parameter its name, and the chains that operators make its default of; the empty one
        for anything else.
    """
    positional = (*arguments.posonlyargs, *arguments.args)
    first = len(positional) - len(arguments.defaults)
    pairs = [
        *zip(positional[first:], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return tuple(
        (parameter.arg, *_chains_in(default))
        for parameter, default in pairs
        if default is not None and not _is_constant(default)
    )


def _chains_in(default: ast.expr) -> Iterator[str]:
    if isinstance(default, ast.BinOp):
        yield from _chains_in(default.left)
        yield from _chains_in(default.right)
    elif not isinstance(default, ast.Constant):
        yield chain_of(default) or ""


def _is_constant(node: ast.expr | None) -> bool:
    """Say whether an expression gives what nobody can change."""
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)
