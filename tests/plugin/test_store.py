"""A store in any condition is at worst a miss and a warning; runs share it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SUITE = "def test_a(): print('x')\ndef test_b(): pass\n"


@pytest.fixture
def stored(suite: Suite) -> Suite:
    suite.write("test_a.py", SUITE)
    suite.both()
    return suite


def damage_all(store: Path, damage: Callable[[bytes], bytes]) -> int:
    found = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size]
    for path in found:
        path.chmod(0o600)
        path.write_bytes(damage(path.read_bytes()))
    return len(found)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\x80\x04garbage" * 10,
        lambda data: data.replace(b"a", b"b"),
        lambda data: data + data,
        lambda data: b"[" * 100_000,
    ],
)
def test_damage_is_a_miss_and_mends_itself(stored: Suite, damage: Callable[[bytes], bytes]) -> None:
    assert damage_all(stored.store, damage) > 3
    ran = stored.both()
    assert ran.names == ["test_a", "test_b"]
    slugs = [warning["slug"] for warning in ran.report["warnings"]]
    assert len(slugs) == len(set(slugs)) <= 1
    assert stored.both().live == []


@pytest.mark.parametrize("kind", ["segments", "blobs", "notes"])
def test_a_part_that_is_gone_is_a_miss(stored: Suite, kind: str) -> None:
    for folder in [path for path in stored.store.rglob(kind) if path.is_dir()]:
        shutil.rmtree(folder)
    ran = stored.both()
    assert ran.names in ([], ["test_a", "test_b"])
    assert ran.report["warnings"] == []
    assert stored.both().live == []


@pytest.mark.parametrize(
    "result",
    ["null", "[]", '[1, "x", 3]', "{}", '{"reports": [{}], "warnings": []}', '{"reports": 1}'],
)
def test_a_foreign_record_is_a_miss(stored: Suite, result: str) -> None:
    import json

    from pytest_cellcache.store.directory import DirectoryStore

    store = DirectoryStore(stored.store, may_write=True, warn=lambda warned: None)
    entries = store.read("test_a.py")
    changed = [
        type(entry)(entry.unit, entry.created_s + 1, entry.blobs,
                    dict(entry.body) | {"result": json.loads(result)})
        for entry in entries
    ]  # fmt: skip
    assert store.append("test_a.py", changed)
    ran = stored.both()
    assert ran.names == ["test_a", "test_b"]
    assert ran.report["warnings"] == []


def test_where_the_store_should_be_is_a_file(suite: Suite) -> None:
    suite.write("test_a.py", SUITE)
    suite.write("occupied", "by something else")
    ran = suite.cached("--cell-cache-dir=occupied")
    assert ran.code == 0
    assert ran.names == ["test_a", "test_b"]
    assert {warning["slug"] for warning in ran.report["warnings"]} <= {
        "store-unwritable",
        "store-unreadable",
    }
    assert ran.report["warnings"]
    assert {test["unstored"]["slug"] for test in ran.report["tests"]} == {"store-unwritable"}
    assert (suite.path / "occupied").read_text() == "by something else"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_a_warning(stored: Suite) -> None:
    folders = [stored.store, *(p for p in stored.store.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        stored.edit("test_a.py", "pass", "return")
        ran = stored.both()
        assert ran.names == ["test_b"]
        assert [w["slug"] for w in ran.report["warnings"]] == ["store-unwritable"]
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_two_runs_at_once_share_the_store(stored: Suite) -> None:
    # Without a race: the other run begins and ends while a test of this one is running.
    inner = stored.write("inner/test_c.py", "def test_c(): pass\n")
    stored.write(
        "test_outer.py",
        f"""
        pytest_plugins = ["pytester"]

        def test_outer(pytester):
            ran = pytester.runpytest_inprocess(
                *{stored.load!r}, "--cell-cache", "--cell-cache-dir={stored.store}",
                "--rootdir={stored.path}", {str(inner)!r}
            )
            assert ran.ret == 0
        """,
    )
    args = ("--ignore=inner", "-p", "pytester", f"--cell-cache-dir={stored.store}")
    assert "test_outer" in stored.cached(*args).names
    assert stored.cached(*args).report["warnings"] == []
    shown = stored.cached("--cell-cache-show").text
    assert "test_c.py" in shown
    assert "test_a.py" in shown


def test_stores_merge_by_copying_and_move_with_the_checkout(
    stored: Suite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stored.edit("test_a.py", "def test_b(): pass", "def test_b(): return")
    other = tmp_path_factory.mktemp("other")
    stored.cached(f"--cell-cache-dir={other / 'store'}")
    stored.edit("test_a.py", "def test_b(): return", "def test_b(): pass")
    shutil.copytree(other / "store", stored.store, dirs_exist_ok=True)
    assert stored.both().live == []
    stored.edit("test_a.py", "def test_b(): pass", "def test_b(): return")
    assert stored.both().live == []


def test_what_an_interrupted_run_leaves_does_not_hurt(suite: Suite) -> None:
    suite.write("test_a.py", SUITE + "def test_c():\n    raise KeyboardInterrupt\n")
    ran = suite.cached()
    assert ran.code == pytest.ExitCode.INTERRUPTED
    suite.edit("test_a.py", "raise KeyboardInterrupt", "pass")
    again = suite.both()
    assert again.names == ["test_c"]
