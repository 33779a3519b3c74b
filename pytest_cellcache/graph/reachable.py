"""Which files the code of a file may import, wherever in it."""

from __future__ import annotations

from pytest_cellcache.graph.project import Project


def importable(project: Project, path: str) -> frozenset[str] | None:
    """Give relative files; ``None`` if the code names some that nobody can tell before it runs.

    Text that names a module counts, too, and so does text that begins with the name of one.
    """
    index = project.index(path)
    table, modules = index.table, project.modules
    refs = [
        *(cell.refs for cell in table.cells),
        *(found.refs for found in table.defs),
        *(found for _, found in (*table.markers.values(), *table.annotations.values())),
    ]
    if table.is_broken or any(
        each.imports_computed or each.imports_asked or each.finds_computed or each.importers
        for each in refs
    ):
        return None
    found: set[str] = set()
    for spec in {*table.loads, *(spec for each in refs for spec in each.imports)}:
        found.update(f for located in modules.find_import(path, spec) for f in located.evaluated)
    for text in {text for each in refs for text in each.strings}:
        parts = text.split(".")
        beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        located = next(filter(None, map(modules.find, beginnings)), None)
        found.update(located.evaluated if located is not None else ())
    return frozenset(found)
