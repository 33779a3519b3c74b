"""Promise 8: records hold wherever the checkout lies; stores merge by copying files."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_a_moved_checkout_with_new_times_hits(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write("one/lib.py", "def one(): return 1\n")
    suite.write("one/data.txt", "1")
    suite.write("one/pytest.ini", "[pytest]\npythonpath = .\n")
    suite.write(
        "one/conftest.py",
        """
        from pathlib import Path

        def pytest_addoption(parser):
            parser.addini("mine", "a folder", default=str(Path(__file__).parent))
        """,
    )
    suite.write(
        "one/test_a.py",
        """
        from pathlib import Path
        import warnings
        import pytest
        import lib

        HERE = Path(__file__).parent

        def test_a(): assert lib.one()
        def test_data(): assert (HERE / "data.txt").read_text() == "1"
        def test_says_where(): print(HERE)
        def test_warns(): warnings.warn("w")
        @pytest.mark.parametrize("path", [HERE / "data.txt"], ids=["p"])
        def test_path(path): assert path.exists()
        @pytest.mark.parametrize("path", [str(HERE / "data.txt")], ids=["t"])
        def test_text(path): assert Path(path).exists()
        @pytest.mark.skip(reason="s")
        def test_skips(): pass
        """,
    )
    monkeypatch.chdir(suite.path / "one")
    suite.cached()
    monkeypatch.chdir(suite.path)
    shutil.copytree(suite.path / "one", suite.path / "two", copy_function=shutil.copyfile)
    shutil.rmtree(suite.path / "one")
    # The skip now is in another line.
    suite.edit("two/test_a.py", "import warnings\n", "import warnings\n# moved\n")
    for path in (suite.path / "two").glob("*.py"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    monkeypatch.chdir(suite.path / "two")
    again = suite.cached("-rA", "-s")
    assert again.live == []
    assert f"{os.sep}one{os.sep}" not in again.text
    skip = '@pytest.mark.skip(reason="s")'
    lines = (suite.path / "two" / "test_a.py").read_text().splitlines()
    assert f"test_a.py:{lines.index(skip) + 1}: s" in again.text


def test_stores_merge_by_copying_and_a_b_a_hits(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    args = ("--cell-cache-dir=one",)
    suite.cached(*args)
    suite.edit("test_a.py", "def test_b(): pass", "def test_b(): return")
    suite.cached("--cell-cache-dir=two")
    shutil.copytree(suite.path / "two", suite.path / "one", dirs_exist_ok=True)
    assert suite.cached(*args).names == []
    suite.edit("test_a.py", "def test_b(): return", "def test_b(): pass")
    assert suite.cached(*args).names == []
