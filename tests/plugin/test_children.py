"""Child processes: those of this Python are traced, any other rests on the whole project."""

from __future__ import annotations

import concurrent.futures.process  # noqa: F401  # kept loaded: its classes travel by name
import multiprocessing.forkserver
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

QUIET = ("-W", "ignore::DeprecationWarning")  # of forks beside threads

FILES = {
    "lib/__init__.py": "",
    "lib/core.py": """
        LIMIT = 1
        def used():
            return helper() + LIMIT
        def helper():
            return 1
        def unused():
            return 1
    """,
    "lib/data.py": """
        def load():
            with open("data.txt") as file:
                return file.read()
    """,
    "lib/work.py": """
        import os
        from lib.core import used
        def work(n):
            return used() + n
        def read(_):
            with open("data.txt") as file:
                return file.read()
        def variable(_):
            return os.environ.get("CHILD_VARIABLE")
    """,
    "lib/tool.py": """
        from lib.core import used
        from lib.data import load
        def main():
            load()
            used()
        if __name__ == "__main__":
            main()
    """,
    "lib/other.py": "def other():\n    return 1\n",
    "scripts/script.py": """
        import helper
        print(helper.VALUE)
    """,
    "scripts/helper.py": "VALUE = 1\n",
    "data.txt": "1",
    "tree.txt": "1",
    "test_children.py": """
        import concurrent.futures.process, json, multiprocessing, os, subprocess, sys
        import pytest
        from lib import work

        def python(*words, **options):
            command = [sys.executable, *words]
            done = subprocess.run(command, check=True, capture_output=True, text=True, **options)
            return done.stdout

        def test_command(): python("-c", "from lib.core import used; print(used())")
        def test_constant(): python("-c", "import lib.core as c; print(c.LIMIT)")
        def test_module(): python("-m", "lib.tool")
        def test_script(): python("scripts/script.py")
        def test_isolated(): python("-I", "-c", "print(1)")
        def test_other_program(): subprocess.run(["true"], check=True)
        def test_system(): os.system("true")
        def test_variable(): python("-c", "import os; os.environ.get('CHILD_VARIABLE')")
        def test_given_variable():
            python("-c", "import os; os.environ.get('CHILD_VARIABLE')", env={"CHILD_VARIABLE": "x"})
        def test_environment():
            code = (
                "import sys; modules = list(sys.modules);"
                "import json, os; print(json.dumps([dict(os.environ), sys.path, modules]))"
            )
            seen, path, modules = json.loads(python("-c", code, env={"A": "1"}))
            assert seen.keys() - {"LC_CTYPE"} == {"A"}
            assert "" in path
            assert not any("startup" in entry for entry in path)
            assert not {"sitecustomize", "dataclasses", "threading", "pathlib"} & set(modules)
            assert not any("cellcache" in name for name in modules)
        def test_fork():
            pid = os.fork()
            if not pid:
                work.work(1)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
        def test_process(method):
            process = multiprocessing.get_context(method).Process(target=work.read, args=(1,))
            process.start()
            process.join()
            assert process.exitcode == 0
        @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
        def test_pool(method):
            with multiprocessing.get_context(method).Pool(2) as pool:
                pool.map(work.work, [1, 2, 3])
        def test_executor():
            with concurrent.futures.ProcessPoolExecutor(2) as pool:
                assert list(pool.map(work.work, [1, 2]))
        def test_alone(): pass
    """,
}


pytestmark = pytest.mark.slow  # processes by the dozen

UNTRACED = {"test_isolated", "test_other_program", "test_system"}
"""What starts programs that nobody vouches for."""
# Pools may end their workers with a signal, before they have begun a log: such a test runs again.
UNSURE = {"test_executor", *(f"test_pool[{method}]" for method in ("fork", "spawn", "forkserver"))}

WORKERS = {
    "test_fork", "test_executor", "test_pool[fork]", "test_pool[spawn]", "test_pool[forkserver]"
}  # fmt: skip
READERS = {"test_process[fork]", "test_process[spawn]", "test_process[forkserver]"}


@pytest.fixture(autouse=True)
def _own_fork_server() -> Iterator[None]:
    """End the fork server of the run before: in life each run is a process of its own."""
    yield
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.fixture
def children(suite: Suite) -> Suite:
    for name, text in FILES.items():
        suite.write(name, text)
    first = suite.cached(*QUIET)
    assert first.code == 0
    assert all(test["unstored"] is None for test in first.decisions.values())
    assert suite.cached(*QUIET).names == []
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]
    return suite


def test_children_are_part_of_the_footprint(children: Suite) -> None:
    def ran_after(name: str, old: str, new: str) -> set[str]:
        children.edit(name, old, new)
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]
        return set(children.cached(*QUIET).names) - UNTRACED - UNSURE

    used = {"test_command", "test_module"} | WORKERS
    assert ran_after("lib/core.py", "helper() + LIMIT", "LIMIT + helper()") == used - UNSURE
    assert ran_after("lib/core.py", "LIMIT = 1", "LIMIT = 2") == (used | {"test_constant"}) - UNSURE
    assert ran_after("data.txt", "1", "2") == {"test_module"} | READERS
    assert ran_after("scripts/script.py", "print(", "str(") == {"test_script"}
    assert ran_after("scripts/helper.py", "1", "2") == {"test_script"}
    assert ran_after("lib/other.py", "return 1", "return 2") == set()
    unused = "def unused():\n    return 1"
    assert ran_after("lib/core.py", unused, unused.replace("1", "2")) == set()


_OWN_FOLDERS = """
    import os, shutil, subprocess, sys, tempfile
    from pathlib import Path
    from lib.core import LIMIT, text

    def python(folder, code="import made; print(made.X)"):
        subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(folder)})

    def test_new():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "made.py").write_text(f"X = {LIMIT}")
            python(folder)
    def test_kept():
        folder = tempfile.mkdtemp()
        Path(folder, "made.py").write_text(text())
        python(folder)
    def test_below():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder, "a", "b")
            folder.mkdir(parents=True)
            (folder / "sitecustomize.py").write_text("import sys; sys.made = 1")
            python(folder, "import sys; print(sys.made)")
    def test_copied():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy("lib/other.py", os.path.join(folder, "made.py"))
            python(folder, "import made; print(made.other())")
    def test_script():
        script = Path(tempfile.mkdtemp(), "run.py")
        script.write_text("from lib.core import text\\nprint(text())")
        subprocess.run([sys.executable, script], check=True, env={"PYTHONPATH": "."})
    def test_found():
        python("there")
    """


def test_folders_that_a_test_made_for_them_are_no_input(suite: Suite) -> None:
    suite.write("lib/__init__.py", "")
    suite.write("lib/core.py", "LIMIT = 1\ndef text():\n    return 'X = 1'\n")
    suite.write("lib/other.py", "def other():\n    return 1\n")
    suite.write("there/made.py", "X = 1")
    suite.write("test_a.py", _OWN_FOLDERS)
    first = suite.both()
    assert all(test["unstored"] is None for test in first.decisions.values())
    assert suite.both().names == []

    def ran_after(name: str, old: str, new: str) -> list[str]:
        suite.edit(name, old, new)
        return suite.both().names

    # Of a script that is gone nobody knows which names of a module it used.
    assert ran_after("lib/core.py", "LIMIT = 1", "LIMIT = 2") == ["test_new", "test_script"]
    assert ran_after("lib/core.py", "'X = 1'", "'X = 2'") == ["test_kept", "test_script"]
    assert ran_after("lib/other.py", "return 1", "return 2") == ["test_copied"]
    assert ran_after("there/made.py", "X = 1", "X = 2") == ["test_found"]
    suite.write("there/json.py", "raise ValueError")  # what the child may import instead
    assert suite.both().names == ["test_found"]


def test_children_of_children_are_traced(suite: Suite) -> None:
    suite.write("lib.py", "def used():\n    return 1\ndef unused():\n    return 1\n")
    suite.write("inner.py", "import lib\nprint(lib.used())\n")
    suite.write(
        "outer.py",
        "import subprocess, sys\nprint(subprocess.check_output([sys.executable, 'inner.py']))\n",
    )
    suite.write(
        "test_a.py",
        """
        import subprocess, sys
        def test_it(): assert b"1" in subprocess.check_output([sys.executable, "outer.py"])
        """,
    )
    suite.cached()
    suite.write("other.txt", "")
    suite.edit("lib.py", "unused():\n    return 1", "unused():\n    return 2")
    assert suite.cached().names == []
    suite.edit("lib.py", "used():\n    return 1\ndef un", "used():\n    return 2\ndef un")
    again = suite.cached()
    assert again.decisions["test_a.py::test_it"]["outcome"] == "failed"


EXECUTED = """
    import os, pytest, subprocess, sys

    ME = sys.executable

    def wait(pid):
        assert os.waitpid(pid, 0)[1] == 0

    def test_spawnv():
        assert os.spawnv(os.P_WAIT, ME, [ME, "inner.py"]) == 0

    def test_spawnle():
        assert os.spawnle(os.P_WAIT, ME, ME, "inner.py", {**os.environ, "ONE": "1"}) == 0

    def test_no_wait():
        wait(os.spawnlp(os.P_NOWAIT, ME, ME, "inner.py"))

    def test_fork():
        pid = os.fork()
        if not pid:
            os.execv(ME, [ME, "inner.py"])
        wait(pid)

    def test_missing():
        assert os.spawnl(os.P_WAIT, "/no/program", "program") == 127

    def test_other():
        assert 1
"""


def test_programs_that_forks_turn_into_are_traced(suite: Suite) -> None:
    suite.write("inner.py", "import lib\nprint(lib.used(), open('data.txt').read())\n")
    suite.write("lib.py", "def used():\n    return 1\ndef unused():\n    return 1\n")
    suite.write("data.txt", "1")
    suite.write("test_a.py", EXECUTED)
    used = {"test_spawnv", "test_spawnle", "test_no_wait", "test_fork"}

    def ran_after(name: str, old: str, new: str) -> set[str]:
        suite.edit(name, old, new)
        # Of a program that is not there nobody knows what it would do.
        return set(suite.cached(*QUIET).names) - {"test_missing"}

    suite.cached(*QUIET)
    suite.write("more.txt", "")
    assert set(suite.cached(*QUIET).names) <= {"test_missing"}
    assert ran_after("lib.py", "unused():\n    return 1", "unused():\n    return 2") == set()
    assert ran_after("data.txt", "1", "2") == used
    assert ran_after("lib.py", "used():\n    return 1\ndef", "used():\n    return 3\ndef") == used


def test_a_python_that_takes_itself_for_another_one_is_left_alone(suite: Suite) -> None:
    """It goes by the name that it is given, and may find other packages than ours."""
    suite.write("inner.py", "print(open('data.txt').read())\n")
    suite.write("data.txt", "1")
    suite.write(
        "test_a.py",
        """
        import os, subprocess, sys, venv

        def test_it(tmp_path):
            venv.create(tmp_path / "other", symlinks=True)
            path = f"{tmp_path}/other/bin:{os.environ['PATH']}"
            subprocess.run(["python", "inner.py"], executable=sys.executable, check=True,
                           env={**os.environ, "PATH": path, "PYTHONPATH": ""})
        """,
    )
    assert suite.cached().report["tests"][0]["outcome"] == "passed"
    suite.edit("data.txt", "1", "2")
    assert suite.cached().names == ["test_it"]


def test_untraced_children_rest_on_the_whole_project(children: Suite) -> None:
    children.edit("tree.txt", "1", "2")
    assert set(children.cached(*QUIET).names) - UNSURE == UNTRACED
    children.write("new.txt", "")
    again = children.cached(*QUIET)
    assert set(again.names) - UNSURE == UNTRACED
    assert again.decisions["test_children.py::test_system"]["reason"]["subject"] == "tree"


def test_variables_that_children_read_count(
    children: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD_VARIABLE", "1")
    # ``test_environment`` reads all of it, the untraced may.
    expected = UNTRACED | {"test_variable", "test_environment"}
    assert set(children.cached(*QUIET).names) - UNSURE == expected


def test_workers_of_an_earlier_test_count(suite: Suite) -> None:
    suite.write("lib.py", "def one(_):\n    return 1\ndef two(_):\n    return 2\n")
    suite.write(
        "test_a.py",
        """
        import concurrent.futures.process
        import multiprocessing
        import lib
        import pytest

        @pytest.fixture(scope="module")
        def pool():
            context = multiprocessing.get_context("fork")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                yield pool

        def test_first(pool): assert list(pool.map(lib.one, [1])) == [1]
        def test_second(pool): assert list(pool.map(lib.two, [1])) == [2]
        def test_alone(): pass
        """,
    )
    suite.both(*QUIET)
    assert suite.cached(*QUIET).names == ["test_first"]  # it leaves the pool's thread behind
    suite.edit("lib.py", "return 2", "return 3")
    again = suite.both(*QUIET)
    assert again.decisions["test_a.py::test_second"]["outcome"] == "failed"


def test_a_fork_server_that_nobody_traced_is_not_believed(suite: Suite) -> None:
    multiprocessing.forkserver.ensure_running()
    suite.write("lib.py", "def one():\n    assert True\n")
    suite.write(
        "test_a.py",
        """
        import multiprocessing
        import lib

        def test_a():
            process = multiprocessing.get_context("forkserver").Process(target=lib.one)
            process.start()
            process.join()
            assert process.exitcode == 0
        """,
    )
    suite.cached(*QUIET)
    suite.edit("lib.py", "True", "False")
    assert suite.cached(*QUIET).decisions["test_a.py::test_a"]["outcome"] == "failed"
