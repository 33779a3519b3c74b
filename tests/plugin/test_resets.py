"""Who resets something before it looks at it does not rest on what others have left there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="which lines run is told by sys.monitoring"
)

LIB: Final = """
D = {}
L = []
G = None

class Register:
    def __init__(self):
        self.jobs = []

    def clear(self, tag=None):
        if tag is None:
            del self.jobs[:]
        else:
            self.jobs[:] = (job for job in self.jobs if job != tag)

    def renew(self):
        self.jobs = []

    def add(self, job):
        self.jobs.append(job)

REGISTER = Register()
JOBS = REGISTER.jobs

def clear(tag=None):
    REGISTER.clear(tag)

def make():
    return []
"""
TESTS: Final = """
import lib

def test_first():
    {leave}

def test_second():
    {look}

def test_other(): pass
"""
# What resets, what leaves something, and who looks at it.
FREE: Final = {
    "a mapping": ("lib.D.clear()", "lib.D['k'] = 1", "assert 'k' not in lib.D"),
    "a mapping, then filled": (
        "lib.D.clear()\n    lib.D['n'] = 0",
        "lib.D['k'] = 1",
        "assert lib.D == {'n': 0}",
    ),
    "a list": ("lib.L.clear()", "lib.L.append(1)", "assert not lib.L"),
    "items of a list": ("del lib.L[:]", "lib.L.append(1)", "assert not lib.L"),
    "a global": ("lib.G = None", "lib.G = 1", "assert lib.G is None"),
    "a global that is made anew": (
        "lib.G = lib.make()\n    assert 1",
        "lib.G = [1]",
        "assert lib.G == []",
    ),
    "by a method": ("lib.REGISTER.clear()", "lib.REGISTER.add(1)", "assert not lib.REGISTER.jobs"),
    "by a function": ("lib.clear()", "lib.REGISTER.add(1)", "assert not lib.REGISTER.jobs"),
    "under another name": ("lib.clear()", "lib.REGISTER.add(1)", "assert not lib.JOBS"),
    "an attribute": ("lib.REGISTER.renew()", "lib.REGISTER.add(1)", "assert not lib.REGISTER.jobs"),
}


def write(suite: Suite, reset: str, leave: str, look: str, fixture: str = "") -> None:
    suite.write("lib.py", LIB)
    body = fixture or f"{reset}"
    suite.write(
        "conftest.py",
        f"import lib, pytest\n\n@pytest.fixture(autouse=True)\ndef reset():\n    {body}\n",
    )
    suite.write("test_a.py", TESTS.format(leave=leave, look=look))


def edit(suite: Suite, leave: str, instead: str) -> None:
    suite.edit("test_a.py", f"def test_first():\n    {leave}", f"def test_first():\n    {instead}")


@pytest.mark.parametrize("name", FREE)
def test_who_resets_rests_on_nobody(suite: Suite, name: str) -> None:
    reset, leave, look = FREE[name]
    write(suite, reset, leave, look)
    suite.warm()
    edit(suite, leave, f"{leave}; lib.REGISTER")
    assert suite.both().names == ["test_first"]
    suite.edit("test_a.py", look, f"{look}; lib.REGISTER")  # nor needs anybody to run before it
    assert suite.both().names == ["test_second"]


# The same, where what was left may be seen all the same: what the test finds then.
SEEN: Final = {
    "on a condition": ("if len(lib.D) < 2:\n        lib.D.clear()", "lib.D['k'] = 1", "lib.D == {}",
                       "lib.D.update(k=1, m=2)"),
    "in another branch": ("lib.clear('a')", "lib.REGISTER.add('a')", "lib.REGISTER.jobs == []",
                          "lib.REGISTER.add('b')"),
    "after a look": ("lib.G = len(lib.D)\n    lib.D.clear()", "lib.D['k'] = 1", "lib.G == 1",
                     "pass"),
    "kept elsewhere": ("lib.G = lib.D.copy()\n    lib.D.clear()", "lib.D['k'] = 1",
                       "lib.G == {'k': 1}", "lib.D['k'] = 2"),
    "only one item": ("lib.D.pop('k', None)", "lib.D['k'] = 1", "lib.D == {}", "lib.D['m'] = 1"),
    "another object": ("lib.Register().clear()", "lib.REGISTER.add(1)", "lib.REGISTER.jobs == [1]",
                       "lib.REGISTER.add(2)"),
    "afterwards": ("yield\n    lib.D.clear()\n    lib.D['k'] = lib.G", "lib.G = 1",
                   "lib.D == {'k': 1}", "lib.G = 2"),
    "something else": ("lib.L.clear()", "lib.D['k'] = 1", "lib.D == {'k': 1}", "lib.D['k'] = 2"),
    "bound anew by the other": ("lib.L.clear()", "lib.L.append(1)", "type(lib.L) is list",
                                "lib.L = type('L', (list,), {})()"),
    "an attribute bound anew": ("lib.clear()", "lib.REGISTER.add(1)",
                                "type(lib.REGISTER.jobs) is list",
                                "lib.REGISTER.jobs = lib.deque()"),
    "what fails and is caught": (
        "try:\n        lib.G = lib.make().pop()\n    except IndexError:\n        pass",
        "lib.G = 1", "lib.G == 1", "lib.G = 2"),
    "told by an error": (
        "try:\n        lib.D['k']\n    except KeyError:\n        lib.G = 0\n    lib.D.clear()",
        "lib.D['k'] = 1", "lib.G is None", "pass"),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_who_may_see_it_all_the_same_runs(suite: Suite, name: str) -> None:
    reset, leave, look, instead = SEEN[name]
    write(suite, reset, leave, f"assert {look}")
    suite.edit("lib.py", "D = {}", "from collections import deque\nD = {}")
    suite.warm()
    edit(suite, leave, instead)
    again = suite.both()
    assert again.names[:2] == ["test_first", "test_second"]
    assert again.code == 1 or name == "something else"


def test_one_that_runs_before_the_reset_and_looks(suite: Suite) -> None:
    write(suite, "lib.D.clear()", "lib.D['k'] = 1", "assert lib.G == 1")
    suite.write(
        "conftest.py",
        """
        import lib, pytest

        @pytest.fixture
        def early():
            lib.G = len(lib.D)

        @pytest.fixture(autouse=True)
        def reset(early):
            lib.D.clear()
        """,
    )
    suite.warm()
    edit(suite, "lib.D['k'] = 1", "pass")
    again = suite.both()
    assert (again.code, again.names[:2]) == (1, ["test_first", "test_second"])


def test_a_hook_that_runs_before_the_reset_and_looks(suite: Suite) -> None:
    write(suite, "lib.D.clear()", "lib.D['k'] = 1", "assert lib.G == 1")
    suite.edit(
        "conftest.py",
        "@pytest.fixture",
        "def pytest_runtest_setup():\n    lib.G = len(lib.D)\n\n@pytest.fixture",
    )
    suite.warm()
    edit(suite, "lib.D['k'] = 1", "pass")
    again = suite.both()
    assert (again.code, again.names[:2]) == (1, ["test_first", "test_second"])


def test_a_memo_that_others_have_filled_from_it(suite: Suite) -> None:
    write(suite, "lib.D.clear()", "lib.D['k'] = 1; lib.count()", "assert lib.count() == 1")
    suite.edit("lib.py", "D = {}", "import functools\nD = {}")
    suite.write(
        "lib.py",
        LIB + "\nimport functools\n@functools.lru_cache\ndef count():\n    return len(D)\n",
    )
    suite.warm()
    edit(suite, "lib.D['k'] = 1; lib.count()", "lib.count()")
    again = suite.both()
    assert (again.code, again.names[:2]) == (1, ["test_first", "test_second"])


def test_what_is_reset_in_one_set_up_only(suite: Suite) -> None:
    write(suite, "", "lib.D['k'] = 1", "assert lib.D == {'k': 1}")
    suite.write(
        "conftest.py",
        """
        import lib, pytest

        @pytest.fixture(autouse=True)
        def reset(request):
            if request.node.name != "test_second":
                lib.D.clear()
        """,
    )
    suite.warm()
    edit(suite, "lib.D['k'] = 1", "lib.D['k'] = 2")
    again = suite.both()
    assert (again.code, again.names[:2]) == (1, ["test_first", "test_second"])


def test_what_the_test_itself_resets_after_it_has_looked(suite: Suite) -> None:
    write(suite, "pass", "lib.D['k'] = 1", "n = len(lib.D); lib.clear(); lib.D.clear(); assert n")
    suite.warm()
    edit(suite, "lib.D['k'] = 1", "pass")
    again = suite.both()
    assert (again.code, again.names[:2]) == (1, ["test_first", "test_second"])


CASE: Final = """
import unittest
import lib

class Case(unittest.TestCase):
    def setUp(self):
        {setup}

    def test_first(self):
        lib.REGISTER.add(1)

    def test_second(self):
        {look}

    def test_third(self): pass
"""


def test_set_up_of_a_test_case(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", CASE.format(setup="lib.clear()", look="assert lib.JOBS == []"))
    suite.warm()
    suite.edit("test_a.py", "REGISTER.add(1)", "REGISTER.add(2)")
    assert suite.both().names == ["Case::test_first"]


def test_set_up_of_a_test_case_that_looks_first(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    setup = "lib.G = lib.REGISTER.jobs[:]; lib.clear()"
    suite.write("test_a.py", CASE.format(setup=setup, look="assert lib.G == [1]"))
    suite.warm()
    suite.edit("test_a.py", "REGISTER.add(1)", "REGISTER.add(2)")
    again = suite.both()
    assert again.code == 1
    assert again.names[:2] == ["Case::test_first", "Case::test_second"]


def test_a_test_case_whose_test_resets_what_its_set_up_has_looked_at(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    look = "seen = [*lib.JOBS]; lib.clear(); assert seen == [1]"
    suite.write("test_a.py", CASE.format(setup="lib.clear('other')", look=look))
    suite.warm()
    suite.edit("test_a.py", "REGISTER.add(1)", "REGISTER.add(2)")
    again = suite.both()
    assert again.code == 1
    assert again.names[:2] == ["Case::test_first", "Case::test_second"]


def test_what_modules_enter_counts(suite: Suite) -> None:
    """Nothing but what tests leave is lost by a reset that imports come before."""
    suite.write("lib.py", LIB)
    suite.write("conftest.py", "import lib, pytest\nlib.D['m'] = 1\n")
    suite.write("test_a.py", "import lib\n\ndef test_looks():\n    assert lib.D == {'m': 1}\n")
    suite.warm()
    suite.edit("conftest.py", "= 1", "= 2")
    assert suite.both().code == 1
