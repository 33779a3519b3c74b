from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_cellcache.model.digest import ABSENT
from pytest_cellcache.sources.history import Ignored, digest_history


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "a.txt").write_text("1")
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n.env\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_what_git_ignores_is_output(root: Path) -> None:
    (root / "build" / "deep").mkdir(parents=True)
    for name in ("x.log", "build/deep/x.txt", "build/x.so", ".env", "new.txt"):
        (root / name).write_text("")
    ignored = Ignored(str(root))
    names = ("x.log", "build/deep/x.txt", "build/x.so", ".env", "new.txt", "a.txt")
    assert [name for name in names if ignored.is_output(name)] == ["x.log", "build/deep/x.txt"]


def test_without_git_nothing_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert not Ignored(str(tmp_path)).is_output("x.log")
    (tmp_path / ".git").write_text("damaged")
    assert not Ignored(str(tmp_path)).is_output("x.log")
    assert digest_history(str(tmp_path)) != digest_history(str(tmp_path / "gone")) == ABSENT


def test_commits_tags_and_the_index_are_history_and_times_are_not(root: Path) -> None:
    seen = [digest_history(str(root))]
    os.utime(root / "a.txt", (1, 1))
    git(root, "status")  # refreshes times in the index
    assert digest_history(str(root)) == seen[0]
    for words in (
        ("commit", "-q", "--allow-empty", "-m", "second"),
        ("tag", "v1"),
        ("checkout", "-q", "-b", "other"),
        ("rm", "-q", "--cached", "a.txt"),
    ):
        git(root, *words)
        seen.append(digest_history(str(root)))
    assert len(set(seen)) == len(seen)


def test_a_worktree_has_a_history_of_its_own(root: Path) -> None:
    beside = root.parent / f"{root.name}-worktree"
    git(root, "worktree", "add", "-q", str(beside))
    before = digest_history(str(beside))
    git(beside, "commit", "-q", "--allow-empty", "-m", "second")
    assert digest_history(str(beside)) != before != ABSENT
