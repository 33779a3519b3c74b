"""Who consults the working directory or ``sys.path`` finds what others left; nobody else does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

MOVING = """
import os

def test_moves(tmp_path):
    os.chdir(tmp_path)
    assert list(tmp_path.iterdir()) == [], "x"
"""
LOOKING = {
    "file": 'assert not os.path.exists("conftest.py")',
    "getcwd": 'assert "test_moves" in os.getcwd()',
    "path": 'assert "test_moves" in str(Path("x").absolute())',
    "child": 'assert subprocess.run(["test", "-e", "conftest.py"]).returncode',
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    search, folder = sys.path[:], Path.cwd()
    yield
    sys.path[:] = search
    os.chdir(folder)


@pytest.mark.parametrize("looking", LOOKING)
def test_only_who_asks_where_it_is_rests_on_who_moved(suite: Suite, looking: str) -> None:
    suite.write("conftest.py", "")
    suite.write("test_a.py", MOVING)
    suite.write(
        "test_b.py",
        f"""
        import os, subprocess
        from pathlib import Path

        def test_looks():
            {LOOKING[looking]}

        def test_elsewhere(tmp_path):
            (tmp_path / "x").write_text("1")
            assert (tmp_path / "x").read_text() == "1"
        """,
    )
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", '"x"', '"y"')
    assert set(suite.both().names) == {"test_moves", "test_looks"}
    assert suite.both().live == []
    suite.edit("test_a.py", "os.chdir(tmp_path)", "pass")
    moved = suite.both()
    assert moved.code == 1
    assert "test_elsewhere" not in moved.names


def test_who_moves_on_moves_again(suite: Suite) -> None:
    suite.write("test_a.py", MOVING)
    suite.write(
        "test_b.py",
        """
        import os

        def test_moves_on(tmp_path):
            os.chdir(tmp_path)
            assert os.path.basename(os.getcwd()).startswith("test_moves_on")
        """,
    )
    suite.both()
    suite.both()
    suite.edit("test_a.py", '"x"', '"y"')
    # It sets anew what the other one has set.
    suite.both()
    assert suite.both().live == []


@pytest.mark.parametrize(
    "looking",
    [
        "import extra\n    assert extra.VALUE == 1",
        'assert any(path.endswith("more") for path in sys.path)',
        'assert importlib.util.find_spec("extra") is not None',
        'assert importlib.import_module("ex" + "tra").VALUE == 1',
    ],
    ids=["import", "by name", "find", "computed"],
)
def test_only_who_searches_rests_on_who_left_a_folder(suite: Suite, looking: str) -> None:
    suite.write("more/extra.py", "VALUE = 1\n")
    suite.write(
        "test_a.py",
        """
        import os, sys

        def test_adds():
            sys.path.insert(0, os.path.join(os.path.dirname(__file__), "more"))
            assert sys.path, "x"
        """,
    )
    suite.write(
        "test_b.py",
        f"import importlib.util, sys\n\ndef test_looks():\n    {looking}\n\n"
        "def test_elsewhere():\n    assert len('ab') == 2\n",
    )
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", '"x"', '"y"')
    assert set(suite.both().names) == {"test_adds", "test_looks"}
    suite.edit("test_a.py", "sys.path.insert(0,", "str(")
    suite.edit("test_a.py", '"more"))', '"more").encode(), "utf-8")')
    gone = suite.both()
    assert gone.code == 1
    assert "test_elsewhere" not in gone.names
    sys.modules.pop("extra", None)


def test_what_monkeypatch_undoes_is_left_by_no_fixture(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def folder(tmp_path, monkeypatch):
            monkeypatch.syspath_prepend(str(tmp_path / "one"))
            return tmp_path

        @pytest.fixture
        def inner(folder, monkeypatch):
            monkeypatch.syspath_prepend(str(folder / "two"))
            monkeypatch.chdir(folder)
            return len("x")
        """,
    )
    suite.write("test_a.py", "import sys\ndef test_uses(inner):\n    assert inner == len('x')\n")
    suite.write("test_b.py", "import os, sys\ndef test_b():\n    assert sys.path and os.getcwd()\n")
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", "len('x')", "len('y')")
    assert suite.both().names == ["test_uses"]


def test_code_without_a_file_in_a_traceback_is_nowhere(suite: Suite) -> None:
    suite.write("test_a.py", MOVING)
    suite.write(
        "test_b.py",
        """
        import traceback

        def test_b():
            try:
                exec(compile("1 / 0", "<unknown>", "exec"))
            except ZeroDivisionError:
                assert "unknown" in traceback.format_exc()
        """,
    )
    suite.both()
    suite.edit("test_a.py", '"x"', '"y"')
    assert suite.both().names == ["test_moves"]


def test_a_file_that_tests_look_for_and_remove(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        from pathlib import Path

        class TestFile:
            def setup_method(self):
                self.path = Path(__file__).with_name("made.txt")
                if self.path.exists():
                    self.path.unlink()

            def test_one(self):
                self.path.write_text("1")

            def test_two(self):
                self.path.write_text("2")

        class TestEnd:
            def teardown_method(self):
                path = Path(__file__).with_name("made.txt")
                if path.exists():
                    path.unlink()

            def test_three(self):
                Path(__file__).with_name("made.txt").write_text("3")
        """,
    )
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", '"2"', '"22"')
    assert {"TestFile::test_one", "TestFile::test_two"} <= set(suite.both().names)
