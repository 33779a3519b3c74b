"""Reads what a module offers to star imports, where it says so plainly."""

from __future__ import annotations

import ast

_NAME = b"__all__"


def exports_of(tree: ast.Module, source: bytes) -> tuple[str, ...] | None:
    """Give what ``__all__`` lists.

    ``None`` unless it is named once, to bind it to a list of texts; also in an encoding that does
    not write it in ASCII.
    """
    if source.count(_NAME) != 1:
        return None
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                return _texts(node.value) if len(targets) == 1 else None
    return None


def _texts(value: ast.expr | None) -> tuple[str, ...] | None:
    if not isinstance(value, (ast.List, ast.Tuple)):
        return None
    found = [each.value for each in value.elts if isinstance(each, ast.Constant)]
    texts = [text for text in found if isinstance(text, str)]
    return tuple(sorted(texts)) if len(texts) == len(value.elts) else None
