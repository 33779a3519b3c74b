"""A plugin of the project that is loaded before anything is traced has run nothing loaded later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

EARLY = ("-p", "early")


@pytest.fixture
def suite_with_plugin(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.syspath_prepend(suite.path)
    suite.write(
        "early.py",
        """
        import pytest

        class Counting:
            def __init__(self): self.seen, self.collected = {}, []
            def pytest_collectreport(self, report): self.collected.append(report.nodeid)
            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_call(self, item):
                self.seen[item.nodeid] = self.seen.get(item.nodeid, 0) + 1
                return (yield)

        def pytest_configure(config): config.pluginmanager.register(Counting())
        """,
    )
    suite.write(
        "lib.py",
        """
        class Table:
            def __init__(self): self.rows = []
            def append(self, row):
                self.rows.append(row)
                return len(self.rows)

        def made(row): return Table().append(row)
        def other(): return 2
        """,
    )
    suite.write(
        "test_it.py",
        """
        import lib
        A = lib.made("a")
        def test_a(): assert A == 1
        def test_other(): assert lib.other() == 2
        """,
    )
    return suite


@pytest.mark.parametrize(
    ("old", "new"),
    [("len(self.rows)", "len([*self.rows])"), ("Table().append(row)", "Table().append(row + row)")],
)
def test_what_imports_ran_later_counts_for_who_rests_on_it(
    suite_with_plugin: Suite, old: str, new: str
) -> None:
    suite = suite_with_plugin
    suite.warm(*EARLY)
    suite.edit("lib.py", old, new)
    assert suite.both(*EARLY).names == ["test_a"]


def test_the_plugin_counts_as_a_whole(suite_with_plugin: Suite) -> None:
    suite = suite_with_plugin
    suite.warm(*EARLY)
    suite.edit("early.py", "item.nodeid, 0)", "item.nodeid, 1 - 1)")
    assert suite.both(*EARLY).names == ["test_a", "test_other"]
