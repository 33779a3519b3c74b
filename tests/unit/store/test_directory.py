"""What a store leaves in its directory: marks, files, times of use, and nothing unasked."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pytest_cellcache.model.digest import SCHEMA, digest_bytes
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import (
    STORE_LOCKED,
    YOUNG_S,
    Cleared,
    Compacted,
)
from pytest_cellcache.store.layout import group_key

if TYPE_CHECKING:
    from tests.unit.store.conftest import Bench

NO_BOUND = 1 << 40


def entry(unit: str, created_s: float, *blobs: str, **body: Any) -> Entry:
    return Entry(unit, float(created_s), blobs, body)


def test_making_and_reading_a_store_touches_nothing(bench: Bench) -> None:
    for may_write in (True, False):
        store = bench.open(may_write=may_write)
        assert store.read("g") == ()
        assert store.get_blob("0" * 32) is None
        assert store.get_note("n") is None
        assert store.size_bytes() == 0
        assert store.clear() == Cleared()
        assert store.compact(0) == Compacted(ran=may_write)
        store.touch("g")
    assert not bench.root.exists()
    assert not bench.warned


def test_the_first_write_makes_a_private_marked_directory(bench: Bench) -> None:
    assert bench.open().append("g", [entry("u", 1)])
    assert (bench.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172")
    assert (bench.root / ".gitignore").read_text().splitlines()[-1] == "*"
    assert (bench.root / f"v{SCHEMA}").is_dir()
    if os.name == "posix":
        for path in [bench.root, *bench.root.rglob("*")]:
            if path.is_dir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


def test_a_directory_of_the_users_is_not_marked(bench: Bench) -> None:
    bench.root.mkdir()
    (bench.root / "thesis.tex").touch()
    assert bench.open().put_note("n", b"x")
    assert not (bench.root / ".gitignore").exists()
    assert not (bench.root / "CACHEDIR.TAG").exists()


def test_a_store_that_may_not_write_leaves_no_trace(bench: Bench) -> None:
    store = bench.open()
    blob = store.put_blob(b"data")
    store.append("g", [entry("u", 1, blob)])
    store.put_note("n", b"note")
    (bad,) = bench.segments("g")
    bad.with_name("0" * 24 + ".jsonl").write_bytes(b"bad")
    Path(bench.layout.blob("0" * 32)).write_bytes(b"bad")
    before = bench.tree()
    bench.now_s += 1e8
    reader = bench.open(may_write=False)
    assert reader.append("g", [entry("u", 2)]) is False
    assert reader.put_note("n", b"other") is False
    reader.put_blob(b"data")
    reader.put_blob(b"other")
    reader.touch("g")
    assert reader.clear() == Cleared()
    assert reader.compact(0) == Compacted()
    assert reader.read("g") == (entry("u", 1, blob),)
    assert reader.get_note("n") == b"note"
    assert reader.get_blob(blob) == b"data"
    assert reader.get_blob("0" * 32) is None
    assert bench.tree() == before


def test_other_schemas_are_ignored_until_cleared(bench: Bench) -> None:
    store = bench.open()
    store.append("g", [entry("u", 1)])
    current = Path(bench.layout.root, f"v{SCHEMA}")
    shutil.copytree(current, current.with_name(f"v{SCHEMA + 1}"))
    shutil.rmtree(current)
    assert store.read("g") == ()
    assert store.size_bytes() == 0
    assert store.clear().files == 1
    assert not bench.warned


def test_nobody_compacts_while_somebody_does(bench: Bench, run_python: Callable[..., int]) -> None:
    store = bench.open()
    for at in range(2):
        store.append("g", [entry("u", at)])
    program = """
import sys
from pathlib import Path
from pytest_cellcache.store.contract import Compacted
from pytest_cellcache.store.directory import DirectoryStore
store = DirectoryStore(Path(sys.argv[1]), may_write=True, warn=print)
assert store.compact(0) == Compacted()
print("done")
"""
    with FileLock(bench.layout.lock):
        run_python(program, bench.root)
        assert bench.open().compact(0) == Compacted()
    assert len(bench.segments("g")) == 2
    assert not bench.warned
    assert store.compact(0).ran


def test_a_lock_that_cannot_be_taken_is_a_warning(bench: Bench) -> None:
    store = bench.open()
    store.append("g", [entry("u", 1)])
    os.mkdir(bench.layout.lock)
    assert store.compact(0) == Compacted()
    assert store.compact(0) == Compacted()
    assert bench.slugs == [STORE_LOCKED]
    assert store.read("g") == (entry("u", 1),)


def test_nothing_is_removed_when_not_everything_can_be_read(
    bench: Bench, run_python: Callable[..., int]
) -> None:
    store = bench.open()
    blob = store.put_blob(b"data")
    store.append("g", [entry("u", 1, blob)])
    store.append("h", [entry("u", 1)])
    bench.now_s += 1e7
    # A directory that is there and cannot be listed, also by a super-user.
    program = """
import os, sys
from pathlib import Path
from pytest_cellcache.store.contract import Compacted
from pytest_cellcache.store.directory import DirectoryStore
warned = []
store = DirectoryStore(Path(sys.argv[1]), may_write=True, warn=warned.append)
def refuse(event, arguments):
    if event == "os.scandir" and str(arguments[0]) == sys.argv[2]:
        raise OSError(5, "Input/output error", sys.argv[2])
sys.addaudithook(refuse)
assert store.compact(0) == Compacted()
assert [one.slug for one in warned] == ["store-unreadable"], warned
print("done")
"""
    run_python(program, bench.root, bench.layout.group(group_key("g")))
    assert store.get_blob(blob) == b"data"
    assert store.read("g") == (entry("u", 1, blob),)
    assert store.read("h") == (entry("u", 1),)


def test_an_empty_group_is_removed_when_nobody_wrote_to_it_for_long(bench: Bench) -> None:
    store = bench.open()
    for group in ("g", "h"):
        store.append(group, [entry("u", 1)])
    assert store.clear().files == 2
    idle, busy = (Path(bench.layout.group(group_key(group))) for group in ("g", "h"))
    os.utime(idle, (bench.now_s, bench.now_s))
    bench.now_s += YOUNG_S + 1
    os.utime(busy, (bench.now_s, bench.now_s))
    assert store.compact(NO_BOUND).ran
    assert not idle.exists()
    assert busy.exists()
    assert store.append("g", [entry("u", 1)])


def test_merging_keeps_the_time_of_use_and_is_not_repeated(bench: Bench) -> None:
    store = bench.open()
    for at in range(3):
        store.append("g", [entry("u", at)])
    bench.now_s += 50
    store.touch("g")
    used_s = bench.now_s
    bench.now_s += 50
    store.compact(NO_BOUND)
    (segment,) = bench.segments("g")
    assert segment.stat().st_mtime == used_s
    store.compact(NO_BOUND)
    assert bench.segments("g") == [segment]


def test_a_segment_is_two_lines_of_json_with_a_checksum(bench: Bench) -> None:
    bench.open().append("g", [entry("u", 1, v="é")])
    (segment,) = bench.segments("g")
    header, payload = segment.read_bytes().split(b"\n")
    assert json.loads(header) == {
        "schema": SCHEMA,
        "group": "g",
        "checksum": digest_bytes(payload),
    }
    assert json.loads(payload) == [["u", 1.0, [], {"v": "é"}]]


def test_a_blob_that_is_there_is_not_written_again(bench: Bench) -> None:
    store = bench.open()
    path = Path(bench.layout.blob(store.put_blob(b"data")))
    before = path.stat()
    bench.now_s += 10
    store.put_blob(b"data")
    after = path.stat()
    assert after.st_ino == before.st_ino
    assert after.st_mtime == before.st_mtime + 10


def test_reading_a_group_is_one_listing_and_one_open_for_each_segment(
    bench: Bench, run_python: Callable[..., int]
) -> None:
    store = bench.open()
    for group in ("g", "h"):
        for at in range(3):
            store.append(group, [entry("u", at)])
    program = """
import sys
from pathlib import Path
from pytest_cellcache.store.directory import DirectoryStore
store = DirectoryStore(Path(sys.argv[1]), may_write=True, warn=print)
store.read("h")  # imports what it needs
events = []
sys.addaudithook(lambda event, _: events.append(event))
assert len(store.read("g")) == 3
touched = [event for event in events if event.startswith(("os.", "open"))]
assert sorted(touched) == ["open"] * touched.count("open") + ["os.listdir"], touched
assert touched.count("open") in (3, 6), touched  # os.open, and open() of the descriptor
assert "filelock" not in sys.modules and "pickle" not in events
print("done")
"""
    run_python(program, bench.root)
