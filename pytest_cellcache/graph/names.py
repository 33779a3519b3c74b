"""Resolves chains such as ``mod.sub.CONST`` to the bindings that decide their value.

Every lookup on the way is a key, also those that find nothing: a name that appears later is a
change of the key that recorded its absence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_cellcache.graph.modules import Located, module_key
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.keys import EFFECTS, EXPORT, FILE, MODULE, NAME, SURFACE, WHOLE, Key

_MAX_STEPS: Final = 200
"""Re-exports followed for one chain; import cycles end here at the latest."""

_EVALUATING: Final = frozenset(
    f"{where}{name}" for where in ("", "builtins.") for name in ("eval", "exec", "globals")
)
"""What gives values, of modules too; others are asked for names, as a rule."""

Binding = tuple[str, str, tuple[str, ...]]
"""File, name, rest of the chain."""


@dataclass(slots=True)
class Resolution:
    """Where a chain leads.

    Attributes:
        keys: every binding, module search and file consulted.
        bindings: the bindings reached.
        modules: folders and files of the modules that the whole chain may stand for.
    """

    keys: set[Key] = field(default_factory=set)
    bindings: list[Binding] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)


class Names:
    """Resolves names in a project; results are kept for the run."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._memo: dict[tuple[str, str], Resolution] = {}

    def resolve(self, path: str, chain: str) -> Resolution:
        """Resolve a chain as code in the file ``path`` would at module scope."""
        key = (path, chain)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = Resolution()
            _Walk(self._project, found).name(path, tuple(chain.split(".")))
        return found

    def resolve_import(self, path: str, spec: str) -> Resolution:
        """Resolve an import written in the file ``path``: ``..pkg.mod`` or ``..pkg.mod:name``."""
        key = (path, "import " + spec)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = Resolution()
            module, _, name = spec.partition(":")
            walk = _Walk(self._project, found)
            located = walk.module(path, module)
            if located is not None and name:
                parts = tuple(name.split("."))
                walk.is_used = len(parts) > 1 or parts == ("*",)
                walk.attribute(located, parts[:-1] if parts[-1] == "*" else parts)
            elif located is not None:
                walk.loaded(located)
        return found

    def resolve_dotted(self, text: str) -> Resolution:
        """Resolve a constant that may name something by its full path: ``pkg.mod.attr``."""
        key = ("", text)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = Resolution()
            first, *rest = text.split(".")
            located = self._project.modules.find(first)
            if located is not None:
                walk = _Walk(self._project, found)
                walk.loaded(located)
                walk.attribute(located, tuple(rest))
        return found

    def in_namespace(self, path: str, refs: Refs) -> set[Key]:
        """Give what code may find that evaluates texts, or asks for names that it computes."""
        found = {Key(SURFACE, path)}
        if _EVALUATING.isdisjoint(refs.chains):
            return found
        for name in self._project.index(path).table.aliases:
            found |= self.resolve(path, name).keys
        for spec in refs.imports:
            keys = self.resolve_import(path, spec).keys
            found |= {Key(SURFACE, key.path) for key in keys if key.kind == EFFECTS}
        return found

    def imports_any(self, path: str, refs: Refs) -> bool:
        """Say whether code imports something under a name that it computes, and nobody sees which.

        Where it calls a function of the project for that, that one does.
        """
        return refs.imports_computed or any(
            not self._is_own_def(path, chain) for chain in refs.importers
        )

    def _is_own_def(self, path: str, chain: str) -> bool:
        bindings = self.resolve(path, chain).bindings
        cells = [
            (file, cell)
            for file, name, rest in bindings
            for cell in self._project.index(file).bound_by(name)
            if not rest or cell.kind == "import"
        ]
        located = (
            self._project.modules.find_from(file, alias.module)
            for file, name, _ in bindings
            for alias in self._project.index(file).aliases(name)
        )
        return (
            any(cell.kind == "def" for _, cell in cells)
            and all(cell.kind in ("def", "import") for _, cell in cells)
            and all(located)
        )


class _Walk:
    def __init__(self, project: Project, found: Resolution) -> None:
        self._project = project
        self._found = found
        self._seen: set[tuple[str, tuple[str, ...]]] = set()
        # Else the statement that imports a module uses nothing of it.
        self.is_used = True

    def name(self, path: str, parts: tuple[str, ...]) -> bool:
        """Follow a name of a module; say whether anything binds it."""
        if (path, parts) in self._seen or len(self._seen) > _MAX_STEPS:
            return True
        self._seen.add((path, parts))
        name, rest = parts[0], parts[1:]
        index = self._project.index(path)
        self._found.keys.add(Key(NAME, path, name))
        self._found.bindings.append((path, name, rest))
        self._annotated(path, name)
        for alias in index.aliases(name):
            located = self.module(path, alias.module)
            if located is None:
                continue
            self.attribute(located, (alias.name, *rest) if alias.name else rest)
        # A star import may bind again what the module binds, and the other way round.
        stars = [self._from_star(path, star, parts) for star in reversed(index.table.stars)]
        return index.binds(name) or any(stars)

    def _annotated(self, path: str, name: str) -> None:
        """Depend on all annotations of a module that is asked for them: no statement binds them."""
        if name == "__annotations__":
            self._found.keys.add(Key(SURFACE, path))

    def _from_star(self, path: str, star: str, parts: tuple[str, ...]) -> bool:
        located = self.module(path, star)
        if located is None or located.source is None:
            return False
        is_plain = self._project.index(located.source).table.exports is not None
        listed = Key(EXPORT, located.source, parts[0])
        self._found.keys.add(listed if is_plain else Key(NAME, located.source, "__all__"))
        index = self._project.index(located.source)
        if index.binds("__getattr__") and not index.binds("__all__"):
            # It may be asked what it exports, and answer by whatever it does.
            self._found.keys |= {Key(WHOLE, located.source), Key(SURFACE, located.source)}
        return self.name(located.source, parts)

    def module(self, importer: str, spec: str) -> Located | None:
        """Find a module; its search, and what importing it runs, are inputs."""
        self._found.keys.add(Key(MODULE, *module_key(importer, spec)))
        located = self._project.modules.find_from(importer, spec)
        if located is not None:
            self.loaded(located)
        return located

    def loaded(self, located: Located) -> None:
        for file in (*located.passed, located.file):
            if file is None:
                continue
            if file.endswith(".py"):
                self._found.keys.add(Key(EFFECTS, file))
            else:
                self._found.keys.add(Key(FILE, file))

    def attribute(self, located: Located, parts: tuple[str, ...]) -> None:
        """Follow attributes of a module object."""
        if not parts:
            self.whole(located)
            return
        source = located.source
        child = self._project.modules.find_child(located, parts[0])
        if source is not None:
            index = self._project.index(source)
            if index.binds(parts[0]):
                self.name(source, parts)
                if index.binds("__getattr__") and not index.surely_binds(parts[0]):
                    self.name(source, ("__getattr__",))
                if not self._is_own_submodule(source, located, parts[0]):
                    return
            else:
                self._found.keys.add(Key(NAME, source, parts[0]))
                self._annotated(source, parts[0])
                if index.binds("__getattr__"):
                    self.name(source, ("__getattr__",))
                elif child is None:  # it may come to answer for what is not there
                    self._found.keys.add(Key(NAME, source, "__getattr__"))
        for folder in located.folders:  # a submodule that appears or goes
            self._found.keys.add(Key(MODULE, folder or ".", parts[0]))
        if child is not None:
            self.loaded(child)
            self.attribute(child, parts[1:])
        elif source is not None and self._project.index(source).table.stars:
            self.name(source, parts)

    def _is_own_submodule(self, source: str, package: Located, name: str) -> bool:
        """Say whether a package binds a name with ``from . import name``."""
        for alias in self._project.index(source).aliases(name):
            if alias.name == name:
                located = self._project.modules.find_from(source, alias.module)
                if located is not None and located.folders == package.folders:
                    return True
        return False

    def whole(self, located: Located) -> None:
        """Depend on everything in a module that is used as a value."""
        if not self.is_used:
            self.loaded(located)
            return
        self._found.modules |= {located.file or "", *located.folders}
        if located.source is not None:
            self._found.keys.add(Key(SURFACE, located.source))
        self.loaded(located)
