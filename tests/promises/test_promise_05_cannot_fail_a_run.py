"""Promise 5: a failure of ours is a miss and one warning; the run goes on as a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.frames import frame, unframe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Suite

SUITE = """
    import pytest

    @pytest.fixture(scope="module")
    def shared():
        yield 1

    def test_a(shared): pass
    def test_b(shared): assert 0
    def test_c(): pytest.skip("so")
"""

OURS = [
    "lifecycle.verify:Verifier.judge",
    "lifecycle.record:Recording.add",
    "lifecycle.record:Recording.write",
    "sources.snapshot:Snapshot.digest_file",
    "store.directory:DirectoryStore.read",
    "store.directory:DirectoryStore.append",
    "store.directory:DirectoryStore.get_note",
    "store.directory:DirectoryStore.compact",
    "trace.recorder:Recorder.open_unit",
    "trace.recorder:Recorder.close_unit",
    "trace.recorder:Recorder.base_unit",
    "hooks.run:Run.verdict_of",
    "hooks.run:Run.reports_of",
    "hooks.run:Run.replayed",
    "hooks.run:Run.ran",
    "hooks.fixtures:FixtureWatch.used_by",
    "hooks.fixtures:FixtureWatch._upstream",
]

ALWAYS_CALLED = {"lifecycle.verify:Verifier.judge", "trace.recorder:Recorder.close_unit"}


@pytest.mark.parametrize("place", OURS)
def test_whatever_of_ours_raises(suite: Suite, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    import importlib

    monkeypatch.delenv("PYTEST_CELLCACHE_DEBUG")
    suite.write("test_x.py", SUITE)
    plain = suite.plain()
    suite.cached()

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    module, _, names = place.partition(":")
    kind, _, name = names.partition(".")
    owner = getattr(importlib.import_module(f"pytest_cellcache.{module}"), kind)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        for _ in range(2):
            suite.edit("test_x.py", "def test_c(): ", "def test_c():  ")
            ran = suite.cached()
            assert ran.outcomes == plain.outcomes
            assert ran.code == plain.code
            slugs = [warning["slug"] for warning in ran.report.get("warnings", ())]
            assert slugs in ([], ["internal-error"])
            assert slugs or place not in ALWAYS_CALLED
    assert suite.both().code == 1


def test_a_failure_in_the_summary_is_no_failure(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_cellcache.hooks import terminal

    monkeypatch.delenv("PYTEST_CELLCACHE_DEBUG")
    suite.write("test_x.py", SUITE)
    plain = suite.plain()

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    for name in ("summary_lines", "render_json", "header_line"):
        with monkeypatch.context() as patch:
            patch.setattr(terminal, name, fail)
            ran = suite.cached()
            assert ran.outcomes == plain.outcomes
            assert ran.code == plain.code
            assert "INTERNALERROR" not in ran.text


def files_of(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file() and path.stat().st_size]


DAMAGES = [b"", b"\x80\x04garbage", b"[" * 100_000, b'{"schema": 1}\n[]']


@pytest.mark.parametrize("damage", DAMAGES, ids=["empty", "garbage", "deep", "foreign"])
def test_a_store_in_any_condition_is_a_miss(suite: Suite, damage: bytes) -> None:
    suite.write("test_x.py", SUITE)
    suite.both()
    assert len(files_of(suite.store)) > 3
    for path in files_of(suite.store):
        path.write_bytes(damage)
    ran = suite.both()
    assert ran.names == ["test_a", "test_b", "test_c"]
    slugs = [warning["slug"] for warning in ran.report["warnings"]]
    assert len(slugs) == len(set(slugs)) <= 1
    assert suite.both().names[0] == "test_b"


def test_a_record_that_says_something_else_than_was_written_is_a_miss(suite: Suite) -> None:
    suite.write("test_x.py", SUITE)
    suite.both()
    texts = {path: path.read_bytes() for path in suite.store.glob("v*/segments/*/*")}
    (tests,) = (path for path, text in texts.items() if b"skipped" in text)
    tests.write_bytes(texts[tests].replace(b"skipped", b"passed!"))
    assert suite.both().names == ["test_a", "test_b", "test_c"]


def test_a_footprint_under_the_name_of_another_is_a_miss(suite: Suite) -> None:
    suite.write("test_x.py", SUITE)
    suite.both()
    for path in suite.store.glob("v*/blobs/*"):
        whole = unframe(path.name, path.read_bytes())
        path.write_bytes(frame(path.name, whole.replace(b"test_c", b"test_d")))
    assert suite.both().names == ["test_a", "test_b", "test_c"]


@pytest.mark.parametrize("body", [{}, {"graph": 3}, {"result": [1, "x", None]}], ids=repr)
def test_a_record_of_another_make_is_a_miss(suite: Suite, body: dict[str, object]) -> None:
    suite.write("test_x.py", SUITE)
    suite.both()
    store = DirectoryStore(suite.store, may_write=True, warn=lambda warned: None)
    for entry in store.read("test_x.py"):
        changed = dict(entry.body) | body if body else {}
        later = type(entry)(entry.unit, entry.created_s + 1, entry.blobs, changed)
        assert store.append("test_x.py", [later])
    ran = suite.both()
    assert ran.report["warnings"] == []
    assert ran.names[0] in ("test_a", "test_b")


def test_no_place_to_write_is_one_warning(suite: Suite) -> None:
    suite.write("test_x.py", SUITE)
    suite.write("occupied", "by something else")
    plain = suite.plain()
    ran = suite.cached("--cell-cache-dir=occupied")
    assert (ran.outcomes, ran.code) == (plain.outcomes, plain.code)
    assert ran.names == ["test_a", "test_b", "test_c"]
    slugs = [warning["slug"] for warning in ran.report["warnings"]]
    assert "store-unwritable" in slugs
    assert len(slugs) == len(set(slugs))


def test_nobody_waits_for_a_locked_store(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from filelock import FileLock

    suite.write("pytest.ini", "[pytest]\ncell_cache_max_size = 1\n")
    suite.write("test_x.py", SUITE)
    suite.both()

    def wait(_: float) -> None:
        raise AssertionError("somebody waits")

    (version,) = suite.store.glob("v*")
    with FileLock(version / "compact.lock"), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", wait)
        ran = suite.both()
    assert ran.report["warnings"] == []
    assert ran.code == 1
    assert "cell cache:" not in ran.text


def test_functions_that_tests_replace_are_none_of_ours(suite: Suite) -> None:
    """As a guard against blocking calls in coroutines does, which raises what it likes."""
    suite.write("data.txt", "x")
    suite.write(
        "test_it.py",
        """
        import contextlib
        import os
        import sys

        import pytest

        class Blocked(Exception):
            pass

        def refuse(*args, **kwargs):
            raise Blocked

        @contextlib.contextmanager
        def guarded():
            with pytest.MonkeyPatch.context() as patch:
                for name in ("getcwd", "stat", "lstat", "readlink", "access", "open", "read"):
                    patch.setattr(os, name, refuse)
                for name in ("abspath", "realpath", "exists", "islink", "isfile", "isdir"):
                    patch.setattr(os.path, name, refuse)
                yield

        def test_files():
            with guarded(), open("data.txt") as file:
                content = file.read()
                names = os.listdir(".")
                os.environ["SET_HERE"] = "1"
                del os.environ["SET_HERE"]
            assert content == "x"
            assert names

        @pytest.mark.parametrize("program", [sys.executable, "/bin/sh"])
        def test_children(program):
            with guarded():
                code = os.system("exit 0")
                pid = os.posix_spawn(program, [program, "-c", "exit"], dict(os.environ))
            assert code == os.waitpid(pid, 0)[1] == 0
        """,
    )
    plain, first, second = suite.plain(), suite.cached(), suite.cached()
    assert plain.code == 0
    assert first.outcomes == second.outcomes == plain.outcomes
    assert second.live == []
