from __future__ import annotations

import pytest
from shop.prices import with_vat


def test_every_price_is_positive(prices: dict[str, int]) -> None:
    assert all(price > 0 for price in prices.values())


def test_the_list_is_sorted_by_article(prices: dict[str, int]) -> None:
    assert list(prices) == sorted(prices)


@pytest.mark.parametrize(("net_cents", "gross_cents"), [(0, 0), (100, 120), (50, 60), (333, 400)])
def test_vat(net_cents: int, gross_cents: int) -> None:
    assert with_vat(net_cents) == gross_cents


@pytest.mark.skip(reason="the shop sells in one country only")
def test_vat_of_other_countries() -> None:
    raise NotImplementedError
