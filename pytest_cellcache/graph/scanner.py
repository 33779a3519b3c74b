"""Walks a piece of syntax and notes what it refers to; see ``scan``.

Scopes are resolved as the compiler does (parameters and assigned names are local unless declared
``global``), so that a local variable never counts as a ref to a global of the same name. Class
bodies look names up dynamically (``LOAD_NAME``): there a name always counts as a ref.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Final

from pytest_cellcache.graph import namespaces
from pytest_cellcache.graph.asking import note_asking
from pytest_cellcache.graph.bases import bases_of, names_around
from pytest_cellcache.graph.inside import body_of, inside_of
from pytest_cellcache.graph.keeping import note_keeping
from pytest_cellcache.graph.locals import Locals, know_locals
from pytest_cellcache.graph.refs import (
    DYNAMIC,
    DYNAMIC_ATTRS,
    MUTATORS,
    OPERATING,
    REFLECTION,
    SIZED,
    Refs,
    import_spec,
    words_of,
)  # fmt: skip
from pytest_cellcache.graph.scopes import (
    FunctionNode,
    LocalScope,
    all_arguments,
    callee_of,
    chain_of,
    children_of,
    evaluated_outside,
    function_for_builtins,
    is_new,
    keyed,
    may_change_in_place,
    names_bound_in,
    naming_attribute,
    opens_to_write,
    receiver_of,
    scope_of_loop,
    sized,
    used_whole,
)

_OF_ANY: Final = ("sys.modules.get", "sys.modules.values", "sys.modules.items")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+\Z")
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Scanned = tuple[str, FunctionNode, Refs]
"""Qualified name, syntax and refs of the body of a function."""


class Scanner:
    """Collects refs of what it visits in ``found``, of functions in functions in ``nested``."""

    def __init__(self, *, has_lazy_annotations: bool) -> None:
        self.found = Refs()
        self.nested: list[Scanned] = []
        self.path: list[str] = []
        self._keyed: ast.AST | None = None
        self._sized: ast.AST | None = None
        self._written: ast.expr | None = None
        self._has_lazy_annotations = has_lazy_annotations
        self._inside: Locals | None = None
        self._callee: ast.expr | None = None
        self._is_class = False
        self._around: dict[str, str] = {}
        self._handlers: dict[type, Callable[..., None]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Compare: self._compare,
            ast.Call: self._call,
            ast.Constant: self._constant,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), self._function),
            ast.ClassDef: self._class,
            **dict.fromkeys((ast.Global, ast.Nonlocal), self._global),
            **dict.fromkeys(_COMPREHENSIONS, self._comprehension),
            ast.For: self._for,
            ast.AugAssign: self._aug_assign,
            ast.Return: self._return,
            ast.AnnAssign: self._ann_assign,
            ast.MatchClass: self._match_class,
        }

    def visit(self, node: ast.AST, local: LocalScope) -> None:
        handler = self._handlers.get(type(node))
        if handler is not None:
            handler(node, local)
        else:
            self._children(node, local)

    def function_body(self, node: FunctionNode, local: LocalScope) -> None:
        body = body_of(node)
        inner = names_bound_in(body)
        declared = {name for n in inside_of(node).of(ast.Global) for name in n.names}
        names = {argument.arg for argument in all_arguments(node.args)}
        inner_scope = frozenset((local | inner | names) - declared)
        outer = self._inside
        self._inside = known = know_locals(node, frozenset(inner | names), local)
        outer_around, self._around = self._around, names_around(node, ())
        if outer is not None:  # an import of an enclosing function is seen here too
            known.imports, known.outer = {**outer.imports, **known.imports}, outer
        for statement in body:
            self.visit(statement, inner_scope)
        note_keeping(node, known, inner_scope, self.found)
        note_asking(node, known, inner_scope, self.found)
        self._inside, self._around = outer, outer_around

    def _children(self, node: ast.AST, local: LocalScope) -> None:
        for child in children_of(node):
            self.visit(child, local)

    def _name(self, node: ast.Name, local: LocalScope) -> None:
        if node.id in local:
            if isinstance(node.ctx, ast.Load):
                self._local_import(node.id, ())
            return
        if isinstance(node.ctx, ast.Load):
            self._load(node.id, node)
        else:
            self.found.stores.add(node.id)

    def _load(self, chain: str, node: ast.AST) -> None:
        self.found.chains.add(chain)
        self.found.reads_namespace |= namespaces.is_given(chain) and node is not self._callee
        if node is not self._keyed:
            self.found.wholes.add(f"{chain}.{SIZED}" if node is self._sized else chain)

    def _local_import(self, name: str, rest: tuple[str, ...]) -> bool:
        """Note the use of a name that an import in this function has bound."""
        spec = self._inside.spec_of(name, rest) if self._inside is not None else None
        if spec is not None:
            self.found.imports.add(spec)
        return spec is not None

    def _attribute(self, node: ast.Attribute, local: LocalScope) -> None:
        if self._inside is not None and self._inside.asks_own_class(node):
            return
        if isinstance(node.ctx, ast.Load):
            self.found.attrs.add(node.attr)
            if node is not self._callee:
                self.found.fields.add(node.attr)
        if node.attr in DYNAMIC_ATTRS:
            self.found.is_dynamic = True
            self.found.reflects |= node.attr != "import_module"
        chain = chain_of(node, local)
        is_asked = chain == "sys.modules.get" and node is self._callee
        if node.attr == "__globals__" or (chain in _OF_ANY and not is_asked):
            self.found.imports_computed = True
        if not isinstance(node.ctx, ast.Load):
            receiver = chain_of(node.value, local)
            if receiver is None:
                self.found.attr_stores.add(node.attr)
                if isinstance(node.value, ast.Name):
                    self._change_local(node.value.id)
            else:
                # ``mod.x = 1``: both the object and, if it is a module, that name of it.
                self.found.receivers.add(receiver)
                self.found.receivers.add(f"{receiver}.{node.attr}")
        if chain is not None:
            self._load(chain, node)
            inner: ast.AST = node.value
            while isinstance(inner, ast.Attribute):
                self.found.attrs.add(inner.attr)
                self.found.fields.add(inner.attr)
                inner = inner.value
            return
        parts = chain_of(node)
        if parts is not None:  # rooted in a local
            root, *rest = parts.split(".")
            if self._local_import(root, tuple(rest)):
                return
        self.visit(node.value, local)

    def _subscript(self, node: ast.Subscript, local: LocalScope) -> None:
        function = function_for_builtins(node)
        if function is not None:
            return self.visit(function, local)
        if (frame := namespaces.frame_of(node)) is not None:
            return self.visit(frame, local)
        if chain_of(node.value, local) == "sys.modules":
            is_read = isinstance(node.ctx, ast.Load) and node is not self._written
            if not self.found.note_lookup(node.slice) and is_read:
                self.found.imports_computed = True
        if not isinstance(node.ctx, ast.Load):
            # ``sys.modules[name].__dict__["x"] = 1`` reads nothing of the module.
            self._written = node.value.value if isinstance(node.value, ast.Attribute) else None
            self._receive(node.value, local)
        self._keyed = keyed(node.value, node.slice, local)
        self._children(node, local)

    def _compare(self, node: ast.Compare, local: LocalScope) -> None:
        self.visit(node.left, local)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                self._keyed = keyed(right, node.left, local)
            self.visit(right, local)

    def _receive(self, node: ast.AST, local: LocalScope, known: LocalScope = frozenset()) -> None:
        """Note that the value of an expression may be changed; ``known`` are locals it is of."""
        while isinstance(node, (ast.Subscript, ast.Call)):
            if isinstance(node, ast.Call) and is_new(node):
                return
            if isinstance(node, ast.Call) and chain_of(node.func, local) == "vars":
                self.found.attr_changes.add("__dict__")
                return
            node = node.value if isinstance(node, ast.Subscript) else node.func
        receiver = chain_of(node, local)
        if receiver is not None:
            self.found.receivers.add(receiver)
        elif isinstance(node, ast.Attribute):
            self.found.attr_changes.add(node.attr)
        elif isinstance(node, ast.Name):
            aliases = self._inside.aliases.get(node.id, ()) if self._inside is not None else ()
            for alias in () if node.id in known else aliases:
                self._receive(alias, local, known | {node.id})
            self._change_local(node.id)

    def _change_local(self, name: str) -> None:
        self.found.changes_unknown |= self._inside is None
        if self._inside is not None:
            self._inside.note_change(name, self.found)

    def _aug_assign(self, node: ast.AugAssign, local: LocalScope) -> None:
        target, may_change = node.target, may_change_in_place(node)
        if isinstance(target, ast.Name) and target.id not in local:
            self.found.chains.add(target.id)
            self.found.receivers.update({target.id} if may_change else ())
        elif may_change and not (self._inside and self._inside.note_step(target, self.found)):
            self._receive(target, local)
            if isinstance(target, ast.Attribute) and chain_of(target, local) is None:
                # The object that it was stays, as after ``self.a.extend(b)``.
                target = ast.Attribute(target.value, target.attr, ast.Load())
        is_step = isinstance(node.value, ast.Constant)
        if is_step and isinstance(target, ast.Attribute) and "creat" in target.attr:
            self.found.counts.update(filter(None, [chain_of(target, local)]))
            return  # the counter that orders declared fields: nobody rests on its value
        self.visit(target, local)
        self.visit(node.value, local)

    def _ann_assign(self, node: ast.AnnAssign, local: LocalScope) -> None:
        self.visit(node.target, local)
        if node.value is not None:
            self.visit(node.value, local)
        if self._is_class or not (self._inside or self._has_lazy_annotations):
            # Lazy ones too: ``get_type_hints`` and its like resolve them later.
            self.visit(node.annotation, local)
        if self._is_class and isinstance(node.target, ast.Name):
            self.found.attrs.add(node.target.id)  # a protocol may ask for it

    def _call(self, node: ast.Call, local: LocalScope) -> None:
        if (frame := namespaces.frame_of(node)) is not None:
            return self.visit(frame, local)
        function = self._callee = node.func
        self.found.wholes |= used_whole(node, local)
        self._sized = sized(node, local)
        chain = chain_of(function, local)
        self._note_call(function, local)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            handed = argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
            self.found.arguments.update(filter(None, (chain_of(item, local) for item in handed)))
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            self._receive(receiver_of(node, function), local)
        name = function.id if isinstance(function, ast.Name) else ""
        attr = function.attr if isinstance(function, ast.Attribute) else ""
        values = [a.value for a in node.args if isinstance(a, ast.Constant)]
        constants = [value for value in values if isinstance(value, str)]
        if (name or attr) in REFLECTION:
            for constant in constants:
                self.found.attrs.update(constant.split("."))
            if attr in ("__setattr__", "__delattr__") and node.args and chain is not None:
                # ``object.__setattr__(self, "a", 1)``
                self._receive(node.args[0], local)
                if constants:
                    self.found.attr_stores.update(constants)
                else:
                    self.found.attr_changes.add("__dict__")
            if (name or attr) in ("setattr", "delattr") and node.args:
                self._receive(node.args[0], local)
                self.found.attr_changes.update(constants or ("__dict__",))
            if name in ("getattr", "setattr") and len(node.args) > 1 and not constants:
                self.found.is_dynamic = self.found.reflects = True
        elif name in DYNAMIC:
            self.found.is_dynamic = self.found.reflects = True
        self.found.reads_namespace |= namespaces.is_asked(node, chain)
        if chain == "sys.modules.get" and not self.found.note_lookup(*node.args[:1]):
            self.found.imports_computed = True
        self.found.note_import(name or attr, constants, chain)
        if "open" in (name, attr):
            self.found.opens_to_write |= opens_to_write(node)
        self._children(naming_attribute(node, local), local)

    def _note_call(self, function: ast.expr, local: LocalScope) -> None:
        callee = callee_of(function, local)
        if callee is not None:
            self.found.calls.add(callee)

    def _constant(self, node: ast.Constant, local: LocalScope) -> None:
        value = node.value
        if isinstance(value, str):
            self.found.words |= words_of(value)
            if len(value) < 200 and _DOTTED.match(value):
                self.found.strings.add(value.replace(":", "."))

    def _import(self, node: ast.Import, local: LocalScope) -> None:
        self.found.imports.update(alias.name for alias in node.names)

    def _import_from(self, node: ast.ImportFrom, local: LocalScope) -> None:
        known = self._inside.imports if self._inside else {}
        for alias in node.names:
            spec = import_spec(node.module, node.level, alias.name)
            self.found.imports.add(spec)
            name = alias.asname or alias.name
            if name not in local or "{}:{}".format(*known.get(name, ("", ""))) != spec:
                self.found.imports.add(f"{spec}.*")  # what is used of it is not known

    def _function(self, node: FunctionNode, local: LocalScope) -> None:
        for part in evaluated_outside(node, has_lazy_annotations=self._has_lazy_annotations):
            self.visit(part, local)
        if not isinstance(node, ast.Lambda):
            self._decorators(node, local)
            if self._inside is not None:
                return self._nested(node, local)
        self.function_body(node, local)

    def _nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef, local: LocalScope) -> None:
        """Scan a function defined in a function apart: it may run when its definer does not."""
        outer, self.found = self.found, Refs()
        self.path.append(node.name)
        place, qualname = len(self.nested), ".".join(self.path)
        self.path.append("<locals>")
        self.function_body(node, local)
        self.nested.insert(place, (qualname, node, self.found))
        del self.path[-2:]
        self.found = outer

    def _class(self, node: ast.ClassDef, local: LocalScope) -> None:
        for part in evaluated_outside(node):
            self.visit(part, local)
        self._decorators(node, local)
        # What a class body binds is an attribute of the class, not a global.
        members = names_bound_in(node.body) - self.found.stores
        self.found.attrs |= members & OPERATING
        self.found.bases |= bases_of(node, local, self._around)
        outer, self._is_class = (self._is_class, self._around), self._inside is None
        self.path.append(node.name)
        self._around = names_around(node, self.path)
        for statement in node.body:
            self.visit(statement, local)
        self.path.pop()
        self._is_class, self._around = outer
        self.found.stores -= members

    def _match_class(self, node: ast.MatchClass, local: LocalScope) -> None:
        self.found.attrs.update(node.kwd_attrs)
        self._children(node, local)

    def _for(self, node: ast.For, local: LocalScope) -> None:
        inside = scope_of_loop(node, local) if self._inside is None else local
        for part in (node.iter, node.target, *node.orelse):
            self.visit(part, local)
        for part in node.body:
            self.visit(part, inside)

    def _return(self, node: ast.Return, local: LocalScope) -> None:
        # The caller may call what is looked up here under a computed name.
        if any(isinstance(n, ast.Name) and n.id == "getattr" for n in ast.walk(node)):
            self.found.calls.add("")
        self._children(node, local)

    def _decorators(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, local: LocalScope
    ) -> None:
        self.found.defines |= words_of(node.name)
        for decorator in node.decorator_list:  # called even without parentheses
            self._note_call(decorator, local)
            if isinstance(decorator, ast.Call):
                chain = chain_of(decorator.func, local)
                self.found.calls.add(f"{chain}()" if chain else "")

    def _global(self, node: ast.Global | ast.Nonlocal, local: LocalScope) -> None:
        is_outer = isinstance(node, ast.Nonlocal)
        self.found.changes_closure |= is_outer
        self.found.stores.update(() if is_outer else node.names)

    def _comprehension(self, node: ast.AST, local: LocalScope) -> None:
        generators = node.generators  # type: ignore[attr-defined]
        targets = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.visit(generators[0].iter, local)
        self._children(node, local | targets)
