"""A directory that others use at the same time, copy, or die over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import (
    YOUNG_S,
)

if TYPE_CHECKING:
    from tests.unit.store.conftest import Bench

NO_BOUND = 1 << 40


def entry(unit: str, created_s: float, *blobs: str, **body: Any) -> Entry:
    return Entry(unit, float(created_s), blobs, body)


def test_processes_append_clear_and_compact_at_once(
    bench: Bench, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    program = """
import sys
from pathlib import Path
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.directory import DirectoryStore
root, me, job = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
warned = []
store = DirectoryStore(root, may_write=True, warn=warned.append)
sys.stdin.read(1)
for at in range(60):
    if job == "append":
        name = store.put_blob(b"shared %d" % at)
        assert store.append("g", [Entry(f"{me}-{at}", float(at), (name,), {"at": at})])
        assert store.put_note("n", me.encode())
    elif job == "compact":
        store.compact(1 << 40)
    else:
        store.clear()
    for one in store.read("g"):
        assert one.body == {"at": one.created_s}
    assert store.get_note("n") in (None, b"0", b"1", b"2")
assert not warned, warned
print("done")
"""

    def run(jobs: list[str]) -> None:
        children = [
            start_python(program, bench.root, number, job) for number, job in enumerate(jobs)
        ]
        for child in children:  # all are let go when all are there
            assert child.stdin is not None
            child.stdin.write("go")
            child.stdin.flush()
        for child in children:
            out, error = child.communicate()
            assert out == "done\n", error

    run(["append", "append", "compact"])
    store = bench.open()
    assert {e.unit for e in store.read("g")} == {f"{me}-{at}" for me in "01" for at in range(60)}
    assert store.compact(NO_BOUND).ran
    assert len(store.read("g")) == 120
    assert len(bench.segments("g")) == 1
    assert all(store.get_blob(e.blobs[0]) == b"shared %d" % e.body["at"] for e in store.read("g"))
    assert os.listdir(bench.layout.temporary) == []
    run(["append", "clear", "append"])


def test_a_reader_lists_again_when_a_compaction_took_a_file_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bench.open()
    entries = [entry("u", at, v=at) for at in range(3)]
    for one in entries:
        store.append("g", [one])
    listings: list[list[str]] = []

    def listdir(path: str) -> list[str]:
        names = real(path)
        listings.append(names)
        if len(listings) == 1:  # between the listing and the reading
            assert bench.open().compact(NO_BOUND).ran
        return names

    real = os.listdir
    monkeypatch.setattr(os, "listdir", listdir)
    assert store.read("g") == tuple(reversed(entries))
    assert len(listings) == 2
    assert store.read("g") == tuple(reversed(entries))
    assert len(listings) == 3  # one listing when nothing is in motion


def test_two_stores_merge_by_copying_files(bench: Bench, tmp_path: Path) -> None:
    benches = [bench, type(bench)(tmp_path / "other")]
    for number, one in enumerate(benches):
        store = one.open()
        both, own_name = store.put_blob(b"both"), store.put_blob(b"%d" % number)
        store.append("shared", [entry("u", number, both, own_name, v=number)])
        store.append("shared", [entry("same", 5, v="same")])
        store.append(f"only {number}", [entry("u", number, own_name)])
        store.put_note("n", b"%d" % number)
    shutil.copytree(benches[1].root, benches[0].root, dirs_exist_ok=True)
    merged = benches[0].open()
    assert [e.body["v"] for e in merged.read("shared")] == ["same", "same", 1, 0]
    assert merged.compact(NO_BOUND).entries_dropped == 1
    assert [e.body["v"] for e in merged.read("shared")] == ["same", 1, 0]
    assert len(merged.read("only 0")) == len(merged.read("only 1")) == 1
    assert merged.get_note("n") == b"1"
    for found in merged.read("shared")[1:]:
        own = b"%d" % found.created_s
        assert [merged.get_blob(name) for name in found.blobs] == [b"both", own]
    assert not benches[0].warned


@pytest.mark.parametrize("event", ["os.rename", "os.utime"])
def test_a_crash_while_appending_leaves_a_file_that_is_swept_when_old(
    bench: Bench, run_python: Callable[..., int], event: str
) -> None:
    bench.open().append("g", [entry("u", 1)])
    program = """
import os, sys
from pathlib import Path
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.directory import DirectoryStore
store = DirectoryStore(Path(sys.argv[1]), may_write=True, warn=print)
def die(event, arguments):
    if event == sys.argv[2]:
        sys.stdout.write("done\\n")
        sys.stdout.flush()
        os._exit(1)
sys.addaudithook(die)
store.append("g", [Entry("u", 2.0)])
"""
    run_python(program, bench.root, event)
    (leftover,) = Path(bench.layout.temporary).iterdir()
    store = bench.open()
    assert store.read("g") == (entry("u", 1),)
    os.utime(leftover, (bench.now_s, bench.now_s))
    bench.now_s += YOUNG_S - 1
    assert store.compact(NO_BOUND).ran
    assert leftover.exists()
    bench.now_s += 2
    assert store.compact(NO_BOUND).ran
    assert not leftover.exists()
    assert store.read("g") == (entry("u", 1),)
    assert not bench.warned


@pytest.mark.parametrize("name", ["replace", "utime"])
def test_an_interrupt_while_appending_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = bench.open()
    store.append("g", [entry("u", 1)])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.append("g", [entry("u", 2)])
    assert os.listdir(bench.layout.temporary) == []
    assert store.read("g") == (entry("u", 1),)


def crash_points(bench: Bench) -> Iterator[int]:
    """Compact in children that die at their first, second, ... change, until one gets through."""
    program = f"""
import os, sys
from pathlib import Path
from pytest_cellcache.store.directory import DirectoryStore
store = DirectoryStore(
    Path(sys.argv[1]), may_write=True, warn=print, clock=lambda: {bench.now_s + 1e6}
)
left = int(sys.argv[2])
def die(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.rmdir", "os.utime"):
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(die)
assert store.compact(int(sys.argv[3]), 2).ran
os._exit(0)
"""
    at = 0
    original = bench.root.with_name("original")
    shutil.copytree(bench.root, original)
    while True:
        shutil.rmtree(bench.root)
        shutil.copytree(original, bench.root)
        bound = bench.open().size_bytes() // 2
        code = subprocess.run(
            [sys.executable, "-c", program, str(bench.root), str(at), str(bound)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        ).returncode
        assert code in (0, 9)
        yield at
        if code == 0:
            return
        at += 1


def test_a_crash_at_any_point_of_a_compaction_leaves_a_valid_store(bench: Bench) -> None:
    store = bench.open()
    for group in ("g", "h"):
        for at in range(3):
            blob = store.put_blob(f"{group} {at} ".encode() * 20)
            store.append(group, [entry("u", at, blob, v=at)])
        bench.now_s += 1
    store.put_note("n", b"note")
    points = 0
    for points in crash_points(bench):  # noqa: B007
        found = store.read("h")
        assert {e.created_s for e in found} in ({0, 1, 2}, {1, 2})
        for one in (*found, *store.read("g")):
            if one.created_s > 0:
                assert store.get_blob(one.blobs[0]) is not None
        assert not bench.warned
    assert points > 8  # it did die at every step
    assert [e.created_s for e in store.read("h")] == [2, 1]
    assert store.read("g") == ()
    assert store.get_note("n") == b"note"
