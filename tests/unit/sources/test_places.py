from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from pytest_cellcache.sources.places import Places, find_project_root, temporary_folder


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


@pytest.mark.parametrize("mark", [".git", ".hg", ".svn"])
def test_the_version_control_root_is_the_project_root(top: Path, mark: str) -> None:
    (top / "repo" / mark).mkdir(parents=True)
    (top / "repo" / "tests" / "unit").mkdir(parents=True)
    assert (
        find_project_root(top / "repo" / "tests" / "unit", top / "repo" / "tests") == top / "repo"
    )


def test_a_worktree_has_a_file_instead_of_a_folder(top: Path) -> None:
    (top / "repo" / "tests").mkdir(parents=True)
    (top / "repo" / ".git").write_text("gitdir: elsewhere", encoding="utf-8")
    assert find_project_root(top / "repo" / "tests", top) == top / "repo"


def test_without_version_control_both_folders_are_inside(top: Path) -> None:
    (top / "p" / "tests").mkdir(parents=True)
    assert find_project_root(top / "p" / "tests", top / "p") == top / "p"
    assert find_project_root(top / "p", top / "p" / "tests") == top / "p"


def test_without_version_control_the_folder_that_says_how_to_build_counts(top: Path) -> None:
    (top / "p" / "tests" / "unit").mkdir(parents=True)
    (top / "p" / "pyproject.toml").write_text("")
    assert find_project_root(top / "p" / "tests", top / "p" / "tests") == top / "p"
    (top / "p" / "tests" / "setup.py").write_text("")
    assert find_project_root(top / "p" / "tests" / "unit", top / "p" / "tests") == (
        top / "p" / "tests"
    )


def test_steps_back_in_a_path_do_not_lead_into_the_project(top: Path) -> None:
    (top / "p" / "tests").mkdir(parents=True)
    (top / "p" / "src").mkdir()
    places = Places(str(top / "p" / "tests"), (), "/own/")
    path = str(top / "p" / "tests" / ".." / "src" / "a.py")
    assert not places.is_inside(path)
    assert places.relative(path) == "../src/a.py"
    assert places.is_inside(str(top / "p" / "src" / ".." / "tests" / "a.py"))


def test_the_whole_file_system_is_no_project(top: Path) -> None:
    assert find_project_root(top, Path(top.anchor)) == top


def test_the_home_directory_is_no_project(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(top))
    monkeypatch.setenv("USERPROFILE", str(top))
    (top / "p").mkdir()
    assert find_project_root(top / "p", top) == top / "p"


def test_first_party_is_what_is_not_installed(top: Path) -> None:
    places = Places.of(top, top)
    purelib = sysconfig.get_paths()["purelib"]
    assert places.is_first_party(str(top / "a.py"))
    assert places.is_first_party(os.path.join(os.sep, "elsewhere", "b.py"))
    for foreign in (
        os.__file__,
        os.path.join(purelib, "x", "y.py"),
        os.path.join(os.sep, "other", "site-packages", "z.py"),
        "<string>",
        "<frozen importlib._bootstrap>",
        "",
        "relative.py",
        sys.modules[Places.__module__].__file__ or "",
    ):
        assert not places.is_first_party(foreign), foreign


def test_what_pytest_makes_for_tests_is_no_source(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(top / "temp"))
    made = top / "temp" / "pytest-of-me" / "pytest-1" / "test_0"
    places = Places.of(top / "project", top / "project", str(top / "base"))
    assert not places.is_first_party(str(made / "a.py"))
    assert not places.is_first_party(str(top / "base" / "a.py"))
    assert places.is_first_party(str(top / "base2" / "a.py"))
    # A run within a run.
    assert Places.of(made, made).is_first_party(str(made / "a.py"))


def test_names_do_not_depend_on_where_the_project_lies(top: Path) -> None:
    names = []
    for root in (top / "one", top / "two"):
        root.mkdir()
        places = Places(str(root), (), "/own/")
        path = str(root / "pkg" / "a.py")
        names.append(places.relative(path))
        assert places.absolute(names[-1]) == path
    assert names == ["pkg/a.py", "pkg/a.py"]


def test_what_lies_outside_has_a_name_too(top: Path) -> None:
    (top / "root").mkdir()
    places = Places(str(top / "root"), (), "/own/")
    name = places.relative(str(top / "beside" / "a.py"))
    assert name == "../beside/a.py"
    assert places.absolute(name) == str(top / "beside" / "a.py")


def test_inside_is_below_the_root_and_the_root_itself(top: Path) -> None:
    places = Places(str(top / "root"), (), "/own/")
    assert places.is_inside(str(top / "root"))
    assert places.is_inside(str(top / "root" / "a"))
    assert not places.is_inside(str(top / "root2"))
    assert not places.is_inside(str(top))


def test_globs_give_files_in_order(top: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/d.py"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text("", encoding="utf-8")
    places = Places(str(top), (), "/own/")
    assert places.glob("*.txt") == ["a.txt", "b.txt"]
    assert places.glob("**/*.txt") == ["a.txt", "b.txt", "sub/c.txt"]


def test_asking_for_the_temporary_folder_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    found = temporary_folder()
    assert tempfile.tempdir is None
    assert found == tempfile.gettempdir()
