"""What statements change when modules are imported, whichever way: who reads it rests on that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

CASES = {
    "hook": (
        """
class Base:
    docs = []
    def __init_subclass__(cls):
        cls.docs += [cls.run]
class A(Base):
    run = "one"
""",
        "lib.Base.docs",
    ),
    "hook const": (
        """
class Base:
    docs = []
    def __init_subclass__(cls):
        cls.docs += cls.run,
class A(Base):
    run = "one"
""",
        "lib.Base.docs",
    ),
    "given": (
        """
R = []
def add(x, v):
    x += [v]
add(R, "one")
""",
        "lib.R",
    ),
    "alias": (
        """
class Base:
    docs = []
    def __init_subclass__(cls):
        x = cls.docs
        x += [cls.run]
class A(Base):
    run = "one"
""",
        "lib.Base.docs",
    ),
    "set": (
        """
class Base:
    docs = set()
    def __init_subclass__(cls):
        cls.docs |= {cls.run}
class A(Base):
    run = "one"
""",
        "list(lib.Base.docs)",
    ),
    "dict": (
        """
class Base:
    docs = {}
    def __init_subclass__(cls):
        cls.docs |= {1: cls.run}
class A(Base):
    run = "one"
""",
        "list(lib.Base.docs.values())",
    ),
    "method": (
        """
class R:
    def __init__(self):
        self.items = []
    def add(self, v):
        self.items += [v]
R = R()
R.add("one")
""",
        "lib.R.items",
    ),
    "deco": (
        """
class R:
    items = []
    def __call__(self, f):
        self.items += [f()]
        return f
r = R()
@r
def f():
    return "one"
""",
        "lib.R.items",
    ),
    "global": (
        """
items = []
def r(f):
    global items
    items += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "item": (
        """
items = {1: []}
def r(f):
    items[1] += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[1]",
    ),
    "default": (
        """
items = []
def r(f, x=items):
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "kept default": (
        """
def r(f, x=[]):
    x += [f()]
    return x
@r
def f():
    return "one"
""",
        "lib.f",
    ),
    "keyword default": (
        """
items = []
def r(f, n=0, *, x=items):
    n += 1
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "default by another name": (
        """
items = []
def r(f, x=None, y=items):
    x = x or y
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "default of a class": (
        """
class C:
    items = []
def r(f, x=C.items):
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.C.items",
    ),
    "member that is a list": (
        """
import enum
class C(list, enum.Enum):
    items = ()
def r(f, x=C.items):
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "list(lib.C.items)",
    ),
    "member with an operator": (
        """
import enum
found = []
class B(enum.Enum):
    def extend(self, other):
        found.extend(other)
        return self
    __iadd__ = extend
class C(B):
    items = 1
def r(f, x=C.items):
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.found",
    ),
    "unknown": (
        """
items = {1: []}
def r(f):
    for x in items.values():
        x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[1]",
    ),
    "returned": (
        """
items = []
def get():
    return items
def r(f):
    x = get()
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "returned by a method": (
        """
class C:
    items = []
    def get(self):
        return self.items
    def __call__(self, f):
        x = self.get()
        x += [f()]
        return f
r = C()
@r
def f():
    return "one"
""",
        "lib.C.items",
    ),
    "returned by a property": (
        """
class C:
    items = []
    @property
    def get(self):
        return lambda: self.items
    def __call__(self, f):
        x = self.get()
        x += [f()]
        return f
r = C()
@r
def f():
    return "one"
""",
        "lib.C.items",
    ),
    "new or not": (
        """
items = []
def get(x):
    if x:
        return []
    return items
def r(f):
    x = get(0)
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "new and kept": (
        """
items = []
def get():
    found = []
    items.append(found)
    return found
def r(f):
    x = get()
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[0]",
    ),
    "remembered": (
        """
import functools
@functools.cache
def get():
    return []
def r(f):
    x = get()
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.get()",
    ),
    "entry": (
        """
items = {}
def r(f):
    x = items.setdefault(1, [])
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[1]",
    ),
    "entry of an entry": (
        """
items = {1: {2: []}}
def r(f):
    x = items
    y = x[1]
    z = y[2]
    z += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[1][2]",
    ),
    "either": (
        """
items = []
def r(f):
    x = items if f else []
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "later": (
        """
items = []
def r(f):
    x = []
    if f:
        x = items
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "cast": (
        """
import typing
items = []
def r(f):
    x = typing.cast(list, items)
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "by position": (
        """
items = []
def r(f):
    x, y = [], items
    y += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "unpacked": (
        """
items = [[]]
def r(f):
    x, = items
    x += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.items[0]",
    ),
    "held by a class": (
        """
items = []
def get():
    return items
class C:
    get = staticmethod(get)
    def __call__(self, f):
        x = self.get()
        x += [f()]
        return f
r = C()
@r
def f():
    return "one"
""",
        "lib.items",
    ),
    "attribute of attribute": (
        """
class C: pass
c = C()
c.d = C()
c.d.items = []
def r(f):
    c.d.items += [f()]
    return f
@r
def f():
    return "one"
""",
        "lib.c.d.items",
    ),
    "registry object": (
        """
class C:
    def __init__(self):
        self.items = []
    def add(self, f):
        self.items += [f()]
        return f
c = C()
@c.add
def f():
    return "one"
""",
        "lib.c.items",
    ),
    "registry factory": (
        """
class C:
    def __init__(self):
        self.items = []
    def add(self, k):
        def deco(f):
            self.items += [f()]
            return f
        return deco
c = C()
@c.add(1)
def f():
    return "one"
""",
        "lib.c.items",
    ),
    "counter": (
        """
class C:
    total = ""
    def add(self, f):
        C.total += f()
        return f
c = C()
@c.add
def f():
    return "one"
""",
        "[lib.C.total]",
    ),
    "counter on type": (
        """
class C:
    total = ""
    def add(self, f):
        type(self).total += f()
        return f
c = C()
@c.add
def f():
    return "one"
""",
        "[lib.C.total]",
    ),
    "counter cls": (
        """
class C:
    total = ""
    @classmethod
    def add(cls, f):
        cls.total += f()
        return f
@C.add
def f():
    return "one"
""",
        "[lib.C.total]",
    ),
    "counter cls sub": (
        """
class B:
    total = []
    @classmethod
    def add(cls, f):
        cls.total += [f()]
        return f
class C(B): pass
@C.add
def f():
    return "one"
""",
        "lib.B.total",
    ),
    "closure": (
        """
items = []
def make(x):
    def r(f):
        nonlocal x
        x += [f()]
        return f
    return r
r = make(items)
@r
def f():
    return "one"
""",
        "lib.items",
    ),
}
"""The module, and what the test compares; both in place and by a method."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["operator", "method"])
def test_who_reads_it_runs(suite: Suite, case: str, way: str) -> None:
    text, read = CASES[case]
    if way == "method":
        text = re.sub(r"([\w.\[\]]+) \+= (\[.*\]|.*(?=,$))", r"\1.extend(\2)", text, flags=re.M)
        text = re.sub(r"([\w.\[\]]+) \|= (.*)", r"\1.update(\2)", text)
    suite.write("lib.py", text)
    suite.write("test_a.py", f"import lib\ndef test_a(): assert {read} == ['one']\n")
    suite.warm()
    suite.edit("lib.py", '"one"', '"two"')
    assert suite.both().names == ["test_a"]


NOTHING = {
    "declared before": """
def r(f):
    x: "list[str]"
    y: "list[str]" = []
    x = [] if f else ["a"]
    x += [f()]
    y += x
    return f
""",
    "new here": """
def r(f):
    x = []
    x += [f()]
    return f
""",
    "a number": """
def r(f):
    x = 0
    x += len(f())
    return f
""",
    "new there": """
def get():
    found = []
    found.append(1)
    return found
def r(f):
    x = get()
    x += [f()]
    return f
""",
    "by a method": """
class C:
    def get(self):
        return [x for x in "ab"]
    def __call__(self, f):
        x = self.get()
        x += [f()]
        return f
r = C()
""",
    "of a class": """
class C:
    kind = set
    def __call__(self, f):
        x = self.kind([1])
        x |= {f()}
        return f
r = C()
""",
    "of a class that a property gives": """
class C:
    @property
    def kind(self):
        return set if self else frozenset
    def __call__(self, f):
        x, y = self.kind([1]), 1
        x |= {f()}
        return f
r = C()
""",
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_new_is_changed_for_nobody(suite: Suite, case: str) -> None:
    suite.write("lib.py", NOTHING[case] + "@r\ndef f():\n    return 'one'\nOTHER = 1\n")
    text = "import lib\ndef test_a(): assert lib.f()\ndef test_b(): assert lib.OTHER\n"
    suite.write("test_a.py", text)
    suite.warm()
    suite.edit("lib.py", "'one'", "'two'")
    assert suite.both().names == ["test_a"]


@pytest.mark.parametrize("default", ["Mode.NONE", "Mode.NONE | Mode.FAST"])
def test_operators_change_no_member_of_an_enumeration(suite: Suite, default: str) -> None:
    lib = f"""
        import state
        from modes import Mode

        def made(mode):
            return int(mode)

        def make(key="", mode: Mode = {default}, step=1):
            step += len(key)
            if key:
                mode |= Mode.SLOW
            return made(mode)

        VALUE = make("key")
        """
    modes = """
        import enum
        import state
        from bases import Base

        class Mode(Base):
            NONE = 0
            FAST = 1
            SLOW = 2
        """
    suite.write("bases.py", "import enum\nclass Base(enum.IntFlag): pass\n")
    suite.write("modes.py", modes)
    suite.write("lib.py", lib)
    text = "import lib\ndef test_a(): assert lib.VALUE\ndef test_b(): assert lib.Mode.SLOW == 2\n"
    suite.write("test_a.py", text)
    suite.write("state.py", "found = []\n")
    suite.write("test_c.py", "import lib, state\ndef test_c(): assert not state.found\n")
    suite.warm()
    suite.edit("lib.py", "int(mode)", "int(mode) + 1")
    assert suite.both().names == ["test_a"]
    method = (
        "    def __ior__(self, other):\n        state.found.append(other)\n        return other\n"
    )
    suite.edit("modes.py", "    SLOW = 2\n", f"    SLOW = 2\n{method}")
    ran = suite.both()
    assert ran.code == 1
    assert "test_c" in ran.names
