"""What only functions of the standard library set and tell is watched once somebody names them."""

from __future__ import annotations

import calendar
import csv
import decimal
import email.charset
import json
import logging
import shutil
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

Kind = tuple[str, str, str, Callable[[], object]]
"""What is imported, what leaves something, what finds it, and what takes it back."""

_BEGINNING: Any = calendar.firstweekday()
_LIMIT, _INTERVAL = csv.field_size_limit(), sys.getswitchinterval()
_PRECISION: Any = decimal.DefaultContext.prec
_LAST: Any = logging.lastResort
LEFT: dict[str, Kind] = {
    "instance": (
        "calendar",
        "calendar.setfirstweekday(5)",
        "calendar.firstweekday() == 5",
        lambda: calendar.setfirstweekday(_BEGINNING),
    ),
    "what a function tells": (
        "csv",
        "csv.field_size_limit(77)",
        "csv.field_size_limit() == 77",
        lambda: csv.field_size_limit(_LIMIT),
    ),
    "of what is loaded late": (
        "sys",
        "__import__('sys') and sys.setswitchinterval(0.5)",
        "sys.getswitchinterval() == 0.5",
        lambda: sys.setswitchinterval(_INTERVAL),
    ),
    "mapping": (
        "email.charset",
        "email.charset.add_alias('left', 'utf-8')",
        "'left' in email.charset.ALIASES",
        lambda: email.charset.ALIASES.pop("left", None),
    ),
    "private mapping": (
        "shutil",
        "shutil.register_archive_format('left', print, (), '')",
        "'left' in dict(shutil.get_archive_formats())",
        lambda: vars(shutil)["_ARCHIVE_FORMATS"].pop("left", None),
    ),
    "private global": (
        "urllib.request",
        "urllib.request.install_opener(urllib.request.OpenerDirector())",
        "urllib.request._opener.handlers == []",
        lambda: setattr(urllib.request, "_opener", None),
    ),
    "private global that is written to": (
        "uuid",
        "uuid._left = 5",
        "getattr(uuid, '_left', 0) == 5",
        lambda: vars(uuid).pop("_left", None),
    ),
    "attribute of sys": (
        "sys",
        "sys.left = 5",
        "getattr(sys, 'left', 0) == 5",
        lambda: vars(sys).pop("left", None),
    ),
    "attribute of pytest": (
        "pytest",
        "pytest.left = 5",
        "getattr(pytest, 'left', 0) == 5",
        lambda: vars(pytest).pop("left", None),
    ),
    "level of a handler": (
        "logging",
        "logging.lastResort.setLevel(5)",
        "logging.lastResort.level == 5",
        lambda: _LAST.setLevel(logging.WARNING),
    ),
    "object in C": (
        "decimal",
        "decimal.DefaultContext.prec = 5",
        "decimal.DefaultContext.prec == 5",
        lambda: setattr(decimal.DefaultContext, "prec", _PRECISION),
    ),
    "by way of a module of the project": (
        "lib",
        "lib.json.left = 5",
        "getattr(lib.json, 'left', 0) == 5",
        lambda: vars(json).pop("left", None),
    ),
    "a list, in a function that imports": (
        "sys",
        "(lambda: None)()\n    import shutil\n    shutil.left.append(5)",
        "'left' in vars(__import__('shutil')) and __import__('shutil').left == [5]",
        lambda: vars(shutil).update(left=[]),
    ),
}


@pytest.fixture(autouse=True)
def _what_the_suite_leaves() -> Iterator[None]:
    _take_back()
    yield
    _take_back()
    vars(shutil).pop("left")


def _take_back() -> None:
    for *_, undo in LEFT.values():
        undo()


@pytest.mark.parametrize("kind", LEFT)
def test_who_reads_it_runs_after_who_leaves_it(suite: Suite, kind: str) -> None:
    module, leave, find, _ = LEFT[kind]
    suite.write("lib.py", "import json\n")
    suite.write("test_a.py", f"import {module}\ndef test_leaves():\n    {leave}\ndef test_c(): 1\n")
    suite.write("test_b.py", f"import {module}\ndef test_finds(): assert {find}\n")
    for _ in range(2):
        _take_back()
        assert suite.cached().code == 0
    suite.edit("test_b.py", f"assert {find}", f"assert 1 and {find}")
    _take_back()
    ran = suite.cached()
    assert (ran.code, sorted(set(ran.names))) == (0, ["test_finds", "test_leaves"])
    suite.edit("test_a.py", leave, "pass")
    _take_back()
    assert "failed" in suite.cached().outcomes["test_b.py::test_finds"]


def test_who_uses_asyncio_in_turn_does_not_rest_on_who_did_before(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import asyncio

        def run(value):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            try:
                return loop.run_until_complete(asyncio.sleep(0, value))
            finally:
                loop.close()
        """,
    )
    for name in "abc":
        suite.write(
            f"test_{name}.py", f"import lib\ndef test_{name}():\n    assert lib.run(1) == 1\n"
        )
    suite.warm()
    suite.edit("test_b.py", "== 1", "== 2 - 1")
    assert suite.cached().live == ["test_b.py::test_b"]
