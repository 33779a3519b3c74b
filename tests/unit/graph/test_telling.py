from __future__ import annotations

import pytest

from pytest_cellcache.graph.telling import telling_lines


@pytest.mark.parametrize(
    "body",
    [
        "return type(x) is int",
        "return id(x)",
        "return callable(x)",
        "return x is y",
        "return x is not y",
        "return None is y is x",
        "f = type",
        "return [a for a in x if a is y]",
        "return type(self, (), {})",
    ],
)
def test_bodies_that_may_tell(body: str) -> None:
    assert telling_lines(f"def f(x, y):\n    {body}\n") >= {1}


@pytest.mark.parametrize(
    "body",
    [
        "return x is None",
        "return x is not True",
        "return self is x",
        "return x == y",
        "return type(self)",
        "return id(cls)",
        "return isinstance(x, int)",
        "return x.type, x.id",
    ],
)
def test_bodies_that_tell_nothing(body: str) -> None:
    assert telling_lines(f"def f(self, cls, x, y):\n    {body}\n") == frozenset()


def test_each_function_is_told_by_its_first_line() -> None:
    source = """
@decorated
def first(x):
    return type(x)

def second(x):
    def inner():
        return id(x)
    return inner

third = lambda x: callable(x)
"""
    assert telling_lines(source) == {2, 7, 11}


def test_what_is_no_source_tells_nothing() -> None:
    assert telling_lines("def f(:") == frozenset()
    assert telling_lines("\0") == frozenset()
