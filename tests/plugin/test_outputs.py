"""What a test or its fixtures write in the project is no input of it, whatever is left of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

USING = """
import os, shutil, subprocess, sys, tempfile
from pathlib import Path
import pytest

def given():
    return Path("in.txt").read_text()

def check(path):
    assert Path(path).read_text() == "1"

"""
WRITING = {
    "a file": "def test_it(): Path('o').write_text(given()); check('o')",
    "a file that goes": "def test_it(): Path('o').write_text(given()); check('o'); os.unlink('o')",
    "a folder, if there is none": """
        def test_it():
            Path("out").mkdir(exist_ok=True)
            Path("out/o").write_text(given())
            check("out/o")
        """,
    "folders, if there are none": """
        def test_it():
            os.makedirs("out/deep", exist_ok=True)
            Path("out/deep/o").write_text(given())
            check("out/deep/o")
            assert os.listdir("out/deep") == ["o"]
        """,
    "folders instead of others": """
        def test_it():
            shutil.rmtree("out", ignore_errors=True)
            os.makedirs("out/deep")
            Path("out/deep/o").write_text(given())
            assert os.listdir("out/deep") == ["o"]
            check("out/deep/o")
        """,
    "a file of a fixture": """
        @pytest.fixture
        def made():
            path = Path("o")
            path.write_text(given())
            yield path
            path.unlink()
        def test_it(made): check(made)
        """,
    "a folder of a wide fixture": """
        @pytest.fixture(scope="module")
        def made():
            path = Path("out")
            path.mkdir()
            (path / "o").write_text(given())
            yield path
            shutil.rmtree(path)
        def test_it(made):
            check(made / "o")
            assert os.listdir(made) == ["o"]
        """,
    "a file that a fixture removes": """
        @pytest.fixture
        def clean():
            yield
            if os.path.exists("o"):
                os.unlink("o")
        def test_it(clean):
            Path("o").write_text(given())
            check("o")
        """,
    "a log": """
        def test_it():
            check("in.txt")
            with open("log", "a") as log:
                log.write("more")
        """,
    "a name in a folder": """
        def test_it():
            Path("o").write_text(given())
            assert "o" in os.listdir()
            check("o")
            os.unlink("o")
        """,
    "a link": """
        def test_it():
            os.symlink("in.txt", "link")
            check("link")
            os.unlink("link")
        """,
    "a link to a folder": """
        def test_it():
            os.symlink(".", "link")
            check("link/in.txt")
            os.unlink("link")
        """,
    "by a child process": """
        WRITE = "open('o', 'w').write(open('in.txt').read())"
        def test_it():
            subprocess.run([sys.executable, "-c", WRITE], check=True)
            check("o")
        """,
}


@pytest.mark.parametrize("kind", WRITING)
def test_outputs_are_no_inputs(suite: Suite, kind: str) -> None:
    suite.write("in.txt", "1")
    suite.write("test_a.py", f"{USING}{textwrap.dedent(WRITING[kind])}\ndef test_alone(): pass\n")
    assert suite.cached().code == 0
    assert suite.cached().live == []
    suite.write("in.txt", "2")
    again = suite.cached()
    assert again.names == ["test_it"]
    assert again.code == 1


def test_a_folder_that_is_a_file_now_counts(suite: Suite) -> None:
    suite.write("test_a.py", f"{USING}\ndef test_it(): os.makedirs('out', exist_ok=True)\n")
    suite.warm()
    (suite.path / "out").rmdir()
    suite.write("out", "")
    assert suite.both().names == ["test_it"]


def test_what_is_in_a_folder_that_was_there_counts(suite: Suite) -> None:
    test = (
        "def test_it():\n    os.makedirs('out', exist_ok=True)\n    assert not os.listdir('out')\n"
    )
    suite.write("test_a.py", USING + test)
    suite.warm()
    suite.write("out/o", "")
    assert suite.both().names == ["test_it"]


def test_what_a_child_read_before_another_one_wrote_it_counts(suite: Suite) -> None:
    suite.write("o", "1")
    suite.write(
        "test_a.py",
        f"""{USING}
def test_it():
    assert Path("o").read_text() == "1"
    subprocess.run([sys.executable, "-c", "open('o', 'w').write('1')"], check=True)
""",
    )
    suite.cached()
    suite.cached()
    suite.write("o", "2")
    assert suite.cached().code == 1
