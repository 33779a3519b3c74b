"""Edits of a class that add, remove or redeclare plain methods run who can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import typing
class Base:
    def greet(self): return "base"
    def leave(self, loudly=False): return "bye"

class Child(Base):
    def own(self, n=1): return n
    def helper(self): return self.own()

class Empty(Base): pass

class Sized:
    def size(self): return 1

class Named(typing.Protocol):
    def named(self): ...

@typing.runtime_checkable
class Asked(Named, typing.Protocol): ...

@typing.runtime_checkable
class Valued(typing.Protocol):
    value_of_it: int

class Plain:
    def __private(self): return 1
    def call(self): return self.__private()

class Looked:
    def seen(self): return 1

class Propped:
    @property
    def prop(self): return 1
    def rest(self): return 2

def members_of(thing): return sorted(vars(thing))
"""
TESTS: Final = """
import lib
def test_greet(): assert lib.Child().greet() == "base"
def test_leave(): assert lib.Child().leave() == "bye"
def test_own(): assert lib.Child().own() == 1
def test_helper(): assert lib.Child().helper() == 1
def test_missing(): assert hasattr(lib.Child(), "missing") is not None
def test_sized(): assert lib.Sized().size()
def test_looked(): assert len(lib.members_of(lib.Looked)) > 1
def test_computed(): assert getattr(lib.Child(), "gre" + "et")() == "base"
def test_asked(): assert isinstance(lib.Plain(), lib.Asked) is not None
def test_valued(): assert isinstance(lib.Plain(), lib.Valued) is not None
def test_private(): assert lib.Plain()._Plain__private()
def test_prop(): assert lib.Propped().prop == 1
def test_rest(): assert lib.Propped().rest() == 2
def test_matched():
    match lib.Sized():
        case lib.Sized(width=1): pass
        case _: pass
def test_empty_greet(): assert lib.Empty().greet() == "base"
def test_empty_leave(): assert lib.Empty().leave() == "bye"
def test_nothing(): pass
"""
CASES: Final = {
    "a method that overrides nothing": (
        "def own(",
        "def extra(self): return 0\n    def own(",
        "computed",
    ),
    "a method that overrides": (
        "def own(",
        'def greet(self): return "base" + ""\n    def own(',
        "computed greet",
    ),
    "the first method of a class": (
        "class Empty(Base): pass",
        'class Empty(Base):\n    def greet(self): return "base" + ""',
        "empty_greet",
    ),
    "a method that somebody asked for in vain": (
        "def own(",
        "def missing(self): return 0\n    def own(",
        "computed missing",
    ),
    "a parameter": ("n=1", "n=1, more=None", "computed helper own"),
    "a parameter of a method of the base": (
        "loudly=False",
        "loudly=False, slowly=False",
        "computed empty_leave leave",
    ),
    "a method that others may look for": (
        "def size(",
        "def keys(self): return []\n    def size(",
        "matched sized",
    ),
    "a class that somebody looks through": (
        "def seen(",
        "def unseen(self): return []\n    def seen(",
        "looked",
    ),
    "what makes it an instance of a protocol": (
        "def call(",
        "def named(self): return 0\n    def call(",
        "asked",
    ),
    "what gives it the attribute of a protocol": (
        "def call(",
        "@property\n    def value_of_it(self): return 0\n    def call(",
        "valued",
    ),
    "a private method": ("__private(self)", "__private(self, n=0)", "private"),
    "what a pattern asks for": (
        "def size(",
        "@property\n    def width(self): return 1\n    def size(",
        "matched",
    ),
    "a setter of a property": (
        "def rest(",
        "@prop.setter\n    def prop(self, value): pass\n    def rest(",
        "prop",
    ),
    "a dunder": (
        "def own(",
        "def __bool__(self): return True\n    def own(",
        "computed greet helper leave missing own",
    ),
    "an attribute": (
        "def own(",
        "kind = 1\n    def own(",
        "computed greet helper leave missing own",
    ),
    "a decorated method": (
        "def own(",
        "@len.__class__.__call__.__class__\n    def odd(self): return 0\n    def own(",
        None,
    ),
}


@pytest.mark.parametrize(("old", "new", "run"), CASES.values(), ids=CASES)
def test_who_runs(suite: Suite, old: str, new: str, run: str | None) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_it.py", TESTS)
    suite.warm()
    suite.edit("lib.py", old, new)
    ran = suite.both()
    if run is not None:
        names = {nodeid.partition("::test_")[2] for nodeid in ran.live}
        assert names == set(run.split())


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("class Meta(type): pass\nclass C(metaclass=Meta):", "def m(self): return 1"),
        ("class B:\n    def __init_subclass__(cls): pass\nclass C(B):", "def m(self): return 1"),
        ("import enum\nclass C(enum.Enum):", "A = 1\n    def m(self): return 1"),
        ("import abc\nclass C(abc.ABC):", "def m(self): return 1"),
        ("def d(cls): return cls if dir(cls) else None\n@d\nclass C:", "def m(self): return 1"),
        (
            "def d(cls):\n    for hook in [repr]: hook(cls)\n    return cls\n@d\nclass C:",
            "def m(self): return 1",
        ),
        (
            "HOOKS = {'a': dir}\ndef help_out(cls): HOOKS['a'](cls)\n"
            "def d(cls):\n    help_out(cls)\n    return cls\n@d\nclass C:",
            "def m(self): return 1",
        ),
        (
            "import _pytest.compat\ndef d(cls):\n    _pytest.compat.safe_isclass(cls)\n"
            "    return cls\n@d\nclass C:",
            "def m(self): return 1",
        ),
        ("def d(cls): return cls\nD = {'d': d}\n@D['d']\nclass C:", "def m(self): return 1"),
        (
            "def hook(cls): pass\ndef d(cls):\n    cls.__init_subclass__ = classmethod(hook)\n"
            "    return cls\n@d\nclass B: pass\nclass C(B):",
            "def m(self): return 1",
        ),
    ],
    ids=[
        "metaclass",
        "__init_subclass__",
        "foreign base",
        "abstract",
        "decorated",
        "any hook",
        "any hook of a helper",
        "of a library",
        "any",
        "hook of a subclass",
    ],
)
def test_what_looks_at_a_class_as_it_is_made_counts_all_of_it(
    suite: Suite, head: str, body: str
) -> None:
    suite.write("lib.py", f"{head}\n    {body}\n")
    suite.write("test_it.py", "import lib\ndef test_it(): assert lib.C is not None\n")
    suite.warm()
    suite.edit("lib.py", "def m(", "def extra(self): return 0\n    def m(")
    assert suite.both().live == ["test_it.py::test_it"]


@pytest.mark.parametrize(
    "head",
    [
        "def d(cls): return cls\n@d\nclass C:\n    n: int = 1",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = 1",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass C:\n    n: int = 1",
        "import typing\nclass C(typing.NamedTuple):\n    n: int = 1",
        "SEEN = []\ndef maker(flag):\n    def decorate(cls):\n        cls.flag = flag\n"
        "        SEEN.append(cls)\n        return cls\n    return decorate\n"
        "@maker(1)\nclass C:\n    n: int = 1",
        "def d(cls):\n    def shown(self):\n        say = [].append\n        say(self)\n"
        "        return getattr(self, 'na' + 'me')\n"
        "    cls.shown = shown\n    return cls\n@d\nclass C:\n    n: int = 1",
    ],
    ids=["decorator", "dataclass", "made dataclass", "named tuple", "made decorator", "filled in"],
)
def test_what_decorates_it_tells_of_nothing_else(suite: Suite, head: str) -> None:
    suite.write("lib.py", f"{head}\n    def m(self): return 1\n")
    suite.write(
        "test_it.py",
        """
        import lib
        def test_use(): assert lib.C().n == 1
        def test_hold(): assert lib.C is not None
        def test_m(): assert lib.C().m() == 1
        def test_extra(): assert hasattr(lib.C, "extra") is not None
        """,
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("lib.py", "def m(", "def extra(self): return 0\n    def m(")
    assert set(suite.both().names) == {"test_extra"}
    suite.edit("lib.py", "def m(self)", "def m(self, more=0)")
    assert set(suite.both().names) == {"test_m"}
    suite.edit("lib.py", "n: int = 1", "n: int = 3 - 2")
    assert set(suite.both().names) == {"test_use", "test_hold", "test_m", "test_extra"}
