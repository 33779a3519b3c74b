from __future__ import annotations

import io
import queue
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.trace.unseen import paths_in, plain_data, unseen_parts


def no_stub(_: object) -> bool:
    return False


@dataclass
class Box:
    inner: Any = None
    items: list[Any] = field(default_factory=list)


def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:")


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "text",
        [1, [2]],
        {"a": {1, 2}},
        Box([1], [Box()]),
        Path("/a"),
        lambda: 1,
        io.StringIO("text"),
        queue.Queue(),
        threading.Lock(),
        int,
    ],
)
def test_what_is_compared_or_settled_hides_nothing(value: Any) -> None:
    assert unseen_parts(value, no_stub)[0] == frozenset()


def test_parts_are_named_by_key_and_attribute() -> None:
    with connection() as made:
        assert unseen_parts(made, no_stub)[0] == {""}
        assert unseen_parts({"a": 1, "b": [made], 3: made}, no_stub)[0] == {"b", ""}
        assert unseen_parts(Box(inner=made), no_stub)[0] == {"inner"}
        assert unseen_parts([made], no_stub)[0] == {""}
    made.close()


def test_each_part_that_leads_to_one_thing_is_named() -> None:
    made = connection()
    value = {"conn": made, "repo": Box(inner=made), "deep": [Box(items=[(made,)])], "n": [1]}
    assert unseen_parts(value, no_stub)[0] == {"conn", "repo", "deep"}
    value["self"] = [value]
    assert unseen_parts(value, no_stub)[0] == {"conn", "repo", "deep", "self"}
    made.close()


def test_what_stands_for_something_is_not_looked_into() -> None:
    made = connection()
    assert unseen_parts({"a": made}, lambda thing: thing is made)[0] == frozenset()
    made.close()


def test_a_bound_method_leads_to_its_object() -> None:
    made = connection()
    assert unseen_parts({"run": made.execute}, no_stub)[0] == {"run"}
    assert unseen_parts({"len": len, "join": ", ".join}, no_stub)[0] == frozenset()
    made.close()


def test_circles_end() -> None:
    box = Box()
    box.items.append(box)
    assert unseen_parts(box, no_stub)[0] == frozenset()


def test_paths_are_found_at_any_depth() -> None:
    value = {"a": "/one", "b": [Path("/two/../three")], "c": Box("relative"), "d": ("/", "/n\0")}
    assert paths_in(value, no_stub) == {"/one", "/three"}


def test_buffers_are_plain_data() -> None:
    assert {bytearray, memoryview} <= plain_data()
    assert list not in plain_data()
