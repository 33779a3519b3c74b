"""Counters of objects: their order is nobody's business, how many there were is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TESTS = """
    import lib

    def test_other(): pass

    def test_makes(): lib.K()

    def test_asks(): assert {asking}
"""
ASKED = {
    "under another name": ("K._next += 1\n        self.id = K._next", "lib.K().id == 2"),
    "by the type": (
        "type(self)._next += 1\n        self.id = type(self)._next",
        "lib.K().id == 2",
    ),
    "before": ("self.id = K._next\n        K._next += 1", "lib.K().id == 1"),
    "of itself": ("self.id = self._next\n        K._next += 1", "lib.K().id == 1"),
    "twice": (
        "self.id = K._next\n        K._next += 1\n        self.key = self.id",
        "lib.K().key == 1",
    ),
    "in a text": ("K._next += 1\n        self.name = f'K{K._next}'", "lib.K().name == 'K2'"),
    "in a method": ("K._next += 1\n        self.id = K._next", "str(lib.K()) == '2'"),
    "computed": ("K._next += 1\n        self.id = K._next * 10", "lib.K().id == 20"),
}
LIB = """
    class K:
        _next = 0
        def __init__(self):
            {making}
        def __str__(self): return str(self.id)
"""


def write(suite: Suite, making: str, asking: str) -> None:
    suite.write("lib.py", LIB.format(making=making.replace("\n", "\n    ")))
    suite.write("test_a.py", TESTS.format(asking=asking))
    suite.warm()


@pytest.mark.parametrize("case", ASKED)
def test_who_asks_what_it_was_rests_on_who_counted(suite: Suite, case: str) -> None:
    write(suite, *ASKED[case])
    suite.edit("test_a.py", "def test_makes(): lib.K()", "def test_makes(): pass")
    again = suite.both()
    assert {*again.names} >= {"test_makes", "test_asks"}
    assert "failed" in again.outcomes["test_a.py::test_asks"]


def test_a_global_counter_counts_likewise(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        N = 0

        class K:
            def __init__(self):
                global N
                N += 1
                self.id = N
        """,
    )
    suite.write("test_a.py", TESTS.format(asking="lib.K().id == 2"))
    suite.warm()
    suite.edit("test_a.py", "def test_makes(): lib.K()", "def test_makes(): pass")
    again = suite.both()
    assert {*again.names} >= {"test_makes", "test_asks"}
    assert "failed" in again.outcomes["test_a.py::test_asks"]


@pytest.mark.parametrize("name", ["order", "_next"])
def test_who_asks_for_the_order_does_not(suite: Suite, name: str) -> None:
    making = f"K._next += 1\n        self.{name} = K._next"
    asking = f"sorted([lib.K(), lib.K()], key=lambda k: k.{name})"
    write(suite, making, asking)
    suite.edit("test_a.py", "def test_makes(): lib.K()", "def test_makes(): pass")
    assert suite.both().names == ["test_makes"]
