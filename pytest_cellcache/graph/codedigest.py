"""Digests of code: bodies by what they compile to, everything else by its syntax tree.

Neither sees layout, comments or positions. Compiled bodies also leave out what is never evaluated
(annotations of local variables) and what the compiler folds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import CodeType
from typing import Any

from pytest_cellcache.model.digest import Digest, digest_text


def digest_code(codes: Iterable[CodeType]) -> Digest:
    """Digest code objects with everything nested in them, without names of files and lines."""
    return digest_text("\n".join(_describe(code) for code in codes))


def _describe(code: CodeType) -> str:
    return repr(
        (
            code.co_name,
            code.co_code,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags,
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_cellvars,
            getattr(code, "co_exceptiontable", b""),  # 3.11+
            [_describe_constant(constant) for constant in code.co_consts],
        )
    )


def _describe_constant(constant: Any) -> str:
    if isinstance(constant, CodeType):
        return _describe(constant)
    if isinstance(constant, frozenset):  # iteration order follows the hash seed
        return f"frozenset({sorted(_describe_constant(item) for item in constant)})"
    if isinstance(constant, tuple):
        return f"({','.join(_describe_constant(item) for item in constant)})"
    return repr(constant)


def digest_syntax(*nodes: ast.AST) -> Digest:
    """Digest syntax trees, ``ast.dump`` without positions."""
    return digest_text("\n".join(ast.dump(node, annotate_fields=False) for node in nodes))


def index_codes(module: CodeType) -> dict[tuple[str, int], list[CodeType]]:
    """Find every code object in a module's by name and first line."""
    found: dict[tuple[str, int], list[CodeType]] = {}
    stack = [module]
    while stack:
        code = stack.pop()
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                found.setdefault((constant.co_name, constant.co_firstlineno), []).append(constant)
                stack.append(constant)
    return found
