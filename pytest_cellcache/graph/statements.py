"""Says by its form what a statement does: bind names, change objects, choose between others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.refs import MUTATORS
from pytest_cellcache.graph.scopes import (
    chain_of,
    children_of,
    evaluated_outside,
    is_new,
    walk_scope,
)

_BINDING: Final = (
    ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.ClassDef, ast.Pass, ast.Raise, ast.Break, ast.Continue,
)  # fmt: skip

_ASSIGNING: Final = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Pass)

_TAKING_NOTHING: Final = (
    ast.Expr, ast.Pass, ast.Raise, ast.Break, ast.Continue, ast.Delete, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip


def inner_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Give the statements in a compound one."""
    for node in ast.iter_child_nodes(statement):
        if isinstance(node, ast.stmt):
            yield node
        elif isinstance(node, (ast.ExceptHandler, ast.match_case)):
            yield from node.body


def only_binds(statement: ast.stmt) -> bool:
    """Say whether a statement, a compound one for example, does nothing but choose what names are
    bound to and what is in the objects of modules."""
    if isinstance(statement, (ast.If, ast.Try, ast.For, ast.While, ast.Match)):
        if isinstance(statement, ast.For) and not is_name_target(statement.target):
            return False
        inside = inner_statements(statement)
        return all(only_binds(inner) or is_change(inner) for inner in inside)
    if isinstance(statement, (ast.Assign, ast.Delete)):
        return all(is_name_target(target) for target in statement.targets)
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        return isinstance(statement.target, ast.Name)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, _BINDING)


def only_reads(statement: ast.stmt) -> bool:
    """Say whether a statement does nothing but choose what names are bound to, from files too.

    For example ``with open(path) as file: DATA = json.load(file)``, and in a ``try``.
    """
    if isinstance(statement, ast.With) and not all(map(_opens_to_read, statement.items)):
        return False
    if isinstance(statement, (ast.With, ast.If, ast.Try, ast.For)):
        if isinstance(statement, ast.For) and not is_name_target(statement.target):
            return False
        return all(map(only_reads, inner_statements(statement)))
    return isinstance(statement, _ASSIGNING) and only_binds(statement)


def files_in(statement: ast.stmt) -> tuple[str, ...]:
    """Name the targets of the ``with`` statements in a statement."""
    items = [each for node in walk_scope(statement) for each in getattr(node, "items", ())]
    found = [getattr(each, "optional_vars", None) for each in items]
    return tuple(target.id for target in found if isinstance(target, ast.Name))


def _opens_to_read(item: ast.withitem) -> bool:
    call, target = item.context_expr, item.optional_vars
    if not isinstance(call, ast.Call) or not (target is None or is_name_target(target)):
        return False
    chain = chain_of(call.func) or str(getattr(call.func, "attr", ""))
    if chain.rpartition(".")[2] != "open":
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [arg.value for arg in given if isinstance(arg, ast.Constant)]
    # Anything that looks like a mode, unless it is one for reading.
    modes = [text for text in texts if isinstance(text, str) and set(text) <= set("rwax+bt")]
    return all(set(mode) <= set("rbt") for mode in modes)


def is_change(statement: ast.stmt) -> bool:
    """Say whether a statement is ``D[k] = v``, ``del D[k]`` or ``D.append(v)``, calling no other
    method."""
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Delete)):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr in MUTATORS
        and chain_of(statement.value.func) is not None
    )


def is_call(statement: ast.stmt) -> bool:
    """Say whether a statement is a call of a global: ``setup()``."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name)


def is_name_target(node: ast.expr) -> bool:
    """Say whether an assignment to something only binds names."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(is_name_target(element) for element in node.elts)
    if isinstance(node, ast.Starred):
        return is_name_target(node.value)
    return isinstance(node, ast.Name)


def binds_new(statement: ast.stmt) -> bool:
    """Say whether what a statement binds names to are surely objects that nobody else has.

    ``X += y`` is: whatever ``X`` stands for then, it is no object that ``y`` was.
    """
    if isinstance(statement, ast.AugAssign):
        return True
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return is_new(statement.value)
    if not isinstance(statement, (ast.If, ast.Try, ast.While)):
        return False
    is_plain = not any(isinstance(inner, ast.NamedExpr) for inner in walk_scope(statement))
    return is_plain and all(_takes_nothing(inner) for inner in inner_statements(statement))


def _takes_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        value = statement.value
        return value is None or isinstance(value, ast.Constant) or is_new(value)
    return isinstance(statement, _TAKING_NOTHING) or binds_new(statement)


_CATCHING: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def caught_imports(statements: Iterable[ast.stmt]) -> set[ast.stmt]:
    """Give the imports in ``try`` statements that go on when there is no such module."""
    found: set[ast.stmt] = set()
    for statement in statements:
        if isinstance(statement, ast.Try) and any(map(_catches, statement.handlers)):
            found.update(s for s in statement.body if isinstance(s, (ast.Import, ast.ImportFrom)))
    return found


def _catches(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    goes_on = not any(isinstance(inner, ast.Raise) for inner in ast.walk(handler))
    return goes_on and any(k is None or chain_of(k) in _CATCHING for k in kinds)


_RAISING: Final = (
    ast.Call, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute, ast.Raise,
    ast.Assert, ast.Starred, ast.comprehension, ast.FormattedValue, ast.Await, ast.withitem,
)  # fmt: skip
_SCOPED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def may_raise(statement: ast.stmt) -> bool:
    """Say whether evaluating a statement of a module may fail, names and imports aside.

    To be called before the bodies of functions are cut out or after, which makes no difference.
    """
    if not isinstance(statement, (*_BINDING, ast.If, ast.Try, ast.Expr)):
        return True
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, _RAISING):
            return True
        if isinstance(node, ast.ClassDef) and (node.bases or node.keywords or node.decorator_list):
            return True
        if isinstance(node, (ast.Tuple, ast.List)) and not isinstance(node.ctx, ast.Load):
            return True  # there may be another number of values
        if isinstance(node, _SCOPED):
            stack += evaluated_outside(node)
            continue
        stack += children_of(node)
    return False
