"""Promise 9: what ran and what was not stored says why, naming the thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_the_reason_names_what_changed(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write("lib.py", "LIMIT = 1\ndef one(): return 1\n")
    suite.write("data.txt", "1")
    suite.write(
        "test_a.py",
        """
        import os
        from pathlib import Path
        import lib

        HERE = Path(__file__).parent

        def test_body(): assert lib.one()
        def test_constant(): assert lib.LIMIT
        def test_data(): assert (HERE / "data.txt").read_text()
        def test_env(): assert not os.environ.get("MINE")
        """,
    )
    suite.both()
    suite.edit("lib.py", "LIMIT = 1", "LIMIT = 2")
    suite.edit("lib.py", "return 1", "return 2")
    suite.write("data.txt", "2")
    monkeypatch.setenv("MINE", "")
    again = suite.cached("--cell-cache-explain")
    for line in (
        "test_a.py::test_body: ran (passed) because the body of lib.py::one changed; stored",
        "test_a.py::test_constant: ran (passed) because the definition of lib.py::LIMIT changed",
        "test_a.py::test_data: ran (passed) because file data.txt changed; stored",
        "test_a.py::test_env: ran (passed) because environment variable MINE changed; stored",
    ):
        assert line in again.text


def test_every_test_of_the_report_has_one(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        def test_good(): pass
        def test_bad(): assert 0
        @pytest.mark.cell_cache(enabled=False)
        def test_out(): pass
        """,
    )
    for _ in range(2):
        ran = suite.cached()
        assert len(ran.decisions) == 3
        for test in ran.decisions.values():
            assert (test["reason"] is None) == (test["source"] == "cached")
            if test["outcome"] == "failed":
                assert test["unstored"]["slug"] == "failed"
