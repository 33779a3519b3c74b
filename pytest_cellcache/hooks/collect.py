"""Keeps what pytest itself reads to find doctests out of what every test rests on.

The finder reads the whole file it looks for examples in. Examples count by value, item by item, and
the code by its cells; the file as text must not.
"""

from __future__ import annotations

import linecache
from collections.abc import Generator
from typing import Any

import pytest

from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.items import is_doctest_file
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.trace.recorder import Recorder


class CollectWatch:
    """Opens a unit for the collection of each file of doctests.

    Attributes:
        seen: what collecting them consulted beside the files themselves; it belongs to the base
            unit, as collecting imports.
    """

    def __init__(self, recorder: Recorder, guard: Guard) -> None:
        self._recorder = recorder
        self._guard = guard
        self.seen = Observation()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, object, object]:
        if not is_doctest_file(collector) or not self._recorder.is_running:
            return (yield)
        opened = self._guard.call(self._open, False)
        try:
            return (yield)
        finally:
            if opened:
                self._guard.call(self._close, None, collector)

    def _open(self) -> bool:
        self._recorder.open_unit(is_sited=True)
        return True

    def _close(self, collector: Any) -> None:
        seen = self._recorder.close_unit()
        path = str(collector.path)
        sites = frozenset(s for s in seen.sites if (s.kind, s.subject) != ("reads", path))
        self.seen |= seen._replace(reads=seen.reads - {path}, sites=sites)
        # A test that asks for the source must be seen reading it.
        linecache.cache.pop(path, None)
