from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.hooks.values import Opaque, describe


class Color(enum.Enum):
    RED = 1
    BLUE = (2, "b")

    @property
    def label(self) -> str:
        return self.name.lower()


class Size(enum.IntEnum):
    SMALL = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Planet(enum.Enum):
    EARTH = 3

    def __init__(self, place: int) -> None:
        self.next = place + 1


class Odd(enum.Enum):
    ONE = object()


class Plain:
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        ("/root/a", "'<root>/a'"),
        ([1, ("a",)], "list(1,tuple('a'))"),
        ({"b": 1, "a": {2}}, "dict('b':1,'a':set(2))"),
        (Path("/root/x"), "PosixPath('<root>/x')"),
        (re.compile("a", re.IGNORECASE), "re('a',34)"),
        (slice(1, None), "slice(1,None,None)"),
        (int, "builtins.int"),
        (len, "builtins.len"),
        (Color.RED, f"{__name__}.Color.RED=1"),
        (Color.BLUE, f"{__name__}.Color.BLUE=tuple(2,'b')"),
        (Size.SMALL, f"{__name__}.Size.SMALL=1"),
        (Access.WRITE, f"{__name__}.Access.WRITE=2"),
    ],
)
def test_values_of_a_kind(value: Any, expected: str) -> None:
    assert describe(value, "/root") == expected


@pytest.mark.parametrize("value", [Plain(), Plain, lambda: 1, Planet.EARTH, Odd.ONE, [Plain()]])
def test_what_may_be_more_than_it_says(value: Any) -> None:
    with pytest.raises(Opaque):
        describe(value, "/root")
