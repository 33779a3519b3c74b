"""Which producers came before the first user of a fixture."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.lifecycle.firstusers import EARLY, FirstUsers
from pytest_cellcache.lifecycle.nametable import NameTable, StoredNames

ORDER = ("a", "b", "c", "d")


def users_of(order: str, using: str) -> FirstUsers:
    return FirstUsers(lambda: [(name, [("db", "")] if name in using else []) for name in order])


def record(producers: list[str], either: list[list[str]], *, is_packed: bool) -> dict[str, Any]:
    early = users_of("abcd", "bd").early_of(["::db@", "::other@"], producers, either)
    told: dict[str, Any] = {"producers": producers, "either": either}
    if is_packed:
        names = NameTable()
        packed = names.pack(told)
        told = StoredNames(names.encode(ORDER, str)).unpack(packed)
    return {**told, EARLY: early}


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(
    ("order", "using", "is_broken"),
    [
        ("abcd", "bd", False),
        ("abcd", "bcd", False),
        ("abxcd", "bd", False),
        ("abcd", "abd", True),  # set up before the first producer
        ("abcd", "d", True),  # and after the second one
        ("acbd", "bd", True),
        ("abcd", "", True),
    ],
)
@pytest.mark.parametrize("either", [False, True])
def test_others_come_before_it(
    order: str, using: str, is_broken: bool, is_packed: bool, either: bool
) -> None:
    known = (["a"], [["c", "x"]]) if either else (["a", "c"], [])
    told = record(*known, is_packed=is_packed)
    assert users_of(order, using).is_broken(told) == is_broken


def test_who_has_no_producers_has_nothing_to_tell() -> None:
    told = record([], [], is_packed=False)
    assert told[EARLY] == {}
    assert not users_of("abcd", "abcd").is_broken(told)
    assert not users_of("abcd", "abcd").is_broken({})
    assert not users_of("abcd", "abcd").is_broken({EARLY: 1})
