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


_CORE = """
    from enum import Enum

    def plain(): return 1
    def word(): return "a"

    class Kind(Enum):
        A = 1
        def label(self): return word()
        @property
        def shown(self): return word()
        @classmethod
        def _missing_(cls, key): return cls.A if word() == "a" else cls.B
        B = 3

    class Level(Enum):
        A = 1
        def label(self): return word()

    class Text(str):
        def __new__(cls, text): return super().__new__(cls, word())

    class Maker:
        def __get__(self, thing, kind): return word()
    class Holder:
        made = Maker()
    HELD = [word]
    """
_PLUGIN = """
    import functools
    import pytest
    from lib import core
    from lib.core import HELD, Holder, Kind, Level, Text, word
    HELP = {{"word": ["said", ("by", "us")]}}
    NAMES = [each.name for each in Kind]

    def add(parser, default):
        parser.addoption("--word", default=default)

    def late(): return core.word()
    def pytest_configure(config): config.late = late

    {hook}
    """


@pytest.fixture
def suite_with_library(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.syspath_prepend(suite.path)
    suite.write("lib/__init__.py", "")
    suite.write("lib/core.py", _CORE)
    suite.write(
        "test_it.py",
        """
        from lib import core
        def test_option(request): assert request.config.getoption("--word") == "a"
        def test_plain(): assert core.plain() == 1
        def test_word(): assert core.word() in "ab"
        def test_late(request): assert request.config.late() in "ab"
        """,
    )
    return suite


_QUIET = "def pytest_addoption(parser): "


@pytest.mark.parametrize(
    "hook",
    [
        "def pytest_addoption(parser): parser.addoption('--word', default='a')",
        "def pytest_addoption(parser): add(parser, 'a')",
        "def pytest_addoption(parser): add(parser, Level.A.name.lower())",
        """
    def pytest_addoption(parser):
        group = parser.getgroup("words")
        def add_one(name):
            group.addoption(name, default="a", choices=list(map(str.lower, NAMES)), type=str)
            parser.addini("ini" + name, HELP["word"][0])
        add_one("--word")
        """,
        """
    @pytest.hookimpl(tryfirst=True)
    def pytest_addoption(parser):
        parser.addoption("--word", default="a", choices=[n.lower() for n in Level.__members__])
        """,
    ],
)
def test_who_only_tells_of_options_runs_nothing_else(suite_with_library: Suite, hook: str) -> None:
    suite = suite_with_library
    suite.write("early.py", _PLUGIN.format(hook=hook))
    suite.warm(*EARLY)
    suite.edit("lib/core.py", "return 1", "return 2 - 1")
    assert suite.both(*EARLY).names == ["test_plain"]
    suite.edit("lib/core.py", 'return "a"', 'return "b"')
    assert suite.both(*EARLY).names == ["test_word", "test_late"]
    suite.edit("early.py", "def late(): return core", "def late(): return +1 and core")
    assert len(suite.both(*EARLY).names) == 4


@pytest.mark.parametrize(
    "hook",
    [
        _QUIET + "parser.addoption('--word', default=word())",
        _QUIET + "parser.addoption('--word', default=core.word())",
        _QUIET + "add(parser, word())",
        _QUIET + "add(parser, HELD[0]())",
        _QUIET + "add(parser, Holder.made)",
        _QUIET + "add(parser, str(Text('a')))",
        _QUIET + "add(parser, Kind.A.label())",
        _QUIET + "add(parser, Kind.A.shown)",
        _QUIET + "add(parser, Kind(2).name.lower())",
        _QUIET + "add(parser, late())",
        _QUIET + "add(parser, (lambda: late())())",
        _QUIET + "add(parser, globals()['wo' + 'rd']())",
        "def pytest_addoption(parser, said=word): add(parser, said())",
        """
    def pytest_addoption(parser):
        from lib import core as found
        add(parser, found.word())
        """,
        """
    def pytest_addoption(parser, pluginmanager):
        add(parser, pluginmanager.get_plugin("early").late())
        """,
        """
    def saying(said):
        def wrapped(function):
            @functools.wraps(function)
            def within(parser): add(parser, said())
            return within
        return wrapped
    @saying(word)
    def pytest_addoption(parser): pass
        """,
        """
    def pytest_addoption(parser): add(parser, "a")
    def pytest_load_initial_conftests(early_config, parser, args): args += ["--word", word()]
        """,
        """
    class Plugin:
        @staticmethod
        def pytest_addoption(parser): add(parser, word())
    def pytest_addhooks(pluginmanager): pluginmanager.register(Plugin())
        """,
        """
    def pytest_addoption(parser): add(parser, "a")
    def pytest_plugin_registered(plugin, manager):
        manager.getplugin("early").NAMES.append(word())
    def pytest_cmdline_main(config): config.option.word = NAMES[-1]
        """,
    ],
)
def test_who_may_run_more_counts_with_all_of_it(suite_with_library: Suite, hook: str) -> None:
    suite = suite_with_library
    suite.write("early.py", _PLUGIN.format(hook=hook))
    suite.warm(*EARLY)
    suite.edit("lib/core.py", 'return "a"', 'return "b"')
    assert "test_option" in suite.both(*EARLY).names


def test_what_every_import_asks_may_have_run(suite_with_library: Suite) -> None:
    suite = suite_with_library
    suite.write("early.py", _PLUGIN.format(hook=_QUIET + "add(parser, 'a')"))
    suite.write(
        "lib/finder.py",
        """
        import sys
        class Finder:
            def find_spec(self, name, path=None, target=None): return None
        sys.meta_path.insert(0, Finder())
        """,
    )
    suite.write("lib/__init__.py", "import lib.finder")
    suite.warm(*EARLY)
    suite.edit("lib/core.py", "return 1", "return 2 - 1")
    assert len(suite.both(*EARLY).names) == 4
