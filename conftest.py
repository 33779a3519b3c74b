"""What every test of ours shares; ``pytester`` itself is enabled in pyproject.toml."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

_IS_OLDEST = pytest.version_tuple < (8, 3)
_EVERY = 16 if _IS_OLDEST else {(3, 10): 16, (3, 11): 4, (3, 12): 16}.get(sys.version_info[:2], 1)
_MANY = {"tests/property/test_judged_projects.py": 3}
"""Of these files even the newest Python takes one in so many, and others as many times less."""
_WHOLE_RUNS = ("tests/plugin/", "tests/promises/", "tests/property/")


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own pytest options out of the runs that our tests start."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take some of the tests that run whole suites, of which the newest Python takes nearly all.

    Python 3.10 traces as 3.11 does and 3.12 as 3.13 does. What differs between the two tracers, and
    what is private in the oldest pytest, has tests of its own, which are all taken.
    So are tests of a file that is asked for by name.
    """
    if any(".py" in arg for arg in config.args):
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        file = item.nodeid.partition("::")[0]
        if file.startswith(_WHOLE_RUNS) and not file.endswith("private_api.py"):
            seen[file] += 1
            every = _EVERY * _MANY.get(file, 1)
            if every > 1 and seen[file] % every != 1:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
