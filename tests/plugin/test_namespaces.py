"""Statements and bodies that read names of a module which no name tells: ``globals()``, frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

CALLER: Final = """
def up(name):
    return {frame}[name]
"""
STATEMENTS: Final = {
    "format": 'VALUE = "{CODE}".format(**globals())',
    "percent": 'VALUE = "%(CODE)s" % vars()',
    "locals": 'VALUE = locals()["CO" + "DE"]',
    "eval": 'VALUE = eval("CODE")',
    "handed on": 'VALUE = [*map(eval, ["CODE"])][0]',
    "of builtins": 'import builtins\nVALUE = builtins.eval("CODE")',
    "dir": 'VALUE = [name for name in dir() if name.startswith("CO") and eval(name)][0]',
    "exec": 'exec("VALUE = CODE")',
    "kept": 'SPACE = globals()\nVALUE = SPACE["CODE"]',
    "module": 'import sys\nVALUE = "{0.CODE}".format(sys.modules[__name__])',
    "its dictionary": 'import sys\nVALUE = vars(sys.modules[__name__])["CO" + "DE"]',
    "lambda": 'VALUE = (lambda: globals()["CO" + "DE"])()',
    "class": 'class K:\n    value = "{CODE}".format(**globals())\nVALUE = K.value',
    "condition": 'if globals()["CODE"] == 1:\n    VALUE = 1\nelse:\n    VALUE = 2',
    "loop": 'for name in ("CODE",):\n    VALUE = globals()[name]',
    "default": 'def late(value=eval("CODE")): return value\nVALUE = late()',
    "update": 'globals().update(VALUE=globals()["CODE"])',
    "frame": "import sys\n" + CALLER.format(frame="sys._getframe(1).f_globals")
    + 'VALUE = up("CO" + "DE")',
    "frame's locals": "import inspect\n"
    + CALLER.format(frame="inspect.currentframe().f_back.f_locals")
    + 'VALUE = up("CO" + "DE")',
    "caller of another module": 'from helper import up\nVALUE = up("CO" + "DE")',
}  # fmt: skip


@pytest.mark.parametrize("how", STATEMENTS)
def test_a_statement_reads_what_the_namespace_holds(suite: Suite, how: str) -> None:
    frame = CALLER.format(frame="sys._getframe(1).f_globals")
    suite.write("helper.py", f"import sys\n{frame}")
    suite.write("lib.py", f"CODE = 1\n{STATEMENTS[how]}\n")
    suite.write("other.py", "THING = 1\n")
    suite.write(
        "test_a.py",
        "def test_reads():\n    from lib import VALUE\n    assert str(VALUE) in ('1', 'CODE')\n",
    )
    suite.write("test_b.py", "import other\ndef test_other(): assert other.THING\n")
    suite.both()
    assert suite.both().names == []
    suite.edit("lib.py", "CODE = 1", "CODE = 0")
    ran = suite.both()
    assert ran.names == ["test_reads"]
    suite.edit("other.py", "THING = 1", "THING = 2")
    assert "test_other" in suite.both().names


HELPER: Final = """
import sys

def up(name):
    return sys._getframe(1).f_globals[name]

def name():
    return sys._getframe(1).f_globals["__name__"]
"""


def test_a_body_that_reads_its_caller_rests_on_the_caller_s_module(suite: Suite) -> None:
    suite.write("helper.py", HELPER)
    suite.write(
        "lib.py",
        """
        import helper

        CODE = 1

        def value(): return helper.up("CO" + "DE")

        def name(): return helper.name()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import helper, lib

        MINE = 1

        def test_own(): assert helper.up("MI" + "NE") == 1

        def test_other(): assert lib.value() == 1

        def test_name(): assert lib.name() == "lib"
        """,
    )
    suite.both()
    assert suite.both().names == []
    suite.edit("lib.py", "CODE = 1", "CODE = 2 - 1")
    assert suite.both().names == ["test_other"]
    suite.edit("lib.py", "CODE = 2 - 1", "CODE = 2")
    assert suite.both().code == 1
    suite.edit("lib.py", "CODE = 2", "CODE = 2 - 1")
    assert suite.both().names == []
    suite.edit("test_a.py", "MINE = 1", "MINE = 2 - 1")
    ran = suite.both()
    assert "test_own" in ran.names
    assert "test_name" not in ran.names
    suite.edit("test_a.py", "MINE = 2 - 1", "MINE = 2")
    assert suite.both().code == 1
