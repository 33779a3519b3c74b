"""Who only enters things in a register tells nobody what was there."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_cellcache.graph.scan import scan_function

SILENT = {
    "a register by key": "R[k] = v",
    "one that keeps what was there": "if k not in R: R[k] = v",
    "lists by key": "R.setdefault(k, []).append(v)",
    "a list": "R.append(v)",
    "a set": "R.add(v)\nreturn v",
    "what it looks at, checked": "if k in R and not any(e.m == v for e in R[k]): R[k].append(v)",
    "texts put together": "n = '.'.join([k, v])\nR[n] = v\nreturn None",
}
TELLING = {
    "what is there": "R[k] = v\nreturn R[k]",
    "how many": "R.append(v)\nreturn len(R)",
    "an argument that was computed anew": "R[k] = v\nv = R.get(k)\nreturn v",
    "an error where there is one": "if k in R: raise KeyError(k)\nR[k] = v",
    "an error where there is none": "R[k].append(v)",
    "an assertion": "assert k not in R\nR[k] = v",
    "to somebody else": "R[k] = v\nlog(len(R))",
    "to an argument": "R[k] = v\nk.append(R)",
    "to an attribute": "R[k] = v\nself.n = len(R)",
    "to another global": "R[k] = v\nS[k] = len(R)",
    "one by one": "R[k] = v\nyield len(R)",
    "a count": "global n\nR[k] = v\nn += 1",
    "what fails where it is missing": "R.remove(v)",
    "nothing is kept": "return R[k]",
    "a function": "R[k] = v\nreturn lambda: R[k]",
}


def tells(body: str) -> bool:
    source = "def f(self, k, v):\n" + textwrap.indent(body, "    ")
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    return scan_function(node, "f")[0][2].tells


@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT)
def test_it_tells_nobody(body: str) -> None:
    assert not tells(body)


@pytest.mark.parametrize("body", TELLING.values(), ids=TELLING)
def test_it_may_tell(body: str) -> None:
    assert tells(body)
