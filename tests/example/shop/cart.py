"""A cart: articles, quantities and a discount for many of one kind."""

from __future__ import annotations

from shop.prices import with_vat


def discount(quantity: int) -> float:
    """Give the share taken off: 10 % from ten pieces on."""
    return 0.1 if quantity >= 10 else 0.0


class Cart:
    """Articles to buy at the given net prices."""

    def __init__(self, prices: dict[str, int]) -> None:
        self._prices = prices
        self._quantities: dict[str, int] = {}

    def add(self, article: str, quantity: int = 1) -> None:
        if article not in self._prices:
            raise KeyError(article)
        self._quantities[article] = self._quantities.get(article, 0) + quantity

    def total(self) -> int:
        """Give the gross total in cents."""
        net = sum(
            self._prices[article] * quantity * (1 - discount(quantity))
            for article, quantity in self._quantities.items()
        )
        return with_vat(round(net))
