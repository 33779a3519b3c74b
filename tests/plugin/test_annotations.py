"""Annotations of functions count for who looks at them, and for whether modules can be imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

IS_KNOWN: Final = sys.version_info < (3, 14)
LIB: Final = """
import dataclasses, functools, inspect, typing
from kinds import Kind, Other

Alias = typing.List[int]

def plain(a: int = 1) -> int: return 1
def aliased(a: Alias = ()) -> "Kind": return 1
def looked(a: int = 1) -> int: return 1
def hinted(a: Kind = None) -> int: return 1

class Box:
    def method(self, a: int = 1) -> "Box": return 1
    def __enter__(self) -> "Box": return self
    def __exit__(self, *exc: object) -> None: pass

def registering(function):
    KNOWN.append([str(a) for a in function.__annotations__.values()])
    return function

KNOWN = []

@registering
def registered(a: int = 1) -> int: return 1

@functools.singledispatch
def single(a): return "any"

@single.register
def single_of_int(a: int): return "one"

@dataclasses.dataclass
class Data:
    a: int = 1
    def method(self, a: int = 1): return 1
"""
TESTS: Final = """
import inspect, typing
import lib
def test_plain(): assert lib.plain() == 1
def test_aliased(): assert lib.aliased() == 1
def test_looked(): assert str(inspect.signature(lib.looked))
def test_hinted(): assert typing.get_type_hints(lib.hinted)["return"]
def test_box():
    with lib.Box() as box: assert box.method() == 1
def test_registered(): assert lib.registered() == 1
def test_known(): assert lib.KNOWN[0][0]
def test_single(): assert lib.single(1) == "one"
def test_data(): assert lib.Data().method() == 1
"""
CASES: Final = {
    "nobody looks": ("def plain(a: int = 1)", "def plain(a: float = 1)", ""),
    "a new one that nobody looks at": ("def plain(a: int = 1)", "def plain(a = 1)", ""),
    "what nobody looks at stands for": ("typing.List[int]", "typing.List[str]", ""),
    "of methods": ("def method(self, a: int = 1) ->", "def method(self, a: str = 1) ->", ""),
    "of a dunder": ('def __enter__(self) -> "Box"', "def __enter__(self)", ""),
    "a test looks": ("def looked(a: int = 1)", "def looked(a: str = 1)", "looked"),
    "a test looks in another way": (
        "def hinted(a: Kind = None) -> int",
        "def hinted(a: Kind = None) -> str",
        "hinted",
    ),
    "a decorator looks": ("def registered(a: int", "def registered(a: str", "known registered"),
    "the standard library looks": ("def single_of_int(a: int)", "def single_of_int(a: str)", None),
    "nobody looks at methods of data": (
        "def method(self, a: int = 1):",
        "def method(self):",
        "data",
    ),
    "a default beside": ("def plain(a: int = 1)", "def plain(a: int = 2)", "plain"),
    "a name that is not there": ("def plain(a: int = 1)", "def plain(a: Int = 1)", None),
    "what was there is gone": ("import Kind, Other", "import Other", None),
}


@pytest.mark.parametrize(("old", "new", "run"), CASES.values(), ids=CASES)
def test_who_runs(suite: Suite, old: str, new: str, run: str | None) -> None:
    suite.write("kinds.py", "class Kind: pass\nclass Other: pass\n")
    suite.write("lib.py", LIB)
    suite.write("test_it.py", TESTS)
    suite.warm()
    suite.edit("lib.py", old, new)
    ran = suite.both()
    if run is not None and IS_KNOWN:
        assert {nodeid.partition("::test_")[2] for nodeid in ran.live} == set(run.split())
    suite.both()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Kind | None", "Missing | None"),
        ("class Kind:", "class Meta(type): pass\nKind = 1\nclass Rest:"),
        ("class Kind:", "class Elsewhere:"),
    ],
    ids=["annotation", "what it joins", "what it names"],
)
def test_who_is_the_first_to_import_a_module_evaluates_them(
    suite: Suite, old: str, new: str
) -> None:
    suite.write("lib.py", "class Kind:\n    pass\ndef f(a: Kind | None = None): return 1\nV = 1\n")
    suite.write("test_it.py", "def test_it():\n    import lib\n    assert lib.V\n")
    suite.warm()
    suite.edit("lib.py", old, new)
    suite.both()


def test_a_child_may_look_at_them(suite: Suite) -> None:
    suite.write("lib.py", "def f(a: int = 1): return 1\n")
    suite.write("main.py", "import lib\nassert lib.f.__annotations__['a'] is int\n")
    suite.write(
        "test_it.py",
        """
        import subprocess, sys
        import lib
        def test_child(): subprocess.run([sys.executable, "main.py"], check=True)
        def test_other(): assert lib.f() == 1
        """,
    )
    suite.warm()
    suite.edit("lib.py", "a: int", "a: str")
    ran = suite.both()
    assert "test_it.py::test_child" in ran.live
    if IS_KNOWN:
        assert ran.live == ["test_it.py::test_child"]


@pytest.mark.skipif(sys.version_info < (3, 11) or not IS_KNOWN, reason="nothing keeps them")
def test_of_overloads(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import typing

        class Box:
            @typing.overload
            def take(self, a: int) -> int: ...
            @typing.overload
            def take(self, a: str) -> str: ...
            def take(self, a):
                return a

        @typing.overload
        def f(a: int) -> int: ...
        @typing.overload
        def f(a: str) -> str: ...
        def f(a):
            return a
        """,
    )
    suite.write(
        "test_it.py",
        """
        import typing
        import lib

        def test_take(): assert lib.Box().take(1) == 1
        def test_f(): assert lib.f(1) == 1
        """,
    )
    suite.both()
    suite.edit("lib.py", "take(self, a: str) -> str", "take(self, a: bytes) -> bytes")
    assert suite.both().live == []
    suite.edit("lib.py", "def f(a: str) -> str", "def f(a: bytes) -> bytes")
    assert suite.both().live == []
    suite.edit(
        "test_it.py",
        "assert lib.f(1) == 1",
        "assert len({str(typing.get_type_hints(f)) for f in typing.get_overloads(lib.f)}) == 2",
    )
    assert suite.both().names == ["test_f"]
    suite.edit("lib.py", "def f(a: bytes) -> bytes", "def f(a: int) -> int")
    assert "test_f" in suite.both().names
