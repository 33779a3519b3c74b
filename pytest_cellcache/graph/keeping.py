"""Decides what a body leaves behind when it has returned, and whether it matters who called it.

A body *fills* when it looks first, and what it then writes follows from the place it writes to:
``if k not in D: D[k] = make(k)``. Whoever needs such a value rests on the bodies that made it.
Anything else that is left behind (``D.append(x)``, ``N = N + 1``, ``MODE = mode``) depends on who
called, how often and with what: whoever needs it rests on the whole unit that left it.
"""

from __future__ import annotations

import ast
import functools
from typing import Final

from pytest_cellcache.graph.enclosed import used_by_key
from pytest_cellcache.graph.flow import Flow
from pytest_cellcache.graph.inside import inside_of
from pytest_cellcache.graph.locals import Locals
from pytest_cellcache.graph.recurring import Recurring
from pytest_cellcache.graph.refs import KEYED, MUTATORS, Refs
from pytest_cellcache.graph.resetting import resets_in
from pytest_cellcache.graph.scopes import (
    FunctionNode,
    LocalScope,
    chain_of,
    is_new,
)
from pytest_cellcache.graph.silence import is_silent

_LOOKING: Final = (ast.Attribute, ast.Name, ast.Subscript, ast.Compare, ast.Call)
_CHANGING: Final = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete),
    *(ast.For, ast.AsyncFor, ast.Call),
)
_MAX_STEPS: Final = 4
"""Aliases followed to a container."""


def note_keeping(node: FunctionNode, known: Locals, local: LocalScope, refs: Refs) -> None:
    """Add to ``refs`` what a function keeps and looks up; nested functions speak for themselves.

    Args:
        local: names that are no globals in the body.
    """
    _Keeping(node, known, local, refs).run()


class _Keeping:
    def __init__(self, node: FunctionNode, known: Locals, local: LocalScope, refs: Refs) -> None:
        self._inside = inside_of(node)
        self._node = node
        self._known = known
        self._local = local
        self._refs = refs
        name = getattr(node, "name", "")
        first = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)][:1]
        self._recurring = Recurring(self._inside, local, known.parameters)
        # The first argument of an initialiser is an object that nobody else has yet.
        self._new = set(first) if name in ("__init__", "__post_init__", "__new__") else set()

    def run(self) -> None:
        for node in self._inside.of(*_LOOKING):
            self._look(node)
        for node in self._inside.of(*_CHANGING):
            self._keep(node)
        if self._recurring.is_any():
            self._refs.accumulates = True
        self._refs.by_key |= used_by_key(self._node)
        sites = resets_in(self._node, self._inside, self._local)
        self._refs.resets |= {site.to_text() for site in sites}
        self._refs.tells = not is_silent(self._node, self._local, self._refs)

    @functools.cached_property
    def _flow(self) -> Flow:
        return Flow(self._inside.nodes, self._known.parameters, self._local)

    # -- what is looked up -----------------------------------------------------------------------

    def _look(self, node: ast.AST) -> None:
        looked_up = self._refs.looked_up
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            looked_up.add("." + node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id not in self._local:
                looked_up.add(node.id)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            looked_up.update(self._containers(node.value))
        elif isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, (ast.In, ast.NotIn)):
                    looked_up.update(self._containers(right))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in KEYED:
                looked_up.update(self._containers(node.func.value))
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in ("getattr", "hasattr") and len(node.args) > 1:
                looked_up.add(_attribute_named(node.args[1]))

    # -- what is kept ----------------------------------------------------------------------------

    def _keep(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._store(target, node.value, node)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._store(node.target, node.value, node)
        elif isinstance(node, ast.AugAssign):
            is_of_class = self._new and isinstance(node.target, ast.Attribute)
            if is_of_class and isinstance(node.value, ast.Constant):
                return  # a counter of instances, which orders them: ``Field.counter += 1``
            self._accumulate(self._places(node.target))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._accumulate(self._places(target))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._accumulate(self._places(node.target))
        elif isinstance(node, ast.Call):
            self._call(node)

    def _store(self, target: ast.expr, value: ast.expr, at: ast.AST) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._store(element, value, at)
            return
        places = self._places(target)
        self._recurring.note(places, target, value, at)
        if places:
            self._refs.kept |= places
            key = target.slice if isinstance(target, ast.Subscript) else None
            self._check_value(value, key, target)

    def _check_value(self, value: ast.expr, key: ast.expr | None, target: ast.AST) -> None:
        """Note a value that comes from arguments that its place does not name."""
        flow = self._flow
        root = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        if flow.sources([value, *flow.tests_before(target)]) - flow.sources([key]) - root:
            self._refs.keeps_arguments = True

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            places = self._containers(function.value)
            if function.attr == "setdefault" and len(node.args) == 2 and places:
                self._refs.kept |= places
                self._check_value(node.args[1], node.args[0], function.value)
                place = ast.Subscript(function.value, node.args[0], ast.Store())
                self._recurring.note(places, place, node.args[1], node)
            else:
                self._accumulate(places)
        name = function.id if isinstance(function, ast.Name) else ""
        if name == "setattr" and len(node.args) == 3 and not self._is_new(node.args[0]):
            named = _attribute_named(node.args[1])
            self._refs.kept.add(named)
            self._check_value(node.args[2], node.args[1], node.args[0])
            attribute = ast.Attribute(node.args[0], named[1:], ast.Store())
            self._recurring.note({named}, attribute, node.args[2], node)
        elif name == "delattr" and len(node.args) == 2 and not self._is_new(node.args[0]):
            self._accumulate({_attribute_named(node.args[1])})

    def _accumulate(self, places: set[str]) -> None:
        if places:
            self._refs.kept |= places
            self._refs.accumulates = True

    # -- names of places -------------------------------------------------------------------------

    def _places(self, target: ast.AST) -> set[str]:
        """Name what assigning to a target changes outside of the call."""
        if isinstance(target, ast.Name):
            return set() if target.id in self._local else {target.id}
        if isinstance(target, ast.Attribute):
            is_own = self._is_new(target.value) or self._is_copy(target.value)
            return set() if is_own else {"." + target.attr}
        if isinstance(target, ast.Subscript):
            return self._containers(target.value)
        if isinstance(target, (ast.Tuple, ast.List)):
            return {place for element in target.elts for place in self._places(element)}
        return set()

    def _containers(self, node: ast.AST, steps: int = 0) -> set[str]:
        """Name a container whose content is looked up or changed; empty if it is new here."""
        if self._is_copy(node):
            return set()
        while isinstance(node, (ast.Subscript, ast.Call)):
            if isinstance(node, ast.Call) and is_new(node):
                return set()
            node = node.value if isinstance(node, ast.Subscript) else _owner(node.func)
        chain = chain_of(node, self._local)
        if chain is not None:
            return {chain + "[]"}
        if isinstance(node, ast.Attribute):
            return set() if self._is_new(node.value) else {f".{node.attr}[]"}
        if isinstance(node, ast.Name):
            if self._is_new(node):
                return set()
            alias = self._known.aliases.get(node.id, [None])[-1]
            if alias is not None and not isinstance(alias, ast.Name) and steps < _MAX_STEPS:
                return self._containers(alias, steps + 1)
            if isinstance(alias, ast.Name) and alias.id not in self._local:
                return {alias.id + "[]"}
            return {f"~{node.id}[]"}
        return set()

    def _is_new(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and (node.id in self._known.fresh or node.id in self._new)

    def _is_copy(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self._known.copies


def _attribute_named(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return "." + node.value
    return ".__dict__[]"


def _owner(function: ast.expr) -> ast.expr:
    """Give the container in ``D.setdefault``, whose call gives what is in it."""
    if isinstance(function, ast.Attribute) and function.attr in KEYED:
        return function.value
    return function
