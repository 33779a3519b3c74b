"""What every test of ours shares; ``pytester`` itself is enabled in pyproject.toml."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
import xxhash

_IS_OLDEST = pytest.version_tuple < (8, 3)
_IS_NEWEST = sys.version_info[:2] == (3, 13)
_RARELY = (48, (1,))
_OFTEN = {(3, 11): (56, (0, 9)), (3, 13): (34, (1, 16))}
_TAKES = _RARELY if _IS_OLDEST else _OFTEN.get(sys.version_info[:2], _RARELY)
"""Of how many of these tests some are taken, and which: 3.11 takes none that 3.13 takes."""
_MANY = {
    "tests/property/test_judged_projects.py": 3,
    "tests/plugin/test_collection_doubt.py": 3,
    "tests/plugin/test_collection.py": 2,
}
"""Of these files so many times less are taken."""
_WHOLE_RUNS = ("tests/plugin/", "tests/promises/", "tests/property/")


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own pytest options out of the runs that our tests start."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def pytest_configure() -> None:
    # A shell has what it starts in the background ignore interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take some of the tests that run whole suites: Python 3.11 and 3.13 share a tenth of them.

    Which, is drawn by the sources of the package: what breaks one that is left out is not left out
    for long.

    Python 3.10 traces as 3.11 does and 3.12 as 3.13 does. What differs between the two tracers, and
    what is private in pytest, has tests of its own, which are all taken, the latter on the oldest
    pytest and the newest Python. So are single tests for some versions only, and those of a file
    that is asked for by name.
    """
    if any(".py" in arg for arg in config.args):
        return
    seen: Counter[str] = Counter()
    left_out = []
    every, which = _TAKES
    first = _draw()
    for item in items:
        file = item.nodeid.partition("::")[0]
        is_private = file.endswith("private_api.py") and (_IS_OLDEST or _IS_NEWEST)
        if not file.startswith(_WHOLE_RUNS) or is_private:
            continue
        group = file if _TAKES != _RARELY else ""
        seen[group] += 1
        is_taken = (first + seen[group]) % (every * _MANY.get(group, 1)) in which
        if not is_taken and all(mark.name != "skipif" for mark in item.own_markers):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _draw() -> int:
    digest = xxhash.xxh3_64()
    for path in sorted(Path(__file__).with_name("pytest_cellcache").rglob("*.py")):
        digest.update(path.read_bytes())
    return int(digest.intdigest())
