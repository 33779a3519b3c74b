"""What one test leaves behind and another finds: files, variables, folders, ``sys.path``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


@pytest.fixture(autouse=True)
def _what_the_suite_leaves() -> Iterator[None]:
    """Put back what inner runs leave on purpose."""
    folder, variables, search = os.getcwd(), dict(os.environ), list(sys.path)
    yield
    os.chdir(folder)
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    sys.path[:] = search


def outcomes_after(suite: Suite, old: str, new: str) -> dict[str, str]:
    os.chdir(suite.path)
    os.environ.pop("LEFT", None)
    suite.edit("lib.py", old, new)
    ran = suite.cached()
    return {nodeid.partition("::")[2]: test["outcome"] for nodeid, test in ran.decisions.items()}


@pytest.mark.parametrize(
    ("leave", "find"),
    [
        ("os.environ['LEFT'] = lib.value()", "os.environ['LEFT'] == 'one'"),
        ("os.chdir(lib.value())", "os.path.basename(os.getcwd()) == 'one'"),
        ("sys.path.insert(0, lib.value())", "'one' in sys.path"),
        ("OUT.write_text(lib.value())", "OUT.read_text() == 'one'"),
    ],
    ids=["variable", "folder", "search", "file"],
)
def test_who_finds_what_another_left_rests_on_it(suite: Suite, leave: str, find: str) -> None:
    suite.write("lib.py", "def value():\n    return 'one'\n")
    suite.write("one/x", "")
    suite.write("two/x", "")
    suite.write(
        "test_a.py",
        f"""
        import os, sys, lib
        from pathlib import Path
        OUT = Path(__file__).parent / "out.txt"
        def test_leaves(): {leave}
        def test_finds(): assert {find}
        """,
    )
    suite.write("test_b.py", "def test_before(): pass\n")
    search = list(sys.path)
    for _ in range(3):
        os.chdir(suite.path)
        os.environ.pop("LEFT", None)
        sys.path[:] = search
        assert suite.cached().code == 0
    sys.path[:] = search
    after = outcomes_after(suite, "'one'", "'two'")
    assert after["test_leaves"] == "passed"
    assert after["test_finds"] == "failed"
    assert after["test_before"] == "passed"


def test_what_is_put_back_is_not_left(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os, sys
        import pytest

        @pytest.fixture
        def moved(tmp_path):
            before = os.getcwd()
            os.chdir(tmp_path)
            yield
            os.chdir(before)

        def test_patched(monkeypatch, tmp_path):
            monkeypatch.setenv("LEFT", "1")
            monkeypatch.chdir(tmp_path)
            monkeypatch.syspath_prepend(tmp_path)
        def test_moved(moved): pass
        def test_by_hand():
            os.environ["LEFT"] = "1"
            del os.environ["LEFT"]
        """,
    )
    suite.warm()


def test_own_files_are_no_outputs_of_others(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        from pathlib import Path
        import pytest
        HERE = Path(__file__).parent

        @pytest.fixture
        def made():
            (HERE / "made.txt").write_text("1")

        def test_own():
            (HERE / "own.txt").write_text("1")
            assert (HERE / "own.txt").read_text() == "1"
        def test_made(made): assert (HERE / "made.txt").read_text() == "1"
        """,
    )
    first = suite.cached()
    assert [test["unstored"] for test in first.decisions.values()] == [None, None]
    assert suite.cached().names == []


def test_what_stood_in_a_file_counts_for_who_reads_it_after_others_have_added(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        def add(name, how="a"):
            with open(name, how) as file:
                file.write("0")

        def first_of(name):
            with open(name) as file:
                return file.read()[:1]

        @pytest.fixture
        def added():
            add("fixture.log")

        def test_of_a_fixture(added):
            assert first_of("fixture.log") == "0"

        def test_adds():
            add("test.log")

        def test_reads():
            assert first_of("test.log") == "0"

        def test_makes():
            add("new.log", "w")

        def test_adds_more():
            add("new.log")

        def test_reads_what_was_made():
            assert first_of("new.log") == "0"
        """,
    )
    for name in ("fixture.log", "test.log", "new.log"):
        suite.write(name, "0")
    suite.both()
    for name in ("fixture.log", "test.log", "new.log"):
        suite.write(name, "1")
    ran = suite.both()
    assert ran.code == 1
    assert {"test_of_a_fixture", "test_reads"} <= set(ran.names)
    assert "test_reads_what_was_made" not in ran.names
