from __future__ import annotations

import itertools

import pytest

from pytest_cellcache.graph.reached import Reached

STEPS = {"a": "bc", "b": "a", "c": "d", "d": "e", "e": "d", "f": "bf", "g": ""}
EVERY = {"a": "abcde", "b": "abcde", "c": "cde", "d": "de", "e": "de", "f": "abcdef", "g": "g"}


@pytest.mark.parametrize("first", list(itertools.permutations("acdf")), ids="".join)
def test_whoever_is_asked_first_the_same_is_reached(first: tuple[str, ...]) -> None:
    reached = Reached[str](STEPS.__getitem__)
    for thing in (*first, *STEPS):
        assert reached.of(thing) == set(EVERY[thing])


def test_each_is_asked_for_its_steps_no_more_than_needed() -> None:
    asked: list[str] = []

    def steps(thing: str) -> str:
        asked.append(thing)
        return STEPS[thing]

    reached = Reached[str](steps)
    reached.of("a")
    reached.of("a")
    assert sorted(asked) == list("abcde")
    reached.of("f")
    assert asked[5:] in (["f", "b"], ["b", "f"])  # what ``a`` leads to is known


def test_equal_sets_are_one() -> None:
    reached = Reached[str](STEPS.__getitem__)
    assert reached.of("a") is reached.of("b")
