"""Promise 6: what rests on a file that changed during the run is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
        """,
    )
    suite.write("test_b.py", "def test_other(): pass\n")
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
    assert slugs["test_b.py::test_other"] is None
    (suite.path / "edit").unlink()
    again = suite.both()
    assert set(again.names) >= {"test_code", "test_data"}


READERS = """
    import os
    import subprocess
    from pathlib import Path

    HERE = Path(__file__).parent

    def test_data(): assert (HERE / "data.txt").read_text() == "1"
    def test_optional():
        try:
            (HERE / "optional.txt").read_text()
        except FileNotFoundError:
            pass
        else:
            raise AssertionError
    def test_present(): assert (HERE / "present.txt").exists()
    def test_absent(): assert not (HERE / "absent.txt").exists()
    def test_listing(): assert os.listdir(HERE / "data") == ["x.txt"]
    def test_child(): subprocess.run(["cat", HERE / "child.txt"], check=True)
    def test_other(): pass
"""
CHANGES = {
    "test_data": "(HERE / 'data.txt').write_text('2')",
    "test_data, gone": "(HERE / 'data.txt').unlink()",
    "test_optional": "(HERE / 'optional.txt').write_text('')",
    "test_present": "(HERE / 'present.txt').unlink()",
    "test_absent": "(HERE / 'absent.txt').write_text('')",
    "test_listing": "(HERE / 'data' / 'y.txt').write_text('')",
    "test_child": "(HERE / 'child.txt').write_text('2')",
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_whatever_changes_behind_a_test_is_not_what_it_saw(suite: Suite, change: str) -> None:
    for name in ("data.txt", "present.txt", "child.txt", "data/x.txt"):
        suite.write(name, "1")
    suite.write("test_a.py", READERS)
    suite.write(
        "conftest.py",
        f"""
        from pathlib import Path
        HERE = Path(__file__).parent
        def pytest_sessionfinish():
            if (HERE / ".pytest_cache" / "edit").exists():
                {CHANGES[change]}
        """,
    )
    (suite.path / ".pytest_cache").mkdir()
    suite.write(".pytest_cache/edit", "")
    name = f"test_a.py::{change.partition(',')[0]}"
    fates = {nodeid: test["unstored"] for nodeid, test in suite.cached().decisions.items()}
    assert fates.pop(name)["slug"] == "changed-during-run"
    if "child.txt" not in CHANGES[change]:
        fates.pop("test_a.py::test_child")  # depends on all files
    assert set(fates.values()) == {None}
    (suite.path / ".pytest_cache" / "edit").unlink()
    suite.both()
    assert f"test_a.py::{change.partition(',')[0]}" in suite.both().live or change == "test_child"


def test_what_changed_before_anybody_looked_is_not_believed(suite: Suite) -> None:
    suite.write("data.txt", "1")
    suite.write(
        "test_a.py",
        """
        from pathlib import Path
        HERE = Path(__file__).parent
        def test_data(): assert (HERE / "data.txt").read_text() == "1"
        def test_other(): pass
        """,
    )
    suite.write(
        "conftest.py",
        """
        from pathlib import Path
        HERE = Path(__file__).parent
        if (HERE / ".pytest_cache" / "edit").exists():
            (HERE / "data.txt").write_text("1")
        """,
    )
    suite.warm()
    # Again what the record says, but a moment ago it may have been something else.
    suite.write(".pytest_cache/edit", "")
    assert suite.cached().names == ["test_data"]
