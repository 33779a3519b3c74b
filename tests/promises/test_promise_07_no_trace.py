"""Promise 7: installed but off, nothing of ours acts or is even imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.store.frames import frame

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_idle_it_imports_and_writes_nothing(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import sys

        def test_a(request):
            ours = [name for name in sys.modules if name.startswith("pytest_cellcache")]
            assert ours == ["pytest_cellcache", "pytest_cellcache.plugin"]
            for name in ("xxhash", "filelock", "cloudpickle"):
                assert name not in sys.modules
            for name, _ in request.config.pluginmanager.list_name_plugin():
                assert not name.startswith("cellcache-")
        """,
    )
    for args in ((), ("--no-cell-cache",), ("-o", "cell_cache=true", "--no-cell-cache")):
        result = suite.pytester.run(
            sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "-p", "no:asyncio",
            "-p", "no:hypothesispytest", "-p", "no:xdist", *suite.load, *args,
        )  # fmt: skip
        assert result.ret == 0, result.stdout.str()
    assert not suite.store.exists()


def test_collect_only_collects_as_ever(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.cached()
    before = {path: path.stat().st_mtime_ns for path in suite.store.rglob("*")}
    ran = suite.cached("--collect-only", "-q")
    assert "test_a.py::test_a" in ran.text
    assert "cell cache" not in ran.text
    assert {path: path.stat().st_mtime_ns for path in suite.store.rglob("*")} == before


def test_read_mode_leaves_the_store_as_it_was(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    suite.cached("test_a.py::test_a")
    blob, *_ = suite.store.glob("v*/blobs/*")
    blob.with_name("0" * 32).write_bytes(frame("0" * 32, b"of nobody"))
    segment, *_ = suite.store.glob("v*/segments/*/*")
    segment.with_name("0" * 24 + ".jsonl").write_bytes(b"damaged")
    for path in suite.store.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    note = min(suite.store.glob("v*/notes/*"))
    note.write_bytes(b"damaged")

    def look() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in (suite.store, *suite.store.rglob("*"))
        }

    before = look()
    for args in ((), ("--cell-cache-clear", "-o", "cell_cache_max_size=1")):
        ran = suite.cached("--cell-cache-mode=read", *args)
        assert ran.names == ["test_b"]
        assert look() == before


@pytest.mark.parametrize("args", [(), ("-p", "no:cacheprovider"), ("--cell-cache-dir=mine",)])
def test_read_mode_makes_nothing(suite: Suite, args: tuple[str, ...]) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    assert suite.cached("--cell-cache-mode=read", *args).names == ["test_a"]
    made = {path.name for path in suite.path.rglob("*")}
    assert not {"cellcache", ".pytest_cellcache", "mine"} & made


def test_nothing_stays_behind_in_the_process(suite: Suite) -> None:
    def installed() -> list[object]:
        tools = getattr(sys, "monitoring", None)
        return [
            os.stat, os.open, type(os.environ), sys.getprofile(),
            [tools.get_tool(number) for number in range(6)] if tools else [],
            dict(getattr(sys, "_pytest_cellcache_listeners", {})),
        ]  # fmt: skip

    suite.write("test_a.py", "def test_a(): pass\n")
    before = installed()
    suite.warm()
    assert installed() == before


def test_what_only_shows_something_writes_nothing(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    for option in ("--collect-only", "--setup-plan", "--fixtures", "--markers", "--help"):
        suite.cached(option)
        assert not suite.store.exists(), option
