"""A directory to open stores on, and what tests of several processes need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cellcache.model.events import Warned
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.layout import Layout, group_key


class Bench:
    """A root, the stores opened on it with their warnings, and a clock that moves by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(str(root))
        self.warned: list[Warned] = []
        self.now_s = 1_700_000_000.0

    def open(self, *, may_write: bool = True) -> DirectoryStore:
        return DirectoryStore(
            self.root, may_write=may_write, warn=self.warned.append, clock=lambda: self.now_s
        )

    @property
    def slugs(self) -> list[str]:
        return [warned.slug for warned in self.warned]

    def segments(self, group: str) -> list[Path]:
        return sorted(Path(self.layout.group(group_key(group))).glob("*"))

    def tree(self) -> dict[str, tuple[int, int]]:
        """Everything below the root with size and time of change."""
        found = {}
        for path in [self.root, *self.root.rglob("*")]:
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mtime_ns)
        return found


def start_python(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(program: str, *arguments: object) -> int:
    """Run a program that must say "done", unless it dies as told; give its exit code."""
    child = start_python(program, *arguments)
    out, error = child.communicate()
    assert out == "done\n", error
    assert child.returncode is not None
    return child.returncode


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "store")


@pytest.fixture(name="start_python")
def _start_python() -> Callable[..., subprocess.Popen[str]]:
    return start_python


@pytest.fixture(name="run_python")
def _run_python() -> Callable[..., int]:
    return run_python
