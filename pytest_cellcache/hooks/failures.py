"""How tests fail, and whether one has failed alike before with nothing left out.

A failure is confirmed with everything live before it is reported. Who fails as it did when that was
done, and rests on nothing that has changed since, need not be confirmed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import pytest

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.order import Order
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.digest import digest_json
from pytest_cellcache.model.record import Hit

_ADDRESS: Final = re.compile("0x[0-9a-fA-F]+")
"""Where an object is says nothing: ``<function value at 0x7f3a5c0d1e40>``."""


def failure_of(reports: Iterable[pytest.TestReport]) -> str:
    """Digest in which phases a test failed and what was said; empty if it did not."""
    told = [(str(report.when), _said(report)) for report in reports if report.failed]
    return digest_json(told) if told else ""


def _said(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return _ADDRESS.sub("0x", str(report.longrepr if crash is None else crash.message))


class Failures:
    """Answers for one run.

    Args:
        order: knows how tests fail that run.
        facts_of: gives the facts of an item and what judges it, if there are any.
        is_upset: says of a record that holds whether it was made after others than ran so far.
    """

    def __init__(
        self,
        order: Order,
        facts_of: Callable[[pytest.Item], tuple[TestFacts, Basis] | None],
        is_upset: Callable[[Hit], bool],
        guard: Guard,
    ) -> None:
        self._is_upset = is_upset
        self._order = order
        self._facts_of = facts_of
        self._guard = guard

    def is_known(self, item: pytest.Item, reports: Iterable[pytest.TestReport]) -> bool:
        """Say whether a test fails as it did when that was confirmed, and nothing has changed."""
        if not (known := self._order.failures.get(item.nodeid)):
            return False
        entry = known.get(self._guard.call(failure_of, "", reports))
        return entry is not None and not self._guard.call(self._is_upset, True, Hit(entry))

    def producers_of(self, item: pytest.Item) -> Sequence[str]:
        """Give the tests that a test came after when it ran last."""
        found = self._facts_of(item)
        return () if found is None else found[1].verifier.producers_of(found[0])

    def would_stay(self, item: pytest.Item) -> bool:
        """Say whether a test failed when it ran last, left something, and may fail otherwise now.

        A second attempt would find what the first has left, which is not what a plain run finds.
        """
        if item.nodeid in self._order.failures:
            return False
        found = self._facts_of(item)
        return found is not None and found[1].verifier.failed_last(found[0])
