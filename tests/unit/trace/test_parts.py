"""What an object leads to, told without asking it."""

from __future__ import annotations

import collections
import contextvars
import functools
import itertools
import sys
import types
from typing import Any

import pytest

from pytest_cellcache.trace.parts import (
    MAX_ITEMS,
    has_state,
    is_opaque,
    is_own_class,
    namespace_of,
    origin_of,
    parts_of,
    slot_value,
    slots_of,
)

X, Y = ["x"], ["y"]


class Plain:
    kept = X

    def __init__(self) -> None:
        self.a = X


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = X


class Both(Slotted):
    def __init__(self) -> None:
        super().__init__()
        self.c = Y


class Mapping(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise AssertionError

    __iter__ = __len__ = items  # type: ignore[assignment]


class Sequence(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError

    __len__ = __iter__  # type: ignore[assignment]


def function(a: Any = X, *, b: Any = Y) -> None: ...


def closure() -> Any:
    held = X
    return lambda: held


def empty_cell() -> Any:
    def inner() -> Any:
        return late

    cell = (inner.__closure__ or ())[0]
    if cell is None:
        late = 1
    return cell


def annotated() -> Any:
    made: Any = Mapping(k=X)
    made.extra = Y
    return made


VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("VARIABLE", default=X)
METHOD = Plain().__init__
LED_TO: dict[str, tuple[Any, list[tuple[Any, Any]]]] = {
    "dict": ({"k": X, 1: Y}, [(X, "k"), (Y, 1)]),
    "list": ([X, Y], [(X, None), (Y, None)]),
    "tuple": ((X,), [(X, None)]),
    "set": ({1}, [(1, None)]),
    "frozenset": (frozenset({1}), [(1, None)]),
    "deque": (collections.deque([X]), [(X, None)]),
    "instance": (Plain(), [(X, "a")]),
    "slots": (Slotted(), [(X, "a"), (None, "b")]),
    "slots of a base": (Both(), [(Y, "c"), (X, "a"), (None, "b")]),
    "dict that overrides": (annotated(), [(X, "k"), (Y, "extra")]),
    "list that overrides": (Sequence([X]), [(X, None)]),
    "function": (function, [(X, None), (function.__kwdefaults__, None)]),
    "cell": (types.CellType(X), [(X, None)]),
    "empty cell": (empty_cell(), []),
    "static method": (staticmethod(function), [(function, None)]),
    "class method": (classmethod(function), [(function, None)]),  # type: ignore[arg-type]
    "nothing": (object(), []),
    "too large a list": ([X] * (MAX_ITEMS + 1), []),
    "too large a dict": (dict.fromkeys(range(MAX_ITEMS + 1), X), []),
}


@pytest.mark.parametrize(("value", "parts"), LED_TO.values(), ids=LED_TO)
def test_what_a_value_leads_to(value: Any, parts: list[tuple[Any, Any]]) -> None:
    found = list(parts_of(value))
    if isinstance(value, (staticmethod, classmethod)):  # they take over names of the function
        found = [part for part in found if part[1] is None]
    assert [(id(part), name) for part, name in found] == [(id(part), name) for part, name in parts]


def test_a_class_leads_to_its_members_without_what_python_adds() -> None:
    found = {name: part for part, name in parts_of(Plain)}
    assert found == {"kept": X, "__init__": Plain.__init__}


def test_a_context_variable_leads_to_what_it_is_set_to() -> None:
    def ask() -> list[Any]:
        VARIABLE.set(X)
        return [part for part, _ in parts_of(VARIABLE)]

    assert contextvars.Context().run(ask) == [X]


def test_functions_around_functions() -> None:
    closed = closure()
    assert [type(part) for part, _ in parts_of(closed)] == [types.CellType]
    memo = functools.lru_cache(closed)
    assert (closed, None) in list(parts_of(memo))
    assert [part for part, _ in parts_of(METHOD)] == [METHOD.__self__, METHOD.__func__]
    partial = functools.partial(function, X, b=Y)
    assert [part for part, _ in parts_of(partial)][:3] == [function, (X,), {"b": Y}]
    made = property(function)
    assert [part for part, _ in parts_of(made) if part is not None] == [function]


OPAQUE = [1, "a", b"a", None, ..., True, 1.5, sys, len, (lambda: 0).__code__, range(3), list[int]]


@pytest.mark.parametrize("value", OPAQUE, ids=lambda value: type(value).__name__)
def test_what_leads_nowhere(value: Any) -> None:
    assert is_opaque(value)


@pytest.mark.parametrize("value", [[], (), {}, Plain(), Plain, function, VARIABLE, closure()])
def test_what_may_lead_somewhere(value: Any) -> None:
    assert not is_opaque(value)


ORIGINS: list[tuple[Any, str]] = [
    (Plain, "own"),
    (Slotted, "own"),
    (types.FunctionType, "walked"),
    (dict, "walked"),
    (collections.OrderedDict, "walked"),
    (functools.partial, "walked"),
    (itertools.count, "walked"),
    (contextvars.ContextVar, "walked"),
    (pytest.Item, "opaque"),
    (type(pytest), "walked"),
]


@pytest.mark.parametrize(("kind", "origin"), ORIGINS)
def test_whose_a_class_is(kind: type, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, types.ModuleType("m")))
    monkeypatch.setattr(sys.modules[__name__], "__file__", __file__, raising=False)
    found = origin_of(kind, frozenset({__file__}))
    assert found == (origin if kind is not types.ModuleType else "walked")
    if origin == "own":
        assert origin_of(kind, frozenset()) == "foreign"


def test_classes_that_functions_define_are_not_own() -> None:
    class Local: ...

    assert not is_own_class(Local, frozenset({__file__}))


def test_namespaces() -> None:
    plain, both, slotted = Plain(), Both(), Slotted()
    assert namespace_of(plain) is plain.__dict__
    assert namespace_of(both) == {"c": Y}
    assert namespace_of(slotted) is None
    assert namespace_of(1) is None
    assert namespace_of(annotated()) == {"extra": Y}

    class Hiding:
        __dict__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

    hiding = Hiding()
    object.__setattr__(hiding, "a", 1)
    assert namespace_of(hiding) in (None, {"a": 1})  # never asked


def test_slots() -> None:
    assert [slot.__name__ for slot in slots_of(Slotted)] == ["a", "b"]
    assert [slot.__name__ for slot in slots_of(Both)] == ["a", "b"]
    assert slots_of(Plain) == slots_of(types.FunctionType) == slots_of(slice) == []
    a, b = slots_of(Slotted)
    assert slot_value(a, Slotted()) is X
    assert slot_value(b, Slotted()) is None


def test_functions_with_state() -> None:
    assert not has_state({})
    assert not has_state({"__wrapped__": function, "pytestmark": []})
    assert has_state({"calls": 1})
