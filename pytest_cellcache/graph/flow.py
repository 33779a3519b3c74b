"""Tells which parameters of a function its locals come from, and the way that it takes.

Without regard to order, but for tests that come after all they could decide. A local comes from
whatever is assigned to it, put into it or handed to somebody together with it: who is handed two
things may put one into the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pytest_cellcache.graph.refs import MUTATORS
from pytest_cellcache.graph.scopes import LocalScope, walk_scope

_LOOKS: Final = frozenset(
    """isinstance issubclass len print str repr int float bool bytes type id hash getattr hasattr
    min max sum sorted any all zip enumerate range format callable debug info warning error
    exception critical log join startswith endswith get items keys values index count copy split
    strip encode decode lower upper""".split()
)
"""Functions and methods that put nothing into what they are given."""
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)
_DECISIONS: Final = (
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr, ast.Delete),
    *(ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom),
)
"""What makes a difference to what is kept afterwards, wherever it stands."""


class Flow:
    """Where the values of one function come from.

    Args:
        nodes: all of its body but what is nested in inner functions and classes.
        parameters: its own.
        local: names that are no globals in the body.
    """

    def __init__(
        self, nodes: Sequence[ast.AST], parameters: Iterable[str], local: LocalScope
    ) -> None:
        self._parameters = frozenset(parameters)
        self._local = local
        self._values: dict[str, list[ast.AST]] = {}
        self._tests: list[tuple[int, ast.AST]] = []
        self._has_loops = any(isinstance(node, _LOOPS) for node in nodes)
        for node in nodes:
            self._learn(node)
            for test in self._tests_of(node):
                self._tests.append((getattr(node, "lineno", 0), test))

    def sources(self, nodes: Iterable[ast.AST | None]) -> set[str]:
        """Give the parameters that expressions are computed from."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [node for node in nodes if node is not None]
        while todo:
            names = {n.id for node in todo for n in ast.walk(node) if isinstance(n, ast.Name)}
            names -= seen
            seen |= names
            found |= names & self._parameters
            todo = [
                value
                for name in sorted(names - self._parameters)
                for value in self._values.get(name, ())
            ]
        return found

    def tests_before(self, node: ast.AST) -> list[ast.AST]:
        """Give what decides whether a node is come to, and with which values."""
        last = getattr(node, "lineno", 0)
        return [test for line, test in self._tests if self._has_loops or line <= last]

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
                for other in node.targets:
                    self._assign(target, other)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)):
            self._assign(node.target, node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._assign(node.target, node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._assign(node.optional_vars, node.context_expr)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._values.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                self._values.setdefault(handler.name or "", []).extend(node.body)
        elif isinstance(node, ast.Match):
            for inner in (inner for case in node.cases for inner in ast.walk(case.pattern)):
                name = getattr(inner, "name", None) or getattr(inner, "rest", None)
                self._values.setdefault(name or "", []).append(node.subject)
        elif isinstance(node, ast.Call):
            self._hand_over(node)

    def _assign(self, target: ast.AST, value: ast.AST | None) -> None:
        if value is None:
            return
        for name in ast.walk(target):
            if isinstance(name, ast.Name):
                self._values.setdefault(name.id, []).append(value)
        # What is put into a part is put into the whole.
        whole = _root(value)
        if whole is not None and isinstance(target, ast.Name):
            self._values.setdefault(whole, []).append(target)

    def _hand_over(self, call: ast.Call) -> None:
        """Take what is handed over together for put into each other."""
        function = call.func
        last = function.attr if isinstance(function, ast.Attribute) else _root(function)
        if last in _LOOKS:
            return
        given: list[ast.AST] = [*call.args, *(each.value for each in call.keywords)]
        for whole in {_root(each) for each in (function, *given)}:
            if whole is not None and whole in self._local and whole not in self._parameters:
                self._values.setdefault(whole, []).extend(given)

    def _tests_of(self, node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.Assert) or (
            isinstance(node, (ast.If, ast.While)) and self._decides(node)
        ):
            yield node.test
        elif isinstance(node, (ast.For, ast.AsyncFor)) and self._decides(node):
            yield node.iter
        elif isinstance(node, ast.Match) and self._decides(node):
            yield node.subject
            yield from (case.guard for case in node.cases if case.guard is not None)
        elif isinstance(node, ast.Try) and any(map(self._decides, node.handlers)):
            yield from node.body

    def _decides(self, node: ast.AST) -> bool:
        return any(
            isinstance(inner, _DECISIONS) or (isinstance(inner, ast.Call) and self._puts(inner))
            for inner in walk_scope(node)
        )

    def _puts(self, call: ast.Call) -> bool:
        function = call.func
        if isinstance(function, ast.Attribute):
            return function.attr in MUTATORS or _root(function) in self._local
        return isinstance(function, ast.Name) and function.id in ("setattr", "delattr")


def _root(node: ast.AST) -> str | None:
    """Give the name that a chain of attributes, items and calls begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
