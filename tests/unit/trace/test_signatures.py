from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_cellcache.trace.signatures import signature_of

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    os.utime(path, LONG_AGO)
    return path


def test_what_stays_has_the_same_one(old: Path) -> None:
    assert signature_of(str(old)) == signature_of(str(old))


def test_other_content_of_the_same_length_and_times(old: Path) -> None:
    before = signature_of(str(old))
    time.sleep(0.02)  # the clock of the file system goes in steps
    old.write_text("two")
    os.utime(old, LONG_AGO)
    assert signature_of(str(old)) != before  # its status changed later


def test_another_mode(old: Path) -> None:
    before = signature_of(str(old))
    old.chmod(0o600 if old.stat().st_mode & 0o777 != 0o600 else 0o644)
    assert signature_of(str(old)) != before


def test_the_content_of_a_young_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    os.utime(path, (time.time() + 100, time.time() + 100))
    before = signature_of(str(path))
    path.write_text("two")
    os.utime(path, (time.time() + 100, time.time() + 100))
    assert signature_of(str(path)) != before
    path.write_text("one")
    os.utime(path, (time.time() + 200, time.time() + 200))
    assert signature_of(str(path)) == before


def test_a_young_directory_may_change_unseen(tmp_path: Path) -> None:
    os.utime(tmp_path, (time.time() + 100, time.time() + 100))
    assert signature_of(str(tmp_path)) is None


def test_what_is_not_there(old: Path) -> None:
    assert signature_of(str(old / "below a file")) == "absent"
    assert signature_of(str(old.parent / "none")) == "absent"
    assert signature_of("\0") is None
