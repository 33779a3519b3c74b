"""Tells what there is to read about functions and classes: docstrings and annotations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pytest_cellcache.graph.cells import Cell
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.model.keys import ANNOTATIONS, DOC, Key

EVERY: Final = "*"
"""In place of the last part of a name: of all definitions in another one."""


class Described:
    """Finds the keys of them; results are kept for the run.

    Args:
        unread: file and first line of the functions whose annotations nobody has looked at.
    """

    def __init__(self, project: Project, unread: Collection[tuple[str, int]]) -> None:
        self._project = project
        self._unread = unread
        self._docs: dict[tuple[str, str], frozenset[Key]] = {}
        self._annotated: dict[str, dict[str, list[str]]] = {}

    def docs(self, path: str, name: str) -> frozenset[Key]:
        """Give the docstrings of a function or class and of all in it, and which there are none of.

        Who finds none would find one that is written later.
        """
        known = self._docs.get((path, name))
        if known is None:
            index = self._project.index(path)
            inner = name + "."
            docs = index.table.docs
            found = {each for each in docs if each == name or each.startswith(inner)}
            if name in index.defs or any(cell.kind == "class" for cell in index.bound_by(name)):
                found |= {name, inner + EVERY}
            known = self._docs[path, name] = frozenset(Key(DOC, path, each) for each in found)
        return known

    def read(self, path: str, name: str) -> set[Key]:
        """Give the annotations of a function, or of the methods of a class, that somebody may
        have looked at.

        Of several functions of one name, as of overloads and what they are of, one at least.
        """
        index = self._project.index(path)
        return {
            key
            for key in self.annotations(path, name)
            if any(
                found.is_annotated and (path, found.start) not in self._unread
                for found in index.defs[key.name]
            )
        }

    def annotations(self, path: str, name: str) -> set[Key]:
        """Give all annotations of a function or of the methods of a class."""
        index = self._project.index(path)
        if path not in self._annotated:
            by_top: dict[str, list[str]] = {}
            self._annotated[path] = by_top
            for found in index.table.annotations:
                by_top.setdefault(found.partition(".")[0], []).append(found)
        return {
            Key(ANNOTATIONS, path, found)
            for found in self._annotated[path].get(name.partition(".")[0], ())
            # Test methods have names of their own.
            if found == name or (found.startswith(name + ".") and not index.binds(found))
        }


def has_foreign_base(project: Project, path: str, cell: Cell) -> bool:
    """Say whether code of another distribution may read the docstrings of a class."""
    return any(
        project.modules.find_from(path, alias.module) is None
        for base in cell.bases
        for alias in project.index(path).aliases(base.partition(".")[0])
    )


def evaluated_annotations(project: Project, names: Names, path: str) -> list[str]:
    """Say what decides whether the annotations of a module can be evaluated.

    What is evaluated, and of the names in it what there is to subscribe or to join by ``|``.
    """
    table = project.index(path).table
    if "annotations" in table.futures:
        return []
    parts: list[str] = []
    chains: set[str] = set()
    for name, (digest, refs) in table.annotations.items():
        parts += [name, digest]
        chains |= refs.chains
    for chain in sorted(chains):
        root = chain.partition(".")[0]
        parts += [chain, "bound" if project.index(path).binds(root) else ""]
        for file, found, rest in names.resolve(path, chain).bindings:
            for cell in project.index(file).bound_by(found):
                module = cell.imported.partition(":")[0]
                if module and project.modules.find_from(file, module) is not None:
                    continue  # what it leads to is among the bindings
                parts += [cell.kind, *rest]
                if cell.kind == "class":
                    defs = project.index(file).defs
                    parts += [*cell.bases, str(f"{found}.__class_getitem__" in defs)]
                elif cell.kind != "def":
                    parts.append(cell.digest)
    return parts
