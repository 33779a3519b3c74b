"""What begins before the first conftest: the tracer, and what was imported before it."""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.inert import is_inert
from pytest_cellcache.hooks.earlyhooks import files_begun
from pytest_cellcache.hooks.facets import plugin_files
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.options import OptionWatch
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.settings import read_tracer
from pytest_cellcache.sources.handover import Handover
from pytest_cellcache.sources.loaded import loaded_files, read_source
from pytest_cellcache.sources.places import Places, temporary_folder
from pytest_cellcache.trace.contract import TracerUnavailable
from pytest_cellcache.trace.origin import pytester_depth
from pytest_cellcache.trace.recorder import Recorder, make_recorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_cellcache.hooks.around import Importable
    from pytest_cellcache.trace.early import EarlyImports


class Started:
    """What ``begin`` leaves for ``configure``."""

    def __init__(self, config: pytest.Config) -> None:
        self.began_ns = time.time_ns()
        self.guard = Guard()
        self.places = places_of(config)
        self.recorder: Recorder | None = None
        # What nobody saw being imported.
        self._before = _loaded_before(self.places)
        self._plugins = plugin_files(config, self.places) if self._before else ()
        self._begun = files_begun(config, self.places.is_first_party) if self._before else ()
        self._early = self._import_again(config)
        if "PYTEST_XDIST_WORKER" in os.environ:
            # xdist asks for it when a session starts, and it asks a child process once: a child of
            # every test's, if the recorder saw it.
            platform.platform()
        try:
            self.recorder = make_recorder(
                read_tracer(config), self.places.is_first_party, self._handover(config)
            )
            self.recorder.start()
            if self._early is not None:
                self.recorder.early = self._early.found
                config.add_cleanup(self._early.stop)
        except (TracerUnavailable, ValueError) as error:
            self.recorder = None
            text = f"{error}; this run goes on without the cache"
            self.guard.warn(Warned("tracer-unavailable", text))
        known = getattr(config, "known_args_namespace", config.option)
        self.options = OptionWatch(config, known, self.recorder, self.guard)

    def untraced(self, importable: Importable) -> frozenset[str]:
        """Name the first-party files that count whole, as nobody knows what of them ran."""
        files = {path: self.places.relative(path) for path in self._before.values()}
        if self._early is None:
            return frozenset(files.values())
        heard = self._early.heard()
        # Hooks of plugins have run since they were imported.
        begun = _reached(map(self.places.relative, self._begun), importable)
        hooked = None if begun is None else begun.union(self._plugins)
        untold = {
            path: name
            for path, name in files.items()
            if path not in heard or hooked is None or name in hooked
        }
        self._early.count_whole(untold)
        return frozenset(untold.values())

    def _import_again(self, config: pytest.Config) -> EarlyImports | None:
        if not self._before or "__main__" in self._before:  # a script may have done anything
            return None
        if all(map(self._counts_whole, self._before.values())):
            return None
        from pytest_cellcache.trace.early import EarlyImports  # few runs need it

        early = EarlyImports(
            [*self._before],
            foreign=self.places.foreign,
            own=self.places.own,
            tracer=read_tracer(config),
        )
        early.begin()
        return early

    def _counts_whole(self, path: str) -> bool:
        """Say whether a module is a plugin, and importing it told it nothing."""
        if self.places.relative(path) not in self._plugins:
            return False
        return is_inert(read_source(path))

    def _handover(self, config: pytest.Config) -> Handover:
        for_children = {
            "foreign": self.places.foreign,
            "own": self.places.own,
            "tracer": read_tracer(config),
        }
        return Handover(temporary_folder(), for_children)


def _loaded_before(places: Places) -> dict[str, str]:
    """Give the first-party modules that nobody saw being imported, and their files.

    Plugins named on the command line, and what started pytest. In a run that pytester started in
    its own process the outer project's modules are all there too, and concern nobody.
    """
    is_inner = pytester_depth(sys._getframe()) > 0
    return {
        name: path
        for name, path in loaded_files().items()
        if path.endswith(".py")
        and places.is_first_party(path)
        and (places.is_inside(path) or not is_inner)
    }


def _reached(files: Iterable[str], importable: Importable) -> set[str] | None:
    """Give files and all that they may import, directly or not; ``None`` for any."""
    found: set[str] = set()
    stack = [*files]
    while stack:
        file = stack.pop()
        if file not in found:
            found.add(file)
            more = importable(file)
            if more is None:
                return None
            stack += more
    return found


def places_of(config: pytest.Config) -> Places:
    """Give the places of a run, before its options are all parsed."""
    known = getattr(config, "known_args_namespace", config.option)  # before they are all parsed
    basetemp = getattr(known, "basetemp", None)
    return Places.of(config.rootpath, config.invocation_params.dir, basetemp and str(basetemp))
