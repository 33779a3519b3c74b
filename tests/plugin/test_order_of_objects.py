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


EARLY = """
EARLY = form(y=Field(), x=Field())

def test_early():
    assert EARLY.names == ["y", "x"]
"""
COUNTED = """
import fields

def test_c():
    assert fields.Field.creation_counter == 7
"""


@pytest.fixture
def early(suite: Suite) -> Suite:
    """Some are made while modules are imported, too."""
    key = "pair[1].creation_counter"
    suite.write("fields.py", FIELDS.replace("{key}", key))
    suite.write("test_a.py", "from fields import *\ndef test_a(): assert form(a=Field()).names\n")
    suite.write(
        "test_b.py",
        "from fields import *\n" + EARLY + "\ndef test_b():\n"
        '    assert form(z=Field(), a=Field()).names == ["z", "a"]\n',
    )
    suite.write("test_c.py", COUNTED.replace("7", "5"))
    suite.warm()
    return suite


def test_order_rests_on_nobody_where_imports_make_some_too(early: Suite) -> None:
    early.write("test_c.py", "def test_c(): pass\n")
    early.warm()
    early.edit("test_a.py", "a=Field()", "a=Field(), b=Field()")
    assert early.both().names == ["test_a"]
    early.edit("fields.py", 'self.name = ""', 'self.name = "?"')
    assert set(early.both().names) == {"test_a", "test_b", "test_early"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("form(y=Field(), x=Field())", "form(y=Field(), x=Field(), v=Field(), w=Field())"),
        ("form(y=Field(), x=Field())", "form(y=Field(), x=Field()); form(a=Field(), b=Field())"),
        ("z=Field(), a=Field()", "z=Field(), a=Field() and Field() and Field()"),
    ],
    ids=["one that is there", "another", "in a test"],
)
def test_how_many_imports_made_counts_for_who_asks(early: Suite, old: str, new: str) -> None:
    early.edit("test_b.py", old, new)
    found = early.both()
    assert "failed" in found.outcomes["test_c.py::test_c"]
    early.write("test_c.py", COUNTED)
    assert early.both().code == ("v=" in new)


@pytest.mark.parametrize("text", ["Field.creation_counter = 10", "Field.creation_counter += 5"])
def test_a_statement_that_sets_it_counts_for_who_asks(early: Suite, text: str) -> None:
    early.edit("test_b.py", "\nEARLY", f"\n{text}\nEARLY")
    found = early.both()
    assert "failed" in found.outcomes["test_c.py::test_c"]
