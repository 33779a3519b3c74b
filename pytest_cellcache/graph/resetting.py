"""Finds the statements of a body that make something what it is whatever it was before.

``D.clear()``, ``del L[:]``, ``G = {}``, ``self.jobs = []``: who runs one before anything looks at
what others have left there depends on none of them. Which of the lines of a body ran is seen when
it runs; here is told which of them reset what, and which others mention it::

    def clear(self, tag=None):
        if tag is None:
            del self.jobs[:]                                     # resets ``.jobs[]``
        else:
            self.jobs[:] = (j for j in self.jobs if j.tag != tag)  # mentions it otherwise
        self.jobs.append(FIRST)                                  # so does this
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator
from typing import Final, NamedTuple

from pytest_cellcache.graph.inside import Inside
from pytest_cellcache.graph.refs import DYNAMIC, DYNAMIC_ATTRS, REFLECTION, words_of
from pytest_cellcache.graph.scopes import (
    FunctionNode,
    LocalScope,
    all_arguments,
    chain_of,
    children_of,
)

CONTENT: Final = "[]"
"""At the end of a way: what the container there holds is reset, not which one it is."""
ANYWHERE: Final = 0
"""As a line: nobody knows on which of them it is."""
_PLAIN: Final = (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple)
_NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_PATH: Final = re.compile(r"[\w.:]+")
"""A text that may be a name, or a path to one; no other is."""
_BLOCKS: Final = ("body", "orelse", "finalbody")


class Site(NamedTuple):
    """A statement that resets something.

    Attributes:
        way: a chain of globals, or ``.attribute`` of the first argument; see ``CONTENT``.
        line: where it begins; nothing else does.
        done: a line that runs only once it has ended; ``ANYWHERE`` if it cannot fail.
        others: lines that mention the same otherwise, and not only after it.
    """

    way: str
    line: int
    done: int
    others: frozenset[int]

    @classmethod
    def from_text(cls, text: str) -> Site:
        """Read what ``to_text`` gave."""
        way, line, done, others = text.split(" ")
        found = frozenset(map(int, filter(None, others.split(","))))
        return cls(way, int(line), int(done), found)

    def to_text(self) -> str:
        """Write it as one of ``Refs.resets``."""
        return f"{self.way} {self.line} {self.done} {','.join(map(str, sorted(self.others)))}"


def resets_in(node: FunctionNode, inside: Inside, local: LocalScope) -> Iterator[Site]:
    """Give the statements that reset something.

    None where a name may be another way to the same thing: one that is computed, or imported in
    the function.

    Args:
        local: names that are no globals in the body.
    """
    if isinstance(node, ast.Lambda) or inside.has((ast.Import, ast.ImportFrom)):
        return
    blocks, first = [*_blocks(node)], _first_of(node, inside)
    given = {argument.arg for argument in all_arguments(node.args)}
    given -= {name.id for name in inside.of(ast.Name) if isinstance(name.ctx, ast.Del)}
    found = [
        (block, place, way, is_plain)
        for block in blocks
        for place, statement in enumerate(block)
        for way, is_plain in _ways(statement, first, local, given)
    ]
    if not found or _computes_names(node):
        return
    starts = [statement.lineno for block in blocks for statement in block] + [node.lineno]
    for block, place, way, is_plain in found:
        statement = block[place]
        after = block[place + 1].lineno if place + 1 < len(block) else ANYWHERE
        if starts.count(statement.lineno) > 1 or (not is_plain and after == ANYWHERE):
            continue
        later = {id(each) for rest in block[place + 1 :] for each in ast.walk(rest)}
        lines = _Mentions(way.removesuffix(CONTENT), statement, later).lines(node)
        yield Site(way, statement.lineno, ANYWHERE if is_plain else after, frozenset(lines))


def is_on_way(chain: str, way: str) -> bool:
    """Say whether one of two chains leads on from the other, or is the same."""
    return f"{chain}.".startswith(f"{way}.") or f"{way}.".startswith(f"{chain}.")


def _first_of(node: ast.FunctionDef | ast.AsyncFunctionDef, inside: Inside) -> str:
    """Name the first argument, if it is that throughout."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    if not arguments:
        return ""
    first = arguments[0].arg
    rebound = any(name.id == first and not _is_load(name) for name in inside.of(ast.Name))
    return "" if rebound else first


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Give the blocks of statements in a function, not those of functions and classes in it."""
    every = [getattr(node, name, []) for name in _BLOCKS]
    every += [part.body for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))]
    for block in every:
        if isinstance(block, list) and block:
            yield block
            for statement in block:
                if not isinstance(statement, _NESTED):
                    yield from _blocks(statement)


def _computes_names(node: ast.AST) -> bool:
    computing = DYNAMIC | REFLECTION
    return any(
        (isinstance(each, ast.Name) and each.id in computing)
        or (isinstance(each, ast.Attribute) and each.attr in DYNAMIC_ATTRS | REFLECTION)
        for each in ast.walk(node)
    )


def _ways(
    statement: ast.stmt, first: str, local: LocalScope, given: Container[str]
) -> Iterator[tuple[str, bool]]:
    """Give what a statement resets, and whether it cannot fail to do so.

    Args:
        given: names of arguments, which are there.
    """
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        is_clearing = isinstance(call.func, ast.Attribute) and call.func.attr == "clear"
        if is_clearing and not (call.args or call.keywords):
            assert isinstance(call.func, ast.Attribute)
            yield from _content_of(call.func.value, first, local)
    elif isinstance(statement, ast.Delete) and len(statement.targets) == 1:
        yield from _sliced(statement.targets[0], first, local)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, is_plain = statement.targets[0], _cannot_fail(statement.value, given)
        for way, _ in _sliced(target, first, local):
            yield way, is_plain
        if isinstance(target, (ast.Name, ast.Attribute)):
            for way in _way_to(target, first, local):
                yield way, is_plain


def _content_of(container: ast.expr, first: str, local: LocalScope) -> Iterator[tuple[str, bool]]:
    for way in _way_to(container, first, local):
        yield way + CONTENT, True


def _sliced(target: ast.expr, first: str, local: LocalScope) -> Iterator[tuple[str, bool]]:
    """Give what ``target`` is all items of."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
        bounds = target.slice.lower, target.slice.upper, target.slice.step
        if bounds == (None, None, None):
            yield from _content_of(target.value, first, local)


def _way_to(node: ast.expr, first: str, local: LocalScope) -> Iterator[str]:
    if (chain := chain_of(node, local)) is not None:
        yield chain
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield from ["." + node.attr] if first and node.value.id == first else []


def _cannot_fail(value: ast.expr, given: Container[str]) -> bool:
    if isinstance(value, ast.Constant):
        return True
    if isinstance(value, ast.Name):
        return value.id in given
    return isinstance(value, (ast.List, ast.Dict, ast.Tuple)) and all(
        isinstance(each, (*_PLAIN, ast.Load)) for each in ast.walk(value)
    )


class _Mentions:
    """Where a body mentions what a statement resets, that and what comes after it aside.

    Args:
        later: nodes that are evaluated only after it.
    """

    def __init__(self, way: str, statement: ast.stmt, later: set[int]) -> None:
        self._is_attribute = way[0] == "."
        self._name = way.removeprefix(".")
        self._words = words_of(way.rpartition(".")[2])
        self._later = later
        self._own = {id(each) for each in _targets_of(statement)}

    def lines(self, node: ast.AST) -> set[int]:
        return {line for part in _body_of(node) for line in self._in(part, is_seen=True)}

    def _in(self, node: ast.AST, *, is_seen: bool) -> Iterator[int]:
        """Give lines below a node; ``is_seen`` where it is seen that a line runs."""
        if id(node) in self._later or id(node) in self._own:
            return
        chain = None if self._is_attribute else chain_of(node)
        if chain is not None or self._is_named(node):
            if chain is None or is_on_way(chain, self._name):
                yield getattr(node, "lineno", ANYWHERE) if is_seen else ANYWHERE
            if chain is not None:
                return
        if isinstance(node, ast.GeneratorExp):
            # Only what it goes through is evaluated where it stands.
            first = node.generators[0]
            yield from self._in(first.iter, is_seen=is_seen)
            for part in (node.elt, first.target, *first.ifs, *node.generators[1:]):
                yield from self._in(part, is_seen=False)
            return
        for child in children_of(node):
            yield from self._in(child, is_seen=is_seen and not isinstance(node, _NESTED))

    def _is_named(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            text = node.value if isinstance(node.value, str) and _PATH.fullmatch(node.value) else ""
            return bool(text) and self._words <= words_of(text)
        return self._is_attribute and isinstance(node, ast.Attribute) and node.attr == self._name


def _targets_of(statement: ast.stmt) -> Iterable[ast.AST]:
    if isinstance(statement, ast.Expr):
        return ast.walk(statement)
    targets = statement.targets  # type: ignore[attr-defined]
    return [each for target in targets for each in ast.walk(target)]


def _body_of(node: ast.AST) -> list[ast.stmt]:
    """Give the statements of a function without its docstring."""
    body: list[ast.stmt] = node.body  # type: ignore[attr-defined]
    first = body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if is_text else body


def _is_load(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)
