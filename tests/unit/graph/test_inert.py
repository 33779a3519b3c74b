"""Modules whose import consults nothing but other modules."""

from __future__ import annotations

import pytest

from pytest_cellcache.graph.inert import is_inert


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b'"""Doc."""\nimport os\nfrom a import b\nX = {"a": 1, "b": (2, os)}',
        b"def f(a, *b: int, c=1, **d) -> str:\n    return open(a)",
        b"class A:\n    x = 1\n    @property\n    def f(self): return open('x')",
        b"import pytest\n@pytest.hookimpl(wrapper=True)\ndef f(): return (yield)",
        b"import pytest\nclass A:\n    @pytest.fixture\n    def f(self): return 1",
    ],
)
def test_is_inert(source: bytes) -> None:
    assert is_inert(source)


@pytest.mark.parametrize(
    "source",
    [
        None,
        b"def f(:",
        b"X = open('x').read()",
        b"X = f'{a}'",
        b"X = a.b",
        b"X = a[0]",
        b"X = -a",
        b"X += 1",
        b"a.b = 1",
        b"X: int = f()",
        b"f()",
        b"if a: pass",
        b"for a in b: pass",
        b"del a",
        b"def f(a=g()): pass",
        b"def f(a: g()): pass",
        b"def f() -> g(): pass",
        b"@a\ndef f(): pass",
        b"@property\ndef f(a=g()): pass",
        b"@pytest.fixture(params=f())\ndef f(): pass",
        b"class A(B): pass",
        b"class A(metaclass=B): pass",
        b"@a\nclass A: pass",
        b"class A:\n    x = f()",
    ],
)
def test_is_not_inert(source: bytes | None) -> None:
    assert not is_inert(source)
