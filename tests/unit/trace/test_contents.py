"""Two things have the same digest only where no code can tell them apart."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import itertools
import re
import sys
import threading
import types
import typing
from typing import Any, ClassVar

import pytest

from pytest_cellcache.trace.contents import Contents


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: int = 0
    y: int = 0


class Slotted:
    __slots__ = ("a", "b")


class Own(dict):  # type: ignore[type-arg]
    pass


def digest(value: Any, **names: str) -> str | None:
    contents = Contents(lambda file: file == __file__, lambda ident: ())
    return contents.digest(value)[0]


def made(code: str) -> Any:
    space: dict[str, Any] = {"__name__": __name__, "Point": Point, "Slotted": Slotted, "Own": Own}
    space |= {"collections": collections, "functools": functools, "typing": typing}
    exec(compile(code, __file__, "exec"), space)
    return space["made"]() if "def made" in code else space["it"]


PAIRS = {
    "kind of mapping": ("it = {'a': 1}", "it = collections.Counter(a=1)"),
    "order of an ordered one": (
        "it = collections.OrderedDict(a=1, b=2)",
        "it = collections.OrderedDict(a=1, b=2); it.move_to_end('a')",
    ),
    "factory": ("it = collections.defaultdict(list)", "it = collections.defaultdict(dict)"),
    "length": ("it = collections.deque([1], 2)", "it = collections.deque([1], 3)"),
    "name": (
        "def made():\n    def f(): pass\n    return f",
        "def made():\n    def f(): pass\n    f.__name__ = 'g'\n    return f",
    ),
    "fields": (
        "it = collections.namedtuple('it', 'a b')(1, 2)",
        "it = collections.namedtuple('it', 'b a')(1, 2)",
    ),
    "cached": (
        "def made():\n    class K: x = functools.cached_property(lambda self: 1)\n    return K",
        "def made():\n    class K: x = functools.cached_property(lambda self: 2)\n    return K",
    ),
    "int": ("it = 1", "it = 2"),
    "bool": ("it = 1", "it = True"),
    "float": ("it = 0.0", "it = -0.0"),
    "text": ("it = '1'", "it = b'1'"),
    "list": ("it = [1, 2]", "it = [2, 1]"),
    "nesting": ("it = [[1], 2]", "it = [[1, 2]]"),
    "tuple": ("it = (1,)", "it = [1]"),
    "keys": ("it = {'a': 1, 'b': 2}", "it = {'b': 2, 'a': 1}"),
    "key and value": ("it = {'a': 'b'}", "it = {'b': 'a'}"),
    "set": ("it = {1, 2}", "it = {1, 3}"),
    "frozen": ("it = {1}", "it = frozenset({1})"),
    "object": ("it = Point(1, 2)", "it = Point(2, 1)"),
    "class of an object": ("it = Point()", "it = Own()"),
    "items of an own mapping": ("it = Own(a=1)", "it = Own(a=2)"),
    "attribute of an own mapping": ("it = Own()", "it = Own(); it.x = 1"),
    "slot": ("it = Slotted(); it.a = 1", "it = Slotted(); it.b = 1"),
    "shared": ("x = []; it = [x, x]", "it = [[], []]"),
    "cycle": ("it = []; it.append(it)", "it = []; it.append([it])"),
    "body": ("def made():\n    return lambda: 1", "def made():\n    return lambda: 2"),
    "called name": ("def made():\n    return lambda: a()", "def made():\n    return lambda: b()"),
    "default": ("def made():\n    return lambda n=1: n", "def made():\n    return lambda n=2: n"),
    "closure": ("def made(n=1):\n    return lambda: n", "def made(n=2):\n    return lambda: n"),
    "member": (
        "def made():\n    class K:\n        x = 1\n    return K",
        "def made():\n    class K:\n        x = 2\n    return K",
    ),
    "base": (
        "def made():\n    class K(Point): pass\n    return K",
        "def made():\n    class K(Own): pass\n    return K",
    ),
    "type variable": ("it = typing.TypeVar('T')", "it = typing.TypeVar('S')"),
    "bound": ("it = typing.TypeVar('T', bound=int)", "it = typing.TypeVar('T', bound=str)"),
    "constraints": ("it = typing.TypeVar('T', int, str)", "it = typing.TypeVar('T', str, int)"),
    "variance": (
        "it = typing.TypeVar('T', covariant=True)",
        "it = typing.TypeVar('T', contravariant=True)",
    ),
    "text for a bound": (
        "it = typing.TypeVar('T', bound='A')",
        "it = typing.TypeVar('T', bound='B')",
    ),
    "variable of parameters": ("it = typing.ParamSpec('P')", "it = typing.TypeVar('P')"),
    "parameter of a generic class": (
        "T = typing.TypeVar('T')\ndef made():\n    class K(typing.Generic[T]): 1\n    return K()",
        "T = typing.TypeVar('S')\ndef made():\n    class K(typing.Generic[T]): 1\n    return K()",
    ),
    "method": (
        "def made():\n    class K:\n        def f(self): return 1\n    return K()",
        "def made():\n    class K:\n        def f(self): return 2\n    return K()",
    ),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_differences_show(one: str, other: str) -> None:
    assert digest(made(one)) is not None
    assert digest(made(one)) == digest(made(one))
    assert digest(made(one)) != digest(made(other))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Color.RED,
        lambda: datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
        lambda: [datetime.date(2020, 1, 1), datetime.timedelta(1), decimal.Decimal("1.0")],
        lambda: re.compile("a", re.IGNORECASE),
        lambda: functools.partial(int, base=2),
        lambda: collections.OrderedDict(a=collections.deque([1])),
        lambda: collections.defaultdict(list, a=[1]),
        lambda: types.SimpleNamespace(a=1),
        lambda: types.MappingProxyType({"a": 1}),
        lambda: [len, str.join, "".join, sys, Point.__init__],
        lambda: (property(len), classmethod(len), staticmethod(len), slice(1), range(2)),
        lambda: (list[int], int | str),
        lambda: Point(1, 2).__eq__,
        lambda: {Point, Color.RED, (1, "a")},
        lambda: typing.Callable[typing.ParamSpec("P"), typing.TypeVar("T")],
        lambda: typing.Generic[typing.TypeVar("T")],
        lambda: typing.TypeVar("T", bound="Point"),
    ],
)
def test_what_can_be_told(make: Any) -> None:
    assert digest(make()) is not None
    assert digest(make()) == digest(make())


def test_members_of_an_enumeration_and_patterns_are_told_apart() -> None:
    assert digest(Color.RED) != digest(Color.BLUE)
    assert digest(re.compile("a")) != digest(re.compile("a", re.IGNORECASE))
    assert digest(functools.partial(int, base=2)) != digest(functools.partial(int, base=3))
    utc, other = datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=1))
    moment = datetime.datetime(2020, 1, 1, tzinfo=utc)
    assert digest(moment) != digest(moment.replace(tzinfo=other))
    assert digest(moment) != digest(moment.replace(fold=1))


@functools.lru_cache
def remembered(n: int) -> list[int]:
    return [n]


@pytest.mark.parametrize(
    "make",
    [
        threading.Lock,
        lambda: iter([1]),
        lambda: (n for n in [1]),
        lambda: open(__file__),
        lambda: itertools.cycle([1]),
        lambda: {object()},
        lambda: [[]] * 20_000,
        lambda: (remembered(1), remembered)[1],
        lambda: sys._getframe(),
    ],
)
def test_what_cannot_be_told(make: Any) -> None:
    value = make()
    assert digest(value) is None
    if hasattr(value, "read"):
        value.close()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brings the syntax")
def test_a_bound_that_nobody_has_asked_for_stays_unread() -> None:
    value = made("def f[T: 1 / 0](): pass\nit = f.__type_params__[0]")
    assert digest(value) is None


def test_what_is_nested_too_deep_cannot_be_told() -> None:
    value: list[Any] = []
    for _ in range(1_000):
        value = [value]
    assert digest(value) is None


class Loud(type):
    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(name)

    def __hash__(cls) -> int:
        raise AssertionError


class Silent(metaclass=Loud):
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = None  # type: ignore[assignment]


def test_no_code_of_objects_runs() -> None:
    assert digest([Silent, object.__new__(Silent)]) is not None


def test_annotations_stay_unread() -> None:
    def annotated(n: int) -> str:
        return str(n)

    def other(n: str) -> str:
        return str(n)

    digests = {digest(annotated), digest(other)}
    assert len(digests) == 2
    if sys.version_info < (3, 14):
        import gc

        assert any(type(each) is tuple and "n" in each for each in gc.get_referents(annotated))


UNNAMED = {"one": lambda: 1, "two": lambda: 2}


class Constant:
    limits: ClassVar[dict[int, int]] = {}

    def method(self) -> int:
        return 1


def test_classes_of_modules_count_with_their_members() -> None:
    contents = Contents(lambda file: file == __file__, lambda ident: ())
    before = contents.digest([Constant])[0]
    assert before != digest([Point])
    Constant.limits[1] = 2
    try:
        assert digest([Constant]) != before
        contents.forget({(__name__, "Constant")})
        assert contents.digest([Constant])[0] != before
    finally:
        del Constant.limits[1]
    contents.forget({(__name__, "Constant")})
    assert contents.digest([Constant])[0] == before


def test_functions_without_a_name_count_with_their_code() -> None:
    assert digest(UNNAMED["one"]) != digest(UNNAMED["two"])


def test_a_module_that_is_not_loaded_counts_with_what_is_in_it() -> None:
    one, two = types.ModuleType("one"), types.ModuleType("one")
    assert digest(one) == digest(two)
    two.x = 1  # type: ignore[attr-defined]
    assert digest(one) != digest(two)
