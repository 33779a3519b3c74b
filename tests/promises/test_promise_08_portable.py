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
    suite.write("one/pytest.ini", "[pytest]\n")
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
        @pytest.mark.skip(reason="s")
        def test_skips(): pass
        """,
    )
    monkeypatch.chdir(suite.path / "one")
    suite.cached()
    monkeypatch.chdir(suite.path)
    shutil.copytree(suite.path / "one", suite.path / "two", copy_function=shutil.copyfile)
    shutil.rmtree(suite.path / "one")
    for path in (suite.path / "two").glob("*.py"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    monkeypatch.chdir(suite.path / "two")
    again = suite.cached("-rA", "-s")
    assert again.live == []
    assert f"{os.sep}one{os.sep}" not in again.text
