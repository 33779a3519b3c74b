"""What every test of ours shares; ``pytester`` itself is enabled in pyproject.toml."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

_SHARES_ITS_TRACER = sys.version_info[:2] in ((3, 10), (3, 12))
_IS_OLDEST = pytest.version_tuple < (8, 3)


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own pytest options out of the runs that our tests start."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take every second row of tables of whole runs where others take them all.

    Python 3.10 traces as 3.11 does and 3.12 as 3.13 does; of the oldest pytest all tests count,
    not all their rows. A test asked for by its node id runs.
    """
    if not (_SHARES_ITS_TRACER or _IS_OLDEST) or any("[" in arg for arg in config.args):
        return
    rows: Counter[str] = Counter()
    left_out = []
    for item in items:
        test, bracket, _ = item.nodeid.partition("[")
        if bracket and test.startswith(("tests/plugin/", "tests/promises/", "tests/property/")):
            rows[test] += 1
            if rows[test] % 2 == 0:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
