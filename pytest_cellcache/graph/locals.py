"""What the locals of a function stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pytest_cellcache.graph.given import looked_up, makers_of
from pytest_cellcache.graph.inside import Inside, inside_of
from pytest_cellcache.graph.refs import Refs, import_spec
from pytest_cellcache.graph.scopes import (
    NEW_CONTAINERS,
    NEW_NODES,
    FunctionNode,
    LocalScope,
    all_arguments,
    chain_of,
    is_new,
)


@dataclass(slots=True)
class Locals:
    """What is known of the locals of the function being scanned.

    Attributes:
        fresh: locals that are always a new container or instance.
        aliases: what locals stand for that are looked up somewhere: names, attributes and items.
        imports: locals bound by an import, as (module, name or None).
        classes: locals that are always a class which the function defines.
        first: the first parameter.
        rebound: parameters and locals that are assigned somewhere in it.
        taken: locals that stand for what was looked up somewhere: not for what a call gave or for
            a function or class defined in it.
        copies: locals that are always a copy, of which parts may be shared.
        plain: those of ``fresh`` that are containers of builtin types.
        assigned: those of ``rebound`` that not only operators bind anew.
        makers: whose results locals are of whose values all are known, see ``given.makers_of``.
        outer: the same of the enclosing function.
    """

    parameters: frozenset[str]
    own: frozenset[str]
    fresh: frozenset[str]
    aliases: dict[str, list[ast.expr]]
    imports: dict[str, tuple[str, str | None]]
    first: str = ""
    rebound: LocalScope = frozenset()
    assigned: LocalScope = frozenset()
    taken: LocalScope = frozenset()
    copies: LocalScope = frozenset()
    plain: LocalScope = frozenset()
    outer: Locals | None = None
    classes: LocalScope = frozenset()
    makers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def spec_of(self, name: str, rest: tuple[str, ...]) -> str | None:
        """Give what the use of a local takes from a module; ``None`` if no import binds it.

        Args:
            rest: of the chain that begins with the local.
        """
        if name not in self.imports:
            return None
        module, taken = self.imports[name]
        parts = (taken, *(rest or "*")) if taken else rest or ("*",)
        return f"{module}:{'.'.join(parts)}"

    def note_step(self, target: ast.expr, refs: Refs) -> bool:
        """Note that an operator may change a target in place, if that is a parameter that nothing
        else binds anew; say whether it is."""
        if not isinstance(target, ast.Name) or target.id not in self.parameters - self.assigned:
            return False
        refs.steps.add(target.id)
        return True

    def note_change(self, name: str, refs: Refs) -> None:
        """Note in ``refs`` that what a local stands for is changed."""
        if name in self.parameters:
            refs.alters_parameters = True
        elif name not in self.own:
            refs.changes_closure = True
        elif name in self.fresh:
            return
        elif name in self.makers:
            refs.given |= self.makers[name]
        else:
            refs.changes_unknown = True

    def asks_own_class(self, node: ast.Attribute) -> bool:
        """Say whether this asks for the subclasses of a class that only this call can have made.

        No more than what the function and its callees define can be among them.
        """
        is_own = isinstance(node.value, ast.Name) and node.value.id in self.classes
        return node.attr == "__subclasses__" and is_own


def know_locals(node: FunctionNode, own: LocalScope, around: LocalScope = frozenset()) -> Locals:
    """Learn what the locals of a function stand for.

    Args:
        own: the names it binds.
        around: those that functions around it bind.
    """
    parameters = frozenset(argument.arg for argument in all_arguments(node.args))
    values: dict[str, list[ast.expr | None]] = {}
    inside = inside_of(node)
    for name, bound in _bound(inside):
        values.setdefault(name, []).append(bound)
    imports: dict[str, tuple[str, str | None]] = {}
    for inner in inside.of(ast.Import):
        for alias in inner.names:
            bound = alias.asname or alias.name.split(".")[0]
            imports[bound] = (alias.name if alias.asname else bound, None)
    for inner in inside.of(ast.ImportFrom):
        for alias in inner.names:
            module = import_spec(inner.module, inner.level)
            imports[alias.asname or alias.name] = (module, alias.name)
    classes = {inner.name for inner in inside.of(ast.ClassDef)}
    counts: dict[str, int] = {}
    declared = {id(inner.target) for inner in inside.of(ast.AnnAssign) if inner.value is None}
    for inner in inside.of(ast.Name):
        if inner.ctx.__class__ is ast.Store and id(inner) not in declared:
            counts[inner.id] = counts.get(inner.id, 0) + 1
    steps = Counter(n.target.id for n in inside.of(ast.AugAssign) if isinstance(n.target, ast.Name))
    is_all = {name: len(found) == counts.get(name) for name, found in values.items()}
    fresh = {
        name
        for name, found in values.items()
        if name not in parameters and is_all[name] and all(map(is_new, found))
    }
    makers = {
        name: chains
        for name, found in values.items()
        if name not in parameters and len(found) + steps[name] == counts.get(name)
        for chains in [makers_of(found, own | around)]
        if chains is not None
    }
    aliases: dict[str, list[ast.expr]] = {}
    for name, found in values.items():
        for value in map(looked_up, found):
            if value is not None:
                aliases.setdefault(name, []).append(value)
    first = next((argument.arg for argument in (*node.args.posonlyargs, *node.args.args)), "")
    made = set(_looped_over_made(inside))
    made |= {name for name, found in values.items() if is_all[name] and all(map(_is_made, found))}
    plain = {name for name in fresh if all(map(_is_plain, values[name]))}
    own_values = {name: found for name, found in values.items() if name not in parameters}
    copies = {
        name for name, found in own_values.items() if is_all[name] and all(map(_copies, found))
    }
    return Locals(
        parameters=parameters,
        own=own,
        fresh=frozenset(fresh),
        aliases=aliases,
        imports=imports,
        first=first,
        rebound=frozenset(counts),
        assigned=frozenset(name for name, count in counts.items() if count > steps[name]),
        taken=frozenset(counts) - made,
        copies=frozenset(copies),
        plain=frozenset(plain),
        makers=makers,
        classes=own & (classes - parameters - imports.keys() - counts.keys()),
    )


def _bound(inside: Inside) -> Iterator[tuple[str, ast.expr | None]]:
    """Give names with what assignments bind them to, also by position: ``a, b = f(), g()``."""
    for assigned in inside.of(ast.Assign):
        for target in assigned.targets:
            pairs = [(target, assigned.value)]
            if isinstance(target, ast.Tuple) and isinstance(assigned.value, ast.Tuple):
                values = assigned.value.elts
                if not any(isinstance(part, ast.Starred) for part in (*target.elts, *values)):
                    pairs = list(zip(target.elts, values, strict=True))
            yield from ((to.id, value) for to, value in pairs if isinstance(to, ast.Name))
    for annotated in inside.of(ast.AnnAssign):
        if isinstance(annotated.target, ast.Name) and annotated.value is not None:
            yield annotated.target.id, annotated.value


def _is_made(value: ast.expr | None) -> bool:
    return isinstance(value, (ast.Call, ast.Lambda))


def _copies(value: ast.expr | None) -> bool:
    """Say whether an expression gives who changes it an object of its own: ``given.copy()``."""
    function = value.func if isinstance(value, ast.Call) else None
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("copy", "deepcopy")


def _is_plain(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return (chain_of(value.func) or "").rpartition(".")[2] in NEW_CONTAINERS
    return isinstance(value, NEW_NODES)


def _looped_over_made(inside: Inside) -> Iterator[str]:
    """Give the targets of loops over what calls give: ``for add in reversed((f(1), f(2)))``."""
    for node in inside.of(ast.For):
        if isinstance(node.target, ast.Name):
            over = node.iter
            if isinstance(over, ast.Call) and len(over.args) == 1:
                over = over.args[0]
            if _holds_made(over):
                yield node.target.id


def _holds_made(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _holds_made(node.left) and _holds_made(node.right)
    return isinstance(node, (ast.List, ast.Tuple)) and all(map(_is_made, node.elts))
