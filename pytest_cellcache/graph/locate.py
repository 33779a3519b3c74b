"""Finds the nodes that a code object stands for, by file and first line."""

from __future__ import annotations

from pytest_cellcache.graph.closure import Node
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.model.keys import BODY, EFFECTS, NAME, WHOLE, Key
from pytest_cellcache.model.observation import CodeRef


def locate(project: Project, ref: CodeRef) -> tuple[Node, ...]:
    """Give the nodes of a code object that ran; none for the code of a module or class body."""
    path = project.snapshot.places.relative(ref.filename)
    if ref.name == "<module>":
        return (Node(Key(EFFECTS, path)),)
    index = project.index(path)
    for found in index.table.defs:
        if found.start <= ref.line <= found.end:
            return (Node(Key(BODY, path, found.qualname)),)
    nodes: list[Node] = []
    for cell in index.table.cells:
        if cell.start <= ref.line <= cell.end:
            if cell.kind == "class" and ref.name == cell.binds[0].rpartition(".")[2]:
                return ()
            nodes += [Node(Key(NAME, path, name)) for name in cell.binds]
    # Code that no cell explains, such as what was compiled under this file's name.
    return tuple(nodes) or (Node(Key(WHOLE, path)),)


def places_of(nodes: set[Node]) -> set[Place]:
    """Give file and qualified name of the bodies among nodes."""
    return {(node.key.path, node.key.name) for node in nodes if node.key.kind == BODY}
