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
    assert {*suite.both().names} == {"test_direct", "test_names", "test_line"}  # confirmed
    test = suite.path / "test_it.py"
    test.write_text(test.read_text().replace('("value", "text")', '("value",)'))
    suite.both()
    suite.edit("lib.py", "def fail", "# new\ndef fail")
    assert suite.both().names == ["test_line"]


READING_LINES = {
    "number": "error.__traceback__.tb_next.tb_lineno",
    "frame": "error.__traceback__.tb_next.tb_frame.f_lineno",
    "function": "fail.__code__.co_firstlineno",
}
FAR = "".join(f"# far {number}\n" for number in range(12))


@pytest.mark.parametrize("reading", READING_LINES.values(), ids=READING_LINES)
def test_who_reads_line_numbers_rests_on_the_lines_of_what_ran(suite: Suite, reading: str) -> None:
    told = f"""
        def line():
            try:
                fail()
            except ValueError as error:
                return {reading}
    """
    lib = suite.write("lib.py", told)
    head = f"def before(): return 1\n{FAR}def fail(): raise ValueError\n"
    lib.write_text(f"{head}{lib.read_text()}{FAR}def after(): return 2\n")
    suite.write(
        "test_it.py",
        """
        import lib
        def test_before(): assert lib.before() == 1
        def test_line(): assert lib.line()
        def test_after(): assert lib.after() == 2
        """,
    )
    suite.warm()
    suite.edit("lib.py", "def after(): return 2", "# new\ndef after(): return 1 + 1")
    assert suite.both().names == ["test_after"]
    suite.edit("lib.py", "def before(): return 1", "def before(): return 2 - 1")
    assert suite.both().names == ["test_before"]
    suite.edit("lib.py", "def before(): return 2 - 1", "# new\ndef before(): return 2 - 1")
    assert suite.both().names == ["test_line"]
    suite.edit("lib.py", "raise ValueError", "raise ValueError  # new")
    assert suite.both().names == ["test_line"]
    suite.edit("lib.py", "# far 11\ndef fail", "# near 11\ndef fail")
    assert suite.both().names == []


def test_of_a_class_only_where_its_parts_begin_and_end_counts_for_line_numbers(
    suite: Suite,
) -> None:
    suite.write(
        "lib.py",
        """
        class Thing:
            def first(self): return 1
            def fail(self): raise ValueError
            def last(self): return 2
        """,
    )
    suite.write(
        "test_it.py",
        """
        import lib
        import pytest
        def test_first(): assert lib.Thing().first() == 1
        def test_line():
            with pytest.raises(ValueError) as info:
                lib.Thing().fail()
            assert info.tb.tb_next.tb_lineno
        def test_last(): assert lib.Thing().last() == 2
        """,
    )
    suite.warm()
    suite.edit("lib.py", "return 1", "return 2 - 1  # new")
    assert suite.both().names == ["test_first"]
    suite.edit("lib.py", "return 2\n", "return 1 + 1\n")
    assert suite.both().names == ["test_last"]
    suite.edit("lib.py", "    def first", "\n    def first")
    assert suite.both().names == ["test_line"]
    suite.edit("lib.py", "raise ValueError", "raise ValueError  # new")
    assert suite.both().names == ["test_line"]


def test_docstrings_and_what_does_not_run_are_in_no_traceback(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        def fail():
            'Fails.'
            raise ValueError
        def other(value):
            return value
        OTHERS = {"other": other}
        def line(name):
            try:
                fail()
            except ValueError as error:
                assert name in OTHERS
                return error.__traceback__.tb_next.tb_lineno
        """,
    )
    suite.write("test_it.py", "import lib\ndef test_line(): assert lib.line('other') == 4\n")
    suite.warm()
    suite.edit("lib.py", "Fails", "It fails")
    assert suite.both().live == []
    suite.edit("lib.py", "return value", "return value, 1")
    assert suite.both().live == []
    suite.edit("lib.py", "'It fails.'", "'It fails.'\n    # now")
    assert suite.both().names == ["test_line"]


@pytest.mark.parametrize(
    ("kept", "is_read"),
    [("error", True), ("str(error)", False)],
    ids=["traceback", "text"],
)
def test_lines_of_what_others_left_count_where_it_tells_them(
    suite: Suite, kept: str, is_read: bool
) -> None:
    suite.write("lib.py", "KEPT = []\ndef fail(): raise ValueError('no')\n")
    suite.write(
        "test_it.py",
        f"""
        import lib
        def test_keep():
            try:
                lib.fail()
            except ValueError as error:
                lib.KEPT.append({kept})
        def test_read():
            found = getattr(lib.KEPT[0], "__traceback__", None)
            assert found is None or found.tb_next.tb_lineno == 2
        """,
    )
    suite.warm()
    suite.edit("lib.py", "def fail", "\ndef fail")
    assert ("test_read" in suite.both().names) is is_read


@pytest.mark.parametrize(
    "reading",
    ["inspect.getframeinfo(frame, 0).lineno", "[*frame.f_code.co_lines()]"],
    ids=["excerpt", "lines"],
)
def test_who_reads_excerpts_rests_on_what_stands_near(suite: Suite, reading: str) -> None:
    told = f"""
        import inspect
        def line():
            try:
                fail()
            except ValueError as error:
                frame = error.__traceback__.tb_next.tb_frame
                return {reading}
    """
    lib = suite.write("lib.py", told)
    lib.write_text(f"{lib.read_text()}{FAR}def fail(): raise ValueError\n# near\n{FAR}# last\n")
    suite.write("test_it.py", "import lib\ndef test_line(): assert lib.line()\n")
    suite.warm()
    suite.edit("lib.py", "# last", "# final")
    assert suite.both().names == []
    suite.edit("lib.py", "# near", "# close")
    assert suite.both().names == ["test_line"]


def test_who_reads_sources_beside_line_numbers_rests_on_files(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        import linecache
        def fail(): raise ValueError
        def shown():
            try:
                fail()
            except ValueError as error:
                number = error.__traceback__.tb_next.tb_lineno
                return linecache.getlines(__file__)[number:]
        def other(): return 1
        """,
    )
    file = suite.path / "lib.py"
    file.write_text(file.read_text() + FAR + "# last\n")
    suite.write(
        "test_it.py",
        """
        import lib
        def test_shown(): assert lib.shown()
        def test_other(): assert lib.other() == 1
        """,
    )
    suite.warm()
    suite.edit("lib.py", "# last", "# final")
    assert suite.both().names == ["test_shown"]


def test_lines_of_a_module_that_is_being_imported_count(suite: Suite) -> None:
    suite.write("broken.py", f"def fail(): raise ValueError\n{FAR}fail()\n")
    suite.write(
        "test_it.py",
        """
        import importlib, sys
        import pytest
        def test_line():
            with pytest.raises(ValueError) as info:
                importlib.import_module("broken")
            assert info.tb.tb_lineno and info.traceback[-2].lineno in (13, 14)
        def test_other(): pass
        """,
    )
    suite.warm()
    suite.edit("broken.py", "# far 5\n", "# far 5\n# new\n")
    assert suite.both().names == ["test_line"]
