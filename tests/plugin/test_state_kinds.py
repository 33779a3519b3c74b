"""Whatever object a module keeps: who finds what another test has left in it runs after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

MEMOS: Final = """
import functools
R = {}
L = [1]
class K:
    @functools.lru_cache
    def get(self): return L[0]
    @classmethod
    @functools.lru_cache
    def of_class(cls): return L[0]
    @staticmethod
    @functools.cache
    def of_none(): return L[0]
    @property
    @functools.lru_cache
    def value(self): return L[0]
    @functools.cached_property
    def own(self): return L[0]
class S(K): pass
"""


def _memo(made: str, asked: str) -> tuple[str, str, str]:
    leaving = f"lib.L[0] = 5; k = {made}; lib.R['k'] = k; k.{asked}; lib.L[0] = 1"
    return MEMOS, leaving, f"lib.R['k'].{asked} == 5"


CASES: Final = {
    "queue": ("import queue\nQ = queue.Queue()", "lib.Q.put(5)", "lib.Q.get_nowait() == 5"),
    "chain of mappings": (
        "import collections\nC = collections.ChainMap({}, {})",
        "lib.C['a'] = 5",
        "lib.C['a'] == 5",
    ),
    "thread": ("import threading\nT = threading.local()", "lib.T.x = 5", "lib.T.x == 5"),
    "namespace": ("import types\nN = types.SimpleNamespace()", "lib.N.x = 5", "lib.N.x == 5"),
    "database": (
        "import sqlite3\nC = sqlite3.connect(':memory:')\nC.execute('create table t(a)')",
        "lib.C.execute('insert into t values (5)')",
        "lib.C.execute('select a from t').fetchone() == (5,)",
    ),
    "memo of an object": _memo("lib.K()", "get()"),
    "memo of a base": _memo("lib.S()", "get()"),
    "memo of a local class": _memo("type('M', (lib.K,), {})()", "get()"),
    "memo of a class": _memo("lib.K()", "of_class()"),
    "memo of a static method": _memo("lib.K()", "of_none()"),
    "memo of a property": _memo("lib.K()", "value"),
    "cached property": _memo("lib.K()", "own"),
    "memo of what is in a list": (
        MEMOS,
        "lib.L[0] = 5; lib.R['k'] = [lib.K()]; lib.R['k'][0].get(); lib.L[0] = 1",
        "lib.R['k'][0].get() == 5",
    ),
}


@pytest.mark.parametrize(("lib", "leaving", "reading"), CASES.values(), ids=CASES)
def test_who_finds_it_rests_on_who_left_it(
    suite: Suite, lib: str, leaving: str, reading: str
) -> None:
    suite.write("lib.py", lib + "\n")
    suite.write(
        "test_it.py",
        f"import lib\ndef test_leaving():\n    {leaving}\n"
        f"def test_reading():\n    assert {reading}\n"
        "def test_other(): pass\n",
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", leaving, leaving.replace("5", "7"))
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_reading"]
    assert set(ran.names) == {"test_leaving", "test_reading"}
    suite.edit("test_it.py", leaving.replace("5", "7"), leaving)
    assert "passed" in suite.both().outcomes["test_it.py::test_reading"]
