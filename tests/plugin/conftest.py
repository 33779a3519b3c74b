"""A suite under test: runs it plainly and with the cache, and tells what really ran.

What ran is taken from pytest's own hook calls (``pytest_runtest_setup``), never from what the cache
says of itself.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import textwrap
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import _pytest.fixtures
import pytest

# Kept loaded: pytester drops what an inner run imports, and importing it all again is slow.
# Not the plugin itself, which must be imported by the run that asks for it.
import pytest_cellcache.session
from pytest_cellcache.sources.loaded import loaded_files

SETTLED_NS = 30_000_000
"""What was written this shortly before a run began counts as written during it."""

_NO_AUTOLOAD = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
_INSTALLED = any(point.name == "cellcache" for point in entry_points(group="pytest11"))


@dataclass(frozen=True)
class Ran:
    """One run of the suite.

    Attributes:
        outcomes: per node id the outcomes of its reports: ``setup:passed call:failed ...``.
        live: node ids whose set-up really began, in order.
        imported: files of the suite that were loaded as modules when the run ended.
        decisions: the tests of the JSON report by node id.
    """

    code: int
    outcomes: dict[str, str]
    live: list[str]
    text: str
    imported: frozenset[str]
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def decisions(self) -> dict[str, dict[str, Any]]:
        return {test["nodeid"]: test for test in self.report.get("tests", ())}

    @property
    def names(self) -> list[str]:
        """What ran, without the files."""
        return [nodeid.partition("::")[2] for nodeid in self.live]


class Loaded:
    """Notes which files below a folder were imported by a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: frozenset[str] = frozenset()

    def pytest_unconfigure(self) -> None:
        self.files = frozenset(
            Path(path).relative_to(self._folder).as_posix()
            for path in loaded_files().values()
            if Path(path).is_relative_to(self._folder)
        )


class Suite:
    """Files below ``pytester.path``.

    Installed plugins are not loaded except by name (``-p``) or within ``autoloading``: to find and
    load them takes longer than a run.

    Attributes:
        load: what loads our plugin.
        unload: what keeps it out.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.store = self.path / ".pytest_cache" / "d" / "cellcache"
        self.load: tuple[str, ...] = ("-p", "pytest_cellcache.plugin")
        self.unload: tuple[str, ...] = ()

    @contextmanager
    def autoloading(self) -> Iterator[None]:
        """Load whatever is installed, as users do."""
        load, unload = self.load, self.unload
        if _INSTALLED:
            self.load, self.unload = (), ("-p", "no:cellcache")
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(_NO_AUTOLOAD)
            try:
                yield
            finally:
                self.load, self.unload = load, unload

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.path / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def plain(self, *args: str) -> Ran:
        """Run without the cache."""
        return self._run(*self.unload, *args)

    def idle(self, *args: str) -> Ran:
        """Run with the plugin loaded, and only what ``args`` ask of it."""
        self.settle()
        return self._run(*self.load, *args)

    def cached(self, *args: str) -> Ran:
        """Run with the cache."""
        report = self.path.parent / f"{self.path.name}-report.json"
        report.unlink(missing_ok=True)
        self.settle()
        ran = self._run(*self.load, "--cell-cache", f"--cell-cache-report={report}", *args)
        if report.exists():
            ran.report.update(json.loads(report.read_text()))
        return ran

    def both(self, *args: str) -> Ran:
        """Run plainly and with the cache, and compare: the oracle."""
        plain = self.plain(*args)
        cached = self.cached(*args)
        assert cached.outcomes == plain.outcomes
        assert cached.code == plain.code
        return cached

    def warm(self, *args: str) -> Ran:
        """Run with the cache twice; the second must replay everything."""
        first = self.both(*args)
        again = self.both(*args)
        assert again.live == [n for n in first.live if first.decisions[n]["unstored"]]
        return again

    def settle(self) -> None:
        """Wait until what was written lies before the next run's beginning."""
        newest = 0
        for folder, folders, files in os.walk(self.path):
            if ".pytest_cache" in folders:  # no input, and written by the run before
                folders.remove(".pytest_cache")
            for file in files:
                newest = max(newest, os.lstat(os.path.join(folder, file)).st_ctime_ns)
        while time.time_ns() < newest + SETTLED_NS:
            pass

    def _run(self, *args: str) -> Ran:
        with warnings.catch_warnings():
            warnings.resetwarnings()  # ours make errors of warnings
            loaded = Loaded(self.path)
            result = self.pytester.runpytest_inprocess(
                *args, no_reraise_ctrlc=True, plugins=[loaded]
            )
        recorded = result.reprec  # type: ignore[attr-defined]
        outcomes: dict[str, list[str]] = {}
        live: list[str] = []
        if hasattr(recorded, "getcalls"):  # not after a usage error
            for call in recorded.getcalls("pytest_runtest_logreport"):
                report = call.report
                word = f"{report.when}:{report.outcome}"
                if hasattr(report, "wasxfail"):
                    word += f" (xfail {report.wasxfail})"
                outcomes.setdefault(report.nodeid, []).append(word)
            live = [call.item.nodeid for call in recorded.getcalls("pytest_runtest_setup")]
            recorded.finish_recording()
            # Pytester keeps it, and with it all objects of the run, until the test ends. The next
            # run would start by looking at them all.
            vars(recorded).update(calls=[], _pluginmanager=None, _undo_wrapping=lambda: None)
        joined = {nodeid: " ".join(words) for nodeid, words in outcomes.items()}
        text = result.stdout.str() + result.stderr.str()
        return Ran(int(result.ret), joined, live, text, loaded.files)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    # Two edits of one size within a second would meet the bytecode of the first.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    # For the runs that need a process of their own.
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_cellcache.session.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_CELLCACHE_DEBUG", "1")
    monkeypatch.setenv(_NO_AUTOLOAD, "1")
    return Suite(pytester)


@dataclass
class Counted:
    """A suite whose calls of fixture functions are counted, where pytest calls them.

    Everything is worth keeping in it: no test of ours waits to be slow enough.
    """

    suite: Suite
    calls: Counter[str] = field(default_factory=Counter)

    def write(self, **files: str) -> None:
        """Write Python files; ``__`` in a name stands for a folder."""
        for name, text in files.items():
            self.suite.write(name.replace("__", "/") + ".py", text)

    def edit(self, name: str = "lib.py", old: str = "return 1", new: str = "return 2 - 1") -> None:
        self.suite.edit(name, old, new)

    def run(self, *args: str) -> tuple[Ran, dict[str, int]]:
        """Run plainly and with the cache, compare, and give what the cached run called."""
        plain = self.suite.plain(*args)
        self.calls.clear()
        ran = self.suite.cached(*args)
        assert ran.outcomes == plain.outcomes, ran.text
        assert ran.code == plain.code
        assert not ran.report["warnings"], ran.report["warnings"]
        return ran, {name: n for name, n in self.calls.items() if not name.startswith("_")}

    def why(self, ran: Ran, name: str) -> str:
        """Give the reason why the value of a fixture was not kept."""
        found = [f["unstored"] for f in ran.report["fixtures"] if f["name"] == name]
        return found[-1]["slug"] + " " + found[-1]["subject"] if found and found[-1] else ""


_COUNTING = """
def call(fixturefunc, request, kwargs):
    calls[request.fixturename] += 1
    return real(fixturefunc, request, kwargs)
"""


@pytest.fixture
def counted(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    found = Counted(suite)
    namespace = {"real": _pytest.fixtures.call_fixture_func, "calls": found.calls}
    # Under a name that is no file's: the suite under test must not take it for code of its own.
    exec(compile(_COUNTING, "<counting>", "exec"), namespace)
    call = namespace["call"]
    monkeypatch.setattr(_pytest.fixtures, "call_fixture_func", call)
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write("lib.py", "def one():\n    return 1\n")
    yield found
    gc.collect()  # what suites leave open is told while the test may ignore it
