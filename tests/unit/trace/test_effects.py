from __future__ import annotations

import argparse
import os
import random
import sqlite3
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.trace.effects import Objects, State

SOURCE = """
NUMBERS = [1, {"a": [2]}]

class Kind:
    size = 1
    def __init__(self):
        self.parts = []

THING = Kind()

def counter():
    count = [0]
    def step():
        count[0] += 1
        return count
    return step

STEP = counter()
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = types.ModuleType("cell_state")
    exec(SOURCE, found.__dict__)
    monkeypatch.setitem(sys.modules, "cell_state", found)
    return found


CHANGES = {
    "global": lambda m: setattr(m, "NEW", 1),
    "inner list": lambda m: m.NUMBERS[1]["a"].append(3),
    "class": lambda m: setattr(m.Kind, "size", 2),
    "instance": lambda m: m.THING.parts.append(1),
    "closure": lambda m: m.STEP(),
    "replaced": lambda m: m.NUMBERS.__setitem__(0, "x"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_modules_are_seen(module: Any, name: str) -> None:
    objects = Objects([module], frozenset({module.__name__}))
    assert objects.changed() is None
    CHANGES[name](module)
    assert objects.changed() is not None


def test_changes_of_what_is_looked_into_are_seen() -> None:
    options = argparse.Namespace(level=[1])
    state = State([options])
    assert state.changes() == []
    options.level.append(2)
    assert state.changes() == [("module", "a list")]


def test_changes_of_the_process_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State([])
    monkeypatch.setenv("CELL_STATE", "1")
    random.random()
    monkeypatch.setattr(os, "getlogin", lambda: "me")
    assert [kind for kind, _ in state.changes()] == ["environment", "random", "patched"]


@pytest.mark.parametrize("value", [None, 3, [1], {"a": (1, {2})}, types.SimpleNamespace, len])
def test_plain_values_can_be_looked_into(value: object) -> None:
    assert not Objects([value], frozenset()).is_opaque


def test_c_objects_cannot() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        for value in (connection, [connection], iter([]), {"a": {"b": object()}}):
            assert Objects([value], frozenset()).is_opaque
    finally:
        connection.close()


def test_proxies_are_left_alone() -> None:
    class Proxy:
        @property
        def __class__(self) -> Any:
            raise RuntimeError("no context")

        @property
        def __dict__(self) -> Any:
            raise RuntimeError("no context")

    Objects([[Proxy()]], frozenset())


def test_what_is_too_large_counts_as_opaque() -> None:
    assert Objects([[[n] for n in range(100)]], frozenset(), limit=50).is_opaque


def test_what_a_path_remembers_of_itself_is_no_change() -> None:
    path = Path("a", "b.txt")
    held = [path]
    objects = Objects([held], frozenset())
    assert (str(path), path.name, hash(path)) == (str(Path("a/b.txt")), "b.txt", hash(path))
    assert objects.changed() is None
    held.append(Path("c"))
    assert objects.changed() is held
