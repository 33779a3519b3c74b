"""Counters that order objects: how many there were before makes no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

FIELDS = """
class Field:
    creation_counter = 0

    def __init__(self):
        Field.creation_counter += 1
        self.name = ""
        self.creation_counter = Field.creation_counter

class Meta(type):
    def __init__(cls, name, bases, space):
        found = [(key, each) for key, each in space.items() if isinstance(each, Field)]
        found.sort(key=lambda pair: ({key}, pair[0]))
        cls.names = [key for key, _ in found]

def form(**fields):
    return Meta("Form", (), fields)
"""


def write(suite: Suite, key: str) -> None:
    suite.write("fields.py", FIELDS.replace("{key}", key))
    suite.write("test_a.py", "from fields import *\ndef test_a(): assert form(a=Field()).names\n")
    suite.write(
        "test_b.py",
        """
        from fields import *

        def test_b():
            assert form(z=Field(), a=Field()).names == ["z", "a"]
        """,
    )
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", "a=Field()", "a=Field(), b=Field()")


def test_order_rests_on_nobody(suite: Suite) -> None:
    write(suite, "pair[1].creation_counter")
    assert suite.both().names == ["test_a"]


@pytest.mark.parametrize("key", ["pair[1].creation_counter % 2", "pair[1].creation_counter // 3"])
def test_what_is_computed_from_a_counter_rests_on_who_counted(suite: Suite, key: str) -> None:
    write(suite, key)
    assert set(suite.both().names) == {"test_a", "test_b"}


def test_who_asks_how_many_there_were_rests_on_who_counted(suite: Suite) -> None:
    suite.write("test_c.py", "import fields\ndef test_c(): assert fields.Field.creation_counter\n")
    write(suite, "pair[1].creation_counter")
    assert "test_c" in suite.both().names
