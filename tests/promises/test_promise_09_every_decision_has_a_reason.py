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
    assert "because" not in suite.cached("--cell-cache-explain").text
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
        for nodeid, test in ran.decisions.items():
            assert (test["reason"] is None) == (test["source"] == "cached")
            assert (test["unstored"] is None) == (
                test["outcome"] == "passed" and "out" not in nodeid
            )
            if test["outcome"] == "failed":
                assert test["unstored"]["slug"] == "failed"
    assert ran.decisions["test_a.py::test_out"]["reason"]["slug"] == "disabled"
    assert ran.decisions["test_a.py::test_out"]["unstored"]["slug"] == "disabled"
    assert ran.decisions["test_a.py::test_bad"]["reason"]["slug"] == "new"
    # That it failed says more than that nothing was written.
    ran = suite.cached("--cell-cache-mode=read")
    assert ran.decisions["test_a.py::test_bad"]["unstored"]["slug"] == "failed"


def test_what_concerns_the_whole_run_is_named(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = suite.path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    suite.write("conftest.py", "def pytest_addoption(parser): parser.addoption('--mine')\n")
    suite.write(
        "test_a.py",
        """
        import importlib.metadata
        def test_a(pytestconfig):
            pytestconfig.getoption("--mine")
            try:
                importlib.metadata.version("something")
            except importlib.metadata.PackageNotFoundError:
                pass
        """,
    )
    suite.cached()

    def why(*args: str) -> str:
        ran = suite.cached("--cell-cache-mode=read", *args)
        reason: str = ran.decisions["test_a.py::test_a"]["reason"]["text"]
        return reason

    assert why("--mine=1") == "option mine of a conftest changed"
    assert why("-o", "xfail_strict=true") == "the ini of the run changed"
    assert why("-p", "no:threadexception") == "pytest or an active plugin changed"
    info = packages / "something-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: something\nVersion: 1.0\n")
    assert why() == "installed distribution something changed"


def test_who_changed_a_file_meanwhile_is_named(suite: Suite) -> None:
    suite.write("data.txt", "1")
    suite.write(
        "test_a.py",
        """
        from pathlib import Path
        def test_a(): assert (Path(__file__).parent / "data.txt").read_text()
        """,
    )
    suite.write(
        "conftest.py",
        """
        from pathlib import Path
        def pytest_sessionfinish(): (Path(__file__).parent / "data.txt").write_text("2")
        """,
    )
    unstored = suite.cached().decisions["test_a.py::test_a"]["unstored"]
    assert unstored["text"] == "data.txt changed while the run used it"
