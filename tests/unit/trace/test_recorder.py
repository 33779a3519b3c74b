"""The recorder: units, nesting, and that it leaves nothing behind."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.model.observation import Observation
from pytest_cellcache.trace import audit, monitoring
from pytest_cellcache.trace.contract import THREAD_LEFT, TracerUnavailable
from pytest_cellcache.trace.recorder import Recorder, make_recorder

is_this_file = __file__.__eq__
"""A predicate without code of its own."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with make_recorder("auto", is_this_file) as recorder:
        yield recorder


def called() -> None:
    pass


def names(observation: Observation) -> set[str]:
    return {code.name for code in observation.codes}


def test_code_and_inputs_of_nested_units_are_kept_apart(recorder: Recorder, tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    recorder.open_unit()
    outer.exists()
    recorder.open_unit()
    inner.exists()
    called()
    nested = recorder.close_unit()
    first = recorder.close_unit()
    assert (names(nested), set(nested.stats)) == ({"called"}, {str(inner)})
    assert not names(first)
    assert first.stats == {str(outer)}


def test_the_base_unit_has_what_no_unit_has(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "base").exists()
    called()
    recorder.open_unit()
    (tmp_path / "unit").exists()
    base = recorder.base_unit()
    assert "called" in names(base)
    assert str(tmp_path / "base") in base.stats
    assert str(tmp_path / "unit") not in base.stats


def test_nested_recorders_both_see_everything(recorder: Recorder, tmp_path: Path) -> None:
    recorder.open_unit()
    with make_recorder("profile", is_this_file) as inner:
        inner.open_unit()
        (tmp_path / "x").exists()
        os.getenv("CELLCACHE_PROBE")
        called()
        seen = inner.close_unit()
    outer = recorder.close_unit()
    for observation in (seen, outer):
        assert "called" in names(observation)
        assert str(tmp_path / "x") in observation.stats
        assert "CELLCACHE_PROBE" in observation.variables
    recorder.open_unit()
    (tmp_path / "y").exists()  # the inner one has not taken the hooks with it
    assert recorder.close_unit().stats == {str(tmp_path / "y")}


def test_start_and_stop_are_idempotent_and_leave_nothing() -> None:
    listeners = audit._listeners()

    def state() -> list[Any]:
        capabilities = [set(os.supports_dir_fd), set(os.supports_follow_symlinks)]
        return [os.stat, os.lstat, os.access, os.open, type(os.environ), listeners, *capabilities]

    before = [dict(x) if x is listeners else x for x in state()]
    recorder = make_recorder("auto", is_this_file)
    recorder.start()
    recorder.start()
    assert os.stat in os.supports_dir_fd
    assert os.stat is not before[0]
    recorder.stop()
    recorder.stop()
    assert state() == before
    assert recorder.base_unit() == Observation()


def test_units_must_match() -> None:
    recorder = make_recorder("auto", is_this_file)
    with pytest.raises(RuntimeError, match="not running"):
        recorder.open_unit()
    with recorder, pytest.raises(RuntimeError, match="no unit is open"):
        recorder.close_unit()


def test_the_hook_is_installed_once_however_often_the_module_is_imported() -> None:
    with make_recorder("auto", is_this_file):
        pass
    table = audit._listeners()
    name = audit.__name__
    original = sys.modules.pop(name)
    try:
        assert importlib.import_module(name)._listeners() is table
    finally:
        sys.modules[name] = original
        sys.modules["pytest_cellcache.trace"].audit = original  # type: ignore[attr-defined]


def test_a_thread_left_behind_is_a_gap_of_the_unit_that_left_it(recorder: Recorder) -> None:
    go = threading.Event()
    recorder.open_unit()
    thread = threading.Thread(target=go.wait)
    thread.start()
    assert THREAD_LEFT in recorder.close_unit().gaps
    recorder.open_unit()
    assert not recorder.close_unit().gaps
    go.set()
    thread.join()
    recorder.open_unit()
    finished = threading.Thread(target=called)
    finished.start()
    finished.join()
    assert not recorder.close_unit().gaps


def test_auto_falls_back_to_the_profiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "_TOOL_IDS", ())
    with make_recorder("auto", is_this_file) as recorder:
        assert recorder.tracer_name == "profile"
    with pytest.raises(TracerUnavailable):
        make_recorder("monitoring", is_this_file).start()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring")
def test_auto_prefers_monitoring(recorder: Recorder) -> None:
    assert recorder.tracer_name == "monitoring"
