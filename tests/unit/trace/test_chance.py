"""Whether random numbers follow from a seed, and who has drawn them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_cellcache.trace.chance import DRAWN, SEEDED, Chance


@pytest.fixture
def chance() -> Iterator[Chance]:
    state, chance = random.getstate(), Chance()
    chance.install()
    yield chance
    chance.uninstall()
    random.setstate(state)


def done(chance: Chance, *steps: Callable[[], Any]) -> str:
    """Give what steps did to the state: nothing, as far as it is chance."""
    before = chance.look()
    chance.settle()
    for step in steps:
        step()
    return chance.word(before) if chance.look() != before else ""


def seed() -> None:
    random.seed(3)


def draw() -> None:
    random.random()


def again() -> None:
    state = random.getstate()
    random.seed(5)
    random.random()
    random.setstate(state)


def test_drawing_without_a_seed_is_chance(chance: Chance) -> None:
    assert done(chance, draw) == ""
    assert done(chance, again, draw) == ""
    assert done(chance, random.seed, draw) == ""


def test_who_draws_first_reads_what_others_left(chance: Chance) -> None:
    assert done(chance, seed, draw) == SEEDED
    assert done(chance, draw) == DRAWN
    assert done(chance, seed) == SEEDED
    assert done(chance, draw, seed, draw) == DRAWN
    assert done(chance, again) == ""
    assert done(chance, again, draw) == DRAWN


def test_what_a_replayed_test_would_have_seeded_is_none_of_who_seeds(chance: Chance) -> None:
    chance.expect_seed()
    assert done(chance) == ""
    assert done(chance, draw) == DRAWN


def test_it_is_gone_when_it_is_over(chance: Chance) -> None:
    chance.uninstall()
    assert "Shim" not in type(random.seed).__name__
    assert done(chance, seed, draw) == ""
