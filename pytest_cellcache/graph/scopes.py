"""Which names a scope binds, and which parts of a def its enclosing scope evaluates."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.refs import KEYED, names_own_module

LocalScope = frozenset[str]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES: Final = (*_FUNCTIONS, ast.ClassDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BINDING_NOTHING: Final = frozenset(
    (
        ast.Attribute, ast.Call, ast.Constant, ast.keyword, ast.Expr, ast.Assign, ast.Subscript,
        ast.Return, ast.Assert, ast.Compare, ast.Dict, ast.List, ast.Tuple, ast.If, ast.With,
        ast.withitem, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.JoinedStr, ast.FormattedValue,
    )
)  # fmt: skip
"""The commonest kinds of nodes: only what is below them may bind a name."""


def names_bound_in(nodes: Iterable[ast.AST]) -> LocalScope:
    """Names that a function scope binds, without those declared global."""
    bound: set[str] = set()
    outer: set[str] = set()
    stack: list[ast.AST] = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            continue
        if node.__class__ in _BINDING_NOTHING:
            stack += children_of(node)
            continue
        if isinstance(node, _SCOPES):
            if not isinstance(node, ast.Lambda):
                bound.add(node.name)
            stack.extend(evaluated_outside(node))
            continue
        if isinstance(node, _COMPREHENSIONS):
            # Targets stay inside; a walrus binds here.
            stack.extend(n for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            continue
        if isinstance(node, ast.NamedExpr):
            bound.add(node.target.id)
            stack.append(node.value)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name.split(".")[0]) for alias in node.names)
            continue
        if isinstance(node, ast.Global):
            outer.update(node.names)
            continue
        if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        stack += children_of(node)
    return frozenset(bound - outer)


def scope_of_loop(node: ast.For, local: LocalScope) -> LocalScope:
    """Give the names that the body of a module's loop finds in the loop: it binds its target.

    Not where a function is made in it, which looks the name up later.
    """
    if any(isinstance(inner, _FUNCTIONS) for part in node.body for inner in ast.walk(part)):
        return local
    return local | names_bound_in([node.target])


def evaluated_outside(
    node: FunctionNode | ast.ClassDef, *, has_lazy_annotations: bool = False
) -> Iterator[ast.AST]:
    """Parts of a def, lambda or class that its enclosing scope evaluates."""
    if isinstance(node, ast.ClassDef):
        yield from node.decorator_list
        yield from node.bases
        yield from node.keywords
        return
    arguments = node.args
    yield from arguments.defaults
    yield from (default for default in arguments.kw_defaults if default is not None)
    if isinstance(node, ast.Lambda):
        return
    yield from node.decorator_list
    if has_lazy_annotations:
        return
    for argument in all_arguments(arguments):
        if argument.annotation is not None:
            yield argument.annotation
    if node.returns is not None:
        yield node.returns


def all_arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    """List the parameters of every kind."""
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    if arguments.vararg:
        yield arguments.vararg
    if arguments.kwarg:
        yield arguments.kwarg


NEW_NODES: Final = (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.JoinedStr, *_COMPREHENSIONS)
NEW_CONTAINERS: Final = frozenset(
    "dict list set bytearray frozenset tuple sorted defaultdict OrderedDict deque Counter".split()
)


_READING: Final = frozenset("rbtU")
_OF_ATTRIBUTES: Final = ("getattr", "hasattr", "setattr", "delattr")


def is_new(node: ast.expr | None) -> bool:
    """Say whether an expression surely gives an object that nobody else has."""
    if isinstance(node, NEW_NODES):
        return True
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "__new__":
            return True  # ``super().__new__(cls)``
        name = (chain_of(node.func) or "").rpartition(".")[2]
        return name in NEW_CONTAINERS or name[:1].isupper()
    return False


class Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node, without some."""

    def __init__(self, left_out: Iterable[str]) -> None:
        super().__init__()
        self._left_out = frozenset(left_out)

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        found = self[kind] = tuple(name for name in kind._fields if name not in self._left_out)
        return found


_FIELDS: Final = Fields(
    "ctx op ops id attr arg asname module level type_comment kind simple is_async".split()
)
"""Those that may hold statements or expressions."""
_FIELDS.update({ast.Constant: (), ast.Name: (), ast.Global: (), ast.Nonlocal: ()})


def children_of(node: ast.AST) -> list[ast.AST]:
    """Give the statements and expressions right below a node, operators and contexts aside."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:  # ``iter_child_nodes`` takes several times as long
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk_scope(node: ast.AST) -> list[ast.AST]:
    """Walk a statement without entering functions and classes defined in it.

    What was found is kept on the statement, as it is asked for again and again.
    """
    below: list[ast.AST] | None = node.__dict__.get("_below")
    if below is None:
        below = []
        stack = [] if isinstance(node, _SCOPES) else children_of(node)
        while stack:
            current = stack.pop()
            below.append(current)
            if not isinstance(current, _SCOPES):
                stack += children_of(current)
        node.__dict__["_below"] = below  # without the node: a cycle would outlive its tree
    return [node, *below]


def chain_of(node: ast.AST, local: LocalScope = frozenset()) -> str | None:
    """Give ``a.b.c`` for an attribute chain on a global name; ``None`` for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id in local:
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


def naming_attribute(node: ast.Call, local: LocalScope) -> ast.Call:
    """Give a call such as ``getattr(mod, "X")`` as if it were handed ``mod.X``.

    It consults no other attribute, so a module does not count as a whole. The same goes for
    ``monkeypatch.setattr(mod, "X", 1)`` and ``patch.object(mod, "X")``: methods of these names of
    what a function was given, or made. Special attributes may lead to all others. The name of a
    logger is no path to a module.
    """
    if isinstance(node.func, ast.Attribute) and node.func.attr == "getLogger":
        return ast.copy_location(ast.Call(node.func, _parts(node.args), node.keywords), node)
    if len(node.args) < 2 or chain_of(node.args[0], local) is None:
        return node
    first, named = node.args[0], node.args[1]
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        return node
    if not named.value.isidentifier() or named.value.startswith("__"):
        return node
    if not _takes_attribute(node.func, local):
        return node
    seen = ast.copy_location(ast.Attribute(first, named.value, ast.Load()), first)
    args = [seen, *node.args[1:]]
    return ast.copy_location(ast.Call(node.func, args, node.keywords), node)


def _parts(args: list[ast.expr]) -> list[ast.expr]:
    """Cut texts at their dots."""
    found: list[ast.expr] = []
    for argument in args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            parts = argument.value.split(".")
            found += [ast.copy_location(ast.Constant(part), argument) for part in parts]
        else:
            found.append(argument)
    return found


def _takes_attribute(function: ast.expr, local: LocalScope) -> bool:
    """Say whether a function takes an object and the name of one of its attributes."""
    if isinstance(function, ast.Name):
        return function.id in _OF_ATTRIBUTES and function.id not in local
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value
    if function.attr == "object":
        return (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) == (
            "patch"
        )
    is_given = isinstance(owner, ast.Name) and owner.id in local and owner.id != "self"
    return is_given and function.attr in ("setattr", "delattr")


def callee_of(function: ast.expr, local: LocalScope) -> str | None:
    """Name what is called as ``Refs.calls`` does; ``None`` for a method of a literal."""
    chain = chain_of(function, local)
    if chain is not None:
        return chain
    tail = ""
    inner: ast.AST = function
    if isinstance(inner, ast.Attribute):
        tail, inner = "." + inner.attr, inner.value
    if isinstance(inner, (ast.Constant, *NEW_NODES)):
        return None
    if isinstance(inner, ast.Call) and (called := chain_of(inner.func, local)):
        return f"{called}(){tail}"
    return tail


def may_change_in_place(node: ast.AugAssign) -> bool:
    """Say whether ``a += b`` may change the object that ``a`` is: a list takes in another."""
    return not isinstance(node.value, (ast.Constant, ast.JoinedStr))


def opens_to_write(call: ast.Call) -> bool:
    """Say whether a call of an ``open`` may be for more than reading, as far as its mode tells.

    That is the second argument of the function, the first of a method of a path.
    """
    first = isinstance(call.func, ast.Name)
    modes = [keyword.value for keyword in call.keywords if keyword.arg in ("mode", None)]
    modes += call.args[first:]
    if any(isinstance(each, ast.Starred) for each in call.args):
        return True
    given = [each.value if isinstance(each, ast.Constant) else None for each in modes]
    return any(
        not isinstance(each, int) and not (isinstance(each, str) and set(each) <= _READING)
        for each in given
    )


def receiver_of(node: ast.Call, function: ast.Attribute) -> ast.expr:
    """Give what a method is called on, also where it is taken from a builtin class:
    ``dict.update(self, x)``."""
    owner = function.value
    is_class = isinstance(owner, ast.Name) and owner.id in ("object", "type", "dict", "list", "set")
    return node.args[0] if is_class and node.args else owner


def names_a_key(node: ast.expr) -> bool:
    """Say whether a key is what it says, or comes from who says it: no text is put together."""
    return isinstance(node, (ast.Constant, ast.Name, ast.Attribute))


def keyed(mapping: ast.expr, key: ast.expr, local: LocalScope) -> ast.expr | None:
    """Give a mapping that is asked for a key which says what it is (``names_a_key``).

    Of ``sys.modules`` it has to tell which module: a name may stand for any, while the one that
    ``cls.__module__`` is of cannot be missing.
    """
    is_told = names_a_key(key)
    if is_told and isinstance(mapping, ast.Attribute) and chain_of(mapping, local) == "sys.modules":
        is_told = isinstance(key, ast.Constant) or names_own_module(key)
    return mapping if is_told else None


def function_for_builtins(node: ast.Subscript) -> ast.expr | None:
    """Give ``f`` of ``f.__globals__["__builtins__"]``, which is the same for every function."""
    space = node.value
    if not isinstance(space, ast.Attribute) or space.attr != "__globals__":
        return None
    is_key = isinstance(node.slice, ast.Constant) and node.slice.value == "__builtins__"
    return space.value if is_key and isinstance(node.ctx, ast.Load) else None


def used_whole(node: ast.Call, local: LocalScope) -> set[str]:
    """Give the mapping that a call such as ``D.get(f(x))`` may ask for any key."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr not in KEYED or not node.args:
        return set()
    chain = chain_of(function.value, local)
    return set() if chain is None or names_a_key(node.args[0]) else {chain}


def sized(node: ast.Call, local: LocalScope) -> ast.expr | None:
    """Give what a call asks for its number: ``D`` of ``len(D)``."""
    function, arguments = node.func, node.args
    if not (isinstance(function, ast.Name) and function.id == "len" and len(arguments) == 1):
        return None
    chain = chain_of(arguments[0], local)
    is_any = chain is None or chain.startswith("sys.")
    return None if "len" in local or is_any else arguments[0]


_INITIALISERS: Final = frozenset({"__init__", "__post_init__", "__set_name__"})


def initialises(qualname: str) -> bool:
    """Say whether a method is called once for a new object."""
    return qualname.rpartition(".")[2] in _INITIALISERS
