"""What tests leave to each other in the standard library and in other distributions."""

from __future__ import annotations

import builtins
import copyreg
import csv
import decimal
import gc
import json
import logging
import mimetypes
import os
import random
import socket
import sqlite3
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LEFT = {
    "level": ("logging.getLogger('left').setLevel(10)", "logging.getLogger('left').level == 10"),
    "disabled": ("logging.disable(50)", "not logging.getLogger('left').isEnabledFor(50)"),
    "handler": ("log.addHandler(logging.NullHandler())", "len(log.handlers) == 1"),
    "handler of another kind": ("log.addHandler(Other())", "len(log.handlers) == 1"),
    "handler that is not made": ("log.addHandler(Unmade())", "len(log.handlers) == 1"),
    "handler that answers nothing": ("log.addHandler(SEALED)", "len(log.handlers) == 1"),
    "logger of another kind": ("loggers['other'] = SEALED", "'other' in loggers"),
    "decimal": ("decimal.getcontext().prec = 5", "str(1 / decimal.Decimal(3)) == '0.33333'"),
    "seed": ("random.seed(3)", "random.randrange(1000) == 243"),
    "timeout": ("socket.setdefaulttimeout(3)", "socket.getdefaulttimeout() == 3"),
    "recursion": ("sys.setrecursionlimit(4321)", "sys.getrecursionlimit() == 4321"),
    "arguments": ("sys.argv[1:] = ['left']", "sys.argv[1:] == ['left']"),
    "level's name": ("logging.addLevelName(35, 'left')", "logging.getLevelName(35) == 'left'"),
    "dialect": ("csv.register_dialect('left', delimiter='|')", "'left' in csv.list_dialects()"),
    "type of files": ("mimetypes.add_type('x/left', '.l')", "mimetypes.guess_type('a.l')[0]"),
    "pickler": ("copyreg.pickle(type(...), str)", "type(...) in copyreg.dispatch_table"),
    "adapter": ("sqlite3.register_adapter(set, str)", "(set, PROTOCOL) in sqlite3.adapters"),
    "umask": ("os.umask(0o27)", "os.umask(0o27) == 0o27"),
    "collector": ("gc.disable()", "not gc.isenabled()"),
    "builtin": ("builtins.left = 1", "left == 1"),
    "module": ("json.left = 1", "hasattr(json, 'left')"),
    "class": ("json.JSONEncoder.default = lambda s, o: 1", "json.dumps(object()) == '1'"),
}
USING = """
import builtins, copyreg, csv, decimal, gc, json, logging, mimetypes, os, random
import socket, sqlite3, sys
from unittest import mock
log = logging.getLogger("left")
loggers = logging.root.manager.loggerDict
PROTOCOL = sqlite3.PrepareProtocol
SEALED = mock.Mock(level=0, handle=print)
mock.seal(SEALED)

class Other:
    level = 0

class Unmade(logging.NullHandler):
    def __init__(self):
        self.level = 0
"""


@pytest.fixture(autouse=True)
def _what_the_suite_leaves() -> Iterator[None]:
    limit, argv, state = sys.getrecursionlimit(), sys.argv[:], random.getstate()
    default = json.JSONEncoder.default
    put_back()
    yield
    put_back()
    sys.setrecursionlimit(limit)
    sys.argv[:] = argv
    random.setstate(state)
    setattr(json.JSONEncoder, "default", default)  # noqa: B010  # mypy: a method


UMASK = os.umask(0o22)
os.umask(UMASK)


def put_back() -> None:
    logging.disable(logging.NOTSET)
    logging.getLogger("left").setLevel(logging.NOTSET)
    logging.getLogger("left").handlers.clear()
    logging.root.manager.loggerDict.pop("other", None)
    decimal.setcontext(decimal.Context())
    socket.setdefaulttimeout(None)
    vars(builtins).pop("left", None)
    vars(json).pop("left", None)
    vars(logging)["_levelToName"].pop(35, None)
    vars(logging)["_nameToLevel"].pop("left", None)
    if "left" in csv.list_dialects():
        csv.unregister_dialect("left")
    mimetypes.types_map.pop(".l", None)
    copyreg.dispatch_table.pop(type(...), None)
    sqlite3.adapters.pop((set, sqlite3.PrepareProtocol), None)
    os.umask(UMASK)
    gc.enable()


@pytest.mark.parametrize("kind", LEFT)
def test_who_reads_it_runs_after_who_leaves_it(suite: Suite, kind: str) -> None:
    leave, find = LEFT[kind]
    suite.write("test_a.py", f"{USING}\ndef test_leaves(): {leave}\ndef test_other(): pass\n")
    suite.write("test_b.py", f"{USING}\ndef test_finds(): assert {find}\ndef test_free(): pass\n")
    clean = decimal.getcontext(), sys.getrecursionlimit(), sys.argv[:], json.JSONEncoder.default

    def again() -> None:
        put_back()
        sys.setrecursionlimit(clean[1])
        sys.argv[:] = clean[2]
        setattr(json.JSONEncoder, "default", clean[3])  # noqa: B010

    for _ in range(2):
        again()
        assert suite.cached().code == 0
    suite.edit("test_b.py", f"assert {find}", f"assert 1 and {find}")
    suite.edit("test_b.py", "test_free(): pass", "test_free(): 1")
    again()
    ran = suite.cached()
    assert (ran.code, sorted(set(ran.names))) == (0, ["test_finds", "test_free", "test_leaves"])
    suite.edit("test_a.py", leave, "pass")
    again()
    random.seed(4)
    assert {"test_finds": "failed"}.items() <= outcomes(suite.cached().outcomes).items()


def outcomes(found: dict[str, str]) -> dict[str, str]:
    return {
        nodeid.partition("::")[2]: "failed" if "failed" in told else "passed"
        for nodeid, told in found.items()
    }


def test_sources_of_generated_code_join_nobody(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import linecache

        def make(name):
            linecache.cache[f"<made {name}>"] = (1, None, ["return 1"], name)
            return name
        """,
    )
    suite.write("test_a.py", "import lib\ndef test_a():\n    assert lib.make('a') == 'a'\n")
    suite.write("test_b.py", "import lib\ndef test_b():\n    assert lib.make('b') == 'b'\n")
    suite.warm()
    suite.edit("test_b.py", "== 'b'", "== 'b' + ''")
    assert suite.cached().live == ["test_b.py::test_b"]
