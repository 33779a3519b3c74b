"""One small project for each kind of input.

After a first run everything is replayed. After an edit exactly the named tests run, and every
outcome is that of plain pytest; an edit of the same kind that concerns nobody runs nothing.
"""

from __future__ import annotations

import gettext
import os
import sqlite3
import struct
import subprocess
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

Edit = Callable[[Path], None]


def put(name: str, text: str = "2") -> Edit:
    def edit(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    return edit


def folder(name: str) -> Edit:
    """Put a folder where there is a file."""

    def edit(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return edit


def archive(name: str, **modules: str) -> Edit:
    def edit(root: Path) -> None:
        with zipfile.ZipFile(root / name, "w") as file:
            for module, text in modules.items():
                file.writestr(f"{module}.py", text)

    return edit


def log_only(root: Path) -> None:
    """Change a database in its log: what a killed process leaves."""
    database, log = root / "a.db", root / "a.db-wal"
    before = database.read_bytes()
    connection = sqlite3.connect(database)
    connection.execute("pragma wal_autocheckpoint = 0")
    connection.execute("update t set v = 2")
    connection.commit()
    content = log.read_bytes()
    connection.close()
    database.write_bytes(before)
    log.write_bytes(content)


def database(root: Path) -> None:
    connection = sqlite3.connect(root / "a.db")
    connection.executescript(
        "pragma journal_mode = wal; create table t (v); insert into t values (1)"
    )
    connection.close()


def mode(name: str, bits: int) -> Edit:
    return lambda root: (root / name).chmod(bits)


def translation(text: str) -> Edit:
    """Write a catalogue with one message, as ``msgfmt`` does."""

    def edit(root: Path) -> None:
        texts = (b"word", text.encode())
        head = struct.pack("Iiiiiii", 0x950412DE, 0, 1, 28, 36, 0, 0)
        table = b""
        offset = len(head) + 16
        for each in texts:
            table += struct.pack("ii", len(each), offset)
            offset += len(each) + 1
        path = root / "locale" / "de" / "LC_MESSAGES" / "app.mo"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + table + b"".join(each + b"\0" for each in texts))
        vars(gettext)["_translations"].clear()  # in life each run is a process of its own

    return edit


def git(*words: str) -> Edit:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")

    def edit(root: Path) -> None:
        subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)

    return edit


def variable(name: str, value: str = "2") -> Edit:
    def edit(_: Path) -> None:
        os.environ[name] = value

    return edit


@dataclass(frozen=True)
class Kind:
    """A project.

    Attributes:
        files: by name; the test file is ``test_a.py``.
        begin: what else there is before the first run.
        edits: with the names of the tests that must run then; after each comes the next.
        vain: edits that must run nothing.
        args: of every run.
    """

    files: Mapping[str, str]
    edits: tuple[tuple[Edit, set[str]], ...] = ()
    vain: tuple[Edit, ...] = ()
    begin: tuple[Edit, ...] = ()
    args: tuple[str, ...] = field(default=())


LEVELS = "class Conf:\n    level = {}\nclass Other:\n    level = {}\n"

KINDS = {
    "archive on the path": Kind(
        {
            "pytest.ini": "[pytest]\npythonpath = lib.zip\n",
            "test_a.py": """
                import zipped
                def test_body(): assert zipped.f() == 1
                def test_value(): assert zipped.V == 1
                """,
            "test_b.py": """
                def test_lazy():
                    import lazily
                    assert lazily.V == 1
                def test_lazy_again():
                    from lazily import V
                    assert V == 1
                def test_alone(): pass
                """,
        },
        begin=(archive("lib.zip", zipped="V = 1\ndef f(): return 1", lazily="V = 1"),),
        edits=(
            (
                archive("lib.zip", zipped="V = 2\ndef f(): return 2", lazily="V = 2"),
                {"test_body", "test_value", "test_lazy", "test_lazy_again"},
            ),
        ),
        vain=(archive("other.zip", zipped="V = 3"),),
    ),
    "log of a database": Kind(
        {
            "test_a.py": """
                import sqlite3
                def test_it():
                    connection = sqlite3.connect("a.db")
                    assert connection.execute("select v from t").fetchone() == (1,)
                    connection.close()
                def test_alone(): pass
                """
        },
        begin=(database,),
        edits=((log_only, {"test_it"}),),
    ),
    "databases that are attached": Kind(
        {
            "test_a.py": """
                import sqlite3
                def first(sql, *values):
                    connection = sqlite3.connect(":memory:")
                    connection.execute(sql, values)
                    row = connection.execute("select v from other.t").fetchone()
                    connection.close()
                    return row
                def test_named(): assert first("attach 'a.db' as other") == (1,)
                def test_given(): assert first("attach ? as other", "a.db") == (1,)
                def test_uri(): assert first("attach 'file:a.db' as other") == (1,)
                def test_alone(): sqlite3.connect(":memory:").close()
                """.replace('":memory:"', '"file::memory:", uri=True')
        },
        begin=(database,),
        edits=((log_only, {"test_named", "test_given", "test_uri"}),),
    ),
    "beside the root, by steps back": Kind(
        {
            "tests/pytest.ini": "[pytest]\npythonpath = ../src\n",
            "src/pkg/__init__.py": """
                from pathlib import Path
                def load(): return Path(__file__).with_name("data.txt").read_text()
                """,
            "src/pkg/data.txt": "1",
            "tests/test_a.py": """
                import pkg
                def test_it(): assert pkg.load() == "1"
                def test_alone(): pass
                """,
        },
        edits=((put("src/pkg/data.txt"), {"test_it"}),),
        vain=(put("src/pkg/other.txt"),),
        args=("--rootdir=tests", "-c", "tests/pytest.ini", "tests"),
    ),
    "variables that fixtures set": Kind(
        {
            "conftest.py": """
                import os
                import pytest
                os.environ["X_CONFTEST"] = "1"
                WAS = "X_WAS" in os.environ
                os.environ["X_WAS"] = "1"
                @pytest.fixture(scope="session", autouse=True)
                def session():
                    patch = pytest.MonkeyPatch()
                    patch.setenv("X_SESSION", "1")
                    yield
                    patch.undo()
                @pytest.fixture
                def patched(monkeypatch):
                    monkeypatch.setenv("X_PATCHED", "1")
                    return monkeypatch
                """,
            "test_a.py": """
                import os
                from conftest import WAS
                def test_conftest(): assert os.environ["X_CONFTEST"] == "1"
                def test_was(): assert not WAS
                def test_session(): assert os.environ["X_SESSION"] == "1"
                def test_patched(patched): assert os.environ["X_PATCHED"] == "1"
                def test_undone(patched):
                    assert os.environ["X_PATCHED"] == "1"
                    patched.undo()
                    assert "X_PATCHED" not in os.environ
                """,
        },
        edits=((variable("X_PATCHED"), {"test_undone"}),),
        vain=(variable("X_SESSION"), variable("X_CONFTEST"), variable("X_OTHER")),
    ),
    "ignored variables in one line": Kind(
        {
            "pytest.ini": "[pytest]\ncell_cache_env_ignore = X_NOISE_* X_OTHER\n",
            "test_a.py": """
                import os
                def test_it():
                    os.getenv("X_NOISE_1"), os.getenv("X_OTHER")
                    assert not os.getenv("X_SIGNAL")
                """,
        },
        edits=((variable("X_SIGNAL"), {"test_it"}),),
        vain=(variable("X_NOISE_1"), variable("X_OTHER")),
    ),
    "what a module reads that a test imports": Kind(
        {
            "pkg/__init__.py": "V = open('pkg/value.txt').read()\n",
            "pkg/value.txt": "1",
            "own.txt": "1",
            "test_a.py": """
                def test_first():
                    own = open("own.txt").read()
                    import pkg
                    assert pkg.V == own
                def test_second():
                    from pkg import V
                    assert V == "1"
                """,
        },
        edits=(
            (put("own.txt"), {"test_first"}),
            (put("pkg/value.txt"), {"test_first", "test_second"}),
        ),
        vain=(put("pkg/other.txt"),),
    ),
    "files left as they were": Kind(
        {
            "a.txt": "1",
            "b.txt": "1",
            "c.txt": "1",
            "test_a.py": """
                import os, shutil
                def test_touches():
                    os.utime("a.txt")
                def test_rewrites():
                    text = open("b.txt").read()
                    with open("b.txt", "w") as file:
                        file.write(text)
                def test_puts_back():
                    shutil.copy("c.txt", "c.bak")
                    with open("c.txt", "w") as file:
                        file.write("2")
                    os.replace("c.bak", "c.txt")
                def test_a(): assert open("a.txt").read() == "1"
                def test_b(): assert open("b.txt").read() == "1"
                def test_c(): assert open("c.txt").read() == "1"
                def test_names(): assert "c.bak" not in os.listdir()
                """,
        },
        edits=(
            (put("a.txt"), {"test_a"}),
            (put("b.txt"), {"test_a", "test_b", "test_rewrites"}),
            (put("c.txt"), {"test_a", "test_b", "test_c", "test_puts_back"}),
        ),
    ),
    "permissions": Kind(
        {
            "a.txt": "1",
            "test_a.py": """
                import os, shutil
                def test_all(): assert os.stat("a.txt").st_mode & 0o777 == 0o644
                def test_size(): assert os.path.getsize("a.txt") == 1
                def test_copy(tmp_path): shutil.copy("a.txt", tmp_path)
                def test_may_write(): os.access("a.txt", os.W_OK)
                """,
        },
        begin=(mode("a.txt", 0o644),),
        edits=(
            (mode("a.txt", 0o640), {"test_all"}),
            (mode("a.txt", 0o440), {"test_all", "test_size", "test_copy", "test_may_write"}),
        ),
    ),
    "names in the root folder": Kind(
        {
            "a.txt": "1",
            "test_a.py": """
                import os, pathlib
                def texts(names): return [name for name in names if name.endswith(".txt")]
                def test_list(): assert texts(os.listdir()) == ["a.txt"]
                def test_glob(): assert len(list(pathlib.Path().glob("*.txt"))) == 1
                def test_walk(): assert texts(next(os.walk("."))[2]) == ["a.txt"]
                def test_alone(): pass
                """,
        },
        edits=((put("b.txt"), {"test_list", "test_glob", "test_walk"}),),
        vain=(put("a.txt"), put(".coverage"), put(".coverage.host.1")),
        args=("--junitxml=report.xml",),
    ),
    "files that become folders": Kind(
        {
            "data/a": "1",
            "data/b": "1",
            "test_a.py": """
                import os
                def test_kinds(): assert not any(e.is_dir() for e in [*os.scandir("data")])
                def test_walk(): assert len(next(os.walk("data"))[2]) == 2
                def test_content(): assert open("data/b").read()
                """,
        },
        edits=((folder("data/a"), {"test_kinds", "test_walk"}),),
        vain=(put("data/a"),),
    ),
    "entries of a directory": Kind(
        {
            "data/a.txt": "1",
            "test_a.py": """
                import os
                def names(): return [entry.name for entry in os.scandir("data")]
                def sizes(): return [entry.stat().st_size for entry in os.scandir("data")]
                def test_names(): assert names() == ["a.txt"]
                def test_sizes(): assert sizes() == [1]
                """,
        },
        edits=(
            (put("data/a.txt", "22"), {"test_sizes"}),
            (put("data/b.txt", ""), {"test_names", "test_sizes"}),
        ),
        vain=(put("other.txt"),),
    ),
    "what the standard library keeps": Kind(
        {
            "a.txt": "1",
            "test_a.py": """
                import gettext, linecache
                def word(): return gettext.translation("app", "locale", ["de"]).gettext("word")
                def test_line(): assert linecache.getline("a.txt", 1) == "1\\n"
                def test_same_line(): assert linecache.getlines("a.txt") == ["1\\n"]
                def test_word(): assert word() == "Wort"
                def test_same_word(): assert word() == "Wort"
                """,
        },
        begin=(translation("Wort"),),
        edits=(
            (translation("Welt"), {"test_word", "test_same_word"}),
            (put("a.txt"), {"test_word", "test_same_word", "test_line", "test_same_line"}),
        ),
    ),
    "git": Kind(
        {
            ".gitignore": "*.log\n.pytest_cache/\n",
            "a.txt": "1",
            "test_a.py": """
                import os, subprocess
                def lines(*words):
                    return subprocess.run(["git", *words], capture_output=True).stdout.splitlines()
                def test_commits(): assert len(lines("log", "--oneline")) == 1
                def test_shell():
                    shell = subprocess.run("git tag", shell=True, capture_output=True)
                    assert shell.stdout == b""
                def test_no_git(): subprocess.run(["true"], check=True)
                def test_alone(): pass
                """,
        },
        begin=(git("init", "-q"), git("add", "-A"), git("commit", "-qm", "first")),
        edits=(
            (git("commit", "-q", "--allow-empty", "-m", "second"), {"test_commits", "test_shell"}),
            (git("tag", "v1"), {"test_commits", "test_shell"}),
            (put("a.txt"), {"test_commits", "test_shell", "test_no_git"}),
        ),
        vain=(put("a.log"),),
    ),
    "logs": Kind(
        {
            "log.txt": "1",
            "test_a.py": """
                def test_appends():
                    with open("log.txt", "a") as file:
                        file.write("more")
                def test_alone(): pass
                """,
        },
        vain=(put("log.txt"), put("other.txt")),
    ),
    "pickles": Kind(
        {
            "lib.py": LEVELS.format(1, 1),
            "a.pickle": "cother\nOther\n.",
            "b.pickle": "(clib\nConf\no.",
            "other.py": "class Other: pass\n",
            "test_a.py": """
                import pickle
                def load(name):
                    with open(name, "rb") as file:
                        return pickle.load(file)
                def test_level(): assert load("b.pickle").level == 1
                def test_other(): assert load("a.pickle").__name__ == "Other"
                """,
        },
        edits=(
            (put("lib.py", LEVELS.format(2, 1)), {"test_level"}),
            (put("b.pickle", "(clib\nOther\no."), {"test_level"}),
        ),
        vain=(put("lib.py", LEVELS.format(1, 2)),),
    ),
    "classes that a configuration names": Kind(
        {
            "lib.py": "import logging\nclass Handler(logging.NullHandler):\n    tag = 1\n",
            "log.json": """
                {"version": 1, "handlers": {"h": {"class": "lib.Handler"}},
                 "loggers": {"app": {"handlers": ["h"]}}}
                """,
            "test_0.py": "import lib\ndef test_first(): pass\n",
            "test_a.py": """
                import json, logging.config, pytest
                @pytest.fixture
                def handler():
                    with open("log.json") as file: logging.config.dictConfig(json.load(file))
                    logger = logging.getLogger("app")
                    yield logger.handlers[0]
                    logger.handlers.clear()
                def test_tag(handler): assert handler.tag == 1
                def test_alone(): pass
                """,
        },
        edits=(
            (
                put("lib.py", "import logging\nclass Handler(logging.NullHandler):\n    tag = 2\n"),
                {"test_tag"},
            ),
        ),
    ),
    "texts that are evaluated": Kind(
        {
            "lib.py": "class A:\n    tag = 1\n",
            "a.txt": "A",
            "load.py": """
                import lib as imported
                def name():
                    with open("a.txt") as file: return file.read()
                def inner():
                    import lib
                    return eval("lib." + name())
                def outer(): return eval("imported." + name())
                def given():
                    found = {}
                    exec("from lib import " + name(), found)
                    return found[name()]
                def other(): return 1
                """,
            "test_a.py": """
                import load
                def test_inner(): assert load.inner().tag == 1
                def test_outer(): assert load.outer().tag == 1
                def test_given(): assert load.given().tag == 1
                def test_other(): assert load.other() == 1
                """,
        },
        edits=(
            (
                put("lib.py", "class A:\n    tag = 2\n"),
                {"test_inner", "test_outer", "test_given"},
            ),
        ),
    ),
    "links made by tests": Kind(
        {
            "a.txt": "1",
            "b.txt": "1",
            "test_a.py": """
                import os
                def test_link(tmp_path):
                    os.symlink(os.path.abspath("a.txt"), tmp_path / "a")
                    assert (tmp_path / "a").read_text() == "1"
                def test_b():
                    with open("b.txt") as file: assert file.read() == "1"
                """,
        },
        edits=((put("a.txt"), {"test_link"}),),
        vain=(put("c.txt"),),
    ),
    "lines of sources": Kind(
        {
            "lib.py": "def one():\n    return 1\n",
            "test_a.py": """
                import inspect, lib, linecache
                def test_source(): assert "1" in inspect.getsource(lib.one)
                def test_line(): assert linecache.getline(lib.__file__, 1) == "def one():\\n"
                def test_runs(): assert lib.one() == 1
                """,
        },
        edits=((put("lib.py", "# 1\ndef one():\n    return 1\n"), {"test_source", "test_line"}),),
    ),
    "globs that a fixture declares": Kind(
        {
            "data/a.bin": "1",
            "test_a.py": """
                import glob, pytest
                from pytest_cellcache import cell_cache
                @pytest.fixture(scope="session")
                @cell_cache(inputs=["data/*.bin"])
                def names(): return ["a"]
                def test_names(names): assert names == ["a"]
                def test_alone(): pass
                """,
        },
        edits=((put("data/b.bin"), {"test_names"}), (put("data/b.bin", "3"), {"test_names"})),
        vain=(put("data/b.txt"), put("b.bin")),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_counts_and_what_does_not(suite: Suite, name: str) -> None:
    before = dict(os.environ)
    try:
        _run(suite, KINDS[name])
    finally:
        _restore(before)


def _restore(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _run(suite: Suite, kind: Kind) -> None:
    for file, text in kind.files.items():
        suite.write(file, textwrap.dedent(text))
    for edit in kind.begin:
        edit(suite.path)

    def run() -> set[str]:
        given = dict(os.environ)
        plain = suite.plain(*kind.args)
        _restore(given)  # what conftests set is theirs
        cached = suite.cached(*kind.args)
        _restore(given)
        assert cached.outcomes == plain.outcomes
        assert cached.code == plain.code
        assert not cached.report["warnings"]
        ran = {name for name, test in cached.decisions.items() if test["source"] == "ran"}
        return {name.partition("::")[2] for name in ran}

    assert run()
    assert run() == set()
    for edit in kind.vain:
        edit(suite.path)
        assert run() == set()
    for edit, expected in kind.edits:
        edit(suite.path)
        assert run() == expected


def test_who_writes_a_file_as_it_was_still_writes_it_for_others(suite: Suite) -> None:
    suite.write("a.txt", "1")
    suite.write(
        "test_a.py",
        """
        def test_writes():
            with open("a.txt", "w") as file:
                file.write("1")
        def test_reads():
            with open("a.txt") as file:
                assert file.read() == "1"
        def test_alone(): pass
        """,
    )
    suite.warm()
    put("a.txt")(suite.path)
    again = suite.cached()
    assert again.code == 0
    assert again.names == ["test_writes", "test_reads"]


def test_the_directory_in_which_the_run_is_started(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write("pytest.ini", "[pytest]")
    suite.write("a.txt", "1")
    suite.write("sub/b.txt", "")
    suite.write(
        "test_a.py",
        """
        import os, pathlib
        HERE = pathlib.Path(__file__).parent
        def test_relative(): assert pathlib.Path("a.txt").read_text() == "1"
        def test_absent(): assert not os.path.exists("b.txt")
        def test_absolute(): assert (HERE / "a.txt").read_text() == "1"
        """,
    )
    name = str(suite.path / "test_a.py")
    suite.both(name)
    monkeypatch.chdir(suite.path / "sub")
    assert suite.both(name).names == ["test_relative", "test_absent"]
    monkeypatch.chdir(suite.path)
    assert suite.both(name).names == []
