"""Collects modules from their manifests where that gives what importing them would give.

::

    file -> manifest holds, all its tests hit -> nothing live yet: outline (not imported)
                                              -> something is: outline, if nobody can notice
         -> else: collected for real; before that, outlines that others may notice are hydrated

In a run in which nothing is live nobody can notice. As soon as something is, modules whose import
changes more than the names they bind are imported, in the order in which plain pytest would have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

import pytest

from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.instead import insert_path, replace_items
from pytest_cellcache.hooks.manifest import Captured, capture
from pytest_cellcache.hooks.outline import Doubt, Outline, outline_of, was_outlined
from pytest_cellcache.hooks.replay import keep_warning, warn_again, warning_log
from pytest_cellcache.model.record import Entry
from pytest_cellcache.sources.loaded import loaded_files
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.origin import pytester_depth
from pytest_cellcache.trace.surrounding import Surrounding, surrounded_by, surrounding_now

_ROOT: Final = "<root>/"
_INTERRUPTS: Final = (KeyboardInterrupt, pytest.exit.Exception)
_KNOWN_MAKERS: Final = ("_pytest.", "pytest_cellcache.")


class Library(Protocol):
    """What collecting from manifests needs of the run."""

    def manifest_of(self, group: str) -> Entry | None:
        """Give the record of a collection that holds and all of whose tests hit."""

    def imports_of(self, group: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give the first-party files and the foreign modules that a file imports itself."""

    def note_path(self, group: str) -> None:
        """Take down which folders of the project are searched when a file is to be imported."""

    def enters_anew(self, group: str) -> bool:
        """Say whether importing a file may do to others what it did not when it was described."""

    def watch(self, files: Iterable[str]) -> None:
        """Take files whose code may run from now on."""

    def is_watched(self, left_out: Iterable[str]) -> bool:
        """Say whether that code may look for modules, whether they are loaded or what they made."""


class Collection:
    """Makes outlines, and captures what was collected for real.

    Attributes:
        captured: modules collected for real, as pytest gave them.
    """

    def __init__(self, library: Library, config: pytest.Config, places: Places, guard: Guard):
        self._library = library
        self._config = config
        self._places = places
        self._guard = guard
        self._nodes: dict[Any, Captured] = {}
        self._outlines: dict[Outline, Entry] = {}
        self._passed: list[Outline] = []
        # Modules that are collected for real: names, and files that are not looked at yet.
        self._live: set[str] = set()
        self._unasked: list[str] = []
        self._is_otherwise = False
        self._is_live = False
        self._is_watched = False
        self._unwatched: set[str] = set()
        self._failed: list[Outline] = []
        self.captured: list[Captured] = []
        self._warned: dict[Any, list[dict[str, Any]]] = {}
        self._around: Surrounding | None = None

    @property
    def waiting(self) -> list[Outline]:
        """The outlines that are not hydrated and that plain pytest would have imported."""
        # Nodes are made for all files of a folder of which one is asked for.
        return [outline for outline in self._passed if not outline.is_hydrated]

    @property
    def left_out(self) -> list[Entry]:
        """The records of their collections."""
        return [self._outlines[outline] for outline in self.waiting]

    # -- hooks -----------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> pytest.Module | None:
        outline = self._guard.call(self._outline, None, str(module_path), module_path, parent)
        return None if outline is None else outline.module

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        # Innermost: other plugins may leave out part of what was collected.
        if isinstance(collector, (pytest.Session, pytest.Directory)):
            return (yield)
        if was_outlined(collector) and not self._guard.call(self._take_turn, False, collector):
            return (yield)
        self._guard.call(self._go_live, None, str(collector.path))
        log = warning_log()
        before = len(log) if log is not None else 0
        report = yield
        if report.failed and self.waiting and isinstance(collector, pytest.Module):
            # It may miss what a module that was left out would have imported.
            report = self._guard.call(self._try_again, report, report, collector)
        self._guard.call(self._capture, None, collector, report)
        if log is None or len(log) > before:
            self._guard.call(self._keep_warnings, None, collector, log, before)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # Its plugin marks tests only where somebody has imported it.
        if "hypothesis" not in sys.modules:
            for item in items:
                obj = item.obj if outline_of(item) and isinstance(item, pytest.Function) else None
                if getattr(obj, "is_hypothesis_test", False) is True:
                    item.add_marker("hypothesis")

    # -- outlines --------------------------------------------------------------------------------

    def _outline(self, path: str, module_path: Any, parent: Any) -> Outline | None:
        group = self._places.relative(path)
        self._library.note_path(group)
        if not self._may_outline():
            return None
        entry = self._library.manifest_of(group)
        if entry is None:
            return None
        module: pytest.Module = pytest.Module.from_parent(parent, path=module_path)
        try:
            outline = Outline(module, entry.body["manifest"], self._hydrate)
        except Doubt:
            return None
        self._outlines[outline] = entry
        return outline

    def _may_outline(self) -> bool:
        """Say whether nobody but pytest itself makes modules and their items, and once each."""
        if getattr(self._config.option, "keepduplicates", False):
            return False
        # Not ``config.hook``: a proxy in older versions of pytest, which hides implementations.
        hook = self._config.pluginmanager.hook
        for impl in hook.pytest_pycollect_makemodule.get_hookimpls():
            name = getattr(impl.plugin, "__name__", type(impl.plugin).__module__)
            if not name.startswith(_KNOWN_MAKERS):
                return False
        return not any(
            self._places.is_first_party(str(getattr(impl.plugin, "__file__", "")))
            for impl in hook.pytest_pycollect_makeitem.get_hookimpls()
        )

    def _take_turn(self, collector: Any) -> bool:
        """Decide on an outline when plain pytest would import it; say whether to give it up."""
        outline = outline_of(collector)
        if outline is None or outline.module is not collector:
            return False
        self._passed.append(outline)
        insert_path(self._config, str(collector.path), outline.name)
        if self._is_live and self._may_differ(outline):
            outline.empty()
            return True
        if self._is_live:
            self._watch(())
        if self._is_live and self._is_noticed(self._outlines[outline], None):
            self._fill(outline, is_its_turn=True)
        return False

    def _may_differ(self, outline: Outline) -> bool:
        """Say whether a module may have other items after those that were collected for real.

        What these enter in others may be what its parameters are made of.
        """
        if outline.name.rpartition(".")[2] in self._live:
            return True  # two modules of one name
        while self._unasked and not self._is_otherwise:
            self._is_otherwise = self._library.enters_anew(self._unasked.pop())
        return self._is_otherwise

    def _go_live(self, path: str) -> None:
        """Get ready for a module that is collected for real."""
        coming = self._places.relative(path)
        name = os.path.splitext(os.path.basename(path))[0]
        self._live.add(name)
        self._unasked.append(coming)
        for outline in self.waiting:
            # Two modules of one name in one process are an error, or one module.
            if outline.name.rpartition(".")[2] == name:
                self._hydrate(outline)
        was_live, was_watched = self._is_live, self._is_watched
        self._watch({coming})
        if not was_live or was_watched != self._is_watched:
            self._weigh(coming)

    def _weigh(self, coming: str | None, also: Container[Outline] = ()) -> None:
        """Hydrate what may be noticed among the outlines whose turn has passed, and some more."""
        self._is_live = True
        self._watch(self._loaded())
        for outline in self.waiting:
            if outline in also or self._is_noticed(self._outlines[outline], coming):
                self._fill(outline)

    def _watch(self, files: Iterable[str]) -> None:
        """Look through files that may run; not before anything is left out."""
        self._unwatched.update(files)
        left_out = [outline for outline in self._outlines if not outline.is_hydrated]
        if self._unwatched and left_out and not self._is_watched:
            self._library.watch(self._unwatched)
            self._unwatched.clear()
            self._is_watched = self._library.is_watched(map(self._group, left_out))

    def _is_noticed(self, entry: Entry, coming: str | None) -> bool:
        """Say whether what runs live may notice that a module was not imported.

        Args:
            coming: a file about to be imported: what it imports itself nobody will miss.
        """
        body = entry.body
        if body["is_loud"] or self._is_watched:
            return True
        files, names = frozenset[str](), frozenset[str]()
        if coming is not None and coming.endswith(".py"):
            files, names = self._library.imports_of(coming)
        if any(name not in sys.modules and name not in names for name in body["names"]):
            return True
        missing = set(body["direct"]) - files - self._loaded()
        loud = body["loud"]
        return bool(missing) and (loud is None or bool(set(loud) - self._loaded() - files))

    def _group(self, outline: Outline) -> str:
        return self._places.relative(str(outline.module.path))

    def _loaded(self) -> set[str]:
        places = self._places
        # In a run within a run the outer project's modules are all there, too.
        is_inner = pytester_depth(sys._getframe()) > 0
        return {
            places.relative(file)
            for file in loaded_files().values()
            if places.is_first_party(file) and (places.is_inside(file) or not is_inner)
        }

    def _hydrate(self, wanted: Outline) -> None:
        """Hydrate an outline; what may be noticed and comes before it goes first."""
        if not self._is_live:
            self._weigh(None)
        if not wanted.is_hydrated:
            with self._as_collected():
                wanted.fill()

    def _as_collected(self) -> AbstractContextManager[None]:
        """Import as at the end of the collection: tests may have moved since, or set variables."""
        return surrounded_by(self._around) if self._around is not None else nullcontext()

    def confirm(self, session: pytest.Session, holds: Callable[[Entry], bool]) -> bool:
        """Look again at what was taken from manifests too early; say whether one is no more so."""
        found = [outline for outline in self.waiting if not holds(self._outlines[outline])]
        if found:
            self._weigh(None, also=found)
        for outline in found:
            if outline.differs:
                replace_items(session.items, outline)
        return bool(found)

    def drop_failed(self, items: list[pytest.Item]) -> None:
        """Take out the items of modules that cannot be imported after all."""
        gone = {item for outline in self._failed for item in outline.items}
        if gone:
            items[:] = [item for item in items if item not in gone]

    def settle(self, live: list[pytest.Item]) -> None:
        """Make ready for running items: they are real, and miss nothing that others bring."""
        self._settle(live)
        self._around = surrounding_now()

    def _settle(self, live: list[pytest.Item]) -> None:
        if live:
            self._weigh(None)
        for item in live:
            outline = outline_of(item)
            if outline is not None:
                self._fill(outline)
        if not live:
            return
        self._weigh(None)
        loaded = self._loaded()
        for outline in self.waiting:
            body = self._outlines[outline].body
            # A submodule is an attribute of its package for everybody.
            if not loaded.issuperset(body["direct"]) or self._is_noticed(
                self._outlines[outline], None
            ):
                self._fill(outline)
                loaded = self._loaded()

    def hydrate_all(self) -> bool:
        """Import whatever was left out; say whether there was anything."""
        if not self._is_live:
            self._weigh(None)
        waiting = self.waiting
        for outline in waiting:
            self._fill(outline)
        return bool(waiting)

    def _fill(self, outline: Outline, *, is_its_turn: bool = False) -> None:
        """Hydrate an outline; what that raises is an error of collecting it, as without us.

        Args:
            is_its_turn: pytest is about to collect it, and will report the error.
        """
        with self._as_collected():
            call = pytest.CallInfo.from_call(outline.fill, "collect", reraise=_INTERRUPTS)
        if call.excinfo is None:
            return
        from _pytest import runner  # private: makes the report that pytest would have made

        collect = getattr(runner, "pytest_make_collect_report", None)
        outline.empty()
        if is_its_turn:
            return
        report = collect(outline.module) if collect is not None else None
        if report is None or report.passed:
            raise call.excinfo.value
        self._failed.append(outline)
        outline.module.ihook.pytest_collectreport(report=report)

    # -- what is collected for real --------------------------------------------------------------

    def _try_again(self, report: pytest.CollectReport, collector: Any) -> pytest.CollectReport:
        from _pytest import runner  # private: collects past all other plugins

        collect = getattr(runner, "pytest_make_collect_report", None)
        if collect is None or not self.hydrate_all():
            return report
        again: pytest.CollectReport = collect(collector)
        return again

    def _capture(self, collector: pytest.Collector, report: pytest.CollectReport) -> None:
        is_module = type(collector) is pytest.Module
        if not report.passed or not (is_module or isinstance(collector, pytest.Class)):
            return
        held = self._nodes.get(collector)
        if held is None:
            if not is_module:
                return
            held = capture(collector)
            self.captured.append(held)
        held.marks = list(collector.own_markers)  # a class has none before it is collected
        held.children = [capture(child) for child in report.result]
        self._nodes.update((child.node, child) for child in held.children)

    def _keep_warnings(self, collector: pytest.Collector, log: Any, before: int) -> None:
        module = collector.getparent(pytest.Module)
        if module is None:
            return
        kept = self._warned.setdefault(module, [])
        if log is None:  # cannot be known: such a module has no manifest
            kept.append({})
            return
        kept += [keep_warning(message, None) or {} for message in log[before:]]

    def warnings_of(self, module: Any) -> list[dict[str, Any]] | None:
        """Give the warnings of a module with portable paths; ``None`` where they are not known."""
        root = self._places.root + "/"
        kept = self._warned.get(module, [])
        if not all(kept):
            return None
        return [row | {"filename": str(row["filename"]).replace(root, _ROOT)} for row in kept]

    def warn_again(self) -> None:
        """Give the warnings of modules that were not imported, each once in a run."""
        log = warning_log() or []
        said = {(str(m.message), m.filename, m.lineno) for m in log}
        for outline in self.waiting:
            for row in self._outlines[outline].body["manifest"].get("warnings", ()):
                root = self._places.root + "/"
                kept = row | {"filename": row["filename"].replace(_ROOT, root)}
                key = (kept["text"], kept["filename"], kept["lineno"])
                if key not in said:
                    said.add(key)
                    warn_again(self._config, "", kept, when="collect")
