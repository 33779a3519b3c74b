"""What is remembered while a test has changed something for the time being is that test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import functools
import os
import weakref

LIMIT = 1
STATE = {"level": 1}

class Config:
    level = 1
    def __init__(self): self.depth = 1
    def deepen(self, depth): self.depth = depth

class Key: pass

CONFIG = Config()
KEPT = {}
KEYS = weakref.WeakKeyDictionary()

def limit(): return LIMIT

def put(mapping, value): mapping["level"] = value

@functools.lru_cache
def of_limit(): return limit()

@functools.cache
def of_state(): return STATE["level"]

@functools.cache
def of_class(): return CONFIG.level

@functools.cache
def of_object(): return CONFIG.depth

@functools.cache
def of_variable(): return int(os.environ.get("SOME_LEVEL", "1"))

@functools.cache
def of_file(): return int(open("level.txt").read())

@functools.cache
def of_nothing(n): return n * 2

def kept(name):
    if name not in KEPT:
        KEPT[name] = limit()
    return KEPT[name]

def by_key(key):
    if key not in KEYS:
        KEYS[key] = limit()
    return KEYS[key]
"""

CASES: Final = {
    "a patched global": ("monkeypatch.setattr(lib, 'LIMIT', 5); lib.of_limit()", "lib.of_limit()"),
    "one named by a text": (
        "monkeypatch.setattr('lib.LIMIT', 5); lib.of_limit()",
        "lib.of_limit()",
    ),
    "a patch of the standard library": (
        "with mock.patch.object(lib, 'LIMIT', 5): lib.of_limit()",
        "lib.of_limit()",
    ),
    "a patched key": (
        "monkeypatch.setitem(lib.STATE, 'level', 5); lib.of_state()",
        "lib.of_state()",
    ),
    "a patched attribute": (
        "monkeypatch.setattr(lib.Config, 'level', 5); lib.of_class()",
        "lib.of_class()",
    ),
    "a variable": (
        "monkeypatch.setenv('SOME_LEVEL', '5'); lib.of_variable()",
        "lib.of_variable()",
    ),
    "a variable that is set by hand": (
        "os.environ['SOME_LEVEL'] = '5'; lib.of_variable(); del os.environ['SOME_LEVEL']",
        "lib.of_variable()",
    ),
    "another folder": (
        "(tmp_path / 'level.txt').write_text('5'); monkeypatch.chdir(tmp_path); lib.of_file()",
        "lib.of_file()",
    ),
    "a method": ("lib.CONFIG.deepen(5); lib.of_object(); lib.CONFIG.deepen(1)", "lib.of_object()"),
    "an attribute that is put back": (
        "lib.CONFIG.depth = 5; lib.of_object(); lib.CONFIG.depth = 1",
        "lib.of_object()",
    ),
    "a global that is put back": ("lib.LIMIT = 5; lib.of_limit(); lib.LIMIT = 1", "lib.of_limit()"),
    "a key that is put back": (
        "lib.STATE['level'] = 5; lib.of_state(); lib.STATE['level'] = 1",
        "lib.of_state()",
    ),
    "a mapping": ("monkeypatch.setattr(lib, 'LIMIT', 5); lib.kept('a')", "lib.kept('a')"),
    "what a function is given": (
        "lib.put(lib.STATE, 5); lib.of_state(); lib.put(lib.STATE, 1)",
        "lib.of_state()",
    ),
    "a lasting key held weakly": (
        "monkeypatch.setattr(lib, 'LIMIT', 5); lib.by_key(lib.Config)",
        "lib.by_key(lib.Config)",
    ),
}


def _write(suite: Suite, leaving: str, reading: str) -> None:
    suite.write("lib.py", LIB)
    suite.write("level.txt", "1")
    suite.write(
        "test_it.py",
        "import lib, os\nfrom unittest import mock\n"
        f"def test_leaving(monkeypatch, tmp_path):\n    {leaving}\n"
        f"def test_reading():\n    assert {reading}\n"
        "def test_other():\n    assert lib.of_nothing(2) == 4\n",
    )


@pytest.mark.parametrize(("leaving", "reading"), CASES.values(), ids=CASES)
def test_readers_rest_on_who_filled(suite: Suite, leaving: str, reading: str) -> None:
    _write(suite, leaving, f"{reading} == 5")
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", leaving, leaving.replace("5", "7"))
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_reading"]
    assert set(ran.names) == {"test_leaving", "test_reading"}


@pytest.mark.parametrize(
    ("leaving", "reading"),
    [
        ("monkeypatch.setenv('OTHER', '5'); lib.of_nothing(1)", "lib.of_nothing(1) == 2"),
        ("lib.CONFIG.depth = 5; lib.of_nothing(1); lib.CONFIG.depth = 1", "lib.of_nothing(1) == 2"),
        (
            "monkeypatch.setattr(lib, 'LIMIT', 5); lib.by_key(lib.Key())",
            "lib.by_key(lib.Key()) == 1",
        ),
    ],
    ids=["variable", "attribute", "key that goes"],
)  # fmt: skip
def test_what_does_not_read_it_is_the_same_for_all(
    suite: Suite, leaving: str, reading: str
) -> None:
    _write(suite, leaving, reading)
    suite.warm()
    suite.edit("test_it.py", leaving, leaving.replace("5", "7"))
    assert set(suite.both().names) == {"test_leaving"}


@pytest.mark.parametrize(
    "code",
    [
        "@mock.patch('lib.LIMIT', 5)\ndef test_leaving(): lib.of_limit()\n",
        "@mock.patch('lib.LIMIT', 5)\nclass TestIt:\n    def test_leaving(self): lib.of_limit()\n",
        "import pytest\n@pytest.fixture(scope='module', autouse=True)\ndef _limit():\n"
        "    with mock.patch('lib.LIMIT', 5): yield\n"
        "def test_leaving(): lib.of_limit()\n",
    ],
    ids=["function", "class", "fixture"],
)
def test_who_is_patched_from_outside(suite: Suite, code: str) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_it.py", f"import lib\nfrom unittest import mock\n{code}")
    suite.write("test_later.py", "import lib\ndef test_reading(): assert lib.of_limit() == 5\n")
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", "5", "7")
    assert "failed" in suite.both().outcomes["test_later.py::test_reading"]


@pytest.mark.parametrize("scope", ["session", "module", "class"])
@pytest.mark.parametrize(
    "leaving",
    [
        "lib.LIMIT = 5; request.getfixturevalue('level'); lib.LIMIT = 1",
        "monkeypatch.setattr(lib, 'LIMIT', 5); request.getfixturevalue('level')",
    ],
    ids=["by hand", "patched"],
)
def test_a_wider_fixture_that_is_set_up_meanwhile(suite: Suite, scope: str, leaving: str) -> None:
    suite.write("lib.py", LIB)
    suite.write(
        "test_it.py",
        "import lib, pytest\n"
        f"@pytest.fixture(scope='{scope}')\ndef level(): return lib.limit()\n"
        "class TestIt:\n"
        f"    def test_leaving(self, request, monkeypatch):\n        {leaving}\n"
        "    def test_reading(self, level):\n        assert level == 5\n"
        "    def test_other(self): assert True\n",
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", "assert True", "assert 1")
    assert len(suite.both().live) == 1
    suite.edit("test_it.py", "level == 5", "5 == level")
    assert "passed" in suite.both().outcomes["test_it.py::TestIt::test_reading"]
    suite.edit("test_it.py", leaving, leaving.replace("5", "7"))
    assert "failed" in suite.both().outcomes["test_it.py::TestIt::test_reading"]
