"""Lets the tests before one that fails again run at once, not when it has failed.

A failure is confirmed after the earlier tests of its module have run (``hooks.requeue``). Where it
can be foretold they run in their turn: each once, with the fixtures that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pytest_cellcache.hooks.order import Judged
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Hit, Miss


def foretell(
    items: Iterable[pytest.Item], judged: Judged, is_foretold: Callable[[TestFacts], bool]
) -> None:
    """Turn hits before a test that will fail again into misses.

    Args:
        is_foretold: says whether a test will.
    """
    before: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid not in judged:
            continue
        facts, verdict = judged[item.nodeid]
        if isinstance(verdict, Hit):
            before.setdefault(item.path, []).append(item)
        elif before.get(item.path) and is_foretold(facts):
            for earlier in before.pop(item.path):
                reason = Reason(reasons.FORETOLD, item.nodeid)
                judged[earlier.nodeid] = judged[earlier.nodeid][0], Miss(reason)
