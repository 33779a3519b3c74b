"""Finds the keys that a code object stands for, by file and first line."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import Final

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.lambdas import is_lambda
from pytest_cellcache.graph.project import Index, Project, numbered, unnumbered
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.graph.resetting import Site
from pytest_cellcache.model.keys import (
    BODY,
    EFFECTS,
    IMPORTS,
    LINES,
    MARKERS,
    NAME,
    SURFACE,
    WHOLE,
    Key,
)
from pytest_cellcache.model.observation import UNKNOWN, CodeRef, Observation, Within
from pytest_cellcache.sources.loaded import loaded_files

_ANY: Final = Key(WHOLE, "")


def locate(project: Project, ref: CodeRef) -> tuple[Key, ...]:
    """Give the keys of a code object that ran; none for the code of a module or class body."""
    path = project.snapshot.places.relative(ref.filename)
    if ref.name == "<module>":
        return (Key(EFFECTS, path),)
    index = project.index(path)
    innermost = _innermost(index, ref)
    if innermost is not None:
        names = dict.fromkeys(found.qualname for found in _beside(index, ref, innermost))
        return tuple(Key(BODY, path, name) for name in names)
    nodes: list[Key] = []
    for cell in index.table.cells:
        if cell.start <= ref.line <= cell.end:
            if cell.kind == "class" and not ref.name.startswith("<"):
                return ()  # its body, or that of a class in it
            nodes += [Key(NAME, path, name) for name in cell.binds]
    nodes += [
        Key(MARKERS, path, found.qualname)
        for found in index.table.defs
        if found.start <= ref.line < found.first and found.qualname in index.table.markers
    ]
    # Code that no cell explains, such as what was compiled under this file's name.
    return tuple(nodes) or (Key(WHOLE, path),)


class Locator:
    """Locates code objects; results are kept for the run.

    Attributes:
        made: files and folders that units made. Code in one that lies outside the project is no
            source: it follows from what its writer rests on.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.made: set[str] = set()
        self._located: dict[CodeRef, tuple[Key, ...]] = {}
        self._exact: dict[CodeRef, tuple[Key, ...]] = {}

    def note_made(self, paths: Collection[str]) -> None:
        """Take what units made; code that was located before that was known is no source."""
        if not self.made.issuperset(paths):
            self.made.update(paths)
            for known in (self._located, self._exact):
                for ref in [ref for ref in known if self.is_made(ref.filename)]:
                    del known[ref]

    def keys(self, codes: Iterable[CodeRef]) -> set[Key]:
        """Give the keys of code objects that ran."""
        return {key for ref in codes for key in self._keys(ref)}

    def exact(self, codes: Iterable[CodeRef], named: Collection[Key]) -> set[Key]:
        """Give the keys of what one unit ran, defs of one name told apart.

        Of modules that it was the first to import, also what these import.

        Args:
            named: keys that more is kept for, under the name that their defs share.
        """
        found: set[Key] = set()
        for ref in codes:
            found.update(self._exactly(ref, named))
        imported = [key for key in found if key.kind == EFFECTS]
        if not imported:
            return found
        lost = self._not_found_by_name({key.path for key in imported})
        found |= {Key(SURFACE, path) for path in lost}  # all that importing them evaluated
        return found | {key._replace(kind=IMPORTS) for key in imported}

    def lines(self, seen: Observation) -> tuple[set[Key], Observation]:
        """Give the keys of lines that tracebacks show, and the observation without their files.

        Only where no more was read of a file, and all of its lines are those of functions.
        """
        found: dict[str, set[Key]] = {}
        for ref in seen.shown:
            keys = self.exact([ref], ()) if ref.filename not in seen.whole else set()
            is_known = bool(keys) and all(_is_code_of(key, ref.name) for key in keys)
            found.setdefault(ref.filename, set()).update(keys if is_known else {_ANY})
        shown = {file: keys for file, keys in found.items() if _ANY not in keys}
        lines = {key._replace(kind=LINES) for keys in shown.values() for key in keys}
        return lines, seen._replace(reads=seen.reads - shown.keys())

    def framed(self, seen: Iterable[Observation], named: Collection[Key]) -> frozenset[Key] | None:
        """Give the keys of code of which units have got a frame; ``None`` if it may be any."""
        refs = frozenset[CodeRef]().union(*(each.framed for each in seen))
        if UNKNOWN in refs:
            return None
        relative = self._project.snapshot.places.relative
        found: set[Key] = set()
        for ref in refs:
            found.update(self._exactly(ref, named) or (Key(WHOLE, relative(ref.filename)),))
        return frozenset(found)

    def _exactly(self, ref: CodeRef, named: Collection[Key]) -> tuple[Key, ...]:
        keys = self._exact.get(ref)
        if keys is None:
            keys = self._keys(ref)
            if not any(key in named for key in keys):
                keys = self._tell_apart(ref, keys)
            self._exact[ref] = keys
        return keys

    def _not_found_by_name(self, paths: set[str]) -> set[str]:
        """Give those among imported files that are no loaded modules found by their names.

        Such as were imported from a folder which is on ``sys.path`` no more.
        """
        places, modules = self._project.snapshot.places, self._project.modules
        ends = tuple({os.path.basename(path) for path in paths})
        lost = set(paths)
        for name, file in loaded_files().items():
            path = places.relative(file) if file.endswith(ends) else ""
            located = modules.find(name) if path in lost else None
            if located is not None and located.file == path:
                lost.discard(path)
        return lost

    def _keys(self, ref: CodeRef) -> tuple[Key, ...]:
        keys = self._located.get(ref)
        if keys is None:
            is_source = not self.is_made(ref.filename)
            keys = self._located[ref] = locate(self._project, ref) if is_source else ()
        return keys

    def is_made(self, filename: str) -> bool:
        """Say whether a file outside the project is one that some unit made."""
        if self._project.snapshot.places.is_inside(filename):
            return False
        path, parent = filename, os.path.dirname(filename)
        while path not in self.made and parent != path:
            path, parent = parent, os.path.dirname(parent)
        return path in self.made

    def _tell_apart(self, ref: CodeRef, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        if len(keys) != 1 or keys[0].kind != BODY:
            return keys
        index = self._project.index(keys[0].path)
        namesakes = index.defs[keys[0].name]
        innermost = _innermost(index, ref)
        if len(namesakes) < 2 or innermost is None:
            return keys
        meant = _beside(index, ref, innermost)
        numbers = [n for n, found in enumerate(namesakes, 1) if any(found is d for d in meant)]
        return tuple(Key(BODY, keys[0].path, numbered(keys[0].name, n)) for n in numbers)


def _is_code_of(key: Key, name: str) -> bool:
    """Say whether code of some name is that of a body, or of a comprehension or lambda in it."""
    is_own = unnumbered(key.name).rpartition(".")[2] == name
    return key.kind == BODY and (is_own or (name[0] == "<" and name != "<module>"))


def _innermost(index: Index, ref: CodeRef) -> Def | None:
    # Lambdas, comprehensions and the like in decorators and defaults run when it is defined.
    is_part = ref.name.startswith("<")
    around = [
        found
        for found in index.table.defs
        if (found.first if is_part else found.start) <= ref.line <= found.end
    ]
    return max(around, key=lambda found: (found.start, -found.end), default=None)


def _beside(index: Index, ref: CodeRef, innermost: Def) -> list[Def]:
    """Give all that a code object may be: lambdas that share a line cannot be told apart."""
    if not is_lambda(innermost.qualname):
        return [innermost]
    return [
        found
        for found in index.table.defs
        if is_lambda(found.qualname) and found.start <= ref.line <= found.end
    ]


def sites_of(project: Project, ref: CodeRef) -> list[Site]:
    """Give the statements of a function that reset something."""
    index = project.index(project.snapshot.places.relative(ref.filename))
    found = _innermost(index, ref)
    if found is None or found.qualname.rpartition(".")[2] != ref.name:
        return []
    return [Site.from_text(text) for text in sorted(found.refs.resets)]


def places_of(keys: Iterable[Key]) -> set[Place]:
    """Give file and qualified name of the bodies among keys."""
    return {(key.path, key.name) for key in keys if key.kind == BODY}


def ran_within(
    within: Iterable[Within], keys_of_code: Callable[[Iterable[CodeRef]], Iterable[Key]]
) -> dict[Place, frozenset[Place]]:
    """Give per function whose results are kept what ran within it, where all of that is known."""
    refs: dict[CodeRef, set[CodeRef]] = {}
    for root, ref in within:
        refs.setdefault(root, set()).add(ref)
    found: dict[Place, set[Place]] = {}
    doubtful: set[Place] = set()
    for root, those in refs.items():
        for place in places_of(keys_of_code([root])):
            if UNKNOWN in those or root not in those:
                doubtful.add(place)
            found.setdefault(place, set()).update(places_of(keys_of_code(those - {UNKNOWN})))
    return {place: frozenset(found[place]) for place in found.keys() - doubtful}
