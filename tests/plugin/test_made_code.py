"""Code that tests write and run, and whatever else stands in ``sys.modules``, is no source."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

RUN = """
    import sys

    def run(path):
        space = {}
        with open(path) as file:
            exec(compile(file.read(), str(path), "exec"), space)
        return space

    def file_of(name):
        return sys.modules[name].__file__  # any module, as far as we know
"""
TESTS = """
    import importlib
    import os
    import shutil
    import sys
    import tempfile
    import types
    import weakref

    import pytest
    from lib import file_of, run

    SOURCE = "STATE = []\\ndef grow():\\n    STATE.append(1)\\n    return STATE\\n"

    @pytest.fixture
    def folder():
        path = tempfile.mkdtemp()  # what pytest makes lies beside this project, in this test
        yield path
        shutil.rmtree(path)

    def written(folder, name):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(SOURCE)
        return path

    def test_run(folder):
        assert run(written(folder, "conf.py"))["grow"]() == [1]

    def test_imported(folder, monkeypatch):
        written(folder, "made_mod.py")
        monkeypatch.syspath_prepend(folder)
        assert importlib.import_module("made_mod").grow() == [1]

    def test_file():
        assert file_of(__name__)

    def test_tmp_path(tmp_path):
        assert run(written(tmp_path, "conf.py"))["grow"]() == [1]

    class Odd:
        def __getattr__(self, name):
            raise RuntimeError(name)

    def test_odd_modules():
        sys.modules["_odd"] = Odd()
        gone = types.ModuleType("gone")
        sys.modules["_gone"] = weakref.proxy(gone)
"""


def test_code_that_tests_write_is_stored_with_them(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write("lib.py", RUN)
    suite.write("test_it.py", TESTS)
    # Outside of what pytest makes for this test, where the suite itself lies.
    with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as elsewhere:
        monkeypatch.setattr(tempfile, "tempdir", elsewhere)
        base = f"--basetemp={elsewhere}/base"
        assert suite.cached(base).code == 0
        second = suite.cached(base)
        assert second.live == []
        suite.edit("test_it.py", "STATE.append(1)", "STATE.append(2)")
        plain, warm = suite.plain(base), suite.cached(base)
    assert warm.outcomes == plain.outcomes
    assert {"test_run", "test_imported", "test_tmp_path"} <= set(warm.names)


def test_who_reads_code_rests_on_it_and_who_reads_line_numbers_on_its_layout(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        def fail(): raise ValueError
        def line():
            try:
                fail()
            except ValueError as error:
                return error.__traceback__.tb_next.tb_lineno
        def names(function): return function.__code__.co_varnames
        def shown(value):
            text = str(value)
            return text
        """,
    )
    suite.write(
        "test_it.py",
        """
        import lib
        import pytest
        def test_line(): assert lib.line() == 2
        def test_direct(): assert lib.shown.__code__.co_varnames == ("value", "text")
        def test_names(): assert lib.names(lib.shown) == ("value", "text")
        def test_fail():
            with pytest.raises(ValueError):
                lib.fail()
        """,
    )
    suite.warm()
    suite.edit("lib.py", "text = str(value)\n    return text", "return str(value)")
    assert suite.both().names == ["test_line", "test_direct", "test_names"]
    test = suite.path / "test_it.py"
    test.write_text(test.read_text().replace('("value", "text")', '("value",)'))
    suite.both()
    suite.edit("lib.py", "def fail", "# new\ndef fail")
    assert suite.both().names == ["test_line"]
