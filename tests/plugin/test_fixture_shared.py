"""What tests do to a fixture that outlives them where nobody sees it: files, objects of C types.

Every run is compared with a plain one, after each edit: who reads what another test left behind
runs again with it, and only who does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Ran

FOLDER = """
@pytest.fixture(scope="session")
def made(tmp_path_factory): return tmp_path_factory.mktemp("made")
"""
OUTSIDE = """
import pathlib, tempfile
@pytest.fixture(scope="session")
def made(tmp_path_factory):
    return pathlib.Path(tempfile.mkdtemp(dir=tmp_path_factory.getbasetemp()))
"""
ROWS = """
import sqlite3
@pytest.fixture(scope="session")
def made():
    found = sqlite3.connect(":memory:")
    found.execute("create table t (n)")
    yield found
    found.close()
"""
DATABASE = """
import sqlite3
@pytest.fixture(scope="session")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "db"
    found = sqlite3.connect(path)
    found.execute("create table t (n)")
    found.close()
    return path
"""
ARRAY = """
import array
@pytest.fixture(scope="session")
def made(): return array.array("i", [0])
"""
WITH_LOCK = """
import array, threading
@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "x").write_text("0")
    return {"lock": threading.Lock(), "array": array.array("i", [0]), "folder": folder}
"""
FILES = """
def test_other(made): assert 5 == 5
def test_writes(made): (made / "x").write_text("1")
def test_reads(made): assert (made / "x").read_text() == "1"
"""
CONNECTION = """
def test_writes(made): made.execute("insert into t values (1)")
def test_reads(made): assert made.execute("select n from t").fetchall() == [(1,)]
"""
CONNECTING = """
import contextlib, sqlite3
def test_other(made): assert 5 == 5
def test_writes(made):
    with contextlib.closing(sqlite3.connect(made)) as found:
        found.execute("insert into t values (1)")
        found.commit()
def test_reads(made):
    with contextlib.closing(sqlite3.connect(made)) as found:
        assert found.execute("select n from t").fetchall() == [(1,)]
"""
LOCKED = """
def test_writes(made):
    {write}
def test_reads(made):
    made["lock"].locked()
    assert {read} == 1
"""


@dataclass(frozen=True)
class Case:
    """A project and edits of its tests: old and new text, and what is live in the run after it."""

    conftest: str
    tests: str
    edits: tuple[tuple[str, str, str], ...]


def of_files(conftest: str) -> Case:
    return Case(
        conftest,
        FILES,
        (
            ("5 == 5", "6 == 6", "test_other"),
            ('write_text("1")', 'write_text("2")', "test_writes test_reads"),
            ('read_text() == "1"', 'read_text() == "2"', "test_writes test_reads"),
            ('(made / "x").write_text("2")', "pass", "test_writes test_reads"),
        ),
    )


CASES = {
    "a folder of pytest's": of_files(FOLDER),
    "another folder": of_files(OUTSIDE),
    "a connection": Case(
        ROWS,
        CONNECTION,
        (
            ("values (1)", "values (2)", "test_writes test_reads"),
            ("[(1,)]", "[(2,)]", "test_writes test_reads"),
        ),
    ),
    "a database file": Case(
        DATABASE,
        CONNECTING,
        (
            ("5 == 5", "6 == 6", "test_other"),
            ("values (1)", "values (2)", "test_writes test_reads"),
            ("[(1,)]", "[]", "test_writes test_reads"),
        ),
    ),
    "an array": Case(
        ARRAY,
        "def test_writes(made): made[0] = 1\ndef test_reads(made): assert made[0] == 1\n",
        (
            ("made[0] = 1", "made[0] = 2", "test_writes test_reads"),
            ("assert made[0] == 1", "assert made[0] == 0", "test_writes test_reads"),
        ),
    ),
    "lost when a stub is touched: an array": Case(
        WITH_LOCK,
        LOCKED.format(write="made['array'][0] = 1", read="made['array'][0]"),
        (
            ("[0] = 1", "[0] = 2", "test_writes test_reads"),
            ("== 1", "== 2", "test_writes test_reads"),
        ),
    ),
    "lost when a stub is touched: a file": Case(
        WITH_LOCK,
        LOCKED.format(
            write="(made['folder'] / 'x').write_text('1')",
            read="int((made['folder'] / 'x').read_text())",
        ),
        (("'1'", "'2'", "test_writes test_reads"), ("== 1", "== 2", "test_writes test_reads")),
    ),
    "a test comes to write": Case(
        FOLDER,
        "def test_writes(made): assert 5 == 5\n"
        "def test_reads(made): assert not (made / 'x').exists()\n",
        (("assert 5 == 5", "(made / 'x').write_text('1')", "test_writes test_reads"),),
    ),
    "a file of the project": Case(
        "",
        "def test_writes():\n    with open('out.txt', 'w') as out: out.write('1')\n"
        "def test_reads():\n    with open('out.txt') as out: assert out.read() == '1'\n"
        "def test_again():\n    with open('out.txt', 'w') as out: out.write('3')\n",
        (
            ("assert out.read() == '1'", "assert out.read() == '3'", "test_writes test_reads"),
            ("out.write('1')", "out.write('2')", "test_writes test_reads"),
        ),
    ),
}


def live_in(ran: Ran) -> list[str]:
    """Name the tests that are reported to have run; others may have, to confirm a failure."""
    found = ran.decisions.items()
    return [nodeid.partition("::")[2] for nodeid, test in found if test["source"] == "ran"]


@pytest.mark.parametrize("name", CASES)
def test_who_reads_what_another_left_runs_after_it(counted: Counted, name: str) -> None:
    case = CASES[name]
    counted.suite.pytester.chdir()
    counted.write(conftest="import pytest\n" + case.conftest, test_a=case.tests)
    counted.run()
    assert counted.run()[0].names == []
    for old, new, live in case.edits:
        counted.edit("test_a.py", old, new)
        ran, _ = counted.run()
        assert live_in(ran) == live.split(), ran.text


FILLED = """
    import sqlite3
    import pytest

    @pytest.fixture(scope="session")
    def base():
        return {"conn": sqlite3.connect(":memory:"), "n": 1}

    @pytest.fixture(scope="session")
    def filled(base):
        base["conn"].execute("create table t (n)")
        return {"rows": 0, "base": base}

    @pytest.fixture(scope="session")
    def counted(base):
        return base["n"]
"""


def test_what_a_fixture_did_to_what_it_was_made_from_is_there(counted: Counted) -> None:
    counted.write(
        conftest=FILLED,
        test_a="""
        import lib

        def test_a(filled):
            assert filled["rows"] == 0

        def test_again(filled, counted):
            assert filled["rows"] + counted == 1
        """,
        test_b="""
        def test_b(base):
            assert base["conn"].execute("select n from t").fetchall() == []
        """,
    )
    counted.run()
    counted.edit("test_a.py", '["rows"] == 0', '["rows"] + 1 == 1')
    ran, calls = counted.run()
    assert ran.names == ["test_a"]
    assert calls == {}
    counted.edit("test_b.py", "== []", "== [] and base")
    ran, calls = counted.run()
    assert "test_again" not in ran.names
    assert calls == {"base": 1, "filled": 1}
    counted.edit("test_b.py", "and base", "and 1")
    counted.edit("test_a.py", "+ 1 == 1", "== 0")
    _, calls = counted.run()
    calls.pop("counted", None)  # either of the users of what fills it may come first
    assert calls == {"base": 1, "filled": 1}
    counted.edit("conftest.py", "create table t (n)", "create table t (n, m)")
    ran, calls = counted.run()
    assert {*ran.names} == {"test_a", "test_again", "test_b"}


def test_a_new_test_finds_what_others_left(counted: Counted) -> None:
    counted.suite.pytester.chdir()
    counted.write(conftest="import pytest\n" + FOLDER, test_a=FILES)
    counted.write(test_b="def test_b():\n    with open('out.txt', 'w') as out: out.write('1')\n")
    counted.run()
    counted.write(
        test_c="""
        def test_c(made): assert not (made / "x").exists()
        def test_d():
            with open("out.txt") as out: assert out.read() == "2"
        """,
        test_e="def test_e():\n    with open('out.txt', 'w') as out: out.write('2')\n",
    )
    ran, _ = counted.run()
    assert ran.code == 1


def test_a_test_that_is_gone_was_there(counted: Counted) -> None:
    counted.write(conftest="import pytest\n" + FOLDER, test_a=FILES)
    counted.run()
    ran, _ = counted.run("--deselect", "test_a.py::test_writes")
    assert live_in(ran) == ["test_reads"]
    assert ran.code == 1


CANCELLED = """
import lib

def test_before(made): {write}

def test_locked(made, held):
    {write}
    held["lock"].locked()
    assert {count} == 2
    assert lib.one() == 1
"""


@pytest.mark.parametrize(
    ("conftest", "write", "count"),
    [
        (ROWS, "made.execute('insert into t values (1)')",
         "len(made.execute('select * from t').fetchall())"),
        (FOLDER, "(made / str(len(list(made.iterdir())))).touch()", "len(list(made.iterdir()))"),
    ],
    ids=["rows", "files"],
)  # fmt: skip
def test_what_a_cancelled_attempt_did_is_gone(
    counted: Counted, conftest: str, write: str, count: str
) -> None:
    held = '@pytest.fixture\ndef held(): return {"lock": threading.Lock()}\n'
    counted.write(
        conftest="import pytest, threading\n" + conftest + held,
        test_a=CANCELLED.format(write=write, count=count),
    )
    counted.run()
    counted.edit()
    ran, _ = counted.run()
    assert ran.code == 0
    assert ran.decisions["test_a.py::test_locked"]["attempts"] == 2


TELLING = {
    "type": "type(x['lock']) is not LOCK",
    "identity": "x['lock'] is not KEPT[0]",
    "generator": "any(type(y) not in (LOCK, int) for y in x.values())",
}


@pytest.mark.parametrize("name", TELLING)
def test_a_helper_tells_a_stub_from_the_real_thing(counted: Counted, name: str) -> None:
    counted.write(
        conftest="""
        import pytest, threading, helper

        @pytest.fixture(scope="session")
        def made():
            return {"lock": helper.KEPT[0], "n": 1}
        """,
        helper=f"""
        import threading
        KEPT = (threading.Lock(),)
        LOCK = type(KEPT[0])
        def tells(x): return {TELLING[name]}
        """,
        test_a="""
        import helper, lib
        def test_a(made): assert lib.one() == 1 and not helper.tells(made)
        """,
    )
    counted.run()
    counted.edit()
    counted.run()


def test_what_an_earlier_test_did_to_a_value_that_ends_early_is_done_again(
    counted: Counted,
) -> None:
    counted.write(
        conftest="""
        import itertools, pytest

        @pytest.fixture(scope="session")
        def numbers():
            return itertools.count()
        """,
        test_a="""
        def test_zero(numbers): assert next(numbers) == 0
        def test_one(numbers): assert next(numbers) == 1
        """,
        test_b="""
        SEEN = []
        def test_leaves(): SEEN.append(1)
        """,
    )
    counted.run()
    # Beside a replayed test that leaves something a first attempt is silent; where it is cancelled
    # it has gone on counting.
    ran, _ = counted.run("test_b.py", "test_a.py::test_one", "test_a.py::test_zero")
    assert ran.code == 1


def test_a_value_that_cannot_be_put_back_and_is_over_keeps_nothing_out(counted: Counted) -> None:
    """A cancelled attempt has taken an item of a restored iterator, which is made anew then."""
    counted.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def made(): return iter([1, 2, 3])
        """,
        test_a="""
        import lib

        def test_a(made): assert next(made) == lib.one()
        def test_b(made): assert next(made) == 2
        """,
    )
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert (set(ran.names), calls) == ({"test_a", "test_b"}, {"made": 1})
    assert counted.run()[0].names == []


MADE_LATER = """
import sqlite3, threading, pytest

@pytest.fixture(scope="session")
def made():
    found = sqlite3.connect(":memory:")
    found.execute("create table t (n)")
    return {"conn": found, "lock": threading.Lock(), "names": ["a"], "next": iter([1, 2])}

@pytest.fixture(scope="session")
def filled(made): made["conn"].execute("insert into t values (1)")

@pytest.fixture(scope="session")
def told(made):
    rows = made["conn"].execute("select count(*) from t").fetchone()[0]
    return [rows, *made["names"], made["next"].__length_hint__()]
"""


@pytest.mark.parametrize(
    ("first", "is_kept"),
    [
        ("(made): assert made['names'] == ['a']", True),
        ("(made): made['conn'].execute('insert into t values (5)')", False),
        ("(made): made['names'].append('b')", False),
        ("(made): assert next(made['next']) == 1", False),
        ("(filled): pass", False),
        ("(request): request.getfixturevalue('made')['conn'].execute('delete from t')", False),
    ],
)
def test_what_is_made_after_tests_is_kept_unless_they_may_have_changed_it(
    counted: Counted, first: str, is_kept: bool
) -> None:
    """``told`` is set up by the second test, from what the first one was given, too."""
    counted.write(
        conftest=MADE_LATER,
        test_a=f"""
        import lib

        def test_first{first}
        def test_told(told): assert len(told) >= 2 + lib.one()
        """,
    )
    ran, calls = counted.run()
    assert calls["told"] == 1
    assert (counted.why(ran, "told") == "") is is_kept
    counted.edit()
    _, calls = counted.run()
    assert calls.get("told", 0) == (0 if is_kept else 1)


UNDOING = """
import pytest

class App:
    def __init__(self): self.users = {}

@pytest.fixture(scope="session")
def made(): return App()

@pytest.fixture
def client(made):
    yield made
    made.users.clear()
"""


def test_a_restored_value_that_its_own_teardown_puts_back_stays(counted: Counted) -> None:
    counted.write(
        conftest=UNDOING,
        test_a="""
        import lib

        def test_a(client): client.users["a"] = 1; assert lib.one() == len(client.users)
        def test_b(client): assert not client.users
        def test_keeps(made): made.users["k"] = lib.one() if lib else 1
        def test_finds(made): assert made.users == {"k": 1}
        """,
    )
    counted.run()
    counted.edit("test_a.py", "not client.users", "client.users == {}")
    counted.edit("test_a.py", "assert lib", "assert 1 and lib")
    ran, calls = counted.run()
    assert (set(ran.names), calls) == ({"test_a", "test_b"}, {"client": 2})
    counted.edit("test_a.py", "if lib else 1", "if lib else 2")
    ran, calls = counted.run()
    assert {"test_keeps", "test_finds"} <= set(ran.names)
    assert calls["made"] == 1
    assert counted.run()[0].names == []
