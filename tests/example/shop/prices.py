"""The price list, read from a file beside this module."""

from __future__ import annotations

import json
from pathlib import Path

PRICE_FILE = Path(__file__).with_name("prices.json")
VAT_PERCENT = 20


def load_prices() -> dict[str, int]:
    """Give net prices in cents by article."""
    return json.loads(PRICE_FILE.read_text(encoding="utf-8"))


def with_vat(net_cents: int) -> int:
    """Add the value added tax, rounded to full cents."""
    return round(net_cents * (100 + VAT_PERCENT) / 100)
