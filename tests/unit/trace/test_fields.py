"""Whatever is set of a function or closure shows in the bytes that are read of it."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final

import pytest

from pytest_cellcache.trace.fields import fields_of


def function(a: object = 1, *, b: object = 2) -> object:
    return a, b


CHANGES: Final[dict[str, tuple[Any, Callable[[Any, int], None]]]] = {
    "code": (function, lambda f, n: setattr(f, "__code__", compile(f"{n}", "", "eval"))),
    "defaults": (function, lambda f, n: setattr(f, "__defaults__", (n,))),
    "no defaults": (function, lambda f, n: setattr(f, "__defaults__", (n,) if n % 2 else None)),
    "named defaults": (function, lambda f, n: setattr(f, "__kwdefaults__", {"b": n})),
    "cell": (types.CellType(), lambda cell, n: setattr(cell, "cell_contents", n)),
}


@pytest.mark.parametrize(("thing", "change"), CHANGES.values(), ids=CHANGES)
def test_a_change_shows(thing: Any, change: Callable[[Any, int], None]) -> None:
    if isinstance(thing, types.FunctionType):
        thing = types.FunctionType(thing.__code__, thing.__globals__, argdefs=(1,))
    fields = fields_of(thing)
    if fields is None:
        pytest.skip("they are not read here")
    for number in range(1000, 1010):
        before = bytes(fields)
        kept = thing.__defaults__ if isinstance(thing, types.FunctionType) else None
        change(thing, number)
        assert bytes(fields) != before
        del kept


def test_what_has_no_such_fields_is_told_otherwise() -> None:
    assert fields_of([]) is None
    assert fields_of({}) is None
