"""Where pytest no longer has what we use of its inside, runs stay right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SUITE = """
    import pytest
    import lib

    @pytest.fixture(scope="module")
    def shared():
        yield lib.up()

    def test_a(shared): assert shared == 1
    def test_b(shared): assert shared == 1
    class TestIt:
        def test_c(self): assert lib.one() == 1
    def test_d(): pass
    def test_e(request): assert request.getfixturevalue("shared") == 1
"""
HIDE = """
    import pytest

    class Hidden:
        '''Takes an attribute away from whoever is not pytest.'''

        def __init__(self, kind, name):
            self.held = kind.__dict__.get(name)
            self.name = name
            self.kind = kind

        def __set_name__(self, owner, name): pass

        def __get__(self, obj, owner=None):
            import sys
            frame = sys._getframe(1)
            if "pytest_cellcache" in frame.f_globals.get("__name__", ""):
                raise AttributeError(self.name)
            if obj is None:
                return self
            if self.held is not None:
                return self.held.__get__(obj, owner)
            if self.name in obj.__dict__:
                return obj.__dict__[self.name]
            raise AttributeError(self.name)

        def __set__(self, obj, value):
            if self.held is not None:
                self.held.__set__(obj, value)
            else:
                obj.__dict__[self.name] = value

        def __delete__(self, obj):
            if self.held is not None:
                self.held.__delete__(obj)
            else:
                del obj.__dict__[self.name]

    import {module}
    {module}.{kind}.{name} = Hidden({module}.{kind}, {name!r})
"""


@pytest.mark.parametrize(
    ("module", "kind", "name"),
    [
        ("_pytest.python", "Function", "_fixtureinfo"),
        ("_pytest.python", "Function", "_request"),
        ("_pytest.python", "Function", "funcargs"),
        ("_pytest.python", "Function", "_initrequest"),
        ("_pytest.mark.structures", "NodeKeywords", "_markers"),
        ("_pytest.fixtures", "TopRequest", "_fixture_defs"),
        ("_pytest.fixtures", "SubRequest", "_fixture_defs"),
        ("_pytest.fixtures", "FuncFixtureInfo", "name2fixturedefs"),
        ("_pytest.config", "Config", "_tmp_path_factory"),
        ("_pytest.main", "Session", "_setupstate"),
        ("_pytest.fixtures", "FixtureManager", "getfixturedefs"),
        ("_pytest.config.argparsing", "Parser", "_inidict"),
        ("_pytest.cacheprovider", "Cache", "_cachedir"),
    ],
)
def test_without(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, module: str, kind: str, name: str
) -> None:
    import importlib

    owner = getattr(importlib.import_module(module), kind)
    # Undone at the end; the assignment in the early plugin is what hides it.
    if name in vars(owner):
        monkeypatch.setattr(owner, name, vars(owner)[name])
    else:
        monkeypatch.setattr(owner, name, None, raising=False)
        monkeypatch.delattr(owner, name)
    suite.write("hide.py", HIDE.format(module=module, kind=kind, name=name))
    suite.write("lib.py", "def up(): return 1\ndef one(): return 1\n")
    suite.write("test_a.py", SUITE)
    monkeypatch.syspath_prepend(suite.path)
    args = ("-p", "hide")
    suite.cached(*args)
    suite.cached(*args)
    suite.edit("lib.py", "def up(): return 1", "def up(): return 2")
    again = suite.cached(*args)
    expected = suite.plain()
    assert again.outcomes == expected.outcomes
    assert again.code == expected.code == 1
    assert not [w for w in again.report["warnings"] if w["slug"] == "internal-error"]
    suite.edit("lib.py", "def up(): return 2", "def up(): return 1")
    suite.edit("lib.py", "def one(): return 1", "def one(): return 2")
    assert suite.cached(*args).outcomes == suite.plain().outcomes


def test_without_a_way_to_show_the_store(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    import _pytest.main

    suite.write("test_a.py", "def test_a(): pass\n")
    suite.cached()
    # pytest's own command line goes through a reference of its own.
    wrap_session = _pytest.main.wrap_session
    monkeypatch.setattr(_pytest.main, "pytest_cmdline_main", lambda config: wrap_session(
        config, _pytest.main._main))  # fmt: skip
    monkeypatch.delattr(_pytest.main, "wrap_session")
    shown = suite.cached("--cell-cache-show")
    assert shown.code == pytest.ExitCode.USAGE_ERROR
    assert "show-unavailable: --cell-cache-show does not work with pytest" in shown.text
    assert "Traceback" not in shown.text
    assert suite.cached().live == []
