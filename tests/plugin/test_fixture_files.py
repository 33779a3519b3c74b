"""Files that a fixture builds in a temporary directory of its own belong to its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted

DATABASE = """
    import sqlite3
    import pytest

    @pytest.fixture(scope="session")
    def made(tmp_path_factory):
        path = tmp_path_factory.mktemp("data") / "test.db"
        conn = sqlite3.connect(path)
        conn.execute("create table t (n)")
        conn.execute("insert into t values (7)")
        conn.commit()
        conn.close()
        return path

    @pytest.fixture(scope="session")
    def as_text(made):
        return f"sqlite:///{made}"

    @pytest.fixture
    def tree(tmp_path):
        (tmp_path / "pkg").mkdir()
        (tmp_path / "pkg" / "mod.py").write_text("X = 1")
        (tmp_path / "run.sh").write_text("#!/bin/sh")
        (tmp_path / "run.sh").chmod(0o755)
        (tmp_path / "link").symlink_to("run.sh")
        (tmp_path / "pkg" / "own").symlink_to(tmp_path / "run.sh")
        return {"root": tmp_path, "mod": str(tmp_path / "pkg" / "mod.py")}
"""


def test_a_database_file_is_laid_out_again(counted: Counted) -> None:
    counted.write(
        conftest=DATABASE,
        test_a="""
        import sqlite3
        import lib

        def test_a(made, as_text):
            assert lib.one() == 1
            assert as_text == f"sqlite:///{made}"
            conn = sqlite3.connect(made)
            assert conn.execute("select n from t").fetchall() == [(7,)]
            conn.close()

        def test_text(as_text):
            assert lib.one() == 1
            assert open(as_text[len("sqlite:///"):], "rb").read(6) == b"SQLite"
        """,
    )
    assert counted.run()[1] == {"tmp_path_factory": 1, "made": 1, "as_text": 1}
    assert counted.run()[1] == {}
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"tmp_path_factory": 1}
    assert len(ran.names) == 2
    assert counted.run()[1] == {}


def test_a_tree_in_the_directory_of_a_test(counted: Counted) -> None:
    counted.write(
        conftest=DATABASE,
        test_a="""
        import os
        import lib

        def test_a(tree, tmp_path):
            assert lib.one() == 1
            assert tree["root"] == tmp_path
            assert open(tree["mod"]).read() == "X = 1"
            assert os.access(tmp_path / "run.sh", os.X_OK)
            assert os.readlink(tmp_path / "link") == "run.sh"
            assert os.readlink(tmp_path / "pkg" / "own") == str(tmp_path / "run.sh")
            (tmp_path / "more").write_text("")

        def test_b(tree):
            assert lib.one() == 1
            assert sorted(os.listdir(tree["root"])) == ["link", "pkg", "run.sh"]
        """,
    )
    assert counted.run()[1]["tree"] == 2
    counted.edit()
    _, calls = counted.run()
    assert "tree" not in calls
    assert calls["tmp_path"] == 2
    assert counted.run()[1] == {}


REFUSED = {
    "names itself": "path = tmp_path_factory.mktemp('d'); (path / 'ini').write_text(str(path))",
    "elsewhere": "import tempfile; path = tempfile.mkdtemp()",
    "tree of another": "path = other / 'x'; path.write_text('')",
    "fifo": "import os; path = tmp_path_factory.mktemp('d') / 'pipe'; os.mkfifo(path)",
    "link outside": "path = tmp_path_factory.mktemp('d') / 'l'; path.symlink_to('/etc/passwd')",
    "as bytes": "import os; path = os.fsencode(tmp_path_factory.mktemp('d'))",
    "base": "path = tmp_path_factory.getbasetemp()",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_laid_out_again_is_not_kept(counted: Counted, name: str) -> None:
    counted.write(
        conftest=f"""
        import pytest

        @pytest.fixture(scope="session")
        def other(tmp_path_factory):
            return tmp_path_factory.mktemp("other")

        @pytest.fixture(scope="session")
        def made(tmp_path_factory, other):
            {REFUSED[name]}
            return path
        """,
        test_a="""
        import lib
        def test_a(made): assert lib.one() == 1 and made
        """,
    )
    ran, _ = counted.run()
    assert counted.why(ran, "made")
    counted.edit()
    assert counted.run()[1]["made"] == 1


def test_paths_of_the_project_move_with_it(counted: Counted) -> None:
    counted.write(
        conftest="""
        import pytest
        from pathlib import Path

        HERE = Path(__file__).parent

        @pytest.fixture(scope="session")
        def made():
            return [HERE / "lib.py", str(HERE / "lib.py")]
        """,
        test_a="""
        import lib
        from pathlib import Path
        def test_a(made):
            assert lib.one() == 1
            assert made[0] == Path(__file__).parent / "lib.py"
            assert made[1] == str(made[0])
        """,
    )
    assert counted.run()[1] == {"made": 1}
    for path in counted.suite.store.rglob("*"):
        if path.is_file() and path.name != "CACHEDIR.TAG":
            assert str(counted.suite.path).encode() not in path.read_bytes()
    counted.edit()
    assert counted.run()[1] == {}


@pytest.mark.parametrize("end", ["return path", "yield path; shutil.rmtree(path)"])
@pytest.mark.parametrize("more", ["pass", "os.symlink(path / 'a', path / 'b')"])
def test_who_makes_a_tree_needs_nobody_who_made_it_before(
    counted: Counted, end: str, more: str
) -> None:
    counted.write(
        conftest=f"""
            import os, pytest, shutil
            @pytest.fixture(scope="session")
            def made(tmp_path_factory):
                path = tmp_path_factory.mktemp("made")
                (path / "a").write_text("1")
                {more}
                {end}
        """,
        test_a="""
            def test_a(made): assert (made / "a").read_text() == "1"
            def test_b(made): assert (made / "a").exists()
            def test_c(made): assert made.is_dir()
            def test_d(made): assert [each.name for each in made.iterdir()]
        """,
    )
    counted.run()
    for name, old, new in (
        ("test_a", 'read_text() == "1"', 'read_text() != "2"'),
        ("test_b", "exists()", "is_file()"),
        ("test_c", "assert made.is_dir()", "assert made.is_dir() is True"),
        ("test_d", "[each.name for", "[1 for"),
    ):
        counted.edit("test_a.py", old, new)
        ran, calls = counted.run()
        assert ran.names == [name]
        assert calls.get("made", 0) <= 1


TREE = """
    import pytest

    @pytest.fixture(scope="session")
    def tree(tmp_path_factory):
        path = tmp_path_factory.mktemp("tree")
        (path / "a.txt").write_text("12")
        return {"root": path, "files": sorted(path.iterdir())}

    @pytest.fixture(scope="session")
    def stems(tree):
        return [path.stem for path in tree["files"]]

    @pytest.fixture(scope="session")
    def texts(tree):
        return [path.read_text() for path in tree["files"]]
"""


def test_values_made_of_a_tree_that_an_earlier_test_came_with_are_kept(counted: Counted) -> None:
    """What its maker wrote belongs to the tree; what paths remember of themselves is no change."""
    counted.write(
        conftest=TREE,
        test_a="""
        def test_a(tree): assert tree["root"].is_dir()
        def test_b(stems): assert stems == ["a"]
        def test_c(texts): assert texts == ["12"]
        """,
    )
    made = {"tree": 1, "stems": 1, "texts": 1}
    assert counted.run()[1] == {**made, "tmp_path_factory": 1}
    counted.edit("test_a.py", '== ["a"]', '!= ["b"]')
    counted.edit("test_a.py", '== ["12"]', '!= ["13"]')
    ran, calls = counted.run()
    assert ran.names == ["test_b", "test_c"]
    assert calls.keys() <= {"tmp_path_factory"}


def test_a_value_made_of_a_tree_that_a_test_has_changed_is_not_kept(counted: Counted) -> None:
    counted.write(
        conftest=TREE,
        test_a="""
        def test_a(tree): (tree["root"] / "a.txt").write_text("3")
        def test_b(texts): assert texts == ["3"]
        """,
    )
    counted.run()
    counted.edit("test_a.py", '== ["3"]', '!= ["12"]')
    ran, calls = counted.run()
    assert ran.names == ["test_a", "test_b"]
    assert calls["texts"] == 1


def test_who_uses_the_files_of_a_wider_fixture_needs_not_who_set_it_up(counted: Counted) -> None:
    """Logs of databases that are not there, folders that are listed: all is the fixture's own."""
    counted.write(
        conftest=DATABASE
        + """
    @pytest.fixture
    def conn(made):
        conn = sqlite3.connect(made)
        yield conn
        conn.rollback()
        conn.close()

    @pytest.fixture
    def copied(made, tmp_path):
        import shutil
        return shutil.copytree(made.parent, tmp_path / "copied")
""",
        lib="""
        def names(conn): return conn.execute("select n from t").fetchall()
        def add(conn, n): conn.execute("insert into t values (?)", (n,))
        def listed(folder): return [each.name for each in folder.iterdir()]
        """,
        test_a="""
        import lib
        def test_names(conn): assert lib.names(conn) == [(7,)]
        def test_add(conn): lib.add(conn, 8); assert len(lib.names(conn)) == 2
        def test_copied(copied): assert lib.listed(copied) == ["test.db"]
        def test_again(copied): assert lib.listed(copied)[0] == "test.db"
        def test_commit(conn): COMMIT
        def test_last(conn): assert LAST(conn)
        """,
    )
    # A name that is the same in each run, as those of temporary folders usually are.
    base = f"--basetemp={counted.suite.path.parent}/base"
    counted.edit("test_a.py", "COMMIT", "pass")
    counted.edit("test_a.py", "LAST", "lib.names")
    counted.run(base)
    assert counted.run(base)[0].live == []
    counted.edit(old="(n,))", new="(n + 0,))")
    ran, calls = counted.run(base)
    assert ran.names == ["test_add"]
    assert "made" not in calls
    assert counted.run(base)[0].live == []
    counted.edit(old="for each in folder", new="for each in [*folder")
    counted.edit(old="iterdir()]", new="iterdir()]]")
    ran, calls = counted.run(base)
    assert ran.names == ["test_copied", "test_again"]
    assert "made" not in calls
    assert counted.run(base)[0].live == []
    # What a test does to the files counts for those that come after it.
    counted.edit("test_a.py", "pass", "lib.add(conn, 9); conn.commit()")
    counted.edit("test_a.py", "assert lib.names(conn)\n", "assert lib.names(conn)[1]\n")
    assert counted.run(base)[0].code == 0
    counted.edit("test_a.py", "assert lib.names(conn)[1]\n", "assert lib.names(conn)[1:]\n")
    ran, _ = counted.run(base)
    assert ran.code == 0
    assert {"test_commit", "test_last"} <= {*ran.names}
