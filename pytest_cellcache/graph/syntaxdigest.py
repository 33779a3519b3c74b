"""Digests of syntax trees: layout, comments, quotes and positions do not count.

Not of compiled code: how the compiler joins instructions depends on where lines break.
"""

from __future__ import annotations

import ast
import collections
from collections.abc import Callable
from typing import Final, NamedTuple

from pytest_cellcache.graph.scopes import Fields
from pytest_cellcache.model.digest import Digest, digest_parts, digest_text

# Whether a name is read or bound shows elsewhere; ``kind`` is the u of u"text".
_FIELDS: Final = Fields(("ctx", "kind"))
_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def digest_syntax(*nodes: ast.AST) -> Digest:
    """Digest syntax trees; like ``ast.dump`` without positions, in a third of the time."""
    parts: list[str] = []
    for node in nodes:
        _describe(node, parts.append)
    return digest_text(" ".join(parts))


class ClassShape(NamedTuple):
    """What there is to a class.

    Attributes:
        effects: digest of all, of methods their names and decorators only.
        core: digest of all but plain methods.
        methods: name and digest of the signature of each plain method.
        bare: digest of ``effects`` without the names of plain methods.
    """

    effects: Digest = Digest("")
    core: Digest = Digest("")
    methods: tuple[tuple[str, Digest], ...] = ()
    bare: Digest = Digest("")


def shape_of(node: ast.ClassDef) -> ClassShape:
    """Take a class apart, after the bodies of its methods were cut out."""
    head = digest_syntax(*node.bases, *node.keywords, *node.decorator_list)
    effects: list[str] = [head]
    bare: list[str] = [head]
    core: list[str] = [head]
    methods: dict[str, list[Digest]] = {}
    bound = collections.Counter(
        name.id
        for member in node.body
        for name in ast.walk(member)
        if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Load)
    )
    bound.update(getattr(member, "name", "") for member in node.body)
    plain = collections.Counter(
        member.name for member in node.body if isinstance(member, _DEFS) and _is_plain(member)
    )
    for member in node.body:
        if isinstance(member, ast.Pass):
            continue
        whole = digest_syntax(member)
        if not isinstance(member, _DEFS):
            for parts in (effects, bare, core):
                parts.append(whole)
            continue
        defined = [member.name, *map(digest_syntax, member.decorator_list)]
        effects += defined
        if _is_plain(member) and bound[member.name] == plain[member.name]:
            methods.setdefault(member.name, []).append(whole)
        else:
            core.append(whole)
            bare += defined
    made = (
        (name, found[0] if len(found) == 1 else digest_parts(found))
        for name, found in methods.items()
    )
    return ClassShape(digest_parts(effects), digest_parts(core), tuple(made), digest_parts(bare))


def _is_plain(member: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether nothing comes of defining a method but that it is there."""
    is_dunder = member.name.startswith("__") and member.name.endswith("__")
    return not is_dunder and all(
        (
            isinstance(decorator, ast.Name)
            and decorator.id in ("property", "staticmethod", "classmethod")
        )
        or (
            isinstance(decorator, ast.Attribute)
            and isinstance(decorator.value, ast.Name)
            and decorator.value.id == member.name  # of a property that is among them
            and decorator.attr in ("setter", "getter", "deleter")
        )
        for decorator in member.decorator_list
    )


def _describe(node: ast.AST, note: Callable[[str], None]) -> None:
    kind = node.__class__
    if kind is ast.Name:  # as what follows would, which is slower
        note(f"Name {node.id!r} ;")  # type: ignore[attr-defined]
        return
    if kind is ast.Constant:
        note(f"Constant {node.value!r} ;")  # type: ignore[attr-defined]
        return
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
