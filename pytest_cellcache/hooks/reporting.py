"""Makes reports of phases of items whose protocol plugins do not know of.

A plugin may count on what its hook around the protocol, or in an earlier phase, lays out first
(pytest-json-report, pytest-rerunfailures): nobody hears of those of a mate, nor of the set-up of an
item that is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_cellcache.hooks.guard import Guard


def make_report(guard: Guard, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """Make the report, which tells the item, too: ``tmp_path`` asks for that in its teardown.

    Where a plugin fails, those that have a hook around the protocol are left out; then all.
    """
    made: list[pytest.TestReport] = []

    def make(hook: Any) -> None:
        made.append(hook(item=item, call=call))

    for hook in _makers(item):
        if guard.call_other(make, hook):
            return made[0]
    return pytest.TestReport.from_item_and_call(item, call)


def _makers(item: pytest.Item) -> Iterator[Any]:
    yield item.ihook.pytest_runtest_makereport
    manager = item.config.pluginmanager
    around = {impl.plugin for impl in manager.hook.pytest_runtest_protocol.get_hookimpls()}
    every = {impl.plugin for impl in manager.hook.pytest_runtest_makereport.get_hookimpls()}
    its = {impl.plugin for impl in item.ihook.pytest_runtest_makereport.get_hookimpls()}
    strangers = {each for each in every if not _is_pytests(each)}
    for left_out in (around & strangers, strangers):
        yield manager.subset_hook_caller("pytest_runtest_makereport", left_out | (every - its))


def _is_pytests(plugin: Any) -> bool:
    return str(getattr(plugin, "__name__", "")).startswith("_pytest.")
