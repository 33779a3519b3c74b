"""Parts that cannot be stored are stubs; a test that touches one is run again with it live."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted

PARTIAL = """
    import sqlite3
    import pytest
    import lib

    LOG = []

    @pytest.fixture(scope="session")
    def made():
        found = sqlite3.connect(":memory:", check_same_thread=False)
        found.execute("create table t (n)")
        return {"conn": found, "names": ["a"]}
"""


def partial(counted: Counted, body: str, more: str = "") -> None:
    counted.write(
        conftest=PARTIAL + more,
        test_a="import lib, threading, sqlite3, pytest\n"
        + textwrap.dedent(body)
        + "\n\ndef test_z(made):\n    assert made['names'] == ['a']\n",
    )
    assert counted.run()[1]["made"] == 1


def test_the_rest_of_a_partial_value_is_used(counted: Counted) -> None:
    partial(counted, "def test_a(made): assert lib.one() == 1 and made['names'] == ['a']")
    counted.edit()
    ran, calls = counted.run()
    assert (ran.names, calls) == (["test_a"], {})


TOUCHES = {
    "call": "made['conn'].execute('select 1')",
    "with": "with made['conn']: pass",
    "isinstance": "isinstance(made['conn'], int)",
    "swallowed": "\n    try: made['conn'].execute('select 1')\n    except BaseException: pass",
    "in a thread": "\n    t = threading.Thread(target=lambda: made['conn'].execute('select 1'))"
    "\n    t.start(); t.join()",
    "in a generator": "list(made['conn'].execute(x) for x in ['select 1'])",
    "in a set": "{made['conn']}",
    "compared": "assert made['conn'] != 3",
    "given to C": "\n    with pytest.raises(TypeError): len(made['conn'])",
}


@pytest.mark.parametrize("name", TOUCHES)
def test_a_touch_makes_the_producer_live(counted: Counted, name: str) -> None:
    partial(
        counted,
        f"""
def test_a(made):
    assert lib.one() == 1
    print("said")
    {TOUCHES[name]}
""",
    )
    counted.edit()
    ran, calls = counted.run("-rA")
    assert calls == {"made": 1}
    assert ran.names == ["test_a", "test_a"]
    decision = ran.decisions["test_a.py::test_a"]
    assert decision["attempts"] == 2
    assert decision["requeued_for"] == ["fixture made: value['conn']: sqlite3.Connection"]
    assert decision["unstored"] is None
    assert ran.text.count("\nsaid\n") == 1
    assert "1 requeued for fixture made: value['conn']: sqlite3.Connection" in ran.text
    assert counted.run()[0].names == []


def test_tests_that_wait_for_one_producer_share_it(counted: Counted) -> None:
    partial(
        counted,
        """
def test_a(made): assert lib.one() == 1 and made['conn'].execute('select 1')
def test_b(made): assert lib.one() == 1 and made['conn'].execute('select 1')
def test_c(made): assert lib.one() == 1 and made['names']
""",
    )
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"made": 1}
    assert ran.names == ["test_a", "test_a", "test_b", "test_c"]


def test_what_was_made_from_a_touched_one_is_made_again(counted: Counted) -> None:
    partial(
        counted,
        """
def test_a(made, derived, live):
    assert lib.one() == 1
    assert live == [1]
    made['conn'].execute('select n from t')
    assert derived is made['names']

def test_b(live): pass
""",
        more="""
    @pytest.fixture(scope="session")
    def derived(made):
        return made["names"]

    @pytest.fixture(scope="module")
    def live(made):
        LOG.append("up")
        yield [1]
        LOG.append("down")

    def pytest_sessionfinish():
        assert LOG.count("up") == LOG.count("down")
""",
    )
    counted.edit()
    ran, calls = counted.run()
    assert ran.code == 0
    assert calls["made"] == 1
    assert calls["live"] <= 2


def test_what_holds_a_value_with_a_stub_is_restored_with_it(counted: Counted) -> None:
    partial(
        counted,
        """
def test_a(outer, made):
    assert lib.one() == 1
    assert outer[0]['made']['names'] == made['names']
    outer[0]['made']['names'].append('b')
    assert made['names'].pop() == 'b'
""",
        more="""
    @pytest.fixture(scope="session")
    def derived(made):
        return {"made": made}

    @pytest.fixture
    def outer(derived):
        return [derived]
""",
    )
    counted.edit()
    assert counted.run()[1] == {}
    counted.edit("test_a.py", "== 'b'", "== 'b' and outer[0]['made']['conn'].total_changes == 0")
    assert counted.run()[1] == {"made": 1, "derived": 1, "outer": 1}
    counted.edit(old="return 2 - 1", new="return 1")
    assert counted.run()[1] == {"made": 1, "derived": 1, "outer": 1}


def test_a_live_wide_fixture_is_not_handed_a_stub(counted: Counted) -> None:
    partial(
        counted,
        "def test_a(live): assert lib.one() == 1 and live['conn']",
        more="""
    @pytest.fixture(scope="module")
    def live(made):
        yield {"conn": made["conn"]}
        LOG.append(1)
""",
    )
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"made": 1, "live": 1}
    assert ran.names == ["test_a"]


def test_a_touch_in_a_set_up(counted: Counted) -> None:
    partial(
        counted,
        "def test_a(rows): assert lib.one() == 1 and rows == []\n",
        more="""
    @pytest.fixture
    def rows(made, request):
        request.node
        return made["conn"].execute("select n from t").fetchall()
""",
    )
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"made": 1, "rows": 2}
    assert ran.names == ["test_a", "test_a"]


def test_a_touch_in_a_teardown(counted: Counted) -> None:
    partial(
        counted,
        "def test_a(closing): assert lib.one() == 1\n",
        more="""
    @pytest.fixture
    def closing(made):
        yield 1
        made["conn"].commit()
""",
    )
    counted.edit()
    _, calls = counted.run()
    assert calls == {"made": 1, "closing": 2}


def test_a_failure_with_a_restored_value_is_confirmed_live(counted: Counted) -> None:
    partial(
        counted,
        """
def test_a(made):
    assert made["names"] == ["a"]
    assert lib.one() == 1, "once"
""",
    )
    counted.edit("lib.py", "return 1", "return 2")
    ran, calls = counted.run()
    assert ran.code == 1
    assert calls == {"made": 1}
    assert ran.names[0] == "test_a"
    assert ran.names[-1] == "test_a"
    assert "fixture made" in ran.decisions["test_a.py::test_a"]["requeued_for"]
    assert ran.text.count("AssertionError: once") <= 2


@pytest.mark.parametrize("option", ["-x", "--maxfail=1", "-s", "-v", "--tb=short"])
def test_options_see_one_outcome(counted: Counted, option: str) -> None:
    partial(
        counted,
        """
def test_a(made):
    print("said once")
    assert lib.one() == 1 and made['conn'].execute('select 1')

def test_b(made):
    assert lib.one() == 1
""",
    )
    counted.edit("lib.py", "return 1", "return 2")
    ran, _ = counted.run(option)
    assert ran.code == 1
    if option == "-s":
        assert len(re.findall(r"(?<!\")said once", ran.text)) == 1


def test_a_whole_stub_that_is_asked_for_by_name(counted: Counted) -> None:
    counted.write(
        conftest="""
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def low():
            found = sqlite3.connect(":memory:")
            found.execute("create table t (n)")
            yield found
            found.close()

        @pytest.fixture(scope="session")
        def made(low):
            return [len(low.execute("select n from t").fetchall())]
        """,
        test_a="""
        import lib

        def test_a(made): assert lib.one() == 1 and made == [0]

        def test_b(made, request):
            assert lib.one() == 1
            assert request.getfixturevalue("low").execute("select 2").fetchall() == [(2,)]
        """,
    )
    assert counted.run()[1] == {"low": 1, "made": 1}
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"low": 1, "made": 1}
    assert ran.names == ["test_a", "test_b", "test_b"]


def test_a_value_that_is_gone_is_made_again(counted: Counted) -> None:
    partial(counted, "def test_a(made): assert lib.one() == 1 and made['names'] == ['a']")
    counted.edit()
    for path in counted.suite.store.glob("v*/blobs/*"):
        if b"cellval1" in path.read_bytes():
            path.unlink()
    ran, calls = counted.run()
    assert calls == {"made": 1}
    assert ran.names == ["test_a", "test_a"]


def test_what_a_test_touches_is_set_up_once_each(counted: Counted) -> None:
    counted.write(
        conftest="""
        import pytest, sqlite3, threading

        @pytest.fixture(scope="session")
        def one(): return {"conn": sqlite3.connect(":memory:"), "n": 1}

        @pytest.fixture(scope="session")
        def two(): return {"lock": threading.Lock(), "n": 2}

        @pytest.fixture(scope="session")
        def three(): return {"lock": threading.Lock(), "n": 3}
        """,
        test_a="""
        import lib

        def test_a(one, two, three):
            assert one["conn"].execute("select 1").fetchone() == (lib.one(),)
            with two["lock"]:
                assert two["n"] + three["n"] == 5
        """,
    )
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert calls == {"one": 1, "two": 1}
    assert ran.report["totals"]["requeued"] == 1


def test_what_is_asked_for_by_name_may_be_made_from_a_stub(counted: Counted) -> None:
    """A value that holds no stub keeps none, whoever has it restored while a test runs."""
    counted.write(
        conftest="""
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def low():
            found = sqlite3.connect(":memory:")
            yield found
            found.close()

        @pytest.fixture(scope="session")
        def rows(low): return [row for row, in low.execute("select 1")]
        """,
        test_a="""
        import lib
        def test_a(request): assert request.getfixturevalue("rows") == [lib.one()]
        def test_b(rows): assert rows == [1]
        """,
    )
    assert counted.run()[1] == {"low": 1, "rows": 1}
    counted.edit()
    ran, calls = counted.run()
    assert (ran.names, calls) == (["test_a"], {})
