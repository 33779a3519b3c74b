"""Says whether what a body writes follows from what it, or another call, wrote before.

``N = N + 1``, ``D[k] = len(D)``, ``A, B = B, A`` leave something else each time. What is looked at
first and then kept as it is, or made anew, is the same again: ``X = X or make()``. In doubt it
follows from what was there.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pytest_cellcache.graph.inside import Inside
from pytest_cellcache.graph.refs import KEYED
from pytest_cellcache.graph.scopes import LocalScope, chain_of

_ANY: Final = object()
"""As a key: it may be any."""
_MAX_DEPTH: Final = 12
"""Locals that are looked through one after the other; beyond them anything is taken for read."""
_ENDS: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class Store(NamedTuple):
    """One place that a body writes to.

    Attributes:
        places: names of it, as ``Refs.kept`` has them.
        target: the expression.
        value: what is written; may be looked for in ``key``, too.
        at: the statement.
    """

    places: frozenset[str]
    target: ast.expr
    value: ast.expr
    at: ast.AST


class Read(NamedTuple):
    """A place whose content an expression follows from."""

    place: str
    key: Any = _ANY
    owner: ast.expr | None = None


class Recurring:
    """The stores of one body.

    Args:
        local: names that are no globals in the body.
        parameters: its own.
    """

    def __init__(self, inside: Inside, local: LocalScope, parameters: frozenset[str]) -> None:
        self._inside = inside
        self._local = local
        self._parameters = parameters
        self._stores: list[Store] = []

    def note(self, places: set[str], target: ast.expr, value: ast.expr, at: ast.AST) -> None:
        """Take a place that is written to."""
        if places:
            self._stores.append(Store(frozenset(places), target, value, at))

    def is_any(self) -> bool:
        """Say whether any of what is written follows from what was written before."""
        return any(map(self._recurs, self._stores)) or self._takes_turns()

    def _recurs(self, store: Store) -> bool:
        own = ast.unparse(store.target)
        key = store.target.slice if isinstance(store.target, ast.Subscript) else None
        read = [*self._changed(store.value, store.at, own, 0, set())]
        read += self._reads(key, store.at, _ANY, 0) if key is not None else ()
        if any(self._meets(each, store) for each in read):
            return True
        # What the body writes only later was written by an earlier call.
        later = [s for s in self._stores if s is not store and _line(s.at) > _line(store.at)]
        ever = [s for s in self._stores if s is not store and _line(s.at) <= _line(store.at)]
        read += self._reads(store.value, store.at, _ANY, 0)
        return any(
            self._meets(each, other) and not any(self._meets(each, s) for s in (*ever, store))
            for each in read
            for other in later
        )

    def _takes_turns(self) -> bool:
        """Say whether a test of what is there decides what is written there."""
        for node in self._inside.of(ast.If):
            rest = [*node.orelse]
            if isinstance(node.body[-1], _ENDS):
                rest += self._after(node)
            if self._decides(node.test, node, node.body, rest):
                return True
        return any(
            self._decides(
                node.subject, node, case.body, [s for o in node.cases[n:] for s in o.body]
            )
            for node in self._inside.of(ast.Match)
            for n, case in enumerate(node.cases, start=1)
        )

    def _decides(
        self, test: ast.AST, at: ast.AST, one: list[ast.stmt], other: list[ast.stmt]
    ) -> bool:
        """Say whether a test of a place decides which of two branches writes to it."""
        in_one, in_other = self._stores_in(one), self._stores_in(other)
        both = [s for s in in_one if any(s.places & each.places for each in in_other)]
        read = [*self._reads(test, at, _ANY, 0)] if both else []
        return any(self._meets(each, store) for store in both for each in read)

    def _stores_in(self, block: list[ast.stmt]) -> list[Store]:
        inner = {id(node) for each in block for node in ast.walk(each)}
        return [store for store in self._stores if id(store.at) in inner]

    def _meets(self, read: Read, store: Store) -> bool:
        if read.place not in store.places:
            return False
        if isinstance(store.target, ast.Subscript):
            key = _key_of(store.target.slice)
            return _ANY in (read.key, key) or bool(read.key == key)
        owner = store.target.value if isinstance(store.target, ast.Attribute) else None
        return not self._are_apart(read.owner, owner)

    def _are_apart(self, one: ast.expr | None, other: ast.expr | None) -> bool:
        """Say whether two owners of an attribute are different objects: two parameters, say."""
        if not (isinstance(one, ast.Name) and isinstance(other, ast.Name)) or one.id == other.id:
            return False
        return all(each.id in self._parameters for each in (one, other))

    # -- what is read ----------------------------------------------------------------------------

    def _changed(
        self, node: ast.AST, at: ast.AST, own: str, depth: int, seen: set[int]
    ) -> Iterator[Read]:
        """Give what a value follows from that is not kept as it is.

        Args:
            seen: values of locals that have been looked through, by identity.
        """
        if depth > _MAX_DEPTH:
            yield from self._everything()
        elif isinstance(node, ast.BoolOp):
            for each in node.values:
                yield from self._changed(each, at, own, depth + 1, seen)
        elif isinstance(node, ast.IfExp):
            branches = node.body, node.orelse
            for each in branches:
                yield from self._changed(each, at, own, depth + 1, seen)
            if not any(self._is_kept(each, at, own, depth, set()) for each in branches):
                yield from self._reads(node.test, at, _ANY, depth + 1)
        elif isinstance(node, (ast.NamedExpr, ast.Await)):
            yield from self._changed(node.value, at, own, depth + 1, seen)
        elif isinstance(node, ast.Name) and self._is_own(node.id):
            for value, where in self._values_of(node.id, at):
                if id(value) not in seen:
                    seen.add(id(value))
                    yield from self._changed(value, where, own, depth + 1, seen)
        elif not self._is_look(node, own):
            yield from self._reads(node, at, _ANY, depth + 1)

    def _is_kept(self, node: ast.AST, at: ast.AST, own: str, depth: int, seen: set[int]) -> bool:
        if isinstance(node, ast.Name) and self._is_own(node.id) and depth < _MAX_DEPTH:
            found = [row for row in self._values_of(node.id, at) if id(row[0]) not in seen]
            seen.update(id(value) for value, _ in found)
            return any(self._is_kept(value, where, own, depth + 1, seen) for value, where in found)
        return self._is_look(node, own)

    def _is_look(self, node: ast.AST, own: str) -> bool:
        """Say whether an expression is what is in the place itself."""
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr == "get" and node.args:
                return f"{ast.unparse(function.value)}[{ast.unparse(node.args[0])}]" == own
            is_asked = isinstance(function, ast.Name) and function.id == "getattr"
            name = node.args[1] if is_asked and len(node.args) > 1 else None
            return own == f"{ast.unparse(node.args[0])}.{_text_of(name)}" if name else False
        return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and (
            ast.unparse(node) == own
        )

    def _reads(
        self,
        node: ast.AST,
        at: ast.AST,
        key: Any,
        depth: int,
        seen: set[tuple[int, str]] | None = None,
    ) -> Iterator[Read]:
        """Give what an expression follows from.

        Args:
            key: that is looked for in what it stands for.
            seen: values of locals that have been looked through, by identity, and for which key.
        """
        seen = set() if seen is None else seen
        if depth > _MAX_DEPTH:
            yield from self._everything()
            return
        if isinstance(node, ast.Name):
            if node.id in self._local:
                yield Read(f"~{node.id}[]", key)
            if self._is_own(node.id):
                for value, where in self._values_of(node.id, at):
                    if (mark := (id(value), "" if key is _ANY else repr(key))) not in seen:
                        seen.add(mark)
                        yield from self._reads(value, where, key, depth + 1, seen)
            else:
                yield Read(node.id)
                yield Read(node.id + "[]", key)
            return
        if isinstance(node, ast.Subscript):
            yield from self._reads(node.value, at, _key_of(node.slice), depth + 1, seen)
            yield from self._reads(node.slice, at, _ANY, depth + 1, seen)
            return
        if isinstance(node, ast.Attribute):
            chain = chain_of(node, self._local)
            yield from [Read(chain + "[]", key)] if chain else ()
            yield Read(f".{node.attr}[]", key, node.value)
            yield Read("." + node.attr, _ANY, node.value)
        elif isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in KEYED and node.args:
                found = _key_of(node.args[0])
                yield from self._reads(function.value, at, found, depth + 1, seen)
                for each in (*node.args, *node.keywords):
                    yield from self._reads(each, at, _ANY, depth + 1, seen)
                return
            if isinstance(function, ast.Name) and function.id == "getattr" and len(node.args) > 1:
                yield Read(f".{_text_of(node.args[1])}", _ANY, node.args[0])
        for inner in ast.iter_child_nodes(node):
            yield from self._reads(inner, at, _ANY, depth, seen)

    def _everything(self) -> Iterator[Read]:
        return (Read(place) for store in self._stores for place in store.places)

    def _is_own(self, name: str) -> bool:
        return name in self._local and name not in self._parameters

    # -- locals ----------------------------------------------------------------------------------

    def _values_of(self, name: str, at: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
        """Give what a local may be at a statement, each with the statement that says so."""
        every = self._bound.get(name, [])
        if len(every) < 2:
            return every
        block = self._blocks.get(id(at))
        while block is not None:
            statements, place, parent = block
            for before in reversed(statements[:place]):
                found = [row for row in every if row[1] is before]
                if isinstance(before, (ast.Assign, ast.AnnAssign)) and found:
                    return found
                inner = {id(each) for each in ast.walk(before)}
                if any(id(where) in inner for _, where in every):
                    return every  # in one way or the other
            block = self._blocks.get(id(parent))
        return every

    def _after(self, node: ast.AST) -> list[ast.stmt]:
        statements, place, _ = self._blocks.get(id(node), ([], 0, None))
        return statements[place + 1 :]

    @functools.cached_property
    def _blocks(self) -> dict[int, tuple[list[ast.stmt], int, ast.AST | None]]:
        found: dict[int, tuple[list[ast.stmt], int, ast.AST | None]] = {}
        for node in self._inside.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            for _, block in ast.iter_fields(node):
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    found |= {id(s): (block, n, node) for n, s in enumerate(block)}
        outer = [s for s in self._inside.nodes if isinstance(s, ast.stmt) and id(s) not in found]
        outer.sort(key=_line)
        return found | {id(s): (outer, n, None) for n, s in enumerate(outer)}

    @functools.cached_property
    def _bound(self) -> dict[str, list[tuple[ast.AST, ast.AST]]]:
        """By local what it is bound to, with the statement; ``ast.withitem`` stands for its own."""
        found: dict[str, list[tuple[ast.AST, ast.AST]]] = {}

        def bind(target: ast.AST | None, value: ast.AST | None, at: ast.AST) -> None:
            for name in ast.walk(target) if target is not None and value is not None else ():
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    found.setdefault(name.id, []).append((value or name, at))

        for node in self._inside.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    bind(target, node.value, node)
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
                bind(node.target, node.value, node)
            elif isinstance(node, ast.AugAssign):
                before = [ast.Name(node.target.id)] if isinstance(node.target, ast.Name) else []
                bind(node.target, ast.Tuple([*before, node.value], ast.Load()), node)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                bind(node.target, ast.Tuple([node.iter], ast.Load()), node)
            elif isinstance(node, ast.withitem):
                bind(node.optional_vars, ast.Tuple([node.context_expr], ast.Load()), node)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body: list[Any] = [*node.body, *node.decorator_list, node.args]
                found.setdefault(node.name, []).append((ast.Module(body, []), node))
        return found


def _key_of(node: ast.AST) -> Any:
    return node.value if isinstance(node, ast.Constant) else _ANY


def _text_of(node: ast.AST) -> str:
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
