"""A failure that was confirmed is not confirmed again while nothing it rests on has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TESTS = """
    import lib

    def test_first(): pass

    def test_second(): assert lib.other()

    def test_fails(): assert lib.value() == 2

    def test_last(): pass
"""
LIB = "def value():\n    return 1\n\ndef other():\n    return 1\n"


@pytest.fixture
def failing(suite: Suite) -> Suite:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", TESTS)
    suite.both()
    return suite


def test_it_runs_alone(failing: Suite) -> None:
    for _ in range(2):
        again = failing.both()
        assert again.names == ["test_fails"]
        assert again.decisions["test_a.py::test_fails"]["attempts"] == 1


def test_it_runs_alone_beside_one_that_runs(failing: Suite) -> None:
    failing.edit("lib.py", "def other():\n    return 1", "def other():\n    return 2")
    assert failing.both().names == ["test_second", "test_fails"]
    assert failing.both().names == ["test_fails"]


def test_another_failure_is_confirmed_once(failing: Suite) -> None:
    failing.edit("lib.py", "return 1\n\ndef other", "return 3\n\ndef other")
    again = failing.both()
    assert again.names == ["test_fails", "test_first", "test_second", "test_fails"]
    assert failing.both().names == ["test_fails"]


def test_it_passes_when_it_is_mended(failing: Suite) -> None:
    failing.edit("lib.py", "return 1\n\ndef other", "return 2\n\ndef other")
    assert failing.both().names == ["test_fails"]
    assert failing.both().names == []


def test_where_objects_are_does_not_count(failing: Suite) -> None:
    text = "def test_fails(): assert object() is None"
    failing.edit("test_a.py", "def test_fails(): assert lib.value() == 2", text)
    failing.both()
    assert failing.both().names == ["test_fails"]


def test_what_is_said_otherwise_each_time_is_confirmed_each_time(failing: Suite) -> None:
    text = "def test_fails():\n    import time\n    assert time.time_ns() < 0"
    failing.edit("test_a.py", "def test_fails(): assert lib.value() == 2", text)
    for _ in range(2):
        names = ["test_fails", "test_first", "test_second", "test_fails"]
        assert failing.both().names == names


STATE = """
    import lib

    def test_sets(): lib.STATE.append({left})

    def test_other(): pass

    def test_fails():
        assert lib.STATE == [1], "state"
        assert lib.value() == 2, "value"
"""


def test_it_fails_alike_only_where_what_others_left_is_there(suite: Suite) -> None:
    suite.write("lib.py", LIB + "\nSTATE = []\n")
    suite.write("test_a.py", STATE.format(left=1))
    suite.both()
    for _ in range(2):
        again = suite.both("-rf")
        assert "AssertionError: value" in again.text
    # It may fail for another reason now, and does.
    suite.edit("test_a.py", "append(1)", "append(2)")
    assert "AssertionError: state" in suite.both("-rf").text
    suite.edit("test_a.py", "append(2)", "append(1)")
    suite.edit("lib.py", "return 1\n\ndef other", "return 2\n\ndef other")
    assert suite.both().code == 0
    suite.both()
    assert suite.both().names == []


BROKEN = """
    import lib
    import pytest

    @pytest.fixture(scope="{scope}")
    def broken():
        value = lib.value()
        if value == 1: raise ValueError("no")
        return value

    def test_first(): pass

    def test_fails(broken): assert broken == 2

    def test_other(): assert lib.other()

    def test_fails_too(broken): pass
"""


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_one_that_fails_in_its_fixture_is_confirmed_once(suite: Suite, scope: str) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", BROKEN.format(scope=scope))
    suite.both()
    for _ in range(2):
        assert suite.both().names == ["test_fails", "test_fails_too"]
    suite.edit("lib.py", "def other():\n    return 1", "def other():\n    return 2")
    assert suite.both().names == ["test_fails", "test_other", "test_fails_too"]
    # Another reason: the failure is confirmed.
    suite.edit("test_a.py", '"no"', '"not"')
    assert "test_first" in suite.both().names
    assert suite.both().names == ["test_fails", "test_fails_too"]
    suite.edit("lib.py", "return 1\n\ndef other", "return 2\n\ndef other")
    assert suite.both().code == 0
    assert suite.both().names == []


@pytest.mark.parametrize("scope", ["function", "module"])
@pytest.mark.parametrize(
    ("sets", "is_one"),
    [
        ("lib.STATE.append({})", "lib.STATE == [1]"),
        ("os.environ['LEFT_HERE'] = '{}'", "os.environ.get('LEFT_HERE') == '1'"),
        ("Path('left').write_text('{}')", "Path('left').read_text() == '1'"),
    ],
)
def test_a_fixture_fails_alike_only_where_what_others_left_is_there(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, scope: str, sets: str, is_one: str
) -> None:
    monkeypatch.delenv("LEFT_HERE", raising=False)
    suite.write("lib.py", LIB + "\nSTATE = []\n")
    suite.write(
        "test_a.py",
        f"""
        import lib
        import os
        import pytest
        from pathlib import Path

        @pytest.fixture(scope="{scope}")
        def broken():
            if not ({is_one}): raise ValueError("state")
            if lib.value() == 1: raise ValueError("value")

        def test_sets(): {sets.format(1)}

        def test_fails(broken): pass
        """,
    )
    suite.both()
    for _ in range(2):
        assert "ValueError: value" in suite.both("-rE").text
    suite.edit("test_a.py", sets.format(1), sets.format(2))
    assert "ValueError: state" in suite.both("-rE").text
    suite.edit("test_a.py", sets.format(2), sets.format(1))
    suite.edit("lib.py", "return 1\n\ndef other", "return 2\n\ndef other")
    assert suite.both().code == 0
    suite.both()
    assert suite.both().names == []


@pytest.mark.parametrize("where", ["setup_module", "setup_function", "setup_class"])
def test_one_that_fails_in_its_classic_set_up(suite: Suite, where: str) -> None:
    suite.write("lib.py", LIB)
    suite.write(
        "test_a.py",
        f"""
        import lib

        def setup_module():
            if "{where}" == "setup_module": assert lib.value() == 2
        def setup_function():
            if "{where}" == "setup_function": assert lib.value() == 2
        class TestIt:
            @classmethod
            def setup_class(cls):
                if "{where}" == "setup_class": assert lib.value() == 2
            def test_a(self): pass
            def test_b(self): pass
        def test_c(): pass
        """,
    )
    failing = suite.both().outcomes
    for _ in range(2):
        again = suite.both()
        names = [n for n, words in failing.items() if "failed" in words]
        assert again.live == names
    suite.edit("lib.py", "return 1\n\ndef other", "return 2\n\ndef other")
    assert suite.both().code == 0
    assert suite.both().names == []


def test_what_it_leaves_is_there_for_others(suite: Suite) -> None:
    suite.write("lib.py", LIB + "\nSTATE = []\n")
    suite.write(
        "test_a.py",
        """
        import lib

        def test_first(): pass

        def test_fails():
            lib.STATE.append(1)
            assert lib.value() == 2

        def test_reads(): assert len(lib.STATE) == 1
        """,
    )
    suite.both()
    for _ in range(2):
        assert suite.both().code == 1
    suite.edit("test_a.py", "def test_reads(): assert", "def test_reads():\n    assert")
    suite.both()
    suite.edit("lib.py", "return 1\n\ndef other", "return 4\n\ndef other")
    suite.both()


def test_the_store_counts_no_failure_as_a_record(failing: Suite) -> None:
    assert "3 tests, 3 records" in failing.idle("--cell-cache-show").text


def test_what_it_finds_where_others_are_left_out_tells_nothing(suite: Suite) -> None:
    """What one that runs has written is there only as the test that writes it anew does not."""
    suite.write(
        "test_a.py",
        """
        from pathlib import Path

        def test_fails():
            Path("state.txt").write_text("1")
            assert not "fails"
        """,
    )
    suite.write(
        "test_b.py",
        """
        from pathlib import Path

        def test_passes():
            Path("state.txt").write_text("2")
        """,
    )
    suite.write(
        "test_c.py",
        """
        from pathlib import Path

        def test_reads():
            if Path("state.txt").read_text():
                raise ValueError("no")
        """,
    )
    suite.both()
    for _ in range(3):
        assert suite.both().names == ["test_fails", "test_reads"]
    # It may fail for another reason, or not at all, only after those that it reads from.
    suite.edit("test_c.py", 'raise ValueError("no")', 'assert Path("state.txt").read_text() == "2"')
    assert [name for name in suite.both().names if name != "test_fails"].count("test_passes") == 1
    suite.both()
    assert suite.both().names == ["test_fails"]


def test_one_of_those_that_set_what_it_reads_is_still_the_test_it_was(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import os, pytest

        @pytest.fixture(scope="session")
        def sets():
            os.environ["SET"] = "1"
            yield
            os.environ.pop("SET")
        """,
    )
    suite.write("test_a.py", "def test_first(sets): pass\ndef test_second(sets): pass\n")
    suite.write(
        "test_b.py",
        """
        import os

        def test_fails():
            os.environ.get("SET")
            raise ValueError("no")
        """,
    )
    suite.both()
    suite.edit("test_b.py", "raise", "if 1: raise")
    suite.both()
    for _ in range(2):
        assert suite.both().names == ["test_fails"]


SETS = """
    import lib

    def test_sets():
        lib.STATE[0] = 20
        lib.STATE[0] = 10

    def test_reads(): assert lib.rate() == 10

    def test_other(): assert lib.rate() != 3
"""


def test_it_fails_in_each_run_after_one_that_came_to_leave_something(suite: Suite) -> None:
    """Its record from before still holds, and was made after a test that left nothing."""
    suite.write("lib.py", "STATE = [10]\n\ndef rate(): return STATE[0]\n")
    suite.write("test_a.py", SETS)
    suite.both()
    suite.edit("test_a.py", "lib.STATE[0] = 10\n", "pass\n")
    assert suite.both().code == 1
    for _ in range(4):
        again = suite.both()
        assert again.code == 1
        assert "test_other" not in again.names
    suite.edit("test_a.py", "pass\n", "lib.STATE[0] = 10\n")
    assert suite.both().code == 0
    suite.both()
    assert suite.both().names == []


def test_it_fails_in_each_run_after_several_that_do(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import contextvars

        RATE = contextvars.ContextVar("rate", default=10)

        def rate(): return RATE.get()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import unittest, lib

        class Case(unittest.TestCase):
            def setUp(self):
                token = lib.RATE.set(20)
                self.addCleanup(lib.RATE.reset, token)

            def test_1(self): assert lib.rate() == 20

            def test_2(self): assert lib.rate() == 20

        def test_reads(): assert lib.rate() == 10
        """,
    )
    suite.both()
    suite.edit("test_a.py", "self.addCleanup(lib.RATE.reset, token)", "pass")
    for _ in range(4):
        assert suite.both().code == 1
