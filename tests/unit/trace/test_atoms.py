"""Plain values that a text stands for are told apart by type, value and place."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pytest_cellcache.trace.atoms import text_of

VALUES: list[Any] = [
    1, 1.0, True, 1j, "1", b"1", None, ..., NotImplemented, range(1), "None", "<>", "'1'", 0.0,
    -0.0, float("nan"), float("inf"), "\udc80", "\\udc80", object(), [1], (1,),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(VALUES[:-3], 2)], ids=repr)
def test_two_plain_values_are_never_written_alike(one: Any, other: Any) -> None:
    assert text_of([one]) != text_of([other])
    assert text_of([one, other]) != text_of([other, one])
    assert text_of([one, [other]])[0] != text_of([[other], one])[0]


def test_what_is_no_plain_value_is_given_in_its_order() -> None:
    text, others = text_of(["<>", VALUES[-2], 1, VALUES[-1]])
    assert others == [[1], (1,)]
    assert text_of(["<>", "<>", 1, VALUES[-1]])[0] != text


def test_a_value_of_a_subclass_is_not_asked_how_it_is_written() -> None:
    class Own(str):
        def __repr__(self) -> str:
            raise AssertionError

    assert text_of([Own("a")])[1] == ["a"]
