"""Takes out of a module what runs only where it is the main module: ``if __name__ == "__main__":``.

Importing the module leaves it out, as nobody gives a module that name who imports it. It counts for
who runs the file as a program, in this process (``trace.importing``) or in a child.
"""

from __future__ import annotations

import ast

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scan import scan, scan_function
from pytest_cellcache.graph.syntaxdigest import digest_syntax
from pytest_cellcache.model.digest import Digest

MAIN_MODULE = "__main__"
_NAME = "__name__"


def take_main(tree: ast.Module) -> tuple[Digest, Refs] | None:
    """Remove such blocks; give the digest of all of them and what they refer to.

    Not from a module that gives itself a name.
    """
    guards = [each for each in tree.body if isinstance(each, ast.If) and _is_guard(each.test)]
    if not guards or _renames_itself(tree):
        return None
    digest = digest_syntax(*guards)
    body: list[ast.stmt] = [*guards]
    refs = scan(body)
    # What it imports is told as of a function: which of it is used.
    frame = ast.parse(f"def {MAIN_MODULE}(): pass").body[0]
    assert isinstance(frame, ast.FunctionDef)
    frame.body = body
    for _, _, found in scan_function(frame, MAIN_MODULE):
        refs.join(found)
    for guard in guards:
        guard.body = [ast.copy_location(ast.Pass(), guard)]
    tree.body = [each for each in tree.body if each not in guards or _has_else(each)]
    return digest, refs


def _is_guard(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return _is_guard(test.values[0])
    if not isinstance(test, ast.Compare) or [type(op) for op in test.ops] != [ast.Eq]:
        return False
    sides = [test.left, test.comparators[0]]
    names = [each.id for each in sides if isinstance(each, ast.Name)]
    values = [each.value for each in sides if isinstance(each, ast.Constant)]
    return names == [_NAME] and values == [MAIN_MODULE]


def _has_else(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and bool(statement.orelse)


def _renames_itself(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == _NAME and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )
