"""What objects of libraries compute when they are asked first is the same for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIBRARY: Final = """
    import functools
    class lazy:
        def __init__(self, function): self.function = function
        def __set_name__(self, owner, name): self.name = name
        def __get__(self, obj, owner=None):
            if obj is None: return self
            made = vars(obj)[self.name] = self.function(obj)
            return made
    class Model:
        def __init__(self): self.options = Options(self)
    class Options:
        def __init__(self, model):
            self.model, self.factor, self.registered = model, 1, {}
        @functools.cached_property
        def fields(self): return tuple(self.model.names())
        @lazy
        def size(self): return len(self.fields) * self.factor
        def remember(self, value): self.kept = value
        def register(self, name, value): self.registered[name] = value
        def method(self): return 1
"""
SHOP: Final = """
    from lazylib import Model
    class Shop(Model):
        def names(self): return ["a", "b"]
        def total(self, n): return n * 2
    SHOP = Shop()
    def double(n): return n * 2
    def change(**values):
        for name, value in values.items(): setattr(SHOP.options, name, value)
"""
FILLING: Final = "assert SHOP.options.size == 2 and SHOP.total(1) == 2 == double(1)"
READING: Final = "assert SHOP.options.size == 2 and len(SHOP.options.fields) == 2"


def write(suite: Suite, first: str, second: str = READING, between: str = "pass") -> None:
    site = suite.path.parent / f"{suite.path.name}-env" / "site-packages"
    suite.write(f"../{site.parent.name}/site-packages/lazylib.py", LIBRARY)
    suite.write("conftest.py", f"import sys\nsys.path.insert(0, {str(site)!r})\n")
    suite.write("shop.py", SHOP)
    suite.write(
        "test_it.py",
        "from shop import SHOP, change, double\n"
        f"def test_first(): {first}\n"
        f"def test_between(): {between}\n"
        f"def test_second(): {second}\n"
        "def test_other(): pass\n",
    )


@pytest.mark.parametrize(
    ("edit", "run"),
    [
        (("test_it.py", "== 2 == double(1)", "== double(1) == 2"), {"first"}),
        (("shop.py", "def total(self, n): return n * 2", "def total(self, n): return 2 * n"),
         {"first"}),
        (("shop.py", "def double(n): return n * 2", "def double(n): return 2 * n"), {"first"}),
        (("shop.py", '["a", "b"]', '[*"ab"]'), {"first", "second"}),
        (("test_it.py", "and len(SHOP.options.fields) == 2",
          "and 2 == len(SHOP.options.fields)"), {"second"}),
    ],
    ids=["test", "method", "function", "override", "reader"],
)  # fmt: skip
def test_who_asked_first_is_no_producer(
    suite: Suite, edit: tuple[str, str, str], run: set[str]
) -> None:
    write(suite, FILLING)
    suite.warm()
    suite.edit(*edit)
    assert set(suite.both().names) == {f"test_{name}" for name in run}


def test_what_the_library_calls_counts_for_all(suite: Suite) -> None:
    write(suite, FILLING)
    suite.warm()
    suite.edit("shop.py", '["a", "b"]', '["a"]')
    ran = suite.both()
    assert [n for n, words in ran.outcomes.items() if "failed" in words] == [
        "test_it.py::test_first",
        "test_it.py::test_second",
    ]


class Left(NamedTuple):
    """What is no memo, how it is read, and an edit that counts."""

    first: str
    second: str
    edit: tuple[str, str]
    between: str = "pass"


LEFT: Final = {
    "the attribute is set": Left(
        "SHOP.options.size = 5",
        "assert SHOP.options.size == 5",
        ("options.size = 5", "options.size = 6"),
    ),
    "it is set by a name": Left(
        "change(size=5)", "assert SHOP.options.size == 5", ("size=5", "size=6")
    ),
    "the library sets another one": Left(
        "SHOP.options.remember(5)",
        "assert SHOP.options.kept == 5",
        ("remember(5)", "remember(6)"),
    ),
    "the library registers something": Left(
        "SHOP.options.register('a', 5)",
        "assert SHOP.options.registered['a'] == 5",
        ("('a', 5)", "('a', 6)"),
    ),
    "a method is replaced": Left(
        "SHOP.options.method = lambda: 5",
        "assert SHOP.options.method() == 5",
        ("lambda: 5", "lambda: 6"),
    ),
    "what it is computed from was set": Left(
        "SHOP.options.factor = 5",
        "assert SHOP.options.size == 10",
        ("factor = 5", "factor = 6"),
        "assert SHOP.options.size",
    ),
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_what_else_is_left_in_it_has_a_producer(suite: Suite, left: Left) -> None:
    write(suite, left.first, left.second, left.between)
    suite.warm()
    suite.edit("test_it.py", *left.edit)
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_second"]
    assert "test_other" not in ran.names
    suite.edit("test_it.py", *left.edit[::-1])
    assert "failed" not in suite.both().outcomes["test_it.py::test_second"]


def test_a_known_cache_of_a_library(suite: Suite) -> None:
    """In Django, which fields a model has is kept by what was asked for."""
    write(suite, "assert META.get_fields(1) == ('a', 1)", "assert META.get_fields(1)[0] == 'a'")
    folder = f"../{suite.path.name}-env/site-packages/django"
    for name in ("", "db/", "db/models/"):
        suite.write(f"{folder}/{name}__init__.py", "")
    suite.write(
        f"{folder}/db/models/options.py",
        """
        class Options:
            def __init__(self): self._get_fields_cache = {}
            def get_fields(self, which):
                if which not in self._get_fields_cache:
                    self._get_fields_cache[which] = self.name(), which
                return self._get_fields_cache[which]
        """,
    )
    suite.write(
        "shop.py",
        """
        from django.db.models.options import Options
        class Own(Options):
            def name(self): return "a"
        SHOP = change = double = 1
        META = Options()
        META.name = lambda: "a"
        """,
    )
    suite.edit("test_it.py", "import SHOP,", "import META, SHOP,")
    suite.warm()
    suite.edit("test_it.py", "== ('a', 1)", "== (*'a', 1)")
    assert suite.both().names == ["test_first"]
    suite.edit("test_it.py", "[0] == 'a'", "[0] in 'a'")
    assert suite.both().names == ["test_second"]
    suite.edit("shop.py", 'lambda: "a"', 'lambda: "b"')
    assert {"test_first", "test_second"} <= set(suite.both().names)
