"""Defs that share a name, and what marks run: an edit runs the tests that it can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


class Case(NamedTuple):
    """An edit, the tests that it changes, and others that may run with them."""

    files: dict[str, str]
    edit: tuple[str, str, str]
    must: set[str]
    may: set[str] = set()  # noqa: RUF012  # a tuple: not shared by way of an attribute


PROPERTY = """
    class C:
        def __init__(self):
            self._x = 1
        @property
        def x(self):
            return self._x
        @x.setter
        def x(self, value):
            self._x = value
        @x.deleter
        def x(self):
            self._x = 0
"""
USE = """
    import m
    def test_get(): assert m.C().x == 1
    def test_set():
        c = m.C()
        c.x = 3
        assert c.x == 3
    def test_del():
        c = m.C()
        del c.x
        assert c.x == 0
"""
TWICE = "def f(): return 1\ndef f(): return 2\n"
TEST = "import m\ndef test_f(): assert m.f() == 2\ndef test_g(): pass\n"
METHODS = "class C:\n    def f(self): return 1\n    def f(self): return 2\n"
METHOD_TEST = "import m\ndef test_f(): assert m.C().f() == 2\ndef test_g(): pass\n"
BRANCHES = """
    def make(flag):
        if flag:
            def inner(): return 1
        else:
            def inner(): return 2
        return inner
"""
BRANCHES_TEST = """
    import m
    def test_a(): assert m.make(True)() == 1
    def test_b(): assert m.make(False)() == 2
"""
DISPATCH = """
    import functools
    @functools.singledispatch
    def show(x): return "object"
    @show.register
    def _(x: int): return "int"
    @show.register
    def _(x: str): return "str"
"""
DISPATCH_TEST = """
    import m
    def test_int(): assert m.show(1) == "int"
    def test_str(): assert m.show("") == "str"
    def test_object(): assert m.show(1.5) == "object"
"""
SKIPPED = """
    import pytest, h
    @pytest.mark.skipif(h.condition(), reason="")
    def test_a(): pass
    def test_b(): assert h
"""
DEEP = "def inner(): return False\n"
SHALLOW = "import deep\ndef condition(): return deep.inner()\n"
REGISTER = "SEEN = []\ndef condition():\n    SEEN.append(1)\n    return False\n"
REGISTER_TEST = """
    import pytest, h
    @pytest.mark.skipif(h.condition(), reason="")
    def test_a(): pass
    def test_b(): assert h.SEEN == [1]
"""
MADE = """
    import deep
    def cases(): return [deep.make(1), deep.make(2)]
"""
MAKING = """
    class V:
        def __init__(self, n): self.n = n
    def make(n): return V(n)
"""
MADE_TEST = """
    import pytest, h
    @pytest.mark.parametrize("v", h.cases(), ids=["1", "2"])
    def test_a(v): assert v.n < 3
    def test_b(): pass
"""
SCOPED = """
    import pytest, h
    @pytest.fixture(scope=h.scope())
    def box(): return []
    def test_a(box):
        box.append(1)
        assert box == [1]
    def test_b(box):
        box.append(1)
        assert box == [1]
"""
MEMO = "import functools\n@functools.lru_cache\ndef number(): return 1\n"
MEMO_TEST = """
    import pytest, h
    @pytest.mark.skipif(h.number() == 5, reason="")
    def test_a(): pass
    def test_b(): assert h.number() == 1
"""

CASES = {
    "the setter": Case(
        {"m.py": PROPERTY, "test_m.py": USE},
        ("m.py", "self._x = value", "self._x = value + 1"),
        {"test_set"},
    ),
    "the one that is not used": Case(
        {"m.py": TWICE, "test_m.py": TEST}, ("m.py", "return 1", "return 0"), set()
    ),
    "the one that is used": Case(
        {"m.py": TWICE, "test_m.py": TEST}, ("m.py", "return 2", "return 0"), {"test_f"}
    ),
    "they change places": Case(
        {"m.py": TWICE, "test_m.py": TEST},
        ("m.py", TWICE, "def f(): return 2\ndef f(): return 1\n"),
        {"test_f"},
    ),
    "one more": Case(
        {"m.py": TWICE, "test_m.py": TEST},
        ("m.py", "return 2\n", "return 2\ndef f(): return 3\n"),
        {"test_f"},
    ),
    "one more method": Case(
        {"m.py": METHODS, "test_m.py": METHOD_TEST},
        ("m.py", "return 2\n", "return 2\n    def f(self): return 3\n"),
        {"test_f"},
    ),
    "one method less": Case(
        {"m.py": METHODS, "test_m.py": METHOD_TEST},
        ("m.py", "    def f(self): return 2\n", ""),
        {"test_f"},
    ),
    "the other branch": Case(
        {"m.py": BRANCHES, "test_m.py": BRANCHES_TEST},
        ("m.py", "return 2", "return 3"),
        {"test_b"},
    ),
    "an implementation of singledispatch": Case(
        {"m.py": DISPATCH, "test_m.py": DISPATCH_TEST},
        ("m.py", '"int"', '"INT"'),
        {"test_int"},
    ),
    "what a mark calls": Case(
        {"deep.py": DEEP, "h.py": SHALLOW, "test_m.py": SKIPPED},
        ("deep.py", "False", "True"),
        {"test_a"},
    ),
    "what a mark registers": Case(
        {"h.py": REGISTER, "test_m.py": REGISTER_TEST},
        ("h.py", "append(1)", "append(2)"),
        {"test_b"},
        {"test_a"},
    ),
    "what makes values of parameters": Case(
        {"deep.py": MAKING, "h.py": MADE, "test_m.py": MADE_TEST},
        ("deep.py", "V(n)", "V(n + 2)"),
        {"test_a[1]", "test_a[2]"},
    ),
    "the scope of a fixture": Case(
        {"h.py": "def scope(): return 'function'\n", "test_m.py": SCOPED},
        ("h.py", "function", "module"),
        {"test_b"},
        {"test_a"},
    ),
    "what a mark has remembered": Case(
        {"h.py": MEMO, "test_m.py": MEMO_TEST}, ("h.py", "return 1", "return 2"), {"test_b"}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_runs_what_it_can_change(suite: Suite, case: Case) -> None:
    for name, text in case.files.items():
        suite.write(name, text)
    suite.warm()
    suite.edit(*case.edit)
    # Not what ran: tests of a file run again, unreported, before one of it counts as failed.
    decisions = suite.both().decisions
    ran = {name.partition("::")[2] for name, each in decisions.items() if each["source"] == "ran"}
    assert case.must <= ran <= case.must | case.may
