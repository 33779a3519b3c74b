"""Modules that tests import first: an import in them that fails then is the test's failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import os
from other import used, also
def f(): return used()
"""
OTHER: Final = """
def used(): return 1
def also(): return 2
def more(): return 3
"""
IMPORTING: Final = {
    "statement": "import lib",
    "name": "from lib import f",
    "by another module": "import outer",
    "computed": "__import__('importlib').import_module('l' + 'ib')",
}


class Edit(NamedTuple):
    """An edit of a file, and whether the test fails then."""

    file: str
    old: str
    new: str
    fails: bool


EDITS: Final = {
    "a name that a standard module lacks": Edit("lib.py", "import os", "from os import no", True),
    "the same beside others": Edit(
        "lib.py", "import os", "import os\nfrom json import dumps, no", True
    ),
    "a submodule that is not there": Edit("lib.py", "import os", "import os, xml.no", True),
    "a name that an installed module lacks": Edit(
        "lib.py", "import os", "import os\nfrom packaging import no", True
    ),
    "a name of the project that goes": Edit("other.py", "def also", "def other", True),
    "a name of the project that is bound elsewhere": Edit(
        "other.py", "def also(): return 2", "from os import sep as also", False
    ),
    "another name that goes": Edit("other.py", "def more", "def other", False),
    "an import that closes a circle": Edit(
        "other.py", "def more", "from lib import f\ndef more", True
    ),
    "an import of a module that fails": Edit("lib.py", "import os", "import os, failing", True),
    "an import of another module": Edit("lib.py", "import os", "import os, binding", False),
}


CASES: Final = [(how, "a name that a standard module lacks") for how in IMPORTING] + [
    ("statement", edit) for edit in list(EDITS)[1:]
]


@pytest.mark.parametrize(("how", "edit"), CASES)
def test_an_import_that_comes_to_fail_fails_who_is_the_first_to_import(
    suite: Suite, how: str, edit: str
) -> None:
    statement, (file, old, new, fails) = IMPORTING[how], EDITS[edit]
    suite.write("lib.py", LIB)
    suite.write("other.py", OTHER)
    suite.write("outer.py", "import lib\n")
    suite.write("failing.py", "V = W\n")
    suite.write("binding.py", "V = 1\n")
    suite.write("test_a.py", f"def test_a():\n    {statement}\ndef test_b():\n    {statement}\n")
    suite.warm()
    suite.edit(file, old, new)
    ran = suite.both()
    assert {"call:failed" in outcome for outcome in ran.outcomes.values()} == {fails}
    suite.edit(file, new, old)
    assert suite.both().code == 0


GONE: Final = {
    "module and folder": "sys.path.remove(FOLDER); del sys.modules['plug']",
    "folder": "sys.path.remove(FOLDER)",
    "module": "del sys.modules['plug']",
}


@pytest.mark.parametrize("what", GONE)
@pytest.mark.parametrize("use", ["import plug; assert plug.N == 1", "from plug import N as n"])
def test_a_module_counts_that_is_not_found_by_its_name_any_more(
    suite: Suite, what: str, use: str
) -> None:
    suite.write("extra/plug.py", "N = 1\ndef unused(): return 1\n")
    suite.write(
        "test_a.py",
        f"""
        import pytest, sys, os
        FOLDER = os.path.join(os.path.dirname(__file__), "extra")

        @pytest.fixture
        def extra():
            sys.path.insert(0, FOLDER)
            yield
            {GONE[what]}

        def test_uses(extra):
            {use}
            assert sys.modules["plug"].N == 1
        def test_free(): pass
        """,
    )
    suite.both()
    suite.edit("extra/plug.py", "return 1", "return 2")
    ran = suite.both()
    assert "test_free" not in ran.names
    suite.edit("extra/plug.py", "N = 1", "N = 2")
    ran = suite.both()
    assert ran.names == ["test_uses"]
    assert ran.code == 1
