"""Threads that go on while tests run: servers of fixtures, idle workers of pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB = """
    import queue

    def begin():
        return 1

    def serve(asked, answers):
        begin()
        for number in iter(asked.get, None):
            answers.put(answer(number))

    def answer(number):
        return number + 1

    def alone():
        return 1
"""
TESTS = """
    import queue
    import threading
    from concurrent.futures import ThreadPoolExecutor

    import lib
    import pytest

    POOL = ThreadPoolExecutor(1)

    @pytest.fixture(scope="module")
    def server():
        asked, answers = queue.Queue(), queue.Queue()
        thread = threading.Thread(target=lib.serve, args=(asked, answers))
        thread.start()
        def ask(number):
            asked.put(number)
            return answers.get(timeout=10)
        yield ask
        asked.put(None)
        thread.join()

    def test_first(server):
        assert server(1) == 2

    def test_second(server):
        assert server(2) == 3

    def test_alone():
        assert lib.alone() == 1

    def test_pool():
        assert POOL.submit(lib.alone).result() == 1
"""


@pytest.fixture
def served(suite: Suite) -> Suite:
    suite.write("lib.py", LIB)
    suite.write("test_it.py", TESTS)
    assert suite.cached().code == 0
    return suite


def test_users_of_a_server_are_stored_when_its_thread_has_ended(served: Suite) -> None:
    assert served.cached().live == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def begin():\n    return 1", "def begin():\n    raise SystemExit"),
        ("return number + 1", "return number + 2"),
    ],
    ids=["what only the first user was charged with", "what each was charged with"],
)
def test_what_its_thread_did_counts_for_all_users(served: Suite, old: str, new: str) -> None:
    served.edit("lib.py", old, new)
    served.edit("test_it.py", "timeout=10", "timeout=0.5")
    warm, plain = served.cached(), served.plain()
    assert warm.outcomes == plain.outcomes
    assert warm.names == ["test_first", "test_second"]


def test_a_thread_that_never_ends_is_a_gap(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    endless = TESTS.replace("asked, answers))", "asked, answers), daemon=True)")
    endless = endless.replace("asked.put(None)\n", "pass\n").replace("thread.join()", "pass")
    suite.write("test_it.py", endless)
    suite.cached()
    assert set(suite.cached().names) == {"test_first", "test_second"}


def test_a_variable_put_back_to_what_another_test_left_is_not_left(suite: Suite) -> None:
    suite.write(
        "test_it.py",
        """
        import os

        def test_leaves():
            os.environ["LEFT_BY_IT"] = "1"

        def test_puts_back(monkeypatch):
            monkeypatch.setenv("LEFT_BY_IT", "2")
        """,
    )
    suite.write(
        "conftest.py",
        "import os\ndef pytest_unconfigure(): os.environ.pop('LEFT_BY_IT', None)\n",
    )
    suite.warm()
    suite.edit("test_it.py", '"2"', '"4"')
    assert suite.both().names == ["test_puts_back"]
    assert suite.both().names == []


def test_a_server_that_is_set_up_beside_a_restored_value_is_no_gap_of_the_test(
    suite: Suite,
) -> None:
    """Such a test is tried in silence: what that attempt closes is a part of its unit."""
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write("lib.py", LIB)
    restored = """
    @pytest.fixture(scope="session")
    def table():
        return [2]

    def test_first(server, table):
    """
    tests = TESTS.replace("\n    def test_first(server):\n", restored).replace(
        "== 2", "== table[0]"
    )
    suite.write("test_a.py", tests)
    suite.both()
    suite.edit("lib.py", "return number + 1", "return 1 + number")
    ran = suite.both()
    assert [f["source"] for f in ran.report["fixtures"] if f["name"] == "table"] == ["restored"]
    assert ran.names == ["test_first", "test_second"]
    assert suite.both().live == []


ADDING = """
import os
import threading
import pytest

@pytest.fixture(scope="module")
def server():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    yield stop
    stop.set()
    thread.join()

def test_adds(server):
    with open("some.log", "a") as file:
        file.write("x")

def test_beside(server):
    assert not server.is_set()
"""


def test_a_log_is_none_of_what_users_of_a_server_have_read(suite: Suite) -> None:
    suite.write("test_it.py", ADDING)
    suite.both()
    assert suite.both().live == []
    (suite.path / "some.log").unlink()
    assert suite.both().live == []


@pytest.mark.parametrize("reads_first", [True, False])
def test_what_one_user_of_a_server_reads_counts_though_another_adds_to_it(
    suite: Suite, reads_first: bool
) -> None:
    reading = 'def test_reads(server):\n    assert open("some.log").read()[:1] == "0"\n'
    parts = ADDING.partition("def test_adds")
    before = [parts[0], reading, *parts[1:]] if reads_first else [*parts, reading]
    suite.write("test_it.py", "\n".join(before).replace("def test_adds\n", "def test_adds"))
    suite.write("some.log", "0")
    suite.both()
    suite.both()
    suite.write("some.log", "1")
    ran = suite.both()
    assert "test_reads" in ran.names
    assert ran.code == 1
