"""Runs of the life cycle alone: what ran and was consulted is told by hand, the rest is real."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.modules import Modules
from pytest_cellcache.graph.project import Project
from pytest_cellcache.lifecycle.entered import EnteredNow
from pytest_cellcache.lifecycle.footprint import InputKeys
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.record import Recording
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.lifecycle.verify import Verifier
from pytest_cellcache.model.digest import digest_text
from pytest_cellcache.model.observation import CodeRef, Observation, StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Hit, Miss, Verdict
from pytest_cellcache.sources.places import Places
from pytest_cellcache.sources.snapshot import Snapshot
from pytest_cellcache.store.contract import Store
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.memory import MemoryStore


class Session:
    """One run: a snapshot and all that hangs on it."""

    def __init__(self, root: Path, store: Store, *, later_ns: int, **how: Any) -> None:
        self.root = root
        self.store = store
        places = Places(str(root), (), "/own/")
        self.snapshot = Snapshot(places, began_ns=time.time_ns() + later_ns)
        project = Project(self.snapshot, Modules(places, [str(root)]), store.get_note)
        self.project = project
        self.digester = digester = Digester(project)
        facets = {"python": digest_text(how.pop("python", "3"))}
        ignore = how.pop("ignore", ())
        self.inputs = Inputs(
            self.snapshot, digester, environ=how.pop("environ", {}), run=facets, **how
        )
        self.input_keys = InputKeys(self.snapshot, self.inputs, ignore)
        self.verifier = Verifier(store, self.inputs, self.snapshot)
        self.verifier.entered = self.entered = EnteredNow(
            digester, store, lambda: self.around, (), lambda _: None, self.verifier
        )
        self.recording = Recording(
            project=project,
            digester=digester,
            inputs=self.inputs,
            input_keys=self.input_keys,
            store=store,
            entered=self.entered.keep,
        )
        nothing = Observation()
        self.around = Surroundings(
            imported=nothing,
            outside=nothing,
            statements={},
            modules=frozenset(),
            loaded=tuple(str(path) for path in root.rglob("*.py")),
            plugins=(),
            groups=frozenset({"t.py"}),
            facets=tuple(facets),
        )

    def facts(self, name: str = "test", **changes: Any) -> TestFacts:
        values = {"nodeid": f"t.py::{name}", "group": "t.py", "digest": digest_text("item")}
        return TestFacts(**(values | changes))

    def seen(self, *bodies: str, **paths: Iterable[str]) -> Observation:
        """An observation of bodies ``file.py::name``; paths are relative to the root."""
        codes = set()
        for body in bodies:
            file, _, name = body.partition("::")
            lines = (self.root / file).read_text(encoding="utf-8").splitlines()
            line = next(n for n, text in enumerate(lines, 1) if f"def {name}(" in text)
            codes.add(CodeRef(str(self.root / file), line, name))
        found: dict[str, Any] = {}
        for kind, values in paths.items():
            is_path = kind in ("reads", "writes", "listings", "stats")
            found[kind] = frozenset(str(self.root / v) if is_path else v for v in values)
        consulted = found.get("reads", frozenset()) | found.get("stats", frozenset())
        found["absent"] = frozenset(path for path in consulted if not os.path.exists(path))
        return Observation(codes=frozenset(codes), **found)

    def attempt(
        self,
        seen: Observation,
        *,
        name: str = "test",
        instances: Iterable[Instance] = (),
        barrier: Reason | None = None,
        changes: Iterable[StateChange] = (),
        **facts: Any,
    ) -> Attempt:
        own = next((code for code in seen.codes if code.name == name), None)
        return Attempt(
            self.facts(name, **facts),
            seen,
            frozenset(instances),
            {"r": name},
            barrier,
            0.25,
            own,
            frozenset(changes),
        )

    def changed(
        self, place: str, name: str, word: str = "", *, is_keyed: bool = False
    ) -> StateChange:
        return StateChange(str(self.root / place), name, word, is_keyed)

    def record(self, *attempts: Attempt, is_final: bool = True) -> dict[str, Reason | None]:
        for attempt in attempts:
            self.recording.add(attempt)
        return self.recording.write(self.around, is_final=is_final)

    def verdict(self, name: str = "test", **facts: Any) -> Verdict:
        return self.verifier.judge(self.facts(name, **facts))

    def change(self, name: str = "test", **facts: Any) -> str:
        """Give ``hit``, or the reason of the miss."""
        verdict = self.verdict(name, **facts)
        if isinstance(verdict, Hit):
            assert verdict.entry.body["result"] == {"r": name}
            return "hit"
        assert isinstance(verdict, Miss)
        return str(verdict.reason)


class Bench:
    """A project and a store; every session sees the files as they are when it opens."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.store = store

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.root / f"{name}.py"
            path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def open(self, *, later_ns: int = 10**12, **how: Any) -> Session:
        return Session(self.root, self.store, later_ns=later_ns, **how)


@pytest.fixture(params=["memory", "directory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    root = Path(os.path.realpath(tmp_path)) / "project"
    root.mkdir()
    store: Store = MemoryStore()
    if request.param == "directory":
        store = DirectoryStore(tmp_path / "store", may_write=True, warn=lambda warned: None)
    return Bench(root, store)
