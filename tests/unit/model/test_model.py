from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.model.digest import (
    ABSENT,
    digest_bytes,
    digest_json,
    digest_parts,
    digest_text,
)
from pytest_cellcache.model.events import TestEvent
from pytest_cellcache.model.keys import CODE_KINDS, Key
from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.settings import Settings, parse_size


def test_a_digest_is_the_same_everywhere() -> None:
    assert digest_bytes(b"") == "99aa06d3014798d86001c324468d497f"
    assert digest_text("é") == digest_bytes("é".encode())


def test_parts_cannot_run_into_each_other() -> None:
    tricky = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["1:a"], ["", "abc"], []]
    assert len({digest_parts(parts) for parts in tricky}) == len(tricky)


def test_the_order_of_parts_counts_and_that_of_object_keys_does_not() -> None:
    assert digest_parts(["a", "b"]) != digest_parts(["b", "a"])
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    assert digest_json([1, 2]) != digest_json([2, 1])


def test_lone_surrogates_are_texts_too() -> None:
    assert digest_text("\udcff") != digest_text("\udcfe") != digest_text("?")


def test_nothing_digests_to_absent() -> None:
    assert len(ABSENT) != len(digest_text("absent"))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (Key("body", "a.py", "f"), "body a.py::f"),
        (Key("effects", "a.py"), "effects a.py"),
        (Key("env", "", "HOME"), "env HOME"),
        (Key("tree"), "tree"),
    ],
)
def test_keys_name_themselves(key: Key, text: str) -> None:
    assert str(key) == text


def test_code_kinds_rest_on_one_file() -> None:
    assert not {"module", "file", "listing", "env", "tree", "run", "group"} & CODE_KINDS


def test_joined_observations_hold_everything_of_both() -> None:
    code = CodeRef("a.py", 1, "f")
    one = Observation(codes=frozenset({code}), reads=frozenset({"a"}))
    two = Observation(reads=frozenset({"b"}), gaps=frozenset({"x"}))
    joined = one | two
    assert joined.codes == {code}
    assert joined.reads == {"a", "b"}
    assert joined.gaps == {"x"}
    for field in Observation._fields:
        assert getattr(joined, field) == getattr(two | one, field)
    assert one | Observation() == one


@pytest.mark.parametrize("reason", [None, Reason("changed", "body a.py::f"), Reason("new")])
def test_events_cross_processes(reason: Reason | None) -> None:
    event = TestEvent("a.py::t", "ran", "passed", reason, None, 2, ("fixture",), 0.5)
    assert TestEvent.from_json(event.to_json()) == event


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("1k", 1024), ("2 MB", 2 << 20), ("1.5GiB", 3 << 29), (" 7 b ", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1T", "1 2", "1e3", "M"])
def test_what_is_no_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("mode", "may_write"), [("auto", True), ("read", False), ("refresh", True)]
)
def test_read_mode_writes_nothing(mode: str, may_write: bool) -> None:
    assert Settings(mode=mode).may_write is may_write


@pytest.mark.parametrize("value", [Key("tree"), Observation(), Reason("new"), Settings()])
def test_values_do_not_change(value: Any) -> None:
    name = value._fields[0]
    with pytest.raises(AttributeError):
        setattr(value, name, "other")
