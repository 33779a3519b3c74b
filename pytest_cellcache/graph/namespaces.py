"""Which code reads names of a module that it does not name: its own, or those of who called it.

``"{code}".format(**globals())`` reads what the text tells; ``sys._getframe(1).f_globals`` is the
namespace of the caller, whoever that is.
"""

from __future__ import annotations

import ast
from typing import Final

from pytest_cellcache.graph.refs import Refs

_BUILTINS: Final = "builtins."
_GIVING: Final = frozenset({"eval", "exec", "globals", "locals"})
"""Functions that give something of the namespace to whoever calls them: ``map(eval, TEXTS)``."""
_FRAMES: Final = frozenset({"f_globals", "f_locals"})


def is_given(chain: str) -> bool:
    """Say whether a chain names a function that reads the namespace, to hand it on."""
    return chain.removeprefix(_BUILTINS) in _GIVING


def is_asked(node: ast.Call, chain: str | None) -> bool:
    """Say whether a call of what a chain leads to reads the namespace."""
    name = (chain or "").removeprefix(_BUILTINS)
    if name in ("globals", "locals", "vars", "dir"):
        return not node.args
    return name in ("eval", "exec") and len(node.args) < 2


def frame_of(node: ast.Subscript | ast.Call) -> ast.expr | None:
    """Give the frame whose module alone is asked for: ``frame.f_globals["__name__"]``."""
    if isinstance(node, ast.Subscript):
        space, key = node.value, node.slice
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        space, key = node.func.value, node.args[0]
    else:
        return None
    is_module = isinstance(key, ast.Constant) and str(key.value).startswith("__")
    if not (is_module and isinstance(space, ast.Attribute) and space.attr in _FRAMES):
        return None
    return space.value


def reads_frames(refs: Refs) -> bool:
    """Say whether code may read the names of modules whose code has called it."""
    return not _FRAMES.isdisjoint(refs.attrs)
