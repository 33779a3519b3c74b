from __future__ import annotations

import pytest

from pytest_cellcache.graph.usage import parts_used

USES = {
    "assert a.x == 1": {("attr", "x", True)},
    "assert len(a.x) > 1": {("attr", "x", True)},
    "assert a.x[0][1:] == b": {("attr", "x", True)},
    "a.x[0] = 1": {("attr", "x", False)},
    "a.x += 1": {("attr", "x", False)},
    "a.x = 1": {("attr", "x", False)},
    "a.x.sort()": {("attr", "x", False)},
    "y = a.x": {("attr", "x", False)},
    "f(a.x)": {("attr", "x", False)},
    "a.f(1)": {("attr", "f", False)},
    "f(len=a.x)": {("attr", "x", False)},
    "assert a['k'] in b": {("item", "k", True)},
    "a['k'][0] += 1": {("item", "k", False)},
    "assert a == 1": {("whole", "", True)},
    "assert len(a) == sum(a[1:])": {("whole", "", True)},
    "assert b[a] == 1": None,
    "a[0] = 1": None,
    "del a[0]": None,
    "a.append(1)": {("attr", "append", False)},
    "b = a": None,
    "f(a)": None,
    "f(*a)": None,
    "for x in a: pass": None,
    "[x for x in a]": None,
    "assert a": None,
    "locals()": None,
    "def": None,
}


@pytest.mark.parametrize("text", USES)
def test_how_an_argument_is_used(text: str) -> None:
    source = f"def test(a):\n    {text}\n"
    assert parts_used(source, "a") == USES[text]
