"""Decides which cells change more than the names they bind when a module is imported.

A cell with an effect counts for everyone who imports its module, others only for who reads their
names. In doubt a cell has an effect. What a call changes is looked for in the bodies it reaches:
writes to globals, to attributes and items of anything but a new object, and calls of mutating
methods. ``foreign`` knows of code outside the project.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable

from pytest_cellcache.graph.asking import GIVEN, MADE
from pytest_cellcache.graph.candidates import NEW_OBJECT, Asked, implicit_methods, is_telling
from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.classes import MAX_DEPTH, Classes
from pytest_cellcache.graph.foreign import (
    CLASS_MAKERS,
    IMPURE_BUILTINS,
    INITIALISERS,
    is_pure_foreign,
    makes_new,
)
from pytest_cellcache.graph.judging import Judged, Judging
from pytest_cellcache.graph.leading import (
    calls_in,
    calls_that_count,
    ends_in_foreign,
    is_def,
    is_foreign,
    is_foreign_maker,
    is_own_object,
    only_changes_own,
    passes_values,
    values_named,
)
from pytest_cellcache.graph.meant import all_meant, is_item, present
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import changes_held
from pytest_cellcache.graph.objects import methods_asked, objects_changed, settle_classes
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import MUTATORS, Refs, is_unknown_call
from pytest_cellcache.graph.remembered import Place, at_attribute


class Purity:
    """Judges cells of a project; results are kept for the run."""

    def __init__(
        self, project: Project, names: Names, loaded_by: Callable[[str], frozenset[str]]
    ) -> None:
        self._project = project
        self._names = names
        self._loaded_by = loaded_by
        self._judging = Judging(
            project,
            lambda place, how: self._judge_def(*place, how),
            lambda place: is_own_object(project, names, place),
        )
        self._judge = self._judging.judge
        self._classes = Classes(project, names, self._judging, self._is_quiet)

    def changes_of(self, path: str, cell: Cell) -> frozenset[Place] | None:
        """Give the globals of the project that evaluating a cell may change, beside those that it
        binds; ``None`` if it may change anything."""
        judged = self._judge_cell(path, cell)
        if judged.is_quiet and Asked("") in judged.asked and cell.is_decorated:
            # A decorator calls what it is given.
            parts = [judged, *(self._judge_call(path, name) for name in cell.binds)]
            judged = Judged(
                all(part.is_quiet for part in parts),
                frozenset[Place]().union(*(part.changed for part in parts)),
                frozenset[Asked]().union(*(part.asked for part in parts)),
            )
        changed = self._judging.settle(self._loaded_by(path), judged)
        if changed is None:
            return None
        return settle_classes(self._project, self._names, path, cell, changed)

    def noted_changes_of(self, path: str, cell: Cell) -> frozenset[Place]:
        """Give the globals among all that it may change which are known, also where not all are."""
        return frozenset(place for place in self._judge_cell(path, cell).changed if place[0])

    def changes_of_call(self, path: str, qualname: str) -> frozenset[Place] | None:
        """Give the same for a call of a def."""
        return self._judging.settle(self._loaded_by(path), self._judge_call(path, qualname))

    def _judge_cell(self, path: str, cell: Cell) -> Judged:
        return self._judge(("cell", path, id(cell)), lambda: not self._has_effect(path, cell))

    def _judge_call(self, path: str, qualname: str) -> Judged:
        if qualname in self._project.index(path).defs:
            return self._judge_def(path, qualname, Asked("", NEW_OBJECT))
        made = [cell for cell in self._index(path, qualname) if cell.kind == "class"]
        return self._judge(
            ("made", path, qualname),
            lambda: (
                bool(made)
                and all(self._classes.is_plain_class(path, cell, qualname, 1) for cell in made)
            ),
        )

    def _judge_def(self, path: str, qualname: str, how: Asked) -> Judged:
        return self._judge(
            ("method", path, qualname, how.on, how.is_strict),
            lambda: self._is_quiet(path, qualname, 0, how.is_strict, how.on, 2),
        )

    def _has_effect(self, path: str, cell: Cell) -> bool:
        if cell.kind == "import":
            return False
        refs = cell.refs
        is_plain = cell.only_binds or cell.only_reads
        is_effect = cell.kind == "effect" and not is_plain
        if is_effect and not only_changes_own(self._project, path, cell):
            return True
        if not self._only_changes_project(path, refs):
            return True
        if refs.imports and not cell.only_binds:
            return True
        if cell.kind != "class" and (refs.attr_changes or refs.attr_stores):
            return True
        if not self._classes.defines_quietly(path, cell, 0):
            return True
        is_strict = passes_values(self._project, self._names, path, refs)
        calls = calls_that_count(self._project, self._names, path, cell)
        if cell.kind == "class":
            calls = {call for call in calls if not self._is_plain_member(path, cell, call)}
        if cell.only_reads:  # what it calls methods of is a file
            calls = {call for call in calls if call.partition(".")[0] not in cell.binds}
        # What is handed over may be called: ``map(f, xs)``, ``partial(f)()``.
        calls |= {call for call in refs.arguments if is_def(self._project, self._names, path, call)}
        if not all(self._is_touched_quietly(path, chain, refs) for chain in sorted(refs.chains)):
            return True
        return not all(self._is_pure_call(path, call, 0, is_strict) for call in sorted(calls))

    def _only_changes_project(self, path: str, refs: Refs) -> bool:
        """Note the globals that code changes; say whether all are the project's."""
        if changes_held(self._project, self._names, path, refs):
            return False
        found = all_meant(self._project, self._names, path, refs.receivers)
        self._judging.changed |= found or set()
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
        return known and self._classes.has_quiet(path, inner, INITIALISERS, 1, False)

    def _index(self, file: str, name: str) -> list[Cell]:
        return self._project.index(file).bound_by(name)

    def _is_pure_call(
        self, path: str, call: str, depth: int, is_strict: bool, times: int = 0
    ) -> bool:
        if depth > MAX_DEPTH or is_unknown_call(call):
            return depth <= MAX_DEPTH and self._judging.asks_to_look(call)
        chain, parens, method = call.partition("()")
        root, *rest = chain.split(".")
        index = self._project.index(path)
        if not index.binds(root):
            if not rest and hasattr(builtins, root):
                return root not in IMPURE_BUILTINS
            # From a star import or injected: unknown, unless it is a method of a builtin.
            return hasattr(builtins, root) and not index.table.stars
        aliases = index.aliases(root)
        if is_foreign(self._project, self._names, path, root):
            names = [".".join(filter(None, (a.module, a.name, *rest))) for a in aliases]
            if parens and not method.startswith(".") and "partial" in chain:
                return False  # what it calls is its argument
            looks = all(map(makes_new, names)) or self._judging.asks_to_look(method)
            if method and not looks:
                return False  # a method of something shared: ``getLogger("x").setLevel(10)``
            return all(is_pure_foreign(name) for name in names)
        bindings = present(self._project, self._names, path, chain)
        reached = False
        for file, name, tail in bindings:
            for cell in self._index(file, name):
                if cell.kind == "import":
                    continue
                reached = True
                called = min(times + bool(parens), 2)
                if not self._is_pure_target(file, name, tail, cell, depth, is_strict, called):
                    return False
                looks = cell.kind == "def" and self._judging.asks_to_look(method)
                if method and not looks and not is_item(cell, tail, method):
                    target = ".".join((name, *tail, *filter(None, method.split("."))))
                    if not self._is_quiet(file, target, depth + 1, is_strict):
                        return False
        return reached or ends_in_foreign(self._project, bindings)

    def _is_pure_target(
        self,
        file: str,
        name: str,
        tail: tuple[str, ...],
        cell: Cell,
        depth: int,
        is_strict: bool,
        times: int = 0,
    ) -> bool:
        if cell.kind == "def":
            if tail and cell.is_decorated:  # ``@cli.command()`` where ``cli`` is a decorated def
                return self._changes_only(file, name, tail, cell, depth, is_strict)
            return not tail and self._is_quiet(file, name, depth + 1, is_strict, times=times)
        if cell.kind == "class":
            if not tail:
                if times and not self._classes.is_called_quietly(file, name, depth):
                    return False
                return self._classes.is_plain_class(file, cell, name, depth + 1, is_strict)
            method = ".".join((name, *tail))
            if len(tail) > 1 and method not in self._project.index(file).defs:
                return self._asks_attribute((file, name), tail)
            return self._is_quiet(file, method, depth + 1, is_strict, (file, name), times)
        if cell.kind == "effect":
            # Bound in a compound statement: a def in it, or anything.
            return bool(self._project.index(file).defs.get(name)) and self._is_quiet(
                file, name, depth + 1, is_strict, times=times
            )
        if tail:
            return self._changes_only(file, name, tail, cell, depth, is_strict)
        if cell.refs.calls and not cell.refs.receivers:
            # ``K = namedtuple(...)``: K is a class.
            last = {call.rpartition(".")[2] for call in cell.refs.calls}
            if last <= CLASS_MAKERS:
                return True
            if all(
                is_foreign_maker(self._project, self._names, file, call) for call in cell.refs.calls
            ):
                # ``hookspec = HookspecMarker("x")``: calling it may change it.
                self._judging.changed.add((file, name))
                return True
        # What a name stands for, or what a method of a module's object does, is not known.
        return False

    def _asks_attribute(self, owner: Place, tail: tuple[str, ...]) -> bool:
        """Note that a method is called of what an attribute of a class leads to.

        It changes that; if it is the project's, it may be any of that name.
        """
        if is_telling(tail[-1]):
            self._judging.changed.add(at_attribute(owner, tail[0]))
            self._judging.asked.add(Asked(tail[-1], is_strict=True))
        return True

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
            self._judging.changed.add((file, name))
            return True
        made_by = {call for call in cell.refs.calls if not is_unknown_call(call)}
        # What it was made of is changed, too: ``scoped = Scoped(hub)``.
        self._judging.changed |= values_named(self._project, self._names, file, cell.refs)
        # What it came from may lead to it, too: ``@cli.group() def db(): ...``.
        if cell.kind == "def" and not self._judge_cell(file, cell).is_quiet:
            return False
        for call in sorted(made_by):
            resolution = self._names.resolve(file, call.partition("()")[0])
            for target, owner, rest in resolution.bindings:
                kinds = {found.kind for found in self._index(target, owner)} - {"import"}
                if not kinds:
                    continue
                method = ".".join((owner, *rest, *tail))
                if kinds == {"class"} and method in self._project.index(target).defs:
                    if not self._is_quiet(target, method, depth + 1, is_strict, (file, name), 2):
                        return False
                elif kinds == {"class"} or (kinds == {"def"} and cell.kind == "def"):
                    self._judging.asked.add(Asked(tail[0], (file, name), is_strict))
                else:
                    return False
        if not is_own_object(self._project, self._names, (file, name)):
            self._judging.changed.add((file, name))
        return bool(made_by)

    def _is_quiet(
        self,
        file: str,
        qualname: str,
        depth: int,
        is_strict: bool,
        on: Place | None = None,
        times: int = 0,
    ) -> bool:
        """Say whether calling a function changes nothing but new objects and known globals.

        Args:
            is_strict: it may be given objects that others have too.
            on: it is a method of the object that this global stands for, or of a new one.
            times: how often what it gives is called in turn.
        """
        found = self._project.index(file).defs.get(qualname, [])
        how = Asked("", on, is_strict)
        return self._judge(
            ("def", file, qualname, how, times),
            lambda: (
                bool(found)
                and depth <= MAX_DEPTH
                and all(self._is_quiet_body(file, d, depth, how, times) for d in found)
            ),
        ).is_quiet

    def _is_quiet_body(
        self, file: str, definition: Def, depth: int, how: Asked, times: int
    ) -> bool:
        refs = self._project.index(file).refs_run(definition, times)
        if refs.imports:
            return False
        if not all(self._classes.is_plain_base(file, base, depth) for base in sorted(refs.bases)):
            return False
        self._judging.changed |= {(file, name) for name in refs.stores}
        if not self._only_changes_project(file, refs):
            return False
        changed = objects_changed(self._project, self._names, file, definition, refs, how)
        asked = methods_asked(definition, refs, how)
        if changed is None or asked is None:
            return False
        self._judging.changed |= changed
        self._judging.asked |= asked
        if GIVEN in refs.asked and not self._has_quiet_defaults(file, definition, depth):
            return False
        if not all(self._is_quiet_wrapper(file, chain, depth) for chain in definition.decorators):
            return False
        if not all(self._is_touched_quietly(file, chain, refs) for chain in sorted(refs.chains)):
            return False
        is_strict = how.is_strict or passes_values(self._project, self._names, file, refs)
        if MADE in refs.asked:
            times = 2
        return all(
            self._is_pure_call(file, chain, depth, is_strict, times)
            for chain in sorted(calls_in(self._project, file, refs))
            if not is_unknown_call(chain)
        )

    def _has_quiet_defaults(self, file: str, definition: Def, depth: int) -> bool:
        """Say whether functions that a def's parameters may be by default are quiet."""
        top = definition.qualname.partition(".")[0]
        chains = {chain for cell in self._index(file, top) for chain in cell.refs.chains}
        return all(
            self._is_pure_call(file, chain, depth + 1, True)
            for chain in sorted(chains)
            if is_def(self._project, self._names, file, chain)
        )

    def _is_quiet_wrapper(self, file: str, decorator: str, depth: int) -> bool:
        """Say whether what a decorator has made of a function does nothing more when called."""
        root = decorator.partition(".")[0]
        index = self._project.index(file)
        if not decorator or not (
            index.binds(root) and not is_foreign(self._project, self._names, file, root)
        ):
            return bool(decorator)
        for target, name, tail in present(self._project, self._names, file, decorator):
            qualname = ".".join((name, *tail))
            if qualname in self._project.index(target).defs:
                if not self._is_quiet(target, qualname, depth + 1, False, times=2):
                    return False
                continue
            kinds = {cell.kind for cell in self._index(target, name)} - {"import"}
            if kinds - {"class"} or not self._classes.has_quiet(
                target, qualname, ("__call__", "__get__"), depth, False
            ):
                return False
        return True

    def _is_touched_quietly(self, path: str, chain: str, refs: Refs) -> bool:
        """Say whether operators and attributes of what a chain stands for only change that."""
        is_written = chain in refs.receivers
        return self._judge(
            ("touched", path, chain, is_written),
            lambda: all(
                self._is_quiet(file, method, 1, False, on)
                for file, method, on in implicit_methods(
                    self._project, self._names, path, chain, is_written=is_written
                )
            ),
        ).is_quiet
