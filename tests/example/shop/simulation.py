"""How a price may move: many random walks, from a seed, so that every run gives the same."""

from __future__ import annotations

import random

DAYS = 250


def simulate(start_cents: int, *, seed: int, walks: int = 6000) -> list[float]:
    """Give the prices that the walks end with, in ascending order."""
    generator = random.Random(seed)
    ends = []
    for _ in range(walks):
        price = float(start_cents)
        for _ in range(DAYS):
            price *= 1.0 + (generator.random() - 0.5) / 50
        ends.append(price)
    return sorted(ends)


def quantile(ordered: list[float], share: float) -> float:
    """Give the value below which this share of an ordered list lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
