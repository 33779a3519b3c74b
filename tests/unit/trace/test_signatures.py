from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_cellcache.trace.signatures import Signature, Written, signature_of

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    os.utime(path, LONG_AGO)
    return path


def is_like(before: Signature | None, path: Path) -> bool:
    now = signature_of(str(path))
    assert before is not None
    assert now is not None
    return before.is_like(now)


def test_what_stays_has_the_same_one(old: Path) -> None:
    assert is_like(signature_of(str(old)), old)


def test_other_content_of_the_same_length_and_times(old: Path) -> None:
    before = signature_of(str(old))
    time.sleep(0.02)  # the clock of the file system goes in steps
    old.write_text("two")
    os.utime(old, LONG_AGO)
    assert not is_like(before, old)


def test_another_mode(old: Path) -> None:
    before = signature_of(str(old))
    old.chmod(0o600 if old.stat().st_mode & 0o777 != 0o600 else 0o644)
    assert not is_like(before, old)


def test_the_content_of_a_young_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    os.utime(path, (time.time() + 100, time.time() + 100))
    before = signature_of(str(path))
    path.write_text("two")
    os.utime(path, (time.time() + 100, time.time() + 100))
    assert not is_like(before, path)
    path.write_text("one")
    os.utime(path, (time.time() + 200, time.time() + 200))
    assert is_like(before, path)


def test_a_young_directory_may_change_unseen(tmp_path: Path) -> None:
    os.utime(tmp_path, (time.time() + 100, time.time() + 100))
    assert not is_like(signature_of(str(tmp_path)), tmp_path)


def test_what_is_not_there(old: Path) -> None:
    absent = Signature(None)
    assert signature_of(str(old / "below a file")) == absent
    assert is_like(absent, old.parent / "none")
    assert not is_like(absent, old)
    assert signature_of("\0") is None


def test_what_was_only_touched_is_no_change(old: Path) -> None:
    written = Written()
    written.note(str(old))
    os.utime(old, (2_000_000, 2_000_000))
    assert written.changed() == set()
    assert [touched.path for touched in written.touched()] == [str(old)]
    old.write_text("two")
    assert written.changed() == {str(old)}
    assert list(written.touched()) == []
