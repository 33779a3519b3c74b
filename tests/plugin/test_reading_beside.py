"""A test that reads a file and fills what others find: whether these rest on the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import functools
KNOWN = {}
def load():
    with open("data.txt") as file:
        return file.read()
@functools.lru_cache
def double(n): return 2 * n
@functools.lru_cache
def table(): return load()
@functools.lru_cache
def late():
    import settings
    return settings.VALUE
def get(name):
    if name not in KNOWN:
        KNOWN[name] = load()
    return KNOWN[name]
def put(name, value):
    if name not in KNOWN:
        KNOWN[name] = value
    return KNOWN[name]
"""


class Filling(NamedTuple):
    """What both tests call, and whether the second one rests on the file."""

    call: str
    counts: bool


CASES: Final = {
    "a memo": Filling("lib.double(2)", counts=False),
    "a memo that reads": Filling("lib.table()", counts=True),
    "a memo that imports what reads": Filling("lib.late()", counts=True),
    "a register that reads": Filling("lib.get('x')", counts=True),
    "a register that is given it": Filling("lib.put('x', open('data.txt').read())", counts=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_counts_for_what_was_filled_while_it_was_read(suite: Suite, case: Filling) -> None:
    suite.write("lib.py", LIB)
    suite.write("settings.py", "VALUE = open('data.txt').read()\n")
    suite.write("data.txt", "a")
    suite.write(
        "test_a.py", f"import lib\ndef test_a(): assert open('data.txt').read() and {case.call}\n"
    )
    suite.write("test_b.py", f"import lib\ndef test_b(): assert {case.call}\n")
    suite.warm()
    suite.write("data.txt", "b")
    assert ("test_b.py::test_b" in suite.both().live) is case.counts
