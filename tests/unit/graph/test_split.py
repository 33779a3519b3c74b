from __future__ import annotations

import json
import sys

import pytest

from pytest_cellcache.graph.cells import Cell, Table, table_from_json, table_to_json
from pytest_cellcache.graph.split import split_cells


def split(text: str) -> Table:
    return split_cells(text.encode())


def binding(table: Table, name: str) -> list[Cell]:
    return [cell for cell in table.cells if name in cell.binds]


def bodies(table: Table) -> dict[str, str]:
    return {found.qualname: found.digest for found in table.defs}


STATEMENTS = {
    "def": ("def f(): pass", "f"),
    "async def": ("async def f(): pass", "f"),
    "class": ("class f: pass", "f"),
    "assignment": ("f = 1", "f"),
    "chained": ("g = f = 1", "f"),
    "unpacking": ("(g, [f, *h]) = 1, [2, 3]", "f"),
    "annotated": ("f: int = 1", "f"),
    "augmented": ("f += 1", "f"),
    "import": ("import f", "f"),
    "import of a submodule": ("import f.g.h", "f"),
    "import as": ("import g.h as f", "f"),
    "from import": ("from g import f", "f"),
    "from import as": ("from g import h as f", "f"),
    "for": ("for f in (): pass", "f"),
    "with": ("with g() as f: pass", "f"),
    "try": ("try:\n    import g as f\nexcept ImportError:\n    f = None", "f"),
    "except name": ("try: pass\nexcept ValueError as f: pass", "f"),
    "if": ("if 1:\n    def f(): pass\nelse:\n    f = None", "f"),
    "while": ("while 0: f = 1", "f"),
    "match": ("match 1:\n    case f: pass", "f"),
    "match star": ("match [1]:\n    case [*f]: pass", "f"),
    "match rest": ("match {}:\n    case {**f}: pass", "f"),
    "walrus": ("(f := 1)", "f"),
    "walrus in a comprehension": ("[f := n for n in ()]", "f"),
    "delete": ("del f", "f"),
}


@pytest.mark.parametrize(("text", "name"), STATEMENTS.values(), ids=STATEMENTS)
def test_every_kind_of_statement_binds_its_names(text: str, name: str) -> None:
    assert binding(split(text), name)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements came with 3.12")
def test_type_alias_binds_its_name() -> None:
    table = split("type A[T] = list[T]\ntype B = A[int]\n")
    assert [cell.binds for cell in table.cells] == [("A",), ("B",)]
    assert "A" in table.cells[1].refs.chains


def test_names_of_inner_scopes_are_not_bound() -> None:
    table = split("[a for a in ()]\nlambda b: b\ndef f(c):\n    d = 1\nclass K:\n    e = 1\n")
    assert {name for cell in table.cells for name in cell.binds} == {"f", "K"}


def test_the_first_string_is_the_docstring_of_the_module() -> None:
    assert split("'''doc'''\nx = 1").cells[0].binds == ("__doc__",)
    assert [cell.binds for cell in split("x = 1\n'''no doc'''").cells] == [("x",)]


SAME = {
    "comments": ("def f():\n    return 1", "# a\ndef f():  # b\n    # c\n    return 1"),
    "layout": ("x = [1, 2]", "x = [\n    1,\n    2,\n]\n\n\n"),
    "position": ("def f():\n    return 1", "\n\n\n\ndef f():\n    return 1"),
    "quotes": ("x = 'a'", 'x = "a"'),
    "parentheses": ("x = (1)", "x = 1"),
    "line ends": ("def f():\n    return 1\n", "def f():\r\n    return 1\r\n"),
    "byte order mark": ("x = 1", "\ufeffx = 1"),
    "form feed": ("x = 1\ny = 2", "x = 1\n\x0c\ny = 2"),
    "type checking": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b",
    ),
}


@pytest.mark.parametrize(("one", "two"), SAME.values(), ids=SAME)
def test_what_is_not_evaluated_does_not_count(one: str, two: str) -> None:
    first, second = split(one), split(two)
    assert [cell.digest for cell in first.cells] == [cell.digest for cell in second.cells]
    assert bodies(first) == bodies(second)


def test_layout_is_no_part_of_a_module_seen_as_a_whole() -> None:
    one, two = SAME["comments"]
    assert split(one).code == split(two).code


OTHER_SIGNATURE = {
    "default": ("def f(a=1): pass", "def f(a=2): pass"),
    "keyword default": ("def f(*, a=1): pass", "def f(*, a=2): pass"),
    "parameter": ("def f(a): pass", "def f(b): pass"),
    "kind of parameter": ("def f(a): pass", "def f(a, /): pass"),
    "decorator": ("@a\ndef f(): pass", "@b\ndef f(): pass"),
    "argument of a decorator": ("@a(1)\ndef f(): pass", "@a(2)\ndef f(): pass"),
    "kind of def": ("def f(): pass", "async def f(): pass"),
    "base": ("class f(A): pass", "class f(B): pass"),
    "metaclass": ("class f(metaclass=A): pass", "class f(metaclass=B): pass"),
    "attribute": ("class f:\n    a = 1", "class f:\n    a = 2"),
    "order in a class": ("class f:\n    a = 1\n    b = 1", "class f:\n    b = 1\n    a = 1"),
    "method": ("class f: pass", "class f:\n    def m(self): pass"),
    "default of a method": (
        "class f:\n    def m(self, a=1): pass",
        "class f:\n    def m(self, a=2): pass",
    ),
    "nested class": ("class f:\n    class g: a = 1", "class f:\n    class g: a = 2"),
    "value": ("f = 1", "f = 2"),
    "type of a value": ("f = 1", "f = 1.0"),
    "branch": ("if a:\n    f = 1", "if b:\n    f = 1"),
}


@pytest.mark.parametrize(("one", "two"), OTHER_SIGNATURE.values(), ids=OTHER_SIGNATURE)
def test_what_defining_evaluates_counts_for_the_name(one: str, two: str) -> None:
    before, after = binding(split(one), "f"), binding(split(two), "f")
    assert [cell.digest for cell in before] != [cell.digest for cell in after]


OTHER_BODY = {
    "constant": ("return 1", "return 2"),
    "type of a constant": ("return 1", "return True"),
    "sign of zero": ("return 0.0", "return -0.0"),
    "set of constants": ("return 1 in {1, 2}", "return 1 in {1, 3}"),
    "name": ("return a", "return b"),
    "attribute": ("return a.b", "return a.c"),
    "operator": ("return a + b", "return a - b"),
    "inner function": ("return lambda: 1", "return lambda: 2"),
    "inner default": ("return lambda a=1: a", "return lambda a=2: a"),
    "global": ("a = 1", "global a; a = 1"),
    "handler": ("try: a()\n except KeyError: b()", "try: a()\n except ValueError: b()"),
    "generator": ("return 1", "yield 1"),
}


@pytest.mark.parametrize(("one", "two"), OTHER_BODY.values(), ids=OTHER_BODY)
def test_what_calling_evaluates_counts_for_the_body_only(one: str, two: str) -> None:
    before, after = split(f"def f():\n {one}\n"), split(f"def f():\n {two}\n")
    assert bodies(before) != bodies(after)
    assert [cell.digest for cell in before.cells] == [cell.digest for cell in after.cells]


def test_methods_are_bodies_of_their_own() -> None:
    text = "class A:\n    class B:\n        def m(self): return {}\n    def n(self): pass\n"
    before, after = split(text.format(1)), split(text.format(2))
    assert set(bodies(before)) == {"A.B.m", "A.n"}
    assert bodies(before)["A.n"] == bodies(after)["A.n"]
    assert bodies(before)["A.B.m"] != bodies(after)["A.B.m"]
    assert [cell.digest for cell in before.cells] == [cell.digest for cell in after.cells]


def test_defs_in_compound_statements_are_bodies_of_their_own() -> None:
    text = "if a:\n    def f(): return {}\nelse:\n    def f(): return 3\n"
    before, after = split(text.format(1)), split(text.format(2))
    assert [found.qualname for found in before.defs] == ["f", "f"]
    assert before.defs[0].digest != after.defs[0].digest
    assert before.defs[1].digest == after.defs[1].digest
    assert before.cells[0].digest == after.cells[0].digest


def test_docstrings_are_kept_apart() -> None:
    before, after = (
        split("def f():\n    'a'\n    return 1"),
        split("def f():\n    'b'\n    return 1"),
    )
    assert before.docs != after.docs
    assert set(before.docs) == {"f"}
    assert bodies(before) == bodies(after)


def test_markers_are_kept_apart() -> None:
    text = "import pytest\n@pytest.mark.parametrize('a', {})\ndef test_a(a): pass\n"
    before, after = split(text.format([1])), split(text.format([2]))
    assert before.markers["test_a"][0] != after.markers["test_a"][0]
    assert [cell.digest for cell in before.cells] == [cell.digest for cell in after.cells]


def test_a_decorator_that_only_looks_like_a_marker_counts() -> None:
    table = split("from other import pytest\n@pytest.mark.skip\ndef test_a(): pass\n")
    assert not table.markers
    assert binding(table, "test_a")[0].is_decorated


def test_one_more_test_method_leaves_the_others_alone() -> None:
    one = split("class TestA:\n    def test_a(self): pass\n")
    two = split("class TestA:\n    def test_a(self): pass\n    def test_b(self): pass\n")
    assert binding(one, "TestA")[0].digest == binding(two, "TestA")[0].digest
    assert binding(two, "TestA.test_b")


@pytest.mark.parametrize(
    ("decorator", "is_memo"),
    [
        ("lru_cache", True),
        ("functools.lru_cache(maxsize=None)", True),
        ("cached_property", True),
        ("memoize", True),
        ("property", False),
        ("staticmethod", False),
    ],
)
def test_memoised_functions_are_known_by_their_decorator(decorator: str, is_memo: bool) -> None:
    assert split(f"@{decorator}\ndef f(): pass").defs[0].is_memo is is_memo


def test_imports_become_aliases_and_loads() -> None:
    table = split(
        "import a.b\nimport c.d as e\nfrom . import f\nfrom ..g import h as i\n"
        "from j import *\nfrom __future__ import annotations\n"
    )
    shown = {name: [(a.module, a.name) for a in found] for name, found in table.aliases.items()}
    assert shown == {
        "a": [("a", None)],
        "e": [("c.d", None)],
        "f": [(".", "f")],
        "i": [("..g", "h")],
    }
    assert table.stars == ("j",)
    assert table.futures == ("annotations",)
    assert set(table.loads) == {"a.b", "c.d", ".:f", "..g:h", "j:*"}


@pytest.mark.parametrize(
    "source",
    [
        b"def f(:\n",
        b"x = 1\n  y = 2",
        b"\x00",
        b"# coding: nonsense\nx = 1",
        b"x = '\xff'",
        b"(" * 400,
    ],
)
def test_what_does_not_parse_counts_as_text(source: bytes) -> None:
    table = split_cells(source)
    assert table.is_broken
    assert table.code != split_cells(source + b"#").code


def test_declared_encodings_are_read_as_python_does() -> None:
    latin = split_cells("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    plain = split_cells("x = 'é'\n".encode())
    assert not latin.is_broken
    assert latin.cells[0].digest == plain.cells[0].digest


EVERYTHING = """
'''doc'''
from __future__ import annotations
import a.b, functools, pytest
from .c import d as e, f
from g import *
X: int = a.b.call(1)
Y += 1
if X:
    def h(): 'doc'
@functools.lru_cache
def i(j=X, *k: Y): return eval(j)
@pytest.mark.skip
class L(a.b.M, metaclass=e):
    n = 1
    def test_o(self): self.p.append(X); L.q[1] = getattr(self, X)
    def r(self, s=[]): s.append(1); import late; return late.V
for t in X: a.u = t
"""


def test_a_table_survives_json() -> None:
    table = split(EVERYTHING)
    assert not table.is_broken
    assert table_from_json(json.loads(json.dumps(table_to_json(table)))) == table


def test_what_is_read_of_a_stored_table_is_the_same_however_it_is_read() -> None:
    table = split("def f():\n    global X\n    X = vars()")
    stored = table_from_json(json.loads(json.dumps(table_to_json(table))))
    refs, read = table.defs[0].refs, stored.defs[0].refs
    assert (read.stores, read.attrs, read.reads_namespace) == ({"X"}, set(), True)
    assert read == refs
    read.stores.add("Y")
    assert read.stores == {"X", "Y"}
    with pytest.raises(AttributeError):
        read.nothing  # noqa: B018


def test_a_broken_table_survives_json() -> None:
    table = split("def f(:")
    assert table_from_json(json.loads(json.dumps(table_to_json(table)))) == table


@pytest.mark.parametrize("data", [{}, {"cells": 1}, {"cells": [[1, 2]]}])
def test_a_damaged_table_is_told(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        table_from_json(data)


def test_imports_whose_absence_is_caught() -> None:
    table = split_cells(
        b"""
try:
    import a
    from b import c
except (ImportError, KeyError):
    import d
try:
    import e
except ImportError:
    raise
try:
    import f
except KeyError:
    pass
try:
    import g
except Exception:
    pass
import g
"""
    )
    assert table.guarded == ("a", "b:c")
