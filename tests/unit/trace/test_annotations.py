from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterator

import pytest

from pytest_cellcache.trace.annotations import AnnotationWatch

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="kept in another way")

SOURCE = """
import functools
def plain(a: int) -> str: pass
def bare(a): pass
def full(a: int, b=1, *, c: int = 2) -> str: pass
def empty(a: int): pass
empty.__defaults__ = ()
empty.__dict__["more"] = (1, 2)
def outer():
    around = 1
    def inner(a: int): return around
    return inner
closed = outer()
class Kind:
    def method(self, a: int): pass
    @property
    def prop(self) -> int: pass
    @staticmethod
    def static(a: int): pass
    @classmethod
    def of(cls, a: int): pass
    @functools.cached_property
    def kept(self) -> int: pass
    class Inner:
        def method(self, a: int): pass
@functools.wraps(bare)
def wrapper(a: int): pass
"""
UNREAD = {3, 5, 6, 11, 15, 16, 22, 25}
"""Lines of functions with annotations; static and class methods ask for them when they are made."""


@pytest.fixture
def watch() -> Iterator[AnnotationWatch]:
    made = AnnotationWatch()
    made.start()
    yield made
    made.stop()


def execute(module: types.ModuleType, source: str = SOURCE) -> None:
    exec(compile(source, "/p/lib.py", "exec", dont_inherit=True), vars(module))


def unread(watch: AnnotationWatch, module: types.ModuleType) -> set[int]:
    return {line for _, line in watch.unread([module], lambda file: file == "/p/lib.py")}


def test_nobody_has_looked(watch: AnnotationWatch) -> None:
    module = types.ModuleType("lib")
    execute(module)
    assert unread(watch, module) == UNREAD


def test_who_looks_is_seen(watch: AnnotationWatch) -> None:
    module = types.ModuleType("lib")
    execute(module)
    assert module.plain.__annotations__
    inspect.signature(module.full)
    inspect.signature(module.empty)
    assert module.closed.__annotations__
    functools.wraps(module.Kind.method)(lambda: 0)
    inspect.get_annotations(module.Kind.__dict__["prop"].fget)
    assert unread(watch, module) == UNREAD - {3, 5, 6, 11, 15, 16}


def test_annotations_that_were_set_are_no_secret(watch: AnnotationWatch) -> None:
    module = types.ModuleType("lib")
    execute(module)
    module.plain.__annotations__ = {}
    del module.full.__annotations__
    assert unread(watch, module) == UNREAD - {3, 5}


def test_a_module_that_is_evaluated_again_may_have_been_read(watch: AnnotationWatch) -> None:
    module = types.ModuleType("lib")
    execute(module)
    assert module.plain.__annotations__
    execute(module)
    assert unread(watch, module) == set()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new")
def test_parameters_of_types_are_no_annotations(watch: AnnotationWatch) -> None:
    module = types.ModuleType("lib")
    execute(module, "def f[T](a: T) -> T: pass\ndef g[T](a: T, b=1): pass\ndef h[T](a): pass\n")
    assert unread(watch, module) == {1, 2}
    assert module.f.__annotations__
    assert unread(watch, module) == {2}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="nothing keeps them")
def test_functions_that_only_typing_leads_to(watch: AnnotationWatch) -> None:
    module = types.ModuleType("overloading")
    source = """
import typing
@typing.overload
def f(a: int) -> int: ...
@typing.overload
def f(a: str) -> str: ...
def f(a): return a
class Kind:
    @typing.overload
    def m(self, a: int) -> int: ...
    def m(self, a): return a
"""
    execute(module, source)
    assert unread(watch, module) == {3, 5, 9}
    first, _ = typing.get_overloads(module.f)
    assert typing.get_type_hints(first)
    assert unread(watch, module) == {5, 9}
