"""Decides which cells change more than the names they bind when a module is imported.

A cell with an effect counts for everyone who imports its module, others only for who reads their
names. In doubt a cell has an effect. What a call changes is looked for in the bodies it reaches:
writes to globals, to attributes and items of anything but a new object, and calls of mutating
methods. ``foreign`` knows of code outside the project.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Collection
from typing import Final

from pytest_cellcache.graph.bases import UNKNOWN
from pytest_cellcache.graph.cells import Cell, Def, makes_classes
from pytest_cellcache.graph.foreign import (
    CLASS_MAKERS,
    IMPURE_BUILTINS,
    INITIALISERS,
    METACLASS_METHODS,
    PLAIN_BASES,
    is_pure_foreign,
    makes_new,
)
from pytest_cellcache.graph.meant import all_meant, is_item, present
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import attributes_made, changes_container, may_change
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import MUTATORS, Refs, is_unknown_call
from pytest_cellcache.graph.remembered import Place

_MAX_DEPTH: Final = 12


class Purity:
    """Judges cells of a project; results are kept for the run."""

    def __init__(self, project: Project, names: Names) -> None:
        self._project = project
        self._names = names
        self._judged: dict[tuple[object, ...], tuple[bool, frozenset[Place]]] = {}
        self._changed: set[Place] = set()

    def changes_of(self, path: str, cell: Cell) -> frozenset[Place] | None:
        """Give the globals of the project that evaluating a cell may change, beside those that it
        binds; ``None`` if it may change anything."""
        is_quiet, changed = self._judge(
            ("cell", path, id(cell)), lambda: not self._has_effect(path, cell)
        )
        return changed if is_quiet else None

    def changes_of_call(self, path: str, qualname: str) -> frozenset[Place] | None:
        """Give the same for a call of a def."""
        is_quiet, changed = self._judge(
            ("call", path, qualname), lambda: self._is_quiet(path, qualname, 0, is_strict=False)
        )
        return changed if is_quiet else None

    def _judge(
        self, key: tuple[object, ...], judge: Callable[[], bool]
    ) -> tuple[bool, frozenset[Place]]:
        """Judge something once; globals that it changes are added to those of its caller."""
        found = self._judged.get(key)
        if found is None:
            self._judged[key] = (True, frozenset())  # recursion: judged by the rest
            outer, self._changed = self._changed, set()
            is_quiet = judge()
            found = self._judged[key] = (is_quiet, frozenset(self._changed))
            self._changed = outer
        self._changed |= found[1]
        return found

    def _has_effect(self, path: str, cell: Cell) -> bool:
        if cell.kind == "import":
            return False
        refs = cell.refs
        is_plain = cell.only_binds or cell.only_reads
        if cell.kind == "effect" and not is_plain and not self._only_changes_own(path, cell):
            return True
        if not self._only_changes_project(path, refs.receivers):
            return True
        if refs.changes_unknown or (refs.imports and not cell.only_binds):
            return True
        if cell.kind != "class" and (refs.attr_changes or refs.attr_stores):
            return True
        if not self._defines_quietly(path, cell, 0):
            return True
        is_strict = self._passes_values(path, refs)
        calls = {call for call in refs.calls if not changes_container(self._project, path, call)}
        if cell.kind == "class":
            calls = {call for call in calls if not self._is_plain_member(path, cell, call)}
        if cell.only_reads:  # what it opens and calls methods of is a file
            files = {*cell.binds, "" if self._project.index(path).binds("open") else "open"}
            calls = {call for call in calls if call.partition(".")[0] not in files}
        # What is handed over may be called: ``map(f, xs)``, ``partial(f)()``.
        calls |= {chain for chain in refs.arguments if self._is_def(path, chain)}
        return not all(self._is_pure_call(path, call, 0, is_strict) for call in calls)

    def _only_changes_project(self, path: str, receivers: Collection[str]) -> bool:
        """Note the globals that receivers stand for; say whether all are the project's."""
        found = all_meant(self._project, self._names, path, receivers)
        self._changed |= found or set()
        return found is not None

    def _is_plain_member(self, path: str, cell: Cell, call: str) -> bool:
        """Say whether a class body calls something quiet of its own: ``x.setter``, ``Inner()``."""
        root, _, rest = call.partition("()")[0].partition(".")
        if self._project.index(path).binds(root):
            return False
        if rest in ("setter", "getter", "deleter"):
            return True
        inner = f"{cell.binds[0]}.{root}"
        defs = self._project.index(path).defs
        if inner in defs:
            return self._is_quiet(path, inner, 1, False)
        known = any(name.startswith(inner + ".") for name in defs)
        return known and self._has_quiet(path, inner, INITIALISERS, 1, False)

    def _is_def(self, path: str, chain: str) -> bool:
        return any(
            not tail and cell.kind == "def"
            for file, name, tail in present(self._project, self._names, path, chain)
            for cell in self._index(file, name)
        )

    def _only_changes_own(self, path: str, cell: Cell) -> bool:
        """Say whether a statement does nothing but change objects of its own module in place."""
        return bool(cell.refs.receivers) and cell.is_change and not cell.refs.attr_stores

    def _passes_values(self, path: str, refs: Refs) -> bool:
        """Say whether code may hand an object of some module to what it calls."""
        for chain in refs.chains - refs.calls:
            for file, name, _ in self._names.resolve(path, chain).bindings:
                if any(map(may_change, self._index(file, name))):
                    return True
        return False

    def _index(self, file: str, name: str) -> list[Cell]:
        return self._project.index(file).bound_by(name)

    def _is_pure_call(self, path: str, call: str, depth: int, is_strict: bool) -> bool:
        if depth > _MAX_DEPTH or is_unknown_call(call):
            return False
        chain, parens, method = call.partition("()")
        root, *rest = chain.split(".")
        index = self._project.index(path)
        if not index.binds(root):
            if not rest and hasattr(builtins, root):
                return root not in IMPURE_BUILTINS
            # From a star import or injected: unknown, unless it is a method of a builtin.
            return hasattr(builtins, root) and not index.table.stars
        aliases = index.aliases(root)
        if self._is_foreign(path, root):
            names = [".".join(filter(None, (a.module, a.name, *rest))) for a in aliases]
            if parens and not method.startswith(".") and "partial" in chain:
                return False  # what it calls is its argument
            if method and not all(makes_new(name) for name in names):
                return False  # a method of something shared: ``getLogger("x").setLevel(10)``
            return all(is_pure_foreign(name) for name in names)
        bindings = present(self._project, self._names, path, chain)
        reached = False
        for file, name, tail in bindings:
            for cell in self._index(file, name):
                if cell.kind == "import":
                    continue
                reached = True
                if not self._is_pure_target(file, name, tail, cell, depth, is_strict):
                    return False
                if method and not is_item(cell, tail, method):
                    target = ".".join((name, *tail, *filter(None, method.split("."))))
                    if not self._is_quiet(file, target, depth + 1, is_strict):
                        return False
        return reached or self._ends_in_foreign(bindings)

    def _is_foreign(self, path: str, name: str) -> bool:
        """Say whether a name is bound by imports from outside the project, and by nothing else."""
        index = self._project.index(path)
        aliases = index.aliases(name)
        return (
            bool(aliases)
            and all(self._project.modules.find_from(path, a.module) is None for a in aliases)
            and not any(
                name in cell.classes
                or name in index.defs
                or any(self._is_def(path, chain) for chain in cell.refs.chains)
                for cell in index.bound_by(name)
                if cell.kind != "import"
            )
        )

    def _ends_in_foreign(self, bindings: list[tuple[str, str, tuple[str, ...]]]) -> bool:
        """Judge a chain that leaves the project through a re-export."""
        for file, name, tail in bindings:
            for alias in self._project.index(file).aliases(name):
                if self._project.modules.find_from(file, alias.module) is None:
                    return is_pure_foreign(
                        ".".join(filter(None, (alias.module, alias.name, *tail)))
                    )
        return False

    def _is_pure_target(
        self,
        file: str,
        name: str,
        tail: tuple[str, ...],
        cell: Cell,
        depth: int,
        is_strict: bool,
    ) -> bool:
        if cell.kind == "def":
            if tail and cell.is_decorated:  # ``@cli.command()`` where ``cli`` is a decorated def
                return self._changes_only(file, name, tail, cell, depth, is_strict)
            return not tail and self._is_quiet(file, name, depth + 1, is_strict)
        if cell.kind == "class":
            if not tail:
                return self._is_plain_class(file, cell, name, depth + 1, is_strict)
            return self._is_quiet(file, ".".join((name, *tail)), depth + 1, is_strict)
        if cell.kind == "effect":
            # Bound in a compound statement: a def in it, or anything.
            return bool(self._project.index(file).defs.get(name)) and self._is_quiet(
                file, name, depth + 1, is_strict
            )
        if tail:
            return self._changes_only(file, name, tail, cell, depth, is_strict)
        if cell.refs.calls and not cell.refs.receivers:
            # ``K = namedtuple(...)``: K is a class.
            last = {call.rpartition(".")[2] for call in cell.refs.calls}
            if last <= CLASS_MAKERS:
                return True
            if all(self._is_foreign_maker(file, call) for call in cell.refs.calls):
                # ``hookspec = HookspecMarker("x")``: calling it may change it.
                self._changed.add((file, name))
                return True
        # What a name stands for, or what a method of a module's object does, is not known.
        return False

    def _is_foreign_maker(self, file: str, call: str) -> bool:
        """Say whether a call makes an object of another distribution's class."""
        if is_unknown_call(call) or "(" in call:
            return False
        bindings = self._names.resolve(file, call).bindings
        kinds = {cell.kind for target, name, _ in bindings for cell in self._index(target, name)}
        return kinds == {"import"} and call.rpartition(".")[2][:1].isupper()

    def _changes_only(
        self,
        file: str,
        name: str,
        tail: tuple[str, ...],
        cell: Cell,
        depth: int,
        is_strict: bool,
    ) -> bool:
        """Say whether a method of the object that a global stands for changes only that object.

        Methods of other distributions' objects are taken to; of the project's, their bodies tell.
        """
        if len(tail) != 1:
            return False
        if cell.is_new and not cell.refs.calls and tail[0] in MUTATORS:  # ``P = []; P.append(x)``
            self._changed.add((file, name))
            return True
        made_by = {call for call in cell.refs.calls if not is_unknown_call(call)}
        for call in made_by:
            resolution = self._names.resolve(file, call.partition("()")[0])
            for target, owner, rest in resolution.bindings:
                kinds = {found.kind for found in self._index(target, owner)} - {"import"}
                if not kinds:
                    continue
                method = ".".join((owner, *rest, *tail))
                if kinds != {"class"} or method not in self._project.index(target).defs:
                    return False
                if not self._is_quiet(target, method, depth + 1, is_strict, (file, name)):
                    return False
        self._changed.add((file, name))
        return bool(made_by)

    def _defines_quietly(self, file: str, cell: Cell, depth: int) -> bool:
        """Say whether class statements in a cell change nothing else: bases and metaclasses may."""
        return self._judge(
            ("definition", file, id(cell)),
            lambda: (
                depth <= _MAX_DEPTH
                and all(self._is_plain_base(file, base, depth) for base in cell.refs.bases)
            ),
        )[0]

    def _is_plain_class(
        self, file: str, cell: Cell, name: str, depth: int, is_strict: bool = False
    ) -> bool:
        """Say whether calling a class of a cell changes nothing else."""
        bases = cell.refs.bases
        return self._judge(
            ("class", file, name, is_strict),
            lambda: (
                depth <= _MAX_DEPTH
                and self._has_quiet(file, name, INITIALISERS, depth, is_strict)
                and all(self._is_plain_base(file, base, depth, is_strict) for base in bases)
            ),
        )[0]

    def _has_quiet(
        self, file: str, name: str, methods: tuple[str, ...], depth: int, is_strict: bool
    ) -> bool:
        """Say whether those of some methods that a class defines are quiet."""
        defs = self._project.index(file).defs
        names = [f"{name}.{method}" for method in methods]
        return all(
            self._is_quiet(file, found, depth + 1, is_strict) for found in names if found in defs
        )

    def _is_plain_base(
        self, file: str, base: str, depth: int, is_strict: bool | None = None
    ) -> bool:
        """Judge a base or metaclass: of a class statement, or, with ``is_strict``, of a call."""
        if base == UNKNOWN:
            return False
        chain, parens, _ = base.partition("()")
        root = chain.partition(".")[0]
        index = self._project.index(file)
        if not index.binds(root):
            return hasattr(builtins, root)
        if self._is_foreign(file, root):
            tops = {a.module.lstrip(".").partition(".")[0] for a in index.aliases(root)}
            return bool(parens) or tops <= sys.stdlib_module_names | PLAIN_BASES
        found = False
        for target, name, tail in present(self._project, self._names, file, chain):
            owner = ".".join((name, *tail))
            for _, cell in self._project.index(target).binders.get(name, ()):
                if name in cell.binds and cell.kind != "import":
                    found = True
                    if parens or not (
                        owner in cell.classes or (owner == name and cell.kind == "class")
                    ):
                        return False
                    is_meta = makes_classes(cell)
                    hooks = METACLASS_METHODS if is_meta else ("__init_subclass__",)
                    if not self._has_quiet(target, owner, hooks, depth, False):
                        return False
                    if not self._defines_quietly(target, cell, depth + 1):
                        return False
                    if is_strict is None or is_meta:
                        continue  # only defined, or made by the metaclass
                    if not self._is_plain_class(target, cell, owner, depth + 1, is_strict):
                        return False
        return found

    def _is_quiet(
        self, file: str, qualname: str, depth: int, is_strict: bool, on: Place | None = None
    ) -> bool:
        """Say whether calling a function changes nothing but new objects and known globals.

        Args:
            is_strict: it may be given objects that others have too.
            on: it is a method of the object that this global stands for.
        """
        found = self._project.index(file).defs.get(qualname, [])
        return self._judge(
            ("def", file, qualname, is_strict, on),
            lambda: (
                bool(found)
                and depth <= _MAX_DEPTH
                and all(self._is_quiet_body(file, d, depth, is_strict, on) for d in found)
            ),
        )[0]

    def _is_quiet_body(
        self, file: str, definition: Def, depth: int, is_strict: bool, on: Place | None
    ) -> bool:
        refs = self._project.index(file).refs_with_nested(definition)
        if refs.imports or refs.changes_unknown:
            return False
        if not all(self._is_plain_base(file, base, depth) for base in refs.bases):
            return False
        self._changed |= {(file, name) for name in refs.stores}
        if not self._only_changes_project(file, refs.receivers):
            return False
        if on is not None and (refs.attr_stores or refs.attr_changes):
            self._changed.add(on)
            return self._calls_quietly(file, refs, depth, is_strict)
        owner, _, method = definition.qualname.rpartition(".")
        is_init = method in ("__init__", "__post_init__")
        changes_given = refs.changes_parameters or refs.changes_closure
        if is_strict and not is_init and (changes_given or definition.has_kept_default):
            return False  # an initialiser's first argument is new
        # ``self.a = []; self.a.append(1)`` fills a new object, ``cls.known.append(1)`` does not.
        made = attributes_made(self._project, self._names, file, owner) if is_init else set()
        if refs.attr_changes - refs.attr_stores - made:
            return False
        return self._calls_quietly(file, refs, depth, is_strict)

    def _calls_quietly(self, file: str, refs: Refs, depth: int, is_strict: bool) -> bool:
        is_strict = is_strict or self._passes_values(file, refs)
        return all(
            self._is_pure_call(file, chain, depth, is_strict)
            for chain in refs.calls
            if not is_unknown_call(chain)
        )
