from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.model.keys import MODULES
from pytest_cellcache.sources.listings import digest_names, names_in
from pytest_cellcache.sources.places import Places
from pytest_cellcache.sources.snapshot import Snapshot

HOUR_NS = 3600 * 10**9
Open = Callable[..., Snapshot]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


@pytest.fixture(name="snapshot")
def _snapshot(root: Path) -> Open:
    """Open a snapshot that began ``later_ns`` after now (before now, if negative)."""

    def snapshot(later_ns: int = HOUR_NS, stat_cache: bytes | None = None) -> Snapshot:
        began_ns = time.time_ns() + later_ns
        return Snapshot(Places(str(root), (), "/own/"), began_ns=began_ns, stat_cache=stat_cache)

    return snapshot


def test_a_file_counts_by_content_not_by_time(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    before = snapshot().digest_file("a")
    os.utime(root / "a", (1, 1))
    assert snapshot().digest_file("a") == before
    (root / "a").write_bytes(b"2")
    assert snapshot().digest_file("a") != before


def test_what_is_not_there_or_unreadable_is_absent(root: Path, snapshot: Open) -> None:
    (root / "folder").mkdir()
    view = snapshot()
    assert view.digest_file("gone") == ABSENT
    assert view.digest_file("folder") == ABSENT
    assert view.digest_file("a\0b") == ABSENT
    assert view.read("gone") is None
    assert view.digest_listing("gone") == ABSENT
    assert view.digest_existence("gone") == ABSENT


def test_an_empty_file_is_not_an_absent_one(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"")
    assert snapshot().digest_file("a") != ABSENT


def test_a_run_sees_one_content(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    view = snapshot()
    before = view.digest_file("a"), view.read("a")
    (root / "a").write_bytes(b"2")
    assert (view.digest_file("a"), view.read("a")) == before
    view.forget_content()
    assert view.digest_file("a") == before[0]


def test_a_listing_counts_names_only(root: Path, snapshot: Open) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_bytes(b"1")
    before = snapshot().digest_listing("d")
    (root / "d" / "a").write_bytes(b"2")
    (root / "d" / "__pycache__").mkdir()
    assert snapshot().digest_listing("d") == before
    (root / "d" / "b").write_bytes(b"")
    assert snapshot().digest_listing("d") != before


def test_existence_tells_files_from_folders(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"")
    (root / "d").mkdir()
    view = snapshot()
    assert len({view.digest_existence(name) for name in ("a", "d", "gone")}) == 3


@pytest.mark.parametrize("name", ["a", "sub/b"])
def test_the_tree_counts_every_file(root: Path, snapshot: Open, name: str) -> None:
    (root / "sub").mkdir()
    (root / "a").write_bytes(b"1")
    before = snapshot().digest_tree()
    (root / name).write_bytes(b"2")
    assert snapshot().digest_tree() != before


def test_the_tree_leaves_caches_and_virtual_environments_out(root: Path, snapshot: Open) -> None:
    before = snapshot().digest_tree()
    for name in (
        ".git/x",
        "__pycache__/a.pyc",
        ".pytest_cache/x",
        "env/x",
        "env/pyvenv.cfg",
        "a.pyc",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"1")
    assert snapshot().digest_tree() == before


def test_a_renamed_file_changes_the_tree(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    before = snapshot().digest_tree()
    (root / "a").rename(root / "b")
    assert snapshot().digest_tree() != before


def test_a_file_changed_after_the_beginning_is_in_flux(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    early = snapshot(-HOUR_NS)
    assert early.was_in_flux("a")
    assert early.is_in_flux("a")
    late = snapshot()
    assert not late.was_in_flux("a")
    assert not late.is_in_flux("a")


def test_an_old_time_of_change_does_not_hide_a_change(root: Path, snapshot: Open) -> None:
    """``ctime`` cannot be set back."""
    (root / "a").write_bytes(b"1")
    os.utime(root / "a", (1, 1))
    assert snapshot(-HOUR_NS).is_in_flux("a")


def test_appearing_and_disappearing_is_flux(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    view = snapshot()
    view.digest_file("a")
    view.digest_file("b")
    assert not view.is_in_flux("b")
    (root / "a").unlink()
    (root / "b").write_bytes(b"")
    assert view.is_in_flux("a")
    assert view.is_in_flux("b")


def test_the_stat_cache_saves_reading(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    first = snapshot()
    digest = first.digest_file("a")
    assert first.stat_cache_grew
    second = snapshot(stat_cache=first.stat_cache())
    assert second.digest_file("a") == digest
    assert not second._content, "the file was read again"
    assert not second.stat_cache_grew


def test_a_recent_file_is_not_trusted(root: Path, snapshot: Open) -> None:
    """It may change again within the same tick of the clock, unseen."""
    (root / "a").write_bytes(b"1")
    view = snapshot(0)
    view.digest_file("a")
    assert not view.stat_cache_grew


@pytest.mark.parametrize("how", ["size", "mtime", "inode"])
def test_a_changed_file_is_read_again(root: Path, snapshot: Open, how: str) -> None:
    (root / "a").write_bytes(b"1")
    first = snapshot()
    before = first.digest_file("a")
    status = os.stat(root / "a")
    if how == "inode":
        (root / "b").write_bytes(b"2")
        os.replace(root / "b", root / "a")
        os.utime(root / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    elif how == "mtime":
        (root / "a").write_bytes(b"2")
        os.utime(root / "a", ns=(5, 5))
    else:
        (root / "a").write_bytes(b"22")
        os.utime(root / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert snapshot(stat_cache=first.stat_cache()).digest_file("a") != before


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": [1]}', b'{"a": [1, 2, 3, 4, 5]}', b"\xff"],
)
def test_a_damaged_stat_cache_is_no_cache(root: Path, snapshot: Open, data: bytes) -> None:
    (root / "a").write_bytes(b"1")
    assert snapshot(stat_cache=data).digest_file("a") == snapshot().digest_file("a")


def test_entries_of_other_files_are_kept(root: Path, snapshot: Open) -> None:
    (root / "a").write_bytes(b"1")
    (root / "b").write_bytes(b"1")
    first = snapshot()
    first.digest_file("a")
    second = snapshot(stat_cache=first.stat_cache())
    second.digest_file("b")
    third = snapshot(stat_cache=second.stat_cache())
    third.digest_file("a")
    third.digest_file("b")
    assert not third._content


def times(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def test_a_file_that_was_left_as_it_was_found_is_not_in_flux(root: Path, snapshot: Open) -> None:
    path = root / "a"
    path.write_bytes(b"1")
    steps = [times(path)]
    os.utime(path, ns=(1, 1))
    view = snapshot(-HOUR_NS)
    assert view.is_in_flux("a")
    now = times(path)
    old = (1, 1, 1, 1)
    view = snapshot(-HOUR_NS)
    view.note_touch("a", steps[0], now)  # units close in any order
    view.note_touch("a", old, steps[0])
    assert not view.is_in_flux("a")
    assert not view.was_in_flux("a")


def test_a_file_that_changed_once_more_is_in_flux(root: Path, snapshot: Open) -> None:
    path = root / "a"
    path.write_bytes(b"1")
    view = snapshot(-HOUR_NS)
    view.note_touch("a", (1, 1, 1, 1), times(path))
    path.write_bytes(b"22")
    assert view.is_in_flux("a")


def test_a_file_that_changed_before_it_was_touched_is_in_flux(root: Path, snapshot: Open) -> None:
    path = root / "a"
    path.write_bytes(b"1")
    before = times(path)
    os.utime(path, ns=(1, 1))
    view = snapshot(-HOUR_NS)
    view.note_touch("a", before, times(path))
    assert view.is_in_flux("a")


def test_a_listing_is_in_flux_if_somebody_found_other_names(root: Path, snapshot: Open) -> None:
    view = snapshot(-HOUR_NS)
    (root / "a").write_bytes(b"")
    found = digest_names(names_in(str(root)))
    view.note_names(".", {found})
    assert not view.is_listing_in_flux(".")
    assert view.digest_listing(".") == found
    view.note_names(".", {"other"})
    assert view.is_listing_in_flux(".")


def test_what_nobody_noted_of_a_listing_is_told_by_its_time(root: Path, snapshot: Open) -> None:
    view = snapshot(-HOUR_NS)
    (root / "a").write_bytes(b"")
    view.note_names(".", {digest_names(names_in(str(root)))})
    view.note_names(".", ())
    assert view.is_listing_in_flux(".")


def test_caches_that_appear_beside_modules_leave_the_names_of_these_as_they_were(
    root: Path, snapshot: Open
) -> None:
    (root / "pack").mkdir()
    for name in ("old.py", "pack/__init__.py"):
        (root / name).write_bytes(b"")
    time.sleep(0.05)  # the clock of the file system is a coarse one
    view = snapshot(0)
    time.sleep(0.05)
    for name in (".pytest_cache", "pack/__pycache__"):
        (root / name).mkdir()
    (root / "notes.txt").write_bytes(b"")
    assert view.is_listing_in_flux(".")
    assert not view.is_listing_in_flux(".", MODULES)
    (root / "new").mkdir()
    assert view.is_listing_in_flux(".", MODULES)
    (root / "new").rmdir()
    (root / "new.py").write_bytes(b"")
    assert view.is_listing_in_flux(".", MODULES)


def test_a_module_in_an_archive_counts_as_the_archive(root: Path, snapshot: Open) -> None:
    (root / "lib.zip").write_bytes(b"1")
    view = snapshot()
    before = view.digest_file("lib.zip/pkg/mod.py")
    assert before != ABSENT
    view.note_view("lib.zip/pkg/mod.py", is_absent=False)
    assert not view.was_seen_otherwise("lib.zip/pkg/mod.py")
    assert not view.is_in_flux("lib.zip/pkg/mod.py")
    (root / "lib.zip").write_bytes(b"2")
    assert snapshot().digest_file("lib.zip/pkg/mod.py") != before
    assert snapshot(-HOUR_NS).is_in_flux("lib.zip/pkg/mod.py")
    assert snapshot(-HOUR_NS).was_in_flux("lib.zip/pkg/mod.py")


def test_an_empty_log_of_a_database_is_as_good_as_none(root: Path, snapshot: Open) -> None:
    (root / "db-wal").write_bytes(b"")
    assert snapshot().digest_file("db-wal") == ABSENT
    assert snapshot().is_absent("db-wal")
    (root / "db-wal").write_bytes(b"1")
    assert snapshot().digest_file("db-wal") != ABSENT
