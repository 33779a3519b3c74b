"""Cuts a module into cells.

Top-level statements become cells one by one. Compound statements (``if``, ``try``, ``for``, ...)
are one cell that binds all their names, but the functions defined in them are defs of their own, so
that a body counts only where it ran. What ``if TYPE_CHECKING:`` guards never runs and is left out;
what runs in a main module only is kept apart.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_cellcache.graph.annotations import take_annotations
from pytest_cellcache.graph.bases import classes_in
from pytest_cellcache.graph.cells import Alias, Cell, CellKind, Def, Table
from pytest_cellcache.graph.defaults import defaults_of, keeps_default
from pytest_cellcache.graph.docstrings import DEFS, FunctionDef, definitions_in, take_docstrings
from pytest_cellcache.graph.exports import exports_of
from pytest_cellcache.graph.given import gives_new
from pytest_cellcache.graph.inside import inside_of
from pytest_cellcache.graph.lambdas import kept_lambdas
from pytest_cellcache.graph.mains import take_main
from pytest_cellcache.graph.refs import Refs, import_spec
from pytest_cellcache.graph.scan import scan, scan_function
from pytest_cellcache.graph.scopes import chain_of, names_bound_in
from pytest_cellcache.graph.statements import (
    binds_new,
    caught_imports,
    files_in,
    inner_statements,
    is_call,
    is_change,
    is_name_target,
    may_raise,
    only_binds,
    only_reads,
)
from pytest_cellcache.graph.syntaxdigest import ClassShape, digest_syntax, shape_of
from pytest_cellcache.model.digest import Digest, digest_bytes, digest_parts
from pytest_cellcache.model.memos import MEMO

_TEST_NAME: Final = "test"
_PAUSING: Final = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)
_NO_SHAPE: Final = ClassShape()


def split_cells(source: bytes) -> Table:
    """Cut a module's source, in any encoding Python reads, into its table."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            code = digest_syntax(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return Table(code=digest_bytes(source), is_broken=True)
    main = take_main(tree)
    documented = take_docstrings(tree)
    table = _Splitter(tree, documented).table(code)
    return table._replace(exports=exports_of(tree, source), main=main)


class _Splitter:
    def __init__(self, tree: ast.Module, docs: dict[str, Digest]) -> None:
        self._tree = tree
        self._docs = docs
        self._cells: list[Cell] = []
        self._defs: list[Def] = []
        self._aliases: dict[str, list[Alias]] = {}
        self._loads: list[str] = []
        self._stars: list[str] = []
        self._markers: dict[str, tuple[Digest, Refs]] = {}
        self._futures: list[str] = []
        self._has_future_annotations = False
        self._raising: set[int] = set()
        self._annotated: set[ast.AST] = set()

    def table(self, code: Digest) -> Table:
        body = self._tree.body
        self._drop_type_checking()
        caught = caught_imports(_outside_functions(body))
        unguarded: set[str] = set()
        for statement in _outside_functions(body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                known = len(self._loads)
                self._note_import(statement)
                if statement not in caught:
                    unguarded.update(self._loads[known:])
        self._has_future_annotations = "annotations" in self._futures
        self._raising = {id(statement) for statement in body if may_raise(statement)}
        annotations, self._annotated = take_annotations(body)
        for prefix, node in list(definitions_in(body, "")):
            self._take_markers(prefix, node)
            if isinstance(node, DEFS):
                self._take_body(prefix, node)
        for statement in body:
            self._take_lambdas(statement)
        for index, statement in enumerate(body):
            self._split(statement, is_first=index == 0)
        return Table(
            cells=tuple(self._cells),
            defs=tuple(self._defs),
            aliases={name: tuple(found) for name, found in self._aliases.items()},
            loads=tuple(dict.fromkeys(self._loads)),
            stars=tuple(self._stars),
            markers=self._markers,
            docs=self._docs,
            futures=tuple(sorted(self._futures)),
            code=code,
            guarded=tuple(sorted(set(self._loads) - unguarded)),
            annotations=annotations,
        )

    def _drop_type_checking(self) -> None:
        assigned = {
            name.id
            for statement in self._tree.body
            if isinstance(statement, (ast.Assign, ast.AnnAssign))
            for name in ast.walk(statement)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        if "TYPE_CHECKING" in assigned:
            return
        for statement in list(_outside_functions(self._tree.body)):
            if isinstance(statement, ast.If):
                chain = chain_of(statement.test)
                if chain and chain.rpartition(".")[2] == "TYPE_CHECKING":
                    statement.body = [ast.copy_location(ast.Pass(), statement)]

    def _note_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._loads.append(alias.name)
                bound = alias.asname or alias.name.split(".")[0]
                target = alias.name if alias.asname else bound
                self._aliases.setdefault(bound, []).append(Alias(target, None))
            return
        if node.module == "__future__" and not node.level:
            self._futures += [alias.name for alias in node.names]
            return
        module = import_spec(node.module, node.level)
        for alias in node.names:
            self._loads.append(import_spec(node.module, node.level, alias.name))
            if alias.name == "*":
                self._stars.append(module)
            else:
                bound = alias.asname or alias.name
                self._aliases.setdefault(bound, []).append(Alias(module, alias.name))

    def _is_marker(self, decorator: ast.expr) -> bool:
        """Say whether a decorator is pytest's own and takes effect through the item only."""
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        chain = chain_of(target)
        if chain is None:
            return False
        root, _, rest = chain.partition(".")
        found = self._aliases.get(root, ())
        if len(found) != 1:
            return False
        module, name = found[0].module, found[0].name
        full = ".".join(part for part in (module, name, rest) if part)
        return full.startswith("pytest.mark.") or full in (
            "pytest.fixture",
            "pytest_asyncio.fixture",
        )

    def _take_markers(self, prefix: str, node: FunctionDef | ast.ClassDef) -> None:
        markers = [decorator for decorator in node.decorator_list if self._is_marker(decorator)]
        if markers:
            name = prefix + node.name
            digest = digest_syntax(*markers)
            refs = scan(markers)
            if name in self._markers:  # defined twice
                digest = digest_parts([self._markers[name][0], digest])
                refs.join(self._markers[name][1])
            self._markers[name] = (digest, refs)

    def _take_body(self, prefix: str, node: FunctionDef) -> None:
        """Cut the body out of a function, and those of the functions defined in it."""
        scanned = scan_function(node, prefix + node.name)
        found: list[Def] = []
        for qualname, inner, refs in reversed(scanned):  # inner ones first
            if isinstance(inner, ast.Lambda):
                continue
            made = _make_def(qualname, inner, refs, is_method=bool(prefix))
            found.append(made._replace(is_annotated=inner in self._annotated))
            inner.body = []
        self._defs += reversed(found)
        node.decorator_list = [d for d in node.decorator_list if not self._is_marker(d)]

    def _take_lambdas(self, statement: ast.stmt) -> None:
        """Cut the bodies out of the lambdas that a statement only keeps."""
        for qualname, node in kept_lambdas(statement):
            _, _, refs = scan_function(node, qualname)[0]
            made = Def(
                qualname=qualname,
                digest=digest_syntax(node.body),
                refs=refs,
                start=node.lineno,
                end=node.end_lineno or node.lineno,
                has_kept_default=keeps_default(node.args),
                defaults=defaults_of(node.args),
                is_generator=inside_of(node).has(_PAUSING),
                first=node.lineno,
            )
            self._defs.append(made)
            node.body = ast.copy_location(ast.Constant(None), node.body)

    def _split(self, statement: ast.stmt, *, is_first: bool) -> None:
        start, end = statement.lineno, statement.end_lineno or statement.lineno
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            self._split_import(statement)
        elif isinstance(statement, DEFS):
            start = min([start, *(d.lineno for d in statement.decorator_list)])
            decorated = bool(statement.decorator_list)
            self._add("def", (statement.name,), statement, start, end, is_decorated=decorated)
        elif isinstance(statement, ast.ClassDef):
            self._split_class(statement, "")
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            if is_first and isinstance(statement.value.value, str):
                self._add("value", ("__doc__",), statement, start, end)
        elif isinstance(statement, ast.Pass):
            pass
        else:
            is_value = isinstance(statement, (ast.AnnAssign, ast.AugAssign)) and isinstance(
                statement.target, ast.Name
            )
            if isinstance(statement, ast.Assign):
                is_value = all(is_name_target(target) for target in statement.targets)
            is_value = is_value or type(statement).__name__ == "TypeAlias"  # 3.12+
            binds = tuple(sorted(names_bound_in([statement])))
            kind: CellKind = "value" if is_value else "effect"
            self._add(kind, binds, statement, start, end)

    def _add(
        self,
        kind: CellKind,
        binds: tuple[str, ...],
        statement: ast.stmt,
        start: int,
        end: int,
        *,
        bases: tuple[str, ...] = (),
        metaclass: str = "",
        is_decorated: bool = False,
        decorators: tuple[str, ...] = (),
        shape: ClassShape = _NO_SHAPE,
    ) -> None:
        refs = scan([statement], has_lazy_annotations=self._has_future_annotations)
        self._cells.append(
            Cell(
                kind,
                binds,
                digest_syntax(statement),
                refs,
                start,
                end,
                bases,
                is_decorated,
                kind == "effect" and only_binds(statement),
                binds_new(statement),
                is_change(statement) or is_call(statement),
                shape=shape.effects,
                core=shape.core,
                methods=shape.methods,
                may_raise=id(statement) in self._raising or may_raise(statement),
                classes=tuple(classes_in([statement])) if kind in ("class", "effect") else (),
                only_reads=kind == "effect" and only_reads(statement),
                files=files_in(statement) if kind == "effect" else (),
                metaclass=metaclass,
                bare=shape.bare,
                decorators=decorators,
                is_mere=isinstance(statement, ast.AnnAssign) and statement.value is None,
            )
        )

    def _split_import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = node.module if isinstance(node, ast.ImportFrom) else None
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        if module == "__future__":
            return
        for alias in node.names:
            bound = alias.asname or (
                alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name
            )
            digest = digest_parts(
                [type(node).__name__, module or "", str(level), alias.name, bound]
            )
            binds = () if bound == "*" else (bound,)
            self._cells.append(
                Cell(
                    "import",
                    binds,
                    digest,
                    Refs(),
                    node.lineno,
                    node.end_lineno or node.lineno,
                    imported=alias.name
                    if isinstance(node, ast.Import)
                    else import_spec(module, level, alias.name),
                )
            )

    def _split_class(self, node: ast.ClassDef, prefix: str) -> None:
        name = prefix + node.name
        markers = [d for d in node.decorator_list if self._is_marker(d)]
        node.decorator_list = [d for d in node.decorator_list if d not in markers]
        start = min([node.lineno, *(d.lineno for d in (*node.decorator_list, *markers))])
        kept: list[ast.stmt] = []
        for member in node.body:
            if isinstance(member, DEFS) and member.name.startswith(_TEST_NAME):
                # Nobody looks such a name up but pytest: one more test changes no other.
                self._add(
                    "def",
                    (f"{name}.{member.name}",),
                    member,
                    member.lineno,
                    member.lineno,
                    is_decorated=bool(member.decorator_list),
                )
            else:
                kept.append(member)
        for member in kept:
            if isinstance(member, ast.ClassDef):
                self._drop_test_members(member, name + ".")
        node.body = kept
        bases = tuple(chain_of(base) or "" for base in node.bases)
        made_by = tuple(chain_of(k.value) or "" for k in node.keywords if k.arg == "metaclass")
        self._add(
            "class",
            (name,),
            node,
            start,
            node.end_lineno or node.lineno,
            bases=bases + made_by,
            metaclass=made_by[0] if made_by and made_by[0] not in bases else "",
            is_decorated=bool(node.decorator_list) or bool(node.keywords),
            decorators=_makers(node.decorator_list) + ("",) * bool(node.keywords),
            shape=shape_of(node),
        )

    def _drop_test_members(self, node: ast.ClassDef, prefix: str) -> None:
        """Cut test methods out of a nested class; the rest stays part of the outer class."""
        before = len(self._cells)
        self._split_class(node, prefix)
        del self._cells[-1]  # the nested class itself
        if len(self._cells) < before:
            raise AssertionError("a nested class gave no cell")


def _makers(decorators: list[ast.expr]) -> tuple[str, ...]:
    """Give chains of decorators, or of what makes them; the empty one where it is none."""
    return tuple(chain_of(d.func if isinstance(d, ast.Call) else d) or "" for d in decorators)


def _make_def(qualname: str, node: FunctionDef, refs: Refs, *, is_method: bool) -> Def:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    decorators = _makers(node.decorator_list)
    return Def(
        qualname=qualname,
        digest=digest_syntax(*node.body),
        refs=refs,
        start=first,
        end=node.end_lineno or node.lineno,
        is_memo=any(d and MEMO.search(d.rpartition(".")[2]) for d in decorators),
        is_method=is_method,
        decorators=decorators,
        has_kept_default=keeps_default(node.args),
        defaults=defaults_of(node.args),
        is_generator=inside_of(node).has(_PAUSING),
        first=node.body[0].lineno,
        gives_new=gives_new(node),
    )


def _outside_functions(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk statements, compound ones and classes included, without entering functions."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.ClassDef):
            yield from _outside_functions(statement.body)
        elif not isinstance(statement, DEFS):
            yield from _outside_functions(inner_statements(statement))
