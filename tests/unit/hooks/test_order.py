from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cellcache.hooks.order import is_by_chance


@pytest.mark.parametrize(
    ("plugins", "options", "more", "expected"),
    [
        ((), {}, {}, False),
        (("xdist",), {}, {}, False),
        ((), {}, {"workerinput": {}}, True),
        (("randomly",), {}, {}, True),
        (("randomly",), {"randomly_reorganize": True}, {}, True),
        (("randomly",), {"randomly_reorganize": False}, {}, False),
    ],
)
def test_whether_tests_come_by_chance(
    plugins: tuple[str, ...], options: dict[str, Any], more: dict[str, Any], expected: bool
) -> None:
    manager = SimpleNamespace(has_plugin=plugins.__contains__)
    config: Any = SimpleNamespace(pluginmanager=manager, option=SimpleNamespace(**options), **more)
    assert is_by_chance(config) is expected
