"""Says of a body that keeps something whether its caller can learn anything of what was there.

A function that only enters things in a register (``if k not in R: R[k] = v``) looks at what others
have entered, and yet nothing comes of it but the register: who calls it depends on none of them.
"""

from __future__ import annotations

import ast
from typing import Final

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scopes import FunctionNode, LocalScope, chain_of, walk_scope

_ENTERING: Final = frozenset("append appendleft add extend setdefault update discard".split())
_LOOKING: Final = frozenset("get items keys values copy".split())
_TEXT: Final = frozenset("join format lower upper strip lstrip rstrip replace title".split())
"""Methods that give nothing but a value, and fail with no other content than they would have."""

_PLAIN_FUNCTIONS: Final = frozenset(
    "any all len isinstance issubclass type str repr tuple list dict set frozenset bool id".split()
)

_TELLING: Final = (
    ast.Yield, ast.YieldFrom, ast.Await, ast.Raise, ast.Assert, ast.Lambda, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal,
    ast.With, ast.AsyncWith, ast.AsyncFor, ast.Delete, ast.AugAssign, ast.Match,
)  # fmt: skip


def is_silent(node: FunctionNode, local: LocalScope, refs: Refs) -> bool:
    """Say whether a function tells nobody what it found in the one global that it changes."""
    places = {place for place in refs.kept if place.endswith("[]") and place[0] not in ".~"}
    if isinstance(node, ast.Lambda) or len(places) != 1 or places != refs.kept:
        return False
    return _Silence(node, local, places.pop().removesuffix("[]")).holds()


class _Silence:
    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef, local: LocalScope, kept: str):
        self._nodes = [inner for statement in node.body for inner in walk_scope(statement)]
        self._local = local
        self._kept = kept
        every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        self._parameters = {argument.arg for argument in every}
        self._parameters |= {a.arg for a in (node.args.vararg, node.args.kwarg) if a is not None}
        self._is_async = isinstance(node, ast.AsyncFunctionDef)
        stored = (n.id for n in self._nodes if isinstance(n, ast.Name) and _is_store(n))
        self._rebound = set(stored)
        self._is_checked = any(
            isinstance(operator, (ast.In, ast.NotIn)) and chain_of(right, local) == kept
            for compare in self._nodes
            if isinstance(compare, ast.Compare)
            for operator, right in zip(compare.ops, compare.comparators, strict=True)
        )

    def holds(self) -> bool:
        return not self._is_async and all(self._is_harmless(node) for node in self._nodes)

    def _is_harmless(self, node: ast.AST) -> bool:
        if isinstance(node, _TELLING):
            return False
        if isinstance(node, ast.Return):
            return node.value is None or self._is_untouched(node.value)
        if isinstance(node, ast.Call):
            return self._is_plain_call(node)
        if isinstance(node, ast.Attribute):
            return not _is_store(node)
        if isinstance(node, ast.Subscript):
            # Looking up what is not there raises; what is entered must be the global's.
            is_own = chain_of(node.value, self._local) == self._kept
            return is_own and (_is_store(node) or self._is_checked)
        return True

    def _is_untouched(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Name):
            return value.id in self._parameters - self._rebound
        return isinstance(value, ast.Constant)

    def _is_plain_call(self, node: ast.Call) -> bool:
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in _PLAIN_FUNCTIONS and function.id not in self._local
        if not isinstance(function, ast.Attribute):
            return False
        if function.attr in _TEXT:
            return True
        root: ast.AST = function.value
        while isinstance(root, (ast.Call, ast.Subscript)):
            root = root.func if isinstance(root, ast.Call) else root.value
            root = root.value if isinstance(root, ast.Attribute) and _is_method(root) else root
        is_own = chain_of(root, self._local) == self._kept
        return is_own and function.attr in _ENTERING | _LOOKING


def _is_method(node: ast.Attribute) -> bool:
    return node.attr in _ENTERING | _LOOKING


def _is_store(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)
