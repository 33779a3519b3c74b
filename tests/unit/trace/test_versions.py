"""Each way to change a dictionary gives it another number, however hot the code that does it."""

from __future__ import annotations

import types
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Final

import pytest

from pytest_cellcache.trace import versions

pytestmark = pytest.mark.skipif(not versions.ARE_NUMBERED, reason="numbers are not kept here")

_MODULE: Final = types.ModuleType("module")
_SPACE: Final[dict[str, Any]] = vars(_MODULE)
exec(
    "def store(value):\n    global N\n    N = value\ndef drop():\n    global N\n    del N\n", _SPACE
)


class Attributes:
    pass


def function() -> None:
    pass


def set_attribute(thing: Any, value: object) -> None:
    thing.attribute = value


WAYS: Final[dict[str, tuple[Any, Callable[[object], object]]]] = {
    "global": (_SPACE, _SPACE["store"]),
    "attribute of a module": (_SPACE, lambda value: set_attribute(_MODULE, value)),
    "attribute of a function": (vars(function), lambda value: set_attribute(function, value)),
    **{
        f"{way}, {kind.__name__}": (thing, lambda value, do=do, thing=thing: do(thing, value))
        for kind in (dict, OrderedDict, Counter)
        for way, thing, do in (
            ("item", kind(a=1), lambda thing, value: thing.__setitem__("a", value)),
            ("new item", kind(a=1), lambda thing, value: thing.__setitem__(str(value), 1)),
            ("update", kind(a=1), lambda thing, value: dict.update(thing, a=value)),
            ("no text", kind(a=1), lambda thing, value: thing.__setitem__((value,), 1)),
            ("out and in", kind(a=1), lambda thing, value: thing.update(a=thing.pop("a"))),
        )
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_gives_another_number(way: str) -> None:
    thing, change = WAYS[way]
    number = versions.number_of(thing)
    seen = {bytes(number)}
    for turn in range(200):
        change(1000 + turn)
        assert bytes(number) not in seen
        seen.add(bytes(number))


def test_a_default_that_is_made_is_a_change() -> None:
    thing = defaultdict[str, list[int]](list)
    number = versions.number_of(thing)
    before = bytes(number)
    thing["a"].append(1)
    assert bytes(number) != before


def test_looking_is_none() -> None:
    thing = {"a": 1, None: 2}
    number = versions.number_of(thing)
    before = bytes(number)
    assert [*thing, *thing.items(), thing.get("b"), "a" in thing, len(thing), thing | {}]
    assert thing.setdefault("a", 3) == 1
    assert bytes(number) == before
