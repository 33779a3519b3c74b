"""How much is watched at most."""

from __future__ import annotations

from typing import Final

MAX_OBJECTS: Final = 200_000
"""Objects laid out at most; what lies beyond is not watched."""
MAX_GROWN: Final = 40_000
"""Of these, what tests add: caches that grow would make each test cost more than the last."""
HUGE: Final = 16_000
"""Objects of which most that have stayed the same are not compared after each test."""
CALM: Final = 8
"""Looks after which a batch counts as one that stays the same."""
MAX_PARENTS: Final = 64
"""Ways to one object that are kept; beyond, it is what everything holds, such as a sentinel."""
MAX_FOREIGN: Final = 3_000
"""Objects of other distributions followed below one global."""
