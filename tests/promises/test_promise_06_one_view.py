"""Promise 6: what rests on a file that changed during the run is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_an_input_that_changes_meanwhile_keeps_its_users_out(suite: Suite) -> None:
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("data.txt", "1")
    suite.write(
        "test_a.py",
        """
        from pathlib import Path
        import lib

        HERE = Path(__file__).parent

        def test_code(): assert lib.one()
        def test_data(): assert (HERE / "data.txt").read_text()
        def test_other(): pass
        """,
    )
    # Changes both, as an editor would, once the tests that use them have run.
    suite.write(
        "conftest.py",
        """
        from pathlib import Path

        def pytest_sessionfinish():
            here = Path(__file__).parent
            if (here / "edit").exists():
                (here / "lib.py").write_text("def one(): return 2")
                (here / "data.txt").write_text("2")
        """,
    )
    suite.write("edit", "")
    ran = suite.cached()
    slugs = {nodeid: test["unstored"] for nodeid, test in ran.decisions.items()}
    assert slugs["test_a.py::test_data"]["slug"] == "changed-during-run"
    assert slugs["test_a.py::test_code"]["slug"] == "changed-during-run"
    (suite.path / "edit").unlink()
    again = suite.both()
    assert set(again.names) >= {"test_code", "test_data"}
