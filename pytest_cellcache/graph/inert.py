"""Says of a module whether importing it can consult nothing but other modules, by its syntax."""

from __future__ import annotations

import ast
from typing import Final

_DECORATORS: Final = frozenset({"property", "staticmethod", "classmethod", "pytest"})
"""Names whose attributes, called or not, may stand before a function."""
_PLAIN: Final = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Load)


def is_inert(source: bytes | None) -> bool:
    """Say whether all that runs are imports, literals, and statements that make functions and
    classes without any hooks of their own.

    What the modules do that are imported is their matter.
    """
    if source is None:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_inert(statement) for statement in tree.body)


def _is_inert(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        targets = all(isinstance(target, ast.Name) for target in node.targets)
        return targets and _is_plain(node.value)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = node.args
        kinds = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
        every = [each for kind in kinds for each in kind]
        notes = [each.annotation for each in (*every, arguments.vararg, arguments.kwarg) if each]
        values = (*arguments.defaults, *arguments.kw_defaults, *notes, node.returns)
        return all(map(_is_decorator, node.decorator_list)) and all(
            _is_plain(each) for each in values if each is not None
        )
    if isinstance(node, ast.ClassDef):
        is_bare = not (node.bases or node.keywords or node.decorator_list)
        # A member with such a hook in it would be told of the class.
        return is_bare and all(map(_is_inert, node.body))
    return False


def _is_plain(node: ast.expr) -> bool:
    return all(isinstance(each, _PLAIN) for each in ast.walk(node))


def _is_decorator(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        arguments = (*node.args, *(keyword.value for keyword in node.keywords))
        return all(map(_is_plain, arguments)) and _is_decorator(node.func)
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _DECORATORS
