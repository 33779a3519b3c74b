"""Docstrings that are read when modules are imported: who sees what came of it rests on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

REG = """
TOOLS = {}

def tool(f):
    TOOLS[f.__name__] = f.__doc__
    return f

def make(f):
    return f, f.__doc__

def mark(f):
    f.is_marked = True
    return f
"""
CASES = {
    "method": (
        """
import reg
class T:
    @reg.tool
    def run(self):
        'one'
""",
        'reg.TOOLS["run"] == "one"',
    ),
    "func": (
        """
import reg
@reg.tool
def run():
    'one'
""",
        'reg.TOOLS["run"] == "one"',
    ),
    "value": (
        """
import reg
def run():
    'one'
T = reg.make(run)
""",
        'lib.T[1] == "one"',
    ),
    "effect": (
        """
import reg
def run():
    'one'
reg.tool(run)
""",
        'reg.TOOLS["run"] == "one"',
    ),
    "loop": (
        """
import reg
def run():
    'one'
for f in [run]:
    reg.tool(f)
""",
        'reg.TOOLS["run"] == "one"',
    ),
    "subclass hook": (
        """
class Base:
    docs = []
    def __init_subclass__(cls):
        cls.docs.append(cls.__doc__)
class A(Base):
    'one'
""",
        'lib.Base.docs == ["one"]',
    ),
    "subclass hook methods": (
        """
class Base:
    docs = []
    def __init_subclass__(cls):
        cls.docs += [v.__doc__ for k, v in vars(cls).items() if k == "run"]
class A(Base):
    def run(self):
        'one'
""",
        'lib.Base.docs == ["one"]',
    ),
    "meta": (
        """
class M(type):
    def __init__(c, n, b, d):
        c.text = d.get("__doc__")
class A(metaclass=M):
    'one'
""",
        'lib.A.text == "one"',
    ),
    "set name": (
        """
class D:
    def __set_name__(s, o, n):
        s.text = o.__doc__
class A:
    'one'
    d = D()
""",
        'vars(lib.A)["d"].text == "one"',
    ),
}
QUIET = {
    "the project's": "import reg\n@reg.mark\ndef run():\n    'one'\n",
    "Python's": "import functools\n@functools.lru_cache\ndef run():\n    'one'\n",
    "pytest's": "import pytest\n@pytest.fixture\ndef run():\n    'one'\n",
    "a method's": "class A:\n    @property\n    def run(self):\n        'one'\n",
    "a class's": "import dataclasses\n@dataclasses.dataclass\nclass run:\n    'one'\n",
}


@pytest.mark.parametrize("case", CASES)
def test_what_read_one_counts(suite: Suite, case: str) -> None:
    text, read = CASES[case]
    suite.write("reg.py", REG)
    suite.write("lib.py", text)
    suite.write("test_a.py", f"import lib, reg\ndef test_a(): assert {read}\n")
    suite.warm()
    suite.edit("lib.py", "'one'", "'two'")
    assert suite.both().names == ["test_a"]


@pytest.mark.parametrize("case", QUIET)
def test_what_reads_none_does_not(suite: Suite, case: str) -> None:
    suite.write("reg.py", REG)
    suite.write("lib.py", QUIET[case])
    used = "A().run" if "method" in case else "run"
    suite.write("test_a.py", f"import lib\ndef test_a(): lib.{used}\n")
    suite.warm()
    suite.edit("lib.py", "'one'", "'two'")
    assert suite.both().live == []


@pytest.mark.parametrize("case", CASES)
def test_where_none_was_one_that_comes_counts(suite: Suite, case: str) -> None:
    text, read = CASES[case]
    suite.write("reg.py", REG)
    suite.write("lib.py", text.replace("'one'", "pass"))
    read = read.replace('== "one"', "!= 'two'")
    suite.write("test_a.py", f"import lib, reg\ndef test_a(): assert {read}\ndef test_b(): pass\n")
    suite.warm()
    suite.edit("lib.py", "pass", "'two'; pass")
    ran = suite.both()
    assert (ran.code, "test_a" in ran.names) == (1, True)


@pytest.mark.parametrize("case", QUIET)
def test_where_none_is_read_one_that_comes_does_not_count(suite: Suite, case: str) -> None:
    suite.write("reg.py", REG)
    suite.write("lib.py", QUIET[case].replace("'one'", "pass"))
    used = "A().run" if "method" in case else "run"
    suite.write("test_a.py", f"import lib\ndef test_a(): lib.{used}\n")
    suite.warm()
    suite.edit("lib.py", "pass", "'two'; pass")
    assert suite.both().live == []


def test_who_reads_the_help_of_a_class_counts_those_that_come_to_its_methods(suite: Suite) -> None:
    suite.write("lib.py", "class A:\n    def run(self): pass\nclass B:\n    def run(self): pass\n")
    suite.write(
        "test_a.py",
        """
        import inspect
        import lib
        def test_a(): assert inspect.getdoc(lib.A.run) is None
        def test_b(): assert lib.B().run() is None
        def test_c(): assert [inspect.getdoc(each) for each in vars(lib.A).values()]
        """,
    )
    suite.warm()
    suite.edit("lib.py", "class B:\n    def run(self): pass", "class B:\n    def run(self): 'text'")
    assert suite.both().live == []
    suite.edit("lib.py", "class A:\n    def run(self): pass", "class A:\n    def run(self): 'text'")
    assert suite.both().names == ["test_a", "test_c"]
