"""What comes before a test: a record is of no use where other producers stand before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Suite

STATE = """
import state

def test_empty(): assert state.ITEMS == []
def test_add(): state.ITEMS.append(1)
def test_one(): assert state.ITEMS == [1]
def test_other(): assert True
"""
NAMES = [f"test_a.py::test_{name}" for name in ("empty", "add", "one", "other")]


@pytest.fixture
def stateful(suite: Suite) -> Suite:
    suite.write("state.py", "ITEMS = []\n")
    suite.write("test_a.py", STATE)
    suite.warm()
    return suite


def test_one_that_comes_alone_runs(stateful: Suite) -> None:
    ran = stateful.both("test_a.py::test_one")
    assert ran.names == ["test_one"]
    assert "failed" in ran.outcomes["test_a.py::test_one"]
    assert stateful.both().live == []  # the record of the whole run is still there


def test_another_order_runs_what_depends_on_it(stateful: Suite) -> None:
    ran = stateful.both(*reversed(NAMES))
    cached = [name for name, told in ran.decisions.items() if told["source"] == "cached"]
    assert cached == ["test_a.py::test_other"]


@pytest.mark.parametrize("name", ["empty", "other"])
def test_without_what_came_later_it_is_the_same(stateful: Suite, name: str) -> None:
    assert stateful.both(f"test_a.py::test_{name}").live == []


def test_a_record_of_a_part_is_none_of_the_whole(suite: Suite) -> None:
    suite.write("state.py", "ITEMS = []\n")
    suite.write("test_a.py", STATE.replace("== [1]", "in ([1], [])"))
    suite.warm()
    suite.edit("test_a.py", "in ([1], [])", "in ([], [1])")
    suite.both("test_a.py::test_one")  # alone, it passes
    suite.edit("state.py", "[]", "list()")
    suite.both(NAMES[0], NAMES[2], NAMES[3])
    ran = suite.both()
    assert "test_one" in ran.names
    assert "test_add" in ran.names


def test_values_of_fixtures(counted: Counted) -> None:
    counted.write(
        test_a="""
import pytest

@pytest.fixture(scope="module")
def cart(): return []

def test_empty(cart): assert cart == []
def test_add(cart): cart.append(1)
def test_one(cart): assert cart == [1]
"""
    )
    counted.run()
    assert counted.run()[0].live == []
    ran, _ = counted.run(*reversed(NAMES[:3]))
    assert "failed" in ran.outcomes["test_a.py::test_one"]
    assert "failed" in ran.outcomes["test_a.py::test_empty"]


LOGS = """
import os
import pytest

def log(name):
    with open(os.environ["CALLS"], "a") as file:
        file.write(name)

@pytest.fixture(scope="session")
def wide():
    log("wide")
    return [1]

@pytest.fixture
def narrow(wide):
    log("narrow")
    return [wide]
"""


def test_a_log_that_fixtures_share_ties_no_tests_together(
    counted: Counted, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("CALLS", str(tmp_path_factory.mktemp("log") / "calls"))
    counted.write(
        conftest=LOGS,
        test_a="def test_a(narrow): assert 1 == 1\ndef test_b(narrow, wide): assert wide == [1]\n",
    )
    counted.run()
    counted.edit("test_a.py", "assert 1 == 1", "assert 2 == 2")
    ran, calls = counted.run()
    assert ran.names == ["test_a"]
    assert calls == {}


def test_what_a_cancelled_attempt_did_to_a_new_value_is_undone(suite: Suite) -> None:
    suite.write("state.py", "ITEMS = []\n")
    suite.write(
        "test_a.py",
        """
        import pytest
        import state

        @pytest.fixture(scope="module")
        def cart(): return []

        def test_seed(): state.ITEMS.append(1)
        def test_t(cart): assert cart == []
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "assert cart == []", "cart.append(state.ITEMS); assert cart == [[1]]")
    ran = suite.both()
    assert "passed" in ran.outcomes["test_a.py::test_t"]


READERS = """
import state

def test_first(): assert True
def test_add(): state.ITEMS.append(1)
def test_reads(): assert state.ITEMS == []
def test_len(): assert len(state.ITEMS) == 1
"""


def test_a_failure_that_another_test_causes_stays_one(suite: Suite) -> None:
    suite.write("state.py", "ITEMS = []\n")
    suite.write("test_a.py", READERS)
    suite.write("test_b.py", "import state\n\ndef test_other(): assert not state.ITEMS\n")
    suite.both()
    again = suite.both()  # what caused them was replayed
    assert again.report["warnings"] == []
    cached = {name for name, told in again.decisions.items() if told["source"] == "cached"}
    assert cached == {f"test_a.py::test_{name}" for name in ("first", "add", "len")}
    third = suite.both()
    # Now it is known: it runs before who would pass without it.
    assert "test_a.py::test_add" in third.live
    suite.edit("test_a.py", "append(1)", "extend([])")
    ran = suite.both()
    assert "passed" in ran.outcomes["test_b.py::test_other"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("test_b.py", "assert True", "assert not state.ITEMS"),
        ("test_b.py", "assert True", "assert state.ITEMS == [1]"),
        ("test_b.py", "assert True", "assert True\ndef test_new(): assert not state.ITEMS"),
        ("lib.py", "return []", "return state.ITEMS"),
    ],
)
def test_an_edit_that_makes_a_test_a_reader(suite: Suite, name: str, old: str, new: str) -> None:
    suite.write("state.py", "ITEMS = []\n")
    suite.write("lib.py", "import state\n\ndef items(): return []\n")
    suite.write("test_a.py", "import state\n\ndef test_add(): state.ITEMS.append(1)\n")
    suite.write(
        "test_b.py",
        "import state\nfrom lib import items\n\n"
        "def test_items(): assert items() == []\ndef test_other(): assert True\n",
    )
    suite.warm()
    suite.edit(name, old, new)
    suite.both()
    suite.both()
    suite.edit("test_a.py", "append(1)", "append(2)")
    suite.both()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def test_first(): assert True", "def test_first(): state.ITEMS.append(2)"),
        ("def test_len", "def test_new(): state.ITEMS.append(2)\ndef test_len"),
    ],
)
def test_an_edit_that_makes_a_test_a_producer(suite: Suite, old: str, new: str) -> None:
    suite.write("state.py", "ITEMS = []\nNAMES = {}\n")
    suite.write(
        "test_a.py",
        """
        import state

        def test_first(): assert True
        def test_len(): assert len(state.ITEMS) == 0
        def test_names(): assert state.NAMES == {}
        """,
    )
    suite.warm()
    suite.edit("test_a.py", old, new)
    for _ in range(2):
        ran = suite.both()
        assert "failed" in ran.outcomes["test_a.py::test_len"]
        assert ran.decisions["test_a.py::test_names"]["source"] == "cached"
    suite.edit("test_a.py", new, old)
    assert "passed" in suite.both().outcomes["test_a.py::test_len"]


def test_who_fills_a_memo_anew_upsets_nobody(suite: Suite) -> None:
    suite.write(
        "lib.py",
        "import functools\n\n@functools.lru_cache\ndef double(x): return 2 * x\n",
    )
    suite.write(
        "test_a.py",
        "from lib import double\n\n"
        "def test_one(): assert double(1) == 2\ndef test_two(): assert double(2) == 4\n",
    )
    suite.warm()
    suite.edit("test_a.py", "double(1) == 2", "double(3) == 6")
    assert suite.both().names == ["test_one"]


def test_one_connection_below_several_parts_of_a_value(counted: Counted) -> None:
    counted.write(
        conftest="""
import sqlite3
import pytest

class Repo:
    def __init__(self, conn): self.conn = conn
    def add(self): self.conn.execute("insert into t values (1)")
    def count(self): return self.conn.execute("select count(*) from t").fetchone()[0]

@pytest.fixture(scope="session")
def made():
    conn = sqlite3.connect(":memory:")
    conn.execute("create table t (n)")
    yield {"conn": conn, "repo": Repo(conn)}
    conn.close()
""",
        test_a="def test_a(made): made['repo'].add()\n",
        test_b="def test_b(made): assert made['repo'].count() == 1\n",
    )
    counted.run()
    counted.edit("test_b.py", "== 1", "== 0")
    ran, _ = counted.run()
    assert "failed" in ran.outcomes["test_b.py::test_b"]


FIXTURES = """
import pytest
import state

@pytest.fixture(scope="module")
def adds():
    state.ITEMS.append(1)
    return 1

@pytest.fixture(scope="module")
def patches():
    old = state.MODE
    state.MODE = "b"
    yield
    state.MODE = old
"""


@pytest.fixture
def with_fixtures(suite: Suite) -> Suite:
    suite.write("state.py", "ITEMS = []\nMODE = 'a'\n")
    suite.write("conftest.py", FIXTURES)
    suite.write("test_a.py", "def test_adds(adds): pass\ndef test_patches(patches): pass\n")
    suite.write(
        "test_b.py",
        "import state\n\ndef test_items(): assert state.ITEMS == [1]\n"
        "def test_mode(): assert state.MODE == 'a'\n",
    )
    suite.warm()
    return suite


def test_what_a_wider_fixture_leaves_counts_for_those_who_do_not_use_it(
    with_fixtures: Suite,
) -> None:
    ran = with_fixtures.both("test_b.py")
    assert "failed" in ran.outcomes["test_b.py::test_items"]
    assert ran.decisions["test_b.py::test_mode"]["source"] == "cached"
    with_fixtures.edit("test_b.py", "== [1]", "== []")
    assert "failed" in with_fixtures.both().outcomes["test_b.py::test_items"]


def test_what_a_wider_fixture_undoes_needs_nobody(with_fixtures: Suite) -> None:
    with_fixtures.edit("test_b.py", "state.MODE == 'a'", "state.MODE <= 'a'")
    assert with_fixtures.both().names == ["test_mode"]
    assert with_fixtures.both().live == []


def test_a_generator_that_has_gone_on_is_made_anew(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import time
        import pytest

        @pytest.fixture(scope="session")
        def made():
            time.sleep(0.06)
            return {"numbers": (n for n in range(3)), "size": 3}

        def test_size(made): assert made["size"] == 3
        def test_all(made): assert list(made["numbers"]) == [0, 1, 2]
        """,
    )
    suite.both()
    suite.edit("test_a.py", "== [0, 1, 2]", "== []")
    assert "failed" in suite.both().outcomes["test_a.py::test_all"]


def test_what_a_fixture_reads_of_the_module_that_asks(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def size(request): return request.module.SIZE
        """,
    )
    suite.write("test_a.py", "SIZE = 4\ndef test_a(size): assert size == 4\n")
    suite.write("test_b.py", "SIZE = 5\ndef test_b(size): assert size == 5\n")
    suite.warm()
    suite.edit("test_b.py", "SIZE = 5", "SIZE = 6")
    ran = suite.both()
    assert "failed" in ran.outcomes["test_b.py::test_b"]
    assert ran.decisions["test_a.py::test_a"]["source"] == "cached"


def test_a_replayed_test_is_not_blamed_that_fails_after_what_others_did(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="module", params=[1, 2])
        def numbers(request): return [request.param]

        def test_adds(numbers): numbers.append(0)
        def test_length(numbers): assert len(numbers) == 2
        def test_first(numbers): assert numbers[0] < 3
        """,
    )
    suite.both()
    suite.edit("test_a.py", "params=[1, 2]", "params=[1, 2, 3]")
    ran = suite.both()
    assert ran.code == 1
    assert not ran.report["warnings"]


def test_what_a_teardown_does_follows_from_what_all_tests_before_it_did(suite: Suite) -> None:
    suite.write("state.py", "FOUND = []\n")
    suite.write(
        "test_a.py",
        """
        import state
        class TestClass:
            @classmethod
            def setup_class(cls): cls.items = []
            @classmethod
            def teardown_class(cls): state.FOUND.append(len(cls.items))
            def test_one(self): self.items.append(1)
            def test_two(self): self.items.append(1)
        def test_free(): pass
        """,
    )
    suite.write("test_b.py", "import state\ndef test_reads(): assert state.FOUND == [2]\n")
    suite.warm()
    suite.edit("test_b.py", "== [2]", "in ([2],)")
    ran = suite.both()
    assert ran.code == 0
    assert "test_free" not in ran.names
    assert suite.both("test_a.py::TestClass::test_one", "test_b.py").code == 1


def test_subtests_of_tests_that_run_first_are_not_reported_again(suite: Suite) -> None:
    suite.write("state.py", "FOUND = []\n")
    suite.write(
        "test_a.py",
        """
        import state, unittest

        class TestIt(unittest.TestCase):
            def test_adds(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertEqual(state.FOUND.append(number), None)

        def test_reads(): assert state.FOUND == [0, 1, 2]
        def test_free(): assert 1
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "assert 1", "assert state.FOUND == []")
    assert suite.both().code == 1


def test_a_producer_that_is_another_test_under_the_same_name_counts(suite: Suite) -> None:
    suite.write("state.py", "FOUND = []\n")
    suite.write(
        "test_a.py",
        """
        import pytest, state
        @pytest.mark.parametrize("number", [1], ids=["one"])
        def test_adds(number): state.FOUND.append(number)
        def test_reads(): assert state.FOUND == [1]
        def test_free(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", '"number", [1]', '"number", [2]')
    ran = suite.both()
    assert ran.code == 1
    assert {"test_adds[one]", "test_reads"} <= set(ran.names)
    suite.edit("test_a.py", '"number", [2]', '"number", [1]')
    assert suite.both().code == 0


def test_a_doctest_is_a_producer(suite: Suite) -> None:
    suite.write(
        "lib.py",
        '''
        """A module.

        >>> LOG.append(1)
        """
        LOG = []
        ''',
    )
    suite.write("test_a.py", "import lib\ndef test_reads(): assert lib.LOG == [1]\n")
    options = "--doctest-modules", "lib.py", "test_a.py"
    suite.warm(*options)
    suite.edit("lib.py", ">>> LOG.append(1)", ">>> LOG.append(2)")
    assert suite.both(*options).code == 1
    suite.edit("lib.py", ">>> LOG.append(2)", "No example.")
    assert suite.both(*options).code == 1


PATCHING = {
    "conftest.py": """
import pytest, lib

@pytest.fixture(scope="session")
def patch():
    with pytest.MonkeyPatch.context() as patch: yield patch

@pytest.fixture(scope="module")
def wide(patch): patch.setattr(lib, "LIMIT", 5)
""",
    "test_a.py": """
import lib

def test_wide(wide): assert lib.LIMIT == 5
def test_after(): assert lib.LIMIT == 5
""",
    "test_b.py": """
import lib

def test_still(): assert lib.LIMIT == 5
def test_last(): assert True
""",
}


@pytest.fixture
def patching(suite: Suite) -> Suite:
    suite.write("lib.py", "LIMIT = 1\n")
    for name, text in PATCHING.items():
        suite.write(name, text)
    return suite


def test_those_that_run_for_a_failure_run_after_their_producers(patching: Suite) -> None:
    patching.warm()
    patching.edit("test_b.py", "assert True", "assert False")
    ran = patching.both()
    assert "failed" in ran.outcomes["test_b.py::test_last"]
    assert ran.names.index("test_wide") < ran.names.index("test_still")
    assert "replay-contradicted" not in ran.text


def test_what_one_leaves_that_ran_unreported_is_known_when_it_is_not_there(
    patching: Suite,
) -> None:
    after, still = "test_a.py::test_after", "test_b.py::test_still"
    patching.both(still, after, "test_a.py::test_wide")
    ran = patching.both("test_a.py", "test_b.py")  # the first one runs for the second
    assert ran.decisions[after]["requeued_for"] == ["test_a.py::test_wide"]
    assert "failed" in patching.both(still).outcomes[still]
    patching.both("test_a.py", "test_b.py")
    assert patching.both("test_a.py", "test_b.py").live == []


CONNECTED = """
import sqlite3
import pytest

@pytest.fixture(scope="session")
def conn():
    found = sqlite3.connect(":memory:")
    found.execute("create table t (n)")
    yield found
    found.close()

@pytest.fixture(scope="session")
def rows(conn): return conn.execute("select n from t").fetchall()

@pytest.fixture
def cursor(conn):
    found = conn.cursor()
    yield found
    found.close()

class Base:
    def __init__(self, conn): self.conn = conn
    def count(self): return len(self.conn.execute("select n from t").fetchall())

@pytest.fixture(scope="module")
def base(conn): return Base(conn)
"""


@pytest.mark.parametrize(
    "last",
    [
        "def test_z(conn): assert conn.execute('select 1').fetchone() == (1,)",
        "def test_z(cursor): assert cursor.execute('select 1').fetchone() == (1,)",
        "def test_z(base): assert base.count() == (1, 0)[1]",
        "def test_z(rows): assert rows == [] and (1,)",
    ],
)
def test_who_only_asks_a_connection_is_no_producer(suite: Suite, last: str) -> None:
    """What is done to connections of sqlite3 is counted, also below the values of fixtures."""
    suite.write("conftest.py", CONNECTED)
    suite.write(
        "test_a.py",
        """
        def test_a(rows): assert rows == []
        def test_b(conn): assert conn.execute("select max(n) from t").fetchone() == (None,)
        def test_c(cursor): assert cursor.execute("select n from t").fetchall() == []
        def test_d(base): assert base.count() == 0
        """,
    )
    suite.write("test_z.py", last)
    suite.warm()
    suite.edit("test_z.py", "(1,", "(2 - 1,")
    assert suite.both().names == ["test_z"]


@pytest.mark.parametrize(
    "done",
    [
        "conn.execute('insert into t values (1)')",
        "conn.execute('create temp table u (n)')",
        "conn.execute('pragma user_version = 7')",
        "conn.row_factory = list",
        "conn.text_factory = bytes",
        "conn.isolation_level = 'IMMEDIATE'",
        "conn.create_function('two', 0, len)",
        "conn.backup(conn) if conn.in_transaction else conn.set_trace_callback(None)",
    ],
)
def test_who_does_something_to_a_connection_is_one(suite: Suite, done: str) -> None:
    suite.write("conftest.py", CONNECTED)
    suite.write(
        "test_a.py",
        f"""
        def test_a(conn): {done}
        def test_b(conn): assert len([1]) == 1 and conn
        def test_c(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "len([1]) == 1", "len([1]) > 0")
    assert suite.both().names == ["test_a", "test_b"]


def test_producers_of_two_kinds_stand_in_the_order_in_which_they_ran(suite: Suite) -> None:
    suite.write("state.py", "ITEMS = []\n")
    suite.write(
        "test_a.py",
        """
        import pathlib
        import state

        PATH = pathlib.Path(__file__).with_name("written")

        def test_writes(): PATH.write_text("1")
        def test_adds(): state.ITEMS.append(1)
        def test_reads_both(): assert PATH.read_text() == "1" and state.ITEMS == [1]
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_a.py", "and state", "and  1 and state")
    assert suite.both().names == ["test_writes", "test_adds", "test_reads_both"]
    assert suite.both().live == []
