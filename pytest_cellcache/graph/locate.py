"""Finds the keys that a code object stands for, by file and first line."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.model.keys import BODY, EFFECTS, NAME, WHOLE, Key
from pytest_cellcache.model.observation import CodeRef


def locate(project: Project, ref: CodeRef) -> tuple[Key, ...]:
    """Give the keys of a code object that ran; none for the code of a module or class body."""
    path = project.snapshot.places.relative(ref.filename)
    if ref.name == "<module>":
        return (Key(EFFECTS, path),)
    index = project.index(path)
    around = [found for found in index.table.defs if found.start <= ref.line <= found.end]
    if around:
        innermost = max(around, key=lambda found: (found.start, -found.end))
        return (Key(BODY, path, innermost.qualname),)
    nodes: list[Key] = []
    for cell in index.table.cells:
        if cell.start <= ref.line <= cell.end:
            if cell.kind == "class" and not ref.name.startswith("<"):
                return ()  # its body, or that of a class in it
            nodes += [Key(NAME, path, name) for name in cell.binds]
    # Code that no cell explains, such as what was compiled under this file's name.
    return tuple(nodes) or (Key(WHOLE, path),)


def places_of(keys: Iterable[Key]) -> set[Place]:
    """Give file and qualified name of the bodies among keys."""
    return {(key.path, key.name) for key in keys if key.kind == BODY}
