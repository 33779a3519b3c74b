from __future__ import annotations

import pytest
from shop.simulation import quantile, simulate


@pytest.fixture(scope="module")
def ends(prices: dict[str, int]) -> list[float]:
    return simulate(prices["bread"], seed=1)


def test_the_median_stays_near_the_start(ends: list[float]) -> None:
    assert quantile(ends, 0.5) == pytest.approx(320, rel=0.1)


def test_the_spread_is_plausible(ends: list[float]) -> None:
    assert 1.05 < quantile(ends, 0.9) / quantile(ends, 0.1) < 2


@pytest.mark.parametrize("seed", range(6))
def test_prices_never_become_negative(seed: int) -> None:
    assert simulate(100, seed=seed)[0] > 0


def test_equal_seeds_give_equal_walks() -> None:
    assert simulate(100, seed=7, walks=50) == simulate(100, seed=7, walks=50)
