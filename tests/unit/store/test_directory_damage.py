"""A store whose directory or files are not what was put there: damage, odd roots, full disks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cellcache.model.digest import SCHEMA
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import (
    STORE_CORRUPT,
    STORE_UNREADABLE,
    STORE_UNWRITABLE,
    Cleared,
)
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.frames import frame
from pytest_cellcache.store.layout import group_key, note_key
from pytest_cellcache.store.segments import encode_segment

if TYPE_CHECKING:
    from tests.unit.store.conftest import Bench

NO_BOUND = 1 << 40
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes or limits")


def entry(unit: str, created_s: float, *blobs: str, **body: Any) -> Entry:
    return Entry(unit, float(created_s), blobs, body)


def use_everything(store: DirectoryStore) -> list[object]:
    """Call every method; what they answer on an unusable medium."""
    name = store.put_blob(b"data")
    store.touch("g")
    return [
        store.groups(),
        store.read("g"),
        store.append("g", [entry("u", 1)]),
        store.get_blob(name),
        store.put_note("n", b"note"),
        store.get_note("n"),
        store.size_bytes(),
        store.clear(),
        store.compact(0).size_bytes,
    ]


UNUSABLE = [(), (), False, None, False, None, 0, Cleared(), 0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"keep", b"kept"),
        lambda data: b"\x80\x04\x95garbage",
        lambda data: b"[" * 200_000,
        lambda data: encode_segment("other group", []),
        lambda data: data.replace(b'"schema": %d' % SCHEMA, b'"schema": 0'),
    ],
)
def test_damaged_segments_are_skipped_with_one_warning(
    bench: Bench, damage: Callable[[bytes], bytes]
) -> None:
    store = bench.open()
    store.append("g", [entry("lost", 1, text="keep")])
    store.append("g", [entry("lost", 2, text="keep")])
    for path in bench.segments("g"):
        path.write_bytes(damage(path.read_bytes()))
    store.append("g", [entry("u", 3)])
    assert store.read("g") == (entry("u", 3),)
    assert store.read("g") == (entry("u", 3),)
    assert bench.slugs == [STORE_CORRUPT]
    assert str(bench.root) in bench.warned[0].text
    assert store.compact(NO_BOUND).ran
    assert store.read("g") == (entry("u", 3),)
    assert len(bench.segments("g")) == 1


def test_damaged_blobs_and_notes_are_misses_and_go(bench: Bench) -> None:
    store = bench.open()
    name = store.put_blob(b"data")
    store.put_note("n", b"note")
    blob, note = Path(bench.layout.blob(name)), Path(bench.layout.note(note_key("n")))
    for forged in (b"", blob.read_bytes()[:-1] + b"!", frame("0" * 32, b"data")):
        blob.write_bytes(forged)
        note.write_bytes(forged)
        assert store.get_blob(name) is None
        assert store.get_note("n") is None
        assert not blob.exists()
        assert not note.exists()
        assert store.put_blob(b"data") == name
        assert store.get_blob(name) == b"data"
        assert store.put_note("n", b"note")
        assert store.get_note("n") == b"note"
    blob.write_bytes(frame(name, b"whole, but other content"))
    assert store.get_blob(name) is None
    assert bench.slugs == [STORE_CORRUPT]


def test_files_that_are_not_ours_survive(bench: Bench) -> None:
    store = bench.open()
    blob = store.put_blob(b"data")
    store.append("g", [entry("u", 1, blob)])
    store.put_note("n", b"note")
    (segment,) = bench.segments("g")
    strangers = [
        bench.root / "mine.txt",
        bench.root / "w1" / "blobs" / ("0" * 32),
        Path(bench.layout.segments, "readme"),
        Path(bench.layout.segments, "0" * 31, segment.name),
        segment.with_suffix(".txt"),
        Path(bench.layout.blob("0" * 31)),
        Path(bench.layout.note("notes.txt")),
        Path(bench.layout.blob("1" * 32), "directory in place of a blob"),
        Path(bench.layout.temporary, "mine"),
    ]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
        os.utime(path, (0, 0))
    assert store.read("g") == (entry("u", 1, blob),)
    assert store.compact(0).ran
    assert store.clear().files == 0
    assert store.put_note("n", b"note")
    assert store.clear().files == 1
    assert [path.read_text() for path in strangers] == ["precious"] * len(strangers)
    assert not bench.warned


@posix_only
def test_links_below_the_root_are_neither_followed_nor_removed(
    bench: Bench, tmp_path: Path
) -> None:
    store = bench.open()
    store.put_blob(b"data")
    store.append("g", [entry("u", 1)])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ("a" * 24 + ".jsonl")).write_bytes(encode_segment("h", [entry("u", 1)]))
    (outside / ("b" * 32)).write_bytes(frame("b" * 32, b""))
    linked_blob = Path(bench.layout.blob("b" * 32))
    linked_blob.symlink_to(outside / ("b" * 32))
    linked_group = Path(bench.layout.group(group_key("h")))
    linked_group.symlink_to(outside)
    Path(bench.layout.notes).symlink_to(outside)
    bench.now_s += 1e8
    assert store.get_blob("b" * 32) is None
    assert store.compact(0).ran
    store.clear()
    assert len(list(outside.iterdir())) == 2
    assert linked_blob.is_symlink()
    assert linked_group.is_symlink()
    assert store.size_bytes() == 0


@posix_only
def test_a_pipe_in_place_of_a_file_does_not_hang(bench: Bench) -> None:
    store = bench.open()
    name = store.put_blob(b"data")
    store.append("g", [entry("u", 1)])
    (segment,) = bench.segments("g")
    for path in (segment, Path(bench.layout.blob(name))):
        path.unlink()
        os.mkfifo(path)
    os.mkfifo(bench.layout.lock)
    assert store.read("g") == ()
    assert store.get_blob(name) is None
    store.compact(0)
    assert STORE_CORRUPT in bench.slugs


def test_a_file_in_place_of_the_root(bench: Bench) -> None:
    bench.root.write_text("not a directory")
    assert use_everything(bench.open()) == UNUSABLE
    assert sorted(bench.slugs) == [STORE_UNREADABLE, STORE_UNWRITABLE]
    assert bench.root.read_text() == "not a directory"


def test_a_file_in_place_of_each_directory(bench: Bench) -> None:
    layout = bench.layout
    for place in (os.path.dirname(layout.lock), layout.segments, layout.temporary, layout.blobs):
        shutil.rmtree(bench.root, ignore_errors=True)
        os.makedirs(os.path.dirname(place))
        Path(place).write_text("in the way")
        use_everything(bench.open())
        assert Path(place).read_text() == "in the way"
    assert set(bench.slugs) == {STORE_UNREADABLE, STORE_UNWRITABLE}


def test_a_root_that_no_path_can_have() -> None:
    warned: list[Warned] = []
    store = DirectoryStore(Path("a\0b"), may_write=True, warn=warned.append)
    assert use_everything(store) == UNUSABLE
    assert {STORE_UNREADABLE, STORE_UNWRITABLE} <= {one.slug for one in warned}


@posix_only
def test_roots_that_are_links(bench: Bench, tmp_path: Path) -> None:
    bench.root.symlink_to(bench.root)
    assert use_everything(bench.open())[:5] == UNUSABLE[:5]
    assert STORE_UNWRITABLE in bench.slugs
    bench.root.unlink()
    bench.root.symlink_to(tmp_path / "missing")
    assert use_everything(bench.open()) == UNUSABLE
    bench.warned.clear()
    (tmp_path / "missing").mkdir()
    store = bench.open()
    assert store.append("g", [entry("u", 1)])
    assert store.compact(NO_BOUND).size_bytes == store.size_bytes() > 0
    assert store.clear().files == 1
    assert not bench.warned


@posix_only
def test_a_directory_without_permission(bench: Bench) -> None:
    bench.open().append("g", [entry("u", 1)])
    bench.root.chmod(0)
    try:
        if os.access(bench.root, os.R_OK):
            pytest.skip("this user may read and write anywhere")
        assert use_everything(bench.open())[:5] == UNUSABLE[:5]
    finally:
        bench.root.chmod(0o700)
    assert set(bench.slugs) == {STORE_UNREADABLE, STORE_UNWRITABLE}


@posix_only
def test_a_full_disk_loses_only_what_was_being_written(
    bench: Bench, run_python: Callable[..., int]
) -> None:
    bench.open().append("g", [entry("u", 1)])
    program = """
import resource, sys
from pathlib import Path
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.directory import DirectoryStore
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
warned = []
store = DirectoryStore(Path(sys.argv[1]), may_write=True, warn=warned.append)
big = Entry("big", 2.0, (), {"text": "x" * 5000})
noise = bytes(i * i * 7919 % 251 ^ i % 256 for i in range(5000))
assert store.append("g", [big]) is False
assert store.append("g", [Entry("small", 3.0)]) is True
assert store.put_note("n", noise) is False
assert store.get_blob(store.put_blob(noise)) is None
assert [one.slug for one in warned] == ["store-unwritable"], warned
print("done")
"""
    run_python(program, bench.root)
    store = bench.open()
    assert store.read("g") == (entry("small", 3), entry("u", 1))
    assert os.listdir(bench.layout.temporary) == []


@posix_only
def test_a_full_disk_while_compacting_keeps_the_sources(
    bench: Bench, run_python: Callable[..., int]
) -> None:
    store = bench.open()
    store.append("cold", [entry("u", 1, text="y" * 500)])
    bench.now_s += 1
    blobs = [store.put_blob(b"%d" % at) for at in range(3)]
    for at, blob in enumerate(blobs):
        store.append("g", [entry("u", at, blob, text="x" * 1500)])
    program = f"""
import resource, sys
from pathlib import Path
from pytest_cellcache.store.directory import DirectoryStore
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
warned = []
store = DirectoryStore(
    Path(sys.argv[1]), may_write=True, warn=warned.append, clock=lambda: {bench.now_s + 1e6}
)
done = store.compact(store.size_bytes() - 1, 2)
assert done.ran and done.groups_evicted == 1 and done.entries_dropped == 0, done
assert [one.slug for one in warned] == ["store-unwritable"], warned
print("done")
"""
    run_python(program, bench.root)
    assert store.read("cold") == ()
    assert [e.created_s for e in store.read("g")] == [2, 1, 0]
    assert [store.get_blob(blob) for blob in blobs] == [b"0", b"1", b"2"]
