"""What imports have made before the first test follows from what imports made, not from tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

_LIB = """
    STATE = {"n": 1}
    VALUE = {}
    LAST = {}

    def set_state(n):
        STATE["n"] = n

    def make_value():
        VALUE["v"] = STATE["n"]

    def make_last():
        LAST["w"] = VALUE["v"]
    """
_TESTS = """
    import lib, made

    def test_state(): lib.STATE["n"] = 7
    def test_value(): assert lib.VALUE["v"]
    def test_last(): assert lib.LAST["w"]
    def test_read(): assert lib.STATE["n"]
    """


@pytest.fixture
def made(suite: Suite) -> Suite:
    suite.write("lib.py", _LIB)
    suite.write("early.py", "import lib\n\nlib.set_state(2)\n")
    suite.write("made.py", "import lib, early\n\nlib.make_value()\nlib.make_last()\n")
    suite.write("test_a.py", _TESTS)
    return suite


def test_it_holds_nothing_that_tests_left(made: Suite) -> None:
    made.both()
    assert made.both().live == []
    made.edit("test_a.py", '"n"] = 7', '"n"] = 8')
    assert made.both().names == ["test_state", "test_read"]


def test_it_follows_from_what_imports_made(made: Suite) -> None:
    made.both()
    made.edit("early.py", "set_state(2)", "set_state(3)")
    assert {"test_value", "test_last", "test_read"} <= {*made.both().names}
    made.edit("lib.py", '= STATE["n"]', '= STATE["n"] + 1')
    assert {"test_value", "test_last"} <= {*made.both().names}
    made.edit("lib.py", 'STATE["n"] = n', 'STATE["n"] = -1')
    assert made.both().code == 1


def test_what_tests_import_may_hold_what_tests_left(suite: Suite) -> None:
    suite.write("lib.py", _LIB)
    suite.write("late.py", "import lib\n\nlib.make_value()\n")
    suite.write(
        "test_a.py",
        """
        import lib

        def test_state(): lib.set_state(7)
        def test_import(): import late
        def test_value(): assert lib.VALUE["v"] == 7
        """,
    )
    suite.both()
    suite.edit("test_a.py", "set_state(7)", "set_state(8)")
    assert suite.both().code == 1


def test_what_a_test_makes_again_holds_what_tests_left(made: Suite) -> None:
    made.write(
        "test_b.py",
        """
        import lib

        def test_again(): lib.make_value()
        def test_seven(): assert lib.VALUE["v"] == 7
        """,
    )
    made.both()
    made.edit("test_a.py", '"n"] = 7', '"n"] = 8')
    assert made.both().code == 1
