from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.graph.bringing import Bringing
from pytest_cellcache.model.keys import LOADS, Key


def is_nothing(world: Any, name: str, path: str = "") -> bool:
    return Bringing(world.digester()).is_nothing(Key(LOADS, path, name))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("X = 1\ndef f(): pass\nclass C: pass", True),
        ("import json", True),
        ("from b import f", True),
        ("from loud import f", False),
        ("import round_about", False),
        ("import b\nb.D['x'] = 1", False),
        ("if 1:\n    X = 1", True),
        ("print(1)", False),
        ("import some_distribution", False),
        ("(", False),
        ("from json import dumps", True),
        ("from json import what_is_not_there", False),
        ("from b import what_is_not_there", False),
        ("X = 1 // 0", False),
        ("X = what_is_not_there", False),
        ("def f(a=1 // 0): pass", False),
        ("def f(): return 1 // 0", True),
        ("class C(Missing): pass", False),
        ("class C:\n    def f(self): return 1 // 0", True),
        ("X, Y = 1,", False),
    ],
)
def test_a_module_that_only_binds_names(world: Any, source: str, expected: bool) -> None:
    world.write(
        a=source,
        b="D = {}\ndef f(): pass",
        loud="print(1)\ndef f(): pass",
        round_about="import a\nimport loud",
    )
    assert is_nothing(world, "a") is expected


def test_the_packages_on_the_way_count(world: Any) -> None:
    world.write(p____init__="", p__a="X = 1")
    assert is_nothing(world, "p.a")
    world.write(p____init__="print(1)")
    assert not is_nothing(world, "p.a")
    assert is_nothing(world, "a", "p")


def test_a_module_that_is_not_there_is_nothing_where_that_is_caught(world: Any) -> None:
    world.write(a="")
    assert not is_nothing(world, "missing_one")
    assert is_nothing(world, "missing_one?")
    assert is_nothing(world, "json")
