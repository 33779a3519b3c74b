"""Options, ini values, marker, header, summary and report file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.trace import unit

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TWO = "def test_a(): pass\ndef test_b(): pass\n"


def files_below(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_header_and_summary(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    first = suite.cached()
    assert "\ncell-cache: auto, 0 B in .pytest_cache/d/cellcache, tracer " in first.text
    assert "= cell cache =" in first.text
    assert "0 replayed, 2 run, 0 requeued\n2 ran because no outcome is stored yet\n" in first.text
    again = suite.cached()
    assert "2 replayed, 0 run, 0 requeued" in again.text


def test_clear_empties_and_says_how_much(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached()
    cleared = suite.cached("--cell-cache-clear")
    assert cleared.names == ["test_a", "test_b"]
    store = cleared.report["store"]
    assert store["cleared_files"] > 0
    assert f"cleared {store['cleared_files']} files, " in cleared.text
    assert suite.cached().names == []


def test_clear_alone_empties_too(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached()
    alone = suite.idle("--cell-cache-clear")
    assert alone.names == ["test_a", "test_b"]
    assert "cleared " in alone.text
    assert suite.cached().names == ["test_a", "test_b"]


def test_read_mode_replays_and_writes_nothing(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached("test_a.py::test_a")
    before = files_below(suite.store)
    for _ in range(2):
        ran = suite.cached("--cell-cache-mode=read", "--cell-cache-clear")
        assert ran.names == ["test_b"]
        assert ran.decisions["test_a.py::test_b"]["unstored"]["slug"] == "read-mode"
    assert files_below(suite.store) == before


def test_read_mode_makes_no_directory(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    ran = suite.cached("--cell-cache-mode=read", "-p", "no:cacheprovider")
    assert ran.code == 0
    assert not suite.store.exists()
    assert not (suite.path / ".pytest_cellcache").exists()


def test_collect_only_and_its_like_write_nothing(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    for option in ("--collect-only", "--setup-plan", "--fixtures", "--markers", "--help"):
        ran = suite.cached(option)
        assert ran.code == 0
        assert not suite.store.exists()


def test_refresh_runs_and_records_everything(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached()
    ran = suite.cached("--cell-cache-mode=refresh")
    assert ran.names == ["test_a", "test_b"]
    assert {test["reason"]["slug"] for test in ran.report["tests"]} == {"refresh"}
    assert {test["unstored"] for test in ran.report["tests"]} == {None}


def test_a_directory_of_ones_own(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached("--cell-cache-dir=elsewhere")
    assert (suite.path / "elsewhere").is_dir()
    assert not suite.store.exists()
    assert suite.cached("--cell-cache-dir=elsewhere").names == []
    assert suite.cached().names == ["test_a", "test_b"]


def test_without_the_cache_provider(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.both("-p", "no:cacheprovider")
    assert suite.both("-p", "no:cacheprovider").names == []
    assert not (suite.path / ".pytest_cache").exists()


def test_explain_all_or_some(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.write("test_b.py", TWO)
    assert "test_a.py::test_a: ran (passed) because" in suite.cached("--cell-cache-explain").text
    some = suite.cached("--cell-cache-explain=test_b.py")
    assert "test_b.py::test_b: replayed (passed)" in some.text
    assert "test_a.py::test_b: replayed" not in some.text


def test_explain_does_not_swallow_a_path(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.write("test_b.py", TWO)
    ran = suite.cached("--cell-cache-explain", "test_b.py")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "explain-ambiguous: --cell-cache-explain took 'test_b.py' for its node id" in ran.text
    assert ran.live == []
    last = suite.cached("test_b.py", "--cell-cache-explain")
    assert last.names == ["test_a", "test_b"]
    assert "test_b.py::test_b: ran (passed) because" in last.text


def test_show_lists_and_runs_nothing(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    assert "no records" in suite.cached("--cell-cache-show").text
    suite.cached()
    shown = suite.cached("--cell-cache-show")
    assert shown.live == []
    assert "test_a.py" in shown.text
    assert "1 module, 2 tests, 2 records" in shown.text


def test_ini_turns_it_on_and_the_command_line_off(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\ncell_cache = true\n")
    suite.write("test_a.py", TWO)
    suite.idle()
    assert suite.idle().live == []
    off = suite.idle("--no-cell-cache")
    assert off.names == ["test_a", "test_b"]
    assert "cell-cache" not in off.text


def test_the_marker_keeps_tests_out(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        out = pytest.mark.cell_cache(enabled=False)

        @out
        def test_a(): pass

        @out
        class TestIt:
            def test_b(self): pass

        def test_c(): pass
        """,
    )
    suite.cached("--strict-markers")
    again = suite.both()
    assert again.names == ["test_a", "TestIt::test_b"]
    assert again.decisions["test_a.py::test_a"]["reason"]["slug"] == "disabled"


def test_declared_inputs_count(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.cell_cache(inputs=["data/*.bin"], env=["SEEN"])
        def test_a(): pass

        def test_b(): pass
        """,
    )
    suite.write("data/x.bin", "1")
    suite.both()
    assert suite.both().names == []
    suite.write("data/x.bin", "2")
    assert suite.both().names == ["test_a"]
    suite.write("data/y.bin", "2")
    assert suite.both().names == ["test_a"]
    (suite.path / "data" / "x.bin").unlink()
    assert suite.both().names == ["test_a"]
    monkeypatch.setenv("SEEN", "now")
    assert suite.both().names == ["test_a"]
    assert suite.both().names == []


def test_ini_inputs_count_for_all(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\ncell_cache_inputs = *.bin\n")
    suite.write("x.bin", "1")
    suite.write("test_a.py", TWO)
    load = ("--cell-cache",)
    suite.idle(*load)
    assert suite.idle(*load).names == []
    suite.write("x.bin", "2")
    assert suite.idle(*load).names == ["test_a", "test_b"]
    suite.write("y.bin", "2")
    assert suite.idle(*load).names == ["test_a", "test_b"]
    assert suite.idle(*load).names == []


@pytest.mark.parametrize("line", ["cell_cache_max_size = many", "cell_cache_tracer = eyes"])
def test_a_bad_setting_is_a_usage_error(suite: Suite, line: str) -> None:
    suite.write("pytest.ini", f"[pytest]\n{line}\n")
    suite.write("test_a.py", TWO)
    ran = suite.idle("--cell-cache")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert line.rpartition(" ")[2] in ran.text
    assert "Traceback" not in ran.text


def test_a_report_that_cannot_be_written_is_a_warning(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    ran = suite.cached("--cell-cache-report=test_a.py/no.json")
    assert ran.code == 0
    assert "report-unwritable" in ran.text


def test_the_report_is_written_below_new_folders(suite: Suite) -> None:
    suite.write("test_a.py", TWO)
    suite.cached("--cell-cache-report=deep/er/r.json")
    report = json.loads((suite.path / "deep" / "er" / "r.json").read_text())
    assert report["schema"] == 1
    assert report["totals"]["ran"] == 2


def test_a_usage_error_leaves_no_recorder_behind(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.write("pytest.ini", "[pytest]\ncell_cache_max_size = many\n")
    before = list(unit.LISTENERS)
    assert suite.cached().code == pytest.ExitCode.USAGE_ERROR
    assert before == unit.LISTENERS
