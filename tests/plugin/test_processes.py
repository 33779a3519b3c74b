"""Runs that are killed, and runs that race, leave a store that the next run can use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SUITE = "def test_a(): print('x')\ndef test_b(): pass\n"


def start(suite: Suite, *args: str) -> subprocess.Popen[str]:
    """Start a run in a process of its own; it can be talked to."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", *suite.load, "--cell-cache", *args],
        cwd=suite.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# The call that never comes back: in a test; before the first file of the store is in its place, or
# before the last; before the process ends.
MOMENTS = {
    "in a test": "def pytest_runtest_teardown(): kill()",
    "before the first file": "NUMBER = 1",
    "before the third file": "NUMBER = 3",
    "at the very end": "def pytest_unconfigure(): kill()",
}
KILL = """
    import os
    import signal
    import sys

    NUMBER = 0

    def kill():
        os.kill(os.getpid(), signal.SIGKILL)

    def count(event, args):
        global NUMBER
        if event == "os.rename" and "cellcache" in str(args[1]):
            NUMBER -= 1
            if NUMBER == 0:
                kill()

    sys.addaudithook(count)
"""


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_a_killed_run_leaves_nothing_that_hurts(suite: Suite, moment: str) -> None:
    suite.write("test_a.py", SUITE)
    suite.write("conftest.py", KILL)
    with (suite.path / "conftest.py").open("a") as file:
        file.write(MOMENTS[moment] + "\n")
    run = start(suite)
    run.communicate()
    assert run.returncode == -9
    suite.write("conftest.py", "")
    again = suite.both()
    assert again.report["warnings"] == []
    assert again.names == ["test_a", "test_b"]
    assert suite.both().names == []


@pytest.mark.parametrize("size", ["1G", "1"], ids=["", "compacting"])
def test_runs_that_race_share_a_store(suite: Suite, size: str) -> None:
    suite.write("pytest.ini", f"[pytest]\ncell_cache_max_size = {size}\n")
    suite.write("test_a.py", SUITE)
    suite.write(
        "conftest.py",
        """
        import sys

        def pytest_sessionfinish():
            print("ready", flush=True)
            sys.stdin.readline()
        """,
    )
    runs = [start(suite, f"--cell-cache-report={number}.json") for number in range(2)]
    for run in runs:
        assert run.stdout is not None
        assert any(line.endswith("ready\n") for line in run.stdout)
    # Now both write.
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        said, _ = run.communicate()
        assert run.returncode == 0, said
        assert "warning" not in said
    suite.write("conftest.py", "")
    again = suite.both()
    assert again.report["warnings"] == []
    if size != "1":
        suite.both()
        assert suite.both().names == []


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
def test_that_we_ask_git_is_of_no_concern(suite: Suite) -> None:
    suite.write("lib.txt", "one")
    suite.write("lib.py", "def f(): return 1")
    suite.write(
        "test_it.py",
        """
        import subprocess, lib
        def test_program(): subprocess.run(["true"], check=True)
        def test_other(): assert lib.f()
        """,
    )
    subprocess.run(["git", "init", "-q", str(suite.path)], check=True)
    suite.warm()
    suite.edit("lib.py", "return 1", "return 2")
    assert suite.both().names == ["test_program", "test_other"]
    suite.write("lib.txt", "two")
    assert suite.both().names == ["test_program"]
