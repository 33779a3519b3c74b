"""What a piece of syntax refers to: global names, attributes, imports, calls and writes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_cellcache.graph.ranking import ranks_in
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.scanner import Scanned, Scanner
from pytest_cellcache.graph.scopes import FunctionNode


def scan(nodes: Iterable[ast.AST], *, has_lazy_annotations: bool = False) -> Refs:
    """Scan statements or expressions of module or class scope.

    ``has_lazy_annotations``: the module imports ``annotations`` from ``__future__``, so that
    annotations are never evaluated.
    """
    scanner = Scanner(has_lazy_annotations=has_lazy_annotations)
    for node in nodes:
        scanner.visit(node, frozenset())
    return scanner.found


def scan_function(node: FunctionNode, qualname: str) -> list[Scanned]:
    """Scan what calling a function refers to: its body, not its decorators or defaults.

    Returns:
        The function first, then the functions defined in it, each without those in it.
    """
    scanner = Scanner(has_lazy_annotations=True)
    scanner.path = [qualname, "<locals>"]
    scanner.function_body(node, frozenset())
    found = [(qualname, node, scanner.found), *scanner.nested]
    for name, inner, refs in found:
        refs.ranks, refs.handed = ranks_in(inner, name, refs)
    return found


def scan_source(text: str) -> Refs:
    """Scan a piece of source that runs in a module's namespace; if it does not parse, it may
    read all of it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Refs(reads_namespace=True)
    return scan([tree])
