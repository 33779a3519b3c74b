"""What every test of ours shares; ``pytester`` itself is enabled in pyproject.toml."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

_SHARES_ITS_TRACER = sys.version_info[:2] in ((3, 10), (3, 12))
_IS_OLDEST = pytest.version_tuple < (8, 3)
_WHOLE_RUNS = ("tests/plugin/", "tests/promises/", "tests/property/")


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own pytest options out of the runs that our tests start."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take every eighth test that runs whole suites where others take them all.

    Python 3.10 traces as 3.11 does and 3.12 as 3.13 does, and what is private in the oldest pytest
    has tests of its own, which are all taken. So are tests of a file that is asked for by name.
    """
    if not (_SHARES_ITS_TRACER or _IS_OLDEST) or any(".py" in arg for arg in config.args):
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        file = item.nodeid.partition("::")[0]
        if file.startswith(_WHOLE_RUNS) and not file.endswith("private_api.py"):
            seen[file] += 1
            if seen[file] % 8 != 1:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
