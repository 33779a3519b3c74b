"""Tells by its name what keeps the results of a function."""

from __future__ import annotations

import re
from typing import Final

MEMO: Final = re.compile(r"cache|memo|lazy|reify|once|singleton", re.IGNORECASE)
"""Names of decorators that keep what a function gave: ``lru_cache``, ``cached_property``, ..."""
