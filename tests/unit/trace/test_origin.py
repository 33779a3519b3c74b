"""Noise is told from inputs by the nearest caller that acts on its own behalf."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from types import FrameType
from typing import Any

import pytest

import pytest_cellcache.trace
from pytest_cellcache.trace import origin
from pytest_cellcache.trace.databases import Authorizer
from pytest_cellcache.trace.origin import (
    EVERYBODY,
    NOBODY,
    caller,
    is_ignored_path,
    pytester_depth,
    reach,
    variable_reach,
)
from pytest_cellcache.trace.shims import Shim


def call_from(*modules: str, name: str = "function") -> tuple[str, FrameType | None]:
    """Call ``caller`` below one function of each module; the last one is the nearest."""
    action: Any = caller
    for module in reversed(modules):
        namespace = {"__name__": module, "action": action}
        exec(f"def {name}(): return action()", namespace)
        action = namespace[name]
    result: tuple[str, FrameType | None] = action()
    return result


@pytest.mark.parametrize(
    "modules",
    [
        ("project", "importlib._bootstrap_external"),
        ("project", "_pytest.assertion.rewrite"),
        ("project", "_pytest.pathlib", "shutil", "os"),
        ("project", "_pytest._code.source", "linecache", "tokenize"),
        ("project", "_pytest.warnings", "warnings", "linecache"),
        ("project", "pytest_cellcache.sources.snapshot", "pathlib"),
    ],
)
def test_noise(modules: tuple[str, ...]) -> None:
    assert reach(*call_from(*modules)) == NOBODY


@pytest.mark.parametrize(
    "modules",
    [
        ("_pytest.python", "project", "pathlib", "io"),
        ("_pytest.python", "project", "traceback", "linecache", "tokenize"),
        ("project", "importlib.resources.readers", "pathlib"),
        ("project", "_pytest._py.path", "_pytest._py.error"),
        ("_pytest.doctest", "pathlib"),
        ("project", "_pytest.pytester", "shutil"),
    ],
)
def test_inputs(modules: tuple[str, ...]) -> None:
    assert reach(*call_from(*modules)) == EVERYBODY


def test_loaders_carry_data_for_others() -> None:
    module, frame = call_from("pkgutil", "importlib._bootstrap_external", name="get_data")
    assert (module, reach(module, frame)) == ("pkgutil", EVERYBODY)


def test_pytest_inside_pytester_acts_for_the_test_but_not_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "_pytest.pytester", pytest)
    outer_depth = pytester_depth(sys._getframe())
    module, frame = call_from("_pytest.main", "_pytest.pytester", "_pytest.config")
    inner_depth = pytester_depth(frame)
    assert outer_depth < reach(module, frame) <= inner_depth


def test_monkeypatch_looks_at_variables_only_in_delenv() -> None:
    looks = {
        name: variable_reach(*call_from("project", "_pytest.monkeypatch", name=name))
        for name in ("setitem", "undo", "delitem")
    }
    assert looks == {"setitem": NOBODY, "undo": NOBODY, "delitem": EVERYBODY}
    assert variable_reach(*call_from("xdist.workermanage", "project")) == EVERYBODY
    assert variable_reach(*call_from("project", "xdist.workermanage")) == NOBODY


def test_ignored_paths() -> None:
    for path in (os.__file__, pytest.__file__, "/dev/null", "/p/__pycache__/x.py", "/p/x.pyc"):
        assert is_ignored_path(path)
    for path in ("/p/x.py", "/development/x", "/p/site-packages-of-mine/x", sys.prefix + "/data"):
        assert not is_ignored_path(path)


def test_whoever_stands_in_for_something_acts_for_who_called_it() -> None:
    """An event that is raised below it is the caller's, not ours."""
    for found in pkgutil.iter_modules(pytest_cellcache.trace.__path__, "pytest_cellcache.trace."):
        importlib.import_module(found.name)
    stack, standing = [Shim, Authorizer], set[str]()
    while stack:
        kind = stack.pop()
        standing.add(kind.__module__)
        stack += kind.__subclasses__()
    assert len(standing) > 4
    assert standing <= origin._CARRIERS
