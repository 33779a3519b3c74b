"""Which statements make something what it is whatever it was, and what else mentions it."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_cellcache.graph.resetting import Site
from pytest_cellcache.graph.scan import scan_function


def sites(body: str) -> list[Site]:
    """Give the sites of a method; its body begins in line 2."""
    source = "def f(self, k):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    ((_, _, refs),) = scan_function(node, "f")
    return sorted(map(Site.from_text, refs.resets), key=lambda site: (site.line, site.way))


def only(body: str) -> tuple[str, int, int, set[int]]:
    """Give the one site there is."""
    (site,) = sites(body)
    return (*site[:3], set(site.others))


@pytest.mark.parametrize(
    ("body", "way"),
    [
        ("D.clear()", "D[]"),
        ("lib.D.clear()", "lib.D[]"),
        ("del L[:]", "L[]"),
        ("L[:] = []", "L[]"),
        ("global G\nG = {}", "G"),
        ("lib.G = None", "lib.G"),
        ("self.jobs = []", ".jobs"),
        ("self.jobs.clear()", ".jobs[]"),
        ("del self.jobs[:]", ".jobs[]"),
        ("lib.REG.jobs = []", "lib.REG.jobs"),
        ("self.jobs = k", ".jobs"),
    ],
)
def test_ways(body: str, way: str) -> None:
    assert only(body) == (way, body.count("\n") + 2, 0, set())


@pytest.mark.parametrize(
    "body",
    [
        "D.pop(k)",
        "del D[k]",
        "del L[1:]",
        "D.clear(k)",
        "G = {}",  # a local
        "k.jobs = []",  # of another argument
        "self = k\nself.jobs = []",
        "if k: D.clear()",  # the line tells nothing
        "D.clear(); k()",
        "from lib import D as E\nD.clear()",
        "D.clear()\nreturn getattr(lib, k)",
        "lib.G = make()",  # it may have failed
        "lib.G = other",
        "if k:\n    del k\nself.jobs = k",
        "return lambda: D.clear()",
    ],
)
def test_none(body: str) -> None:
    assert sites(body) == []


def test_what_may_fail_has_ended_where_the_next_one_runs() -> None:
    assert only("lib.G = make()\nreturn 1") == ("lib.G", 2, 3, set())


def test_others_are_mentions_before_it_or_on_another_branch() -> None:
    body = """
        if k is None:
            del self.jobs[:]
            return len(self.jobs)
        else:
            self.jobs[:] = (j for j in self.jobs if j.tag != k)
    """
    way, line, _, others = only(body)
    assert (way, line, others) == (".jobs[]", 4, {7})


@pytest.mark.parametrize(
    ("body", "others"),
    [
        ("if D: k()\nD.clear()", {2}),
        ("n = len(D)\nD.clear()\nreturn n", {2}),
        ("D.clear()\nD.update(k)", set()),
        ("for each in k:\n    D[each]\n    D.clear()\n    D.get(each)", {3}),
        ("k(lambda: D)\nD.clear()", {0}),
        ("k(x for x in k if x in D)\nD.clear()", {0}),
        ("k('D')\nD.clear()", {2}),
        ("k('lib:D')\nD.clear()", {2}),
        ("log('D is cleared')\nD.clear()", set()),
        ("try:\n    D.clear()\nfinally:\n    k(D)", {5}),
        ("k(lib)\nlib.D.clear()", {2}),
        ("lib.other()\nlib.D.clear()", set()),
        ("'''Forget D.'''\nD.clear()", set()),
        ("lib.D = make(lib.D)\nreturn 1", {2}),
        ("k.jobs\nself.jobs = []", {2}),
    ],
)
def test_others(body: str, others: set[int]) -> None:
    assert only(body)[3] == others
