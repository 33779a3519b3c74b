"""Decides which tests rest on what was consulted while modules were imported and tests collected.

::

    a statement of a module was running   -> what it binds: who uses that name
    ... a decorator of pytest's           -> nobody: parameters and marks count by value
    no module was being imported: a hook  -> the tests that the hook's file applies to
    foreign code alone                    -> everybody

Functions on the way may have kept what they found: whoever rests on their results does so too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.digests import is_hook
from pytest_cellcache.graph.foreign import IMPURE_BUILTINS, is_pure_foreign
from pytest_cellcache.graph.locate import locate
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.scopes import initialises
from pytest_cellcache.model.keys import BODY, EFFECTS, MARKERS, NAME, Key
from pytest_cellcache.model.observation import CLASS_BODY, CWD, CodeRef, Observation, Site

_SITED: Final = tuple(
    """reads listings stats folders modes repositories variables options distributions imports
    children""".split()
)
"""Fields of ``Observation`` that sites tell about."""

_PER_FILE_HOOKS: Final = frozenset(
    """pytest_generate_tests pytest_collect_file pytest_collect_directory pytest_ignore_collect
    pytest_pycollect_makemodule pytest_pycollect_makeitem""".split()
)
"""Hooks of a conftest that are called for what lies below its folder only."""

_MAX_STEPS: Final = 3

_DEF_LINE: Final = re.compile(rb"\s*(?:async\s+def|def|class)\b")


@dataclass(slots=True)
class ImportInputs:
    """What rests on import-time inputs.

    Attributes:
        everybody: inputs of all tests.
        of_file: by file of a conftest or test module, inputs of the tests it applies to.
        of_key: inputs of whatever leads to a key.
        of_opaque: as ``of_file``, for tests with parameters that cannot be compared by value.
    """

    everybody: set[Key] = field(default_factory=set)
    of_file: dict[str, set[Key]] = field(default_factory=dict)
    of_key: dict[Key, set[Key]] = field(default_factory=dict)
    of_opaque: dict[str, set[Key]] = field(default_factory=dict)


def place_inputs(
    project: Project, imported: Observation, keys: Callable[[Observation], Iterable[Key]]
) -> ImportInputs:
    """Find out who rests on the inputs of ``imported``.

    Args:
        keys: gives the keys of an observation.
    """
    found = ImportInputs()
    placer = _Placer(project, found)
    sited: dict[str, set[str]] = {}
    for site in imported.sites:
        sited.setdefault(site.kind, set()).add(site.subject)
        inputs = set(keys(_only(site, imported)))
        if inputs:
            placer.place(site.frames, inputs)
    rest = Observation(
        absent=imported.absent,
        listed=imported.listed,
        around=imported.around & {CWD},
        **{kind: getattr(imported, kind) - sited.get(kind, set()) for kind in _SITED},
    )
    found.everybody |= set(keys(rest))
    return found


def _only(site: Site, imported: Observation) -> Observation:
    subject = frozenset({site.subject})
    found: Mapping[str, frozenset[str]] = {site.kind: subject, "absent": subject & imported.absent}
    return Observation(listed=imported.listed, **found)  # type: ignore[arg-type]


def _is_statement(ref: CodeRef) -> bool:
    return ref.name in ("<module>", CLASS_BODY)


class _Placer:
    def __init__(self, project: Project, found: ImportInputs) -> None:
        self._project = project
        self._found = found

    def place(self, frames: tuple[CodeRef, ...], inputs: set[Key]) -> None:
        for ref in frames:
            for key in () if _is_statement(ref) else locate(self._project, ref):
                if key.kind == BODY and self._may_keep(key):
                    self._add(key, inputs)
        if not frames:
            self._found.everybody |= inputs
        elif frames[-1].name == "<module>":
            # The line of a class body tells more than that of the class statement.
            self._statement([ref for ref in frames if _is_statement(ref)], inputs)
        else:
            self._hook(frames[-1], inputs)

    def _may_keep(self, key: Key) -> bool:
        """Say whether a body may keep what it found for others than its caller."""
        return not initialises(key.name) and any(
            d.is_memo
            or d.decorators
            or d.refs.kept
            or d.refs.stores
            or d.refs.receivers
            or d.refs.attr_stores
            or d.refs.attr_changes
            for d in self._project.index(key.path).defs.get(key.name, ())
        )

    def _add(self, key: Key, inputs: set[Key]) -> None:
        self._found.of_key.setdefault(key, set()).update(inputs)

    def _relative(self, ref: CodeRef) -> str:
        return self._project.snapshot.places.relative(ref.filename)

    def _statement(self, frames: list[CodeRef], inputs: set[Key]) -> None:
        path = self._relative(frames[-1])
        index = self._project.index(path)
        lines = {ref.line for ref in frames if self._relative(ref) == path}
        definition = self._decorated(path, lines)
        if definition is not None:
            self._add(Key(MARKERS, path, definition.qualname), inputs)
            return
        line = frames[-1].line
        cells = [cell for cell in index.table.cells if cell.start <= line <= cell.end]
        for cell in cells:
            for name in {*cell.binds} - self._closed_files(path, cell):
                self._add(Key(NAME, path, name), inputs)
        if not cells or any(self._has_effect(cell) for cell in cells):
            self._add(Key(EFFECTS, path), inputs)

    def _closed_files(self, path: str, cell: Cell) -> set[str]:
        """Name the files that a statement opens and that say nothing of it when it has ended.

        What leads to the statement and not to another name, as it changes something, leads to them.
        """
        if not cell.only_reads:
            return set()
        own = {*cell.binds, "open"}
        roots = {chain.partition("()")[0] for chain in cell.refs.chains}
        return {*cell.files} if all(self._is_data(path, each, own) for each in roots) else set()

    def _is_data(self, path: str, chain: str, own: Collection[str], depth: int = 0) -> bool:
        """Say whether a chain leads to no code of the project, and to none that changes things."""
        root, *rest = chain.split(".")
        index, modules = self._project.index(path), self._project.modules
        if not index.binds(root):
            is_plain = root not in IMPURE_BUILTINS and not index.table.stars
            return is_plain or (root in own and not index.table.stars)
        if root in own:
            return root != "open"
        if aliases := index.aliases(root):
            return all(
                modules.find_from(path, each.module) is None
                and is_pure_foreign(".".join(filter(None, (each.module, each.name, *rest))))
                for each in aliases
            )
        return depth < _MAX_STEPS and all(
            cell.kind == "value"
            and all(
                self._is_data(path, inner.partition("()")[0], (), depth + 1)
                for inner in cell.refs.chains
            )
            for cell in index.bound_by(root)
        )

    @staticmethod
    def _has_effect(cell: Cell) -> bool:
        # Values are evaluated for whoever uses them; an import brings what it imports.
        is_value = cell.kind in ("value", "def", "class") or cell.only_reads
        return not is_value or not cell.binds

    def _decorated(self, path: str, lines: set[int]) -> Def | None:
        """Give the def among whose decorators a line is, if all these are pytest's."""
        index = self._project.index(path)
        source = self._project.snapshot.read(path)
        if source is None:
            return None
        text = source.splitlines()
        for found in index.table.defs:
            within = [line for line in lines if found.start <= line <= found.end]
            if not within or found.qualname not in index.table.markers:
                continue
            head = next(
                (n for n in range(found.start, found.end + 1) if _DEF_LINE.match(text[n - 1])), 0
            )
            cells = [cell for _, cell in index.binders.get(found.qualname, ())]
            if max(within) < head and cells and not any(cell.is_decorated for cell in cells):
                return found
        return None

    def _hook(self, ref: CodeRef, inputs: set[Key]) -> None:
        path = self._relative(ref)
        name = ref.name
        if not is_hook(name):
            self._found.everybody |= inputs
        elif name == "pytest_generate_tests" and self._only_parametrizes(path, name):
            self._found.of_opaque.setdefault(path, set()).update(inputs)
        elif name in _PER_FILE_HOOKS:
            self._found.of_file.setdefault(path, set()).update(inputs)
        else:
            self._found.everybody |= inputs

    def _only_parametrizes(self, path: str, name: str) -> bool:
        """Say whether a hook leaves nothing behind but parameters, which count by value."""
        found = self._project.index(path).defs.get(name, [])
        return bool(found) and not any(
            d.refs.stores or d.refs.receivers or d.refs.attr_stores or d.refs.is_dynamic
            for d in found
        )
