"""Stand-ins answer what is known, lack what the real thing lacks, and read it for the rest."""

from __future__ import annotations

import inspect
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from pytest_cellcache.hooks.views import Lazy, LazyMark, Token, View, view_of_code


class Source:
    """Counts how often the real thing was read."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.reads = 0

    def __call__(self) -> Any:
        self.reads += 1
        return self.value


def real(a: int) -> int:
    """Say what is not known."""
    return a


def test_what_is_known_is_not_read() -> None:
    source = Source(real)
    code = view_of_code(real.__code__.co_flags, "real", 3, lambda: source().__code__)
    view = View(FunctionType, {"__name__": "real", "mark": 1, "__code__": code}, source)
    assert (view.__name__, view.mark) == ("real", 1)
    assert isinstance(view, FunctionType)
    assert not inspect.iscoroutinefunction(view)
    assert view
    assert source.reads == 0


def test_what_a_function_has_not_is_not_read_either() -> None:
    source = Source(real)
    view: Any = View(FunctionType, {}, source)
    assert getattr(view, "is_hypothesis_test", False) is False
    assert not hasattr(view, "__self__")
    assert source.reads == 0
    assert hasattr(View(MethodType, {}, lambda: real.__get__(1)), "__self__")


def test_the_rest_is_that_of_the_real_thing() -> None:
    source = Source(real)
    view: Any = View(FunctionType, {"__name__": "other"}, source)
    assert view.__doc__ == real.__doc__
    assert view(3) == 3
    assert inspect.signature(view) == inspect.signature(real)
    view.added = 1
    assert real.__dict__.pop("added") == 1
    assert View(ModuleType, {}, lambda: inspect).isfunction is inspect.isfunction


def test_a_lazy_value_is_whatever_it_stands_for() -> None:
    lazy: Any = Lazy(lambda: [1, 2])
    assert lazy == [1, 2]
    assert [*lazy, len(lazy), lazy[1], 2 in lazy, bool(lazy), str(lazy)] == [
        1, 2, 2, 2, True, True, "[1, 2]",
    ]  # fmt: skip
    assert isinstance(lazy, list)
    lazy.append(3)
    assert Lazy(lambda: 2) + 1 == 3
    with pytest.raises(TypeError):
        hash(lazy)


def test_tokens_are_ordered_by_without_being_read() -> None:
    source = Source([1])
    one, same, other = Token(source, 1), Token(source, 1), Token(source, 2)
    assert one == same != other
    assert len({one, same, other}) == 2
    assert source.reads == 0
    assert one == [1]
    with pytest.raises(TypeError):
        hash(Token(source, -1))


def test_a_mark_whose_values_are_not_known() -> None:
    source = Source(pytest.Mark("slow", (1,), {"why": "x"}, _ispytest=True))
    mark = LazyMark("slow", "described", source)
    assert isinstance(mark, pytest.Mark)
    assert (mark.name, mark.description, source.reads) == ("slow", "described", 0)
    assert (mark.args, mark.kwargs) == ((1,), {"why": "x"})
