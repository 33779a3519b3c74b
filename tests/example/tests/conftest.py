from __future__ import annotations

import pytest
from shop.cart import Cart
from shop.prices import load_prices


@pytest.fixture(scope="session")
def prices() -> dict[str, int]:
    return load_prices()


@pytest.fixture
def cart(prices: dict[str, int]) -> Cart:
    return Cart(prices)
