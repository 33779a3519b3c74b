"""Digests of syntax trees: layout, comments, quotes and positions do not count.

Not of compiled code: how the compiler joins instructions depends on where lines break.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from pytest_cellcache.model.digest import Digest, digest_parts, digest_text


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a kind of node that count: whether a name is read or bound shows elsewhere."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        # ``kind`` is the u of u"text".
        found = self[kind] = tuple(f for f in kind._fields if f not in ("ctx", "kind"))
        return found


_FIELDS = _Fields()


def digest_syntax(*nodes: ast.AST) -> Digest:
    """Digest syntax trees; like ``ast.dump`` without positions, in a third of the time."""
    parts: list[str] = []
    for node in nodes:
        _describe(node, parts.append)
    return digest_text(" ".join(parts))


def digest_shape(node: ast.ClassDef) -> Digest:
    """Digest a class, of methods their names and decorators only."""
    parts: list[str] = [digest_syntax(*node.bases, *node.keywords, *node.decorator_list)]
    for member in node.body:
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            parts += [member.name, *map(digest_syntax, member.decorator_list)]
        else:
            parts.append(digest_syntax(member))
    return digest_parts(parts)


def _describe(node: ast.AST, note: Callable[[str], None]) -> None:
    kind = node.__class__
    note(kind.__name__)
    for name in _FIELDS[kind]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            note("[")
            for item in value:
                if isinstance(item, ast.AST):
                    _describe(item, note)
                else:
                    note(repr(item))
            note("]")
        elif isinstance(value, ast.AST):
            _describe(value, note)
        else:
            note(repr(value))
    note(";")
