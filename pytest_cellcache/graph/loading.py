"""Which first-party modules a statement imports, and which these load in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.reached import Reached
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import EFFECTS, IMPORTS, LISTING, MODULES, SOURCES, Key

_ENVIRONMENT = frozenset({"environ", "getenv", "environb", "putenv", "setenv"})


class Loading:
    """Follows import statements; results are kept for the run."""

    def __init__(self, project: Project, names: Names) -> None:
        self._project = project
        self._names = names
        self._certain: dict[str, frozenset[str]] = {}
        self._brought: dict[str, frozenset[str]] = {}
        self._sources: dict[str, list[tuple[int, list[str]]]] = {}
        self._loaded = Reached[str](
            lambda path: (source for _, sources in self.sources_in(path) for source in sources)
        )
        self._reading: dict[str, bool] = {}

    def sources(self, path: str, cell: Cell) -> list[str]:
        """Give the files that a statement imports, which does nothing but that and bind names."""
        specs: list[str] = []
        if cell.kind == "import" and cell.imported:
            specs = [cell.imported]
        elif cell.kind == "effect" and cell.only_binds:
            specs = sorted(cell.refs.imports)
        found = []
        for spec in specs:
            module, _, name = spec.partition(":")
            located = self._project.modules.find_from(path, module)
            if located is not None and name:
                located = self._project.modules.find_child(located, name) or located
            if located is not None and located.source is not None:
                found.append(located.source)
        return found

    def sources_in(self, path: str) -> list[tuple[int, list[str]]]:
        """Give the same for all statements of a file that import something, by position."""
        if path not in self._sources:
            cells = enumerate(self._project.index(path).table.cells)
            found = ((position, self.sources(path, cell)) for position, cell in cells)
            self._sources[path] = [row for row in found if row[1]]
        return self._sources[path]

    def loaded_by(self, path: str) -> frozenset[str]:
        """Give the files that importing a file loads, itself included; equal sets are the same."""
        return self._loaded.of(path)

    def certain(self, path: str) -> frozenset[str]:
        """Give the files that are loaded when code of a file runs, whoever loaded it.

        What its import statements load, in turn, with the packages around; no import on condition.
        """
        if path not in self._certain:

            def specs(file: str) -> list[str]:
                cells = self._project.index(file).table.cells
                return [cell.imported for cell in cells if cell.kind == "import" and cell.imported]

            self._certain[path] = self._followed({path, *self._packages_of(path)}, specs)
        return self._certain[path]

    def _packages_of(self, path: str) -> set[str]:
        """Give the packages that were imported before a module, if it can tell its own.

        Not of a module of tests, which pytest may import alone.
        """
        folder, _, file = path.rpartition("/")
        cells = self._project.index(path).table.cells
        found: set[str] = set()
        if "test" not in file and any(cell.imported.startswith(".") for cell in cells):
            digest_file = self._project.snapshot.digest_file
            while folder and digest_file(f"{folder}/__init__.py") != ABSENT:
                found.add(f"{folder}/__init__.py")
                folder = folder.rpartition("/")[0]
        return found

    def brought(self, path: str) -> frozenset[str]:
        """Give the files that importing a file may load, itself included."""
        if path not in self._brought:
            self._brought[path] = self._followed(
                {path}, lambda each: self._project.index(each).table.loads
            )
        return self._brought[path]

    def imports_of(self, path: str, specs: Iterable[str]) -> set[Key]:
        """Give what says whether imports in code of a file succeed, if it may be first to them."""
        first = self._files_of(path, specs) - self.certain(path)
        return {Key(IMPORTS, path, file) for file in first}

    def asked_anyway(self, path: str) -> frozenset[Key]:
        """Give what says whether modules are there to be asked for by name, in tests of a file.

        That of those which the file has imported itself.
        """
        return frozenset(Key(IMPORTS, file, file) for file in self.certain(path))

    def _followed(
        self, files: set[str], specs_of: Callable[[str], Iterable[str]]
    ) -> frozenset[str]:
        stack = list(files)
        while stack:
            current = stack.pop()
            new = self._files_of(current, specs_of(current)) - files
            files |= new
            stack += new
        return frozenset(files)

    def _files_of(self, path: str, specs: Iterable[str]) -> set[str]:
        return {
            key.path
            for spec in specs
            for key in self._names.resolve_import(path, spec).keys
            if key.kind == EFFECTS
        }

    def before(self, path: str, position: int, file: str) -> list[str]:
        """List the imports before a statement that load a file which it changes objects of.

        ``import app; conf.V = 2`` and ``conf.V = 2; import app`` differ in nothing else.
        """
        found = self._sources_before(path, position)
        return sorted(source for source in found if file in self.loaded_by(source))

    def reading_environment_before(self, path: str, position: int) -> list[str]:
        """List the imports before a statement, if it may change variables, that may read them."""
        cell = self._project.index(path).table.cells[position]
        changing = [cell.refs] if cell.kind != "import" else []
        for source in self.sources(path, cell):
            for file in self.loaded_by(source):
                changing += [each.refs for each in self._project.index(file).table.cells]
        if not any(map(_names_environment, changing)):
            return []
        found = self._sources_before(path, position)
        return sorted(s for s in found if any(map(self._reads_environment, self.loaded_by(s))))

    def _sources_before(self, path: str, position: int) -> set[str]:
        return {
            source for at, sources in self.sources_in(path) if at < position for source in sources
        }

    def _reads_environment(self, path: str) -> bool:
        if path not in self._reading:
            table = self._project.index(path).table
            found = [*(cell.refs for cell in table.cells), *(d.refs for d in table.defs)]
            self._reading[path] = any(map(_names_environment, found))
        return self._reading[path]


def _names_environment(refs: Refs) -> bool:
    return not _ENVIRONMENT.isdisjoint(refs.attrs | refs.chains)


def neighbours(files: Collection[str]) -> set[Key]:
    """Give what can be imported from the folders and search paths of modules that were."""
    folders = {file.rpartition("/")[0] for file in files}
    for folder in tuple(folders):
        while folder and f"{folder}/__init__.py" in files:
            folder = folder.rpartition("/")[0]
            folders.add(folder)
    return {Key(LISTING, folder, MODULES) for folder in folders}


def keys_of_search(files: Collection[str]) -> set[Key]:
    """Give what where some module is rests on: importing the packages around it comes before."""
    packages = [file for file in files if file.endswith("/__init__.py")]
    return {Key(SOURCES), *(Key(kind, file) for kind in (EFFECTS, IMPORTS) for file in packages)}
