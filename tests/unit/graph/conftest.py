"""A project on disk, and the graph parts over it, as a run puts them together."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.modules import Modules
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import Key
from pytest_cellcache.sources.places import Places
from pytest_cellcache.sources.snapshot import Snapshot


class World:
    """Files below a root; every question is answered from the files as they are then."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.search = [str(root)]
        self.stored: dict[str, bytes] = {}

    def write(self, **files: str) -> None:
        """Write modules; ``__`` in a name is a folder: ``pkg__mod``, ``pkg____init__``."""
        for name, text in files.items():
            if name.endswith("____init__"):
                name = name.removesuffix("____init__") + "__#"
            path = self.root / (name.replace("__", "/").replace("#", "__init__") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def project(self) -> Project:
        root = str(self.root)
        places = Places(root, (), "/nowhere/")
        snapshot = Snapshot(places, began_ns=time.time_ns() + 10**12)
        return Project(snapshot, Modules(places, self.search), self.stored.get)

    def digester(self) -> Digester:
        return Digester(self.project())

    def digest(self, kind: str, path: str, name: str = "") -> Digest:
        return self.digester().digest(Key(kind, path, name))

    def footprint(
        self, root: tuple[str, str], *, imported: Iterable[tuple[str, str]] = ()
    ) -> set[Key]:
        """Give everything that a body leads to, given which defs ran at import."""
        project = self.project()
        evaluations = Evaluations(imported=Ran(imported))
        closure = Closure(project, Digester(project), evaluations)
        seen = {Key("body", *root)}
        stack = list(seen)
        while stack:
            for key in closure.edges(stack.pop()):
                if key not in seen:
                    seen.add(key)
                    stack.append(key)
        return seen

    def shown(self, root: tuple[str, str], **how: Iterable[tuple[str, str]]) -> set[str]:
        return {str(key) for key in self.footprint(root, **how)}  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
