"""Says whose methods a function calls and attributes it sets, and which functions in it run later.

What a global names is told by ``Refs.calls`` and ``Refs.receivers``. This is about the rest: what
the function was given, has made, or got from somewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.inside import Inside, body_of, inside_of
from pytest_cellcache.graph.locals import Locals
from pytest_cellcache.graph.refs import MUTATORS, Refs
from pytest_cellcache.graph.scopes import (
    NEW_NODES,
    FunctionNode,
    LocalScope,
    chain_of,
    evaluated_outside,
    is_new,
    may_change_in_place,
    receiver_of,
    walk_scope,
)

FIRST: Final = "first"
"""Its first parameter: of a method, the object."""
BELOW: Final = "below"
"""What an attribute of that leads to."""
GIVEN: Final = "given"
"""Another parameter."""
NEW: Final = "new"
"""An object that it has made itself."""
MADE: Final = "made"
"""What a call gave that it makes."""
OTHER: Final = "other"
"""Anything else."""

IN_PLACE: Final = "[]"
"""Stands after an attribute whose value is changed."""

_WRAPPING: Final = frozenset(
    """wraps update_wrapper cast staticmethod classmethod property contextmanager
    asynccontextmanager lru_cache cache pass_context pass_obj""".split()
)
"""Functions that do not call what they are handed."""

_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES: Final = (*_DEFS, ast.Lambda, ast.ClassDef)


def note_asking(node: FunctionNode, known: Locals, local: LocalScope, refs: Refs) -> None:
    """Add to ``refs`` what ``Refs.asked``, ``Refs.sets`` and ``Refs.later`` say of a function."""
    inside = inside_of(node)
    refs.later |= _later_in(node, inside)
    if inside.has(_SCOPES):
        inside = Inside([each for part in body_of(node) for each in _with_headers(part)])
    for inner in inside.of(ast.Call):
        _note_call(inner, known, local, refs)
        if chain_of(inner.func, local) == "vars" and inner not in _looked_at(inside):
            refs.asked.add(OTHER)  # who gets it may set any attribute
    for inner in inside.of(*_DEFS):
        for decorator in inner.decorator_list:
            _note_callee(decorator, known, local, refs)
    for inner in inside.of(ast.Attribute):
        if inner.ctx.__class__ is not ast.Load:
            _note_set(inner, known, local, refs)
    for inner in inside.of(ast.AugAssign):
        if may_change_in_place(inner):
            _note_set(inner.target, known, local, refs, IN_PLACE)
    for inner in inside.of(ast.Subscript):
        if inner.ctx.__class__ is not ast.Load:
            _note_set(inner.value, known, local, refs, IN_PLACE)


_DICTIONARY: Final = frozenset("items keys values get copy".split())


def _looked_at(inside: Inside) -> set[ast.AST]:
    """Give the expressions of which nothing but their items are looked at."""
    found = {node.value for node in inside.of(ast.Attribute) if node.attr in _DICTIONARY}
    found |= {n.value for n in inside.of(ast.Subscript) if isinstance(n.ctx, ast.Load)}
    found |= {node.iter for node in inside.of(ast.For, ast.comprehension)}
    return found.union(*(node.comparators for node in inside.of(ast.Compare)))


def _with_headers(statement: ast.AST) -> Iterator[ast.AST]:
    """Walk a statement with what it evaluates of the functions and classes defined in it."""
    for node in walk_scope(statement):
        yield node
        if isinstance(node, _SCOPES):
            for part in evaluated_outside(node):
                yield from _with_headers(part)
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                yield from _with_headers(part)


# -- calls and settings --------------------------------------------------------------------------


def _note_call(node: ast.Call, known: Locals, local: LocalScope, refs: Refs) -> None:
    function = node.func
    _note_callee(function, known, local, refs)
    if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
        _note_set(receiver_of(node, function), known, local, refs, IN_PLACE)
    elif isinstance(function, ast.Name) and function.id in ("setattr", "delattr") and node.args:
        target = ast.Attribute(node.args[0], "__dict__", ast.Store())
        _note_set(target, known, local, refs)


def _note_callee(function: ast.expr, known: Locals, local: LocalScope, refs: Refs) -> None:
    if chain_of(function, local) is not None:
        return
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Name) and function.value.id in known.plain:
            return
        whose = _whose(function.value, known, local)
        if whose is not None:
            refs.asked.add(f"{whose}.{function.attr}")
    elif isinstance(function, ast.Name):
        if function.id in known.parameters - known.rebound:
            refs.asked.add(GIVEN)
        elif function.id in known.taken:
            refs.asked.add(OTHER)
        elif function.id in known.rebound:
            refs.asked.add(MADE)
    elif isinstance(function, ast.Call):
        if chain_of(function.func, local) == "getattr":
            refs.asked.add(OTHER)
    elif isinstance(function, (ast.Subscript, ast.IfExp, ast.BoolOp)):
        refs.asked.add(OTHER)


def _note_set(node: ast.AST, known: Locals, local: LocalScope, refs: Refs, how: str = "") -> None:
    """Note whose attribute is set or changed in place, or which object itself is changed so."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call):
            if is_new(node):
                return
            node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        else:
            node = node.value
    is_super = isinstance(node, ast.Name) and node.id == "super"
    if is_super or (isinstance(node, ast.Name) and _kind_of(node.id, known) == FIRST):
        refs.sets.add(f"{FIRST}.{how}")
    if not isinstance(node, ast.Attribute) or chain_of(node, local) is not None:
        return
    inside = _root_of(node)
    whose = _whose(node.value, known, local)
    if isinstance(inside, ast.Call) and not is_new(inside):
        refs.sets.add(f"{FIRST if whose == FIRST else OTHER}.{node.attr}{how}")
    elif whose in (FIRST, BELOW) or (whose == NEW and how):
        refs.sets.add(f"{whose}.{node.attr}{how}")


def _whose(node: ast.expr, known: Locals, local: LocalScope) -> str | None:
    """Name the kind of object that an expression gives; ``None`` where a method changes nothing."""
    if isinstance(node, (ast.Constant, *NEW_NODES)):
        return None
    if isinstance(node, ast.Name):
        return _kind_of(node.id, known)
    if isinstance(node, ast.Call):
        called = chain_of(node.func, local)
        if called == "super":
            return FIRST
        if called is not None:
            return None  # ``f().m``: it is among the calls
        return NEW if is_new(node) else OTHER
    inside = _root_of(node)
    is_first = isinstance(inside, ast.Name) and _kind_of(inside.id, known) == FIRST
    return BELOW if is_first else OTHER


def _root_of(node: ast.expr) -> ast.expr:
    """Give what attributes and items are looked up on: ``f()`` of ``f().a[0].b``."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def _kind_of(name: str, known: Locals) -> str:
    scope: Locals | None = known
    while scope is not None and name not in scope.own:
        scope = scope.outer
    if scope is None or (name in scope.rebound and name not in scope.fresh):
        return OTHER
    if name in scope.fresh:
        return NEW
    if name == scope.first:
        return FIRST
    return GIVEN if name in scope.parameters else OTHER


# -- functions in functions ----------------------------------------------------------------------


def _later_in(node: FunctionNode, inside: Inside) -> set[str]:
    """Give the functions defined right in a function that it does nothing with but give them back,
    wrapped or with attributes set."""
    inner = inside.of(*_DEFS)
    names = {each.name for each in inner if all(map(_only_wraps, each.decorator_list))}
    if not names:
        return names
    given_back: set[ast.AST] = set()
    for each in inside.of(ast.Return):
        if each.value is not None:
            given_back |= _handed_back(each.value)
    given_back.update(n.value for n in inside.of(ast.Attribute) if isinstance(n.ctx, ast.Store))
    used = {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and each not in given_back
    }
    several = {each.name for each in inner if sum(e.name == each.name for e in inner) > 1}
    return names - used - several


def _only_wraps(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (chain_of(function) or "").rpartition(".")[2] in _WRAPPING


def _handed_back(value: ast.expr) -> set[ast.AST]:
    if isinstance(value, ast.Name):
        return {value}
    if isinstance(value, ast.Call):
        function = value.func
        if isinstance(function, ast.Call):  # ``wraps(f)(inner)``
            function = function.func
        if (chain_of(function) or "").rpartition(".")[2] in _WRAPPING:
            return {argument for argument in value.args if isinstance(argument, ast.Name)}
    return set()
