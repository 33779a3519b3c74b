"""What was imported before the tracer started counts as what was imported since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIBRARY = {
    "pkg/__init__.py": """
        import os
        from pathlib import Path
        from pkg.core import Table, called
        VERSION = Path(__file__).with_name("VERSION").read_text()
        MODE = os.environ.get("PKG_MODE", "x")
        ANSWER = called()
        ROWS = Table().fill()
        from pkg.warns import OwnWarning
        """,
    "pkg/VERSION": "1",
    "pkg/warns.py": """
        class OwnWarning(UserWarning): pass
        """,
    "pkg/core.py": """
        class Table:
            def fill(self): return [*self.rows()]
            def rows(self): return "ab"
        def called(): return helper()
        def helper(): return 42
        def plain(): return 1
        def other(): return 2
        """,
}
TESTS = """
    import pkg
    from pkg import core
    def test_version(): assert pkg.VERSION in "12"
    def test_mode(): assert pkg.MODE in "xy"
    def test_answer(): assert pkg.ANSWER == 42
    def test_rows(): assert pkg.ROWS == ["a", "b"]
    def test_plain(): assert core.plain() == 1
    def test_other(): assert core.other() == 2
    """
FILTER = """
    [pytest]
    cell_cache_tracer = {}
    pythonpath = .
    filterwarnings =
        ignore::pkg.warns.OwnWarning
    """


@pytest.fixture(params=["auto", "profile"])
def filtering(
    suite: Suite, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Suite:
    """A suite whose ini file filters warnings of the project."""
    monkeypatch.syspath_prepend(suite.path)  # older versions of pytest do so too late
    for name, text in LIBRARY.items():
        suite.write(name, text)
    suite.write("test_it.py", TESTS)
    suite.write("pytest.ini", FILTER.format(request.param))
    return suite


@pytest.mark.parametrize(
    ("file", "old", "new", "name"),
    [
        ("pkg/VERSION", "1", "2", "test_version"),
        ("pkg/core.py", "return 42", "return 6 * 7", "test_answer"),
        ("pkg/core.py", "return helper()", "return +helper()", "test_answer"),
        ("pkg/core.py", '"ab"', '"a" + "b"', "test_rows"),
        ("pkg/core.py", "return 1", "return 2 - 1", "test_plain"),
        ("pkg/core.py", "return 2", "return 1 + 1", "test_other"),
        ("pkg/__init__.py", '"x")', '"y")', "test_mode"),
    ],
)
def test_an_edit_reaches_who_rests_on_it(
    filtering: Suite, file: str, old: str, new: str, name: str
) -> None:
    filtering.warm()
    filtering.edit(file, old, new)
    assert filtering.both().names == [name]


def test_a_variable_that_was_read_then(filtering: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    filtering.warm()
    monkeypatch.setenv("PKG_MODE", "y")
    assert filtering.both().names == ["test_mode"]


def test_nothing_runs_while_nothing_changes(filtering: Suite) -> None:
    filtering.warm()
    assert filtering.both().names == []


@pytest.mark.parametrize("needs", ["True", "'_pytest.config' in sys.modules"])
def test_what_a_plugin_read(suite: Suite, monkeypatch: pytest.MonkeyPatch, needs: str) -> None:
    """Even one that only pytest can import."""
    monkeypatch.syspath_prepend(suite.path)
    monkeypatch.setenv("OF_PLUGIN", "1")
    suite.write("WORD", "a")
    suite.write(
        "early.py",
        f"""
        import os, sys
        from pathlib import Path
        if not {needs}: raise ImportError
        WORD = Path(__file__).with_name('WORD').read_text().strip()
        NUMBER = os.environ['OF_PLUGIN']
        """,
    )
    suite.write(
        "test_it.py",
        """
        import early
        def test_word(): assert early.WORD == "a"
        def test_number(): assert early.NUMBER == "1"
        """,
    )
    suite.warm("-p", "early")
    suite.edit("WORD", "a", "b")
    assert "test_word" in suite.both("-p", "early").names
    suite.edit("WORD", "b", "a")
    suite.warm("-p", "early")
    monkeypatch.setenv("OF_PLUGIN", "2")
    assert "test_number" in suite.both("-p", "early").names
