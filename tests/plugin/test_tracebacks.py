"""Who formats a traceback rests on the lines that it shows, not on their whole files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
def helper():
    return 1

def fail(n):
    if n:
        raise ValueError("one")
    raise ValueError("two")

def other():
    return helper() + 1
"""
# How the text comes about: named by the project, and by others for it.
WAYS: Final = {
    "format_exc": "text = traceback.format_exc()",
    "TracebackException": "text = ''.join(traceback.TracebackException.from_exception(e).format())",
    "logging": (
        "record = logging.LogRecord('x', 40, '', 0, '', (), sys.exc_info())\n"
        "        text = logging.Formatter().format(record)"
    ),
    "extract_tb": "text = str([(f.lineno, f.line) for f in traceback.extract_tb(e.__traceback__)])",
}
TESTS: Final = """
import logging, sys, traceback
import lib

def test_shows():
    try:
        lib.fail(1)
    except ValueError as e:
        {way}
    assert {holds}

def test_other():
    assert lib.other() == 2
"""


def write(suite: Suite, way: str, holds: str = '"raise ValueError" in text') -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", TESTS.format(way=WAYS[way], holds=holds))
    suite.warm()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_shown_is_nothing_to_it(suite: Suite, way: str) -> None:
    write(suite, way)
    suite.edit("lib.py", "helper() + 1", "1 + helper()")
    assert suite.both().names == ["test_other"]


@pytest.mark.parametrize("way", WAYS)
def test_a_line_that_moves(suite: Suite, way: str) -> None:
    write(suite, way, 'any(place in text for place in ("line 6", "(6,"))')
    suite.edit("lib.py", "return 1", "n = 1\n    return n")
    again = suite.both()
    assert again.code == 1
    assert "test_shows" in again.names


@pytest.mark.parametrize("way", WAYS)
def test_a_line_that_reads_otherwise(suite: Suite, way: str) -> None:
    write(suite, way, "'ValueError(\"one\")' in text")
    suite.edit("lib.py", 'ValueError("one")', "ValueError('one')")  # the same code
    again = suite.both()
    assert again.code == 1
    assert again.names == ["test_shows"]


def test_who_reads_the_source_beside_rests_on_all_of_it(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    way = WAYS["format_exc"] + "; text += open(lib.__file__).read()"
    suite.write("test_a.py", TESTS.format(way=way, holds='"helper() + 1" in text'))
    suite.warm()
    suite.edit("lib.py", "helper() + 1", "1 + helper()")
    again = suite.both()
    assert again.code == 1
    assert again.names == ["test_shows", "test_other"]


def test_lines_of_a_module_that_is_imported(suite: Suite) -> None:
    suite.write("broken.py", "A = 1\nB = 2\nraise ValueError(A)\n")
    suite.write(
        "test_a.py",
        """
        import traceback

        def test_shows():
            try:
                import broken
            except ValueError:
                text = traceback.format_exc()
            assert "line 3" in text
        """,
    )
    suite.warm()
    suite.edit("broken.py", "B = 2", "B = 2\nC = 3")
    again = suite.both()
    assert (again.code, again.names) == (1, ["test_shows"])


def test_frames_that_another_test_has_left(suite: Suite) -> None:
    """An error that is raised again shows who raised it before."""
    suite.write("lib.py", "ERROR = ValueError('one')\n")
    suite.write(
        "test_a.py",
        """
        import traceback
        import lib

        def first():
            raise lib.ERROR

        def test_first():
            try:
                first()
            except ValueError:
                pass

        def test_shows():
            try:
                raise lib.ERROR
            except ValueError:
                assert traceback.format_exc().count("raise lib.ERROR") == 2
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "first():\n    raise lib.ERROR", "first():\n    raise  lib.ERROR")
    # What the first attempt adds to the error is not put back, so the outcome is not told here.
    assert "test_shows" in suite.cached().names


def test_what_is_not_shown_of_its_own_file(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write(
        "test_a.py",
        """
        import traceback
        import lib

        def first(error):
            raise error

        def test_shows():
            try:
                first(ValueError())
            except ValueError:
                assert "first" in traceback.format_exc()

        def second():
            return lib.other()

        def test_other():
            assert second() == 2
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "return lib.other()", "return 0 + lib.other()")
    assert suite.both().names == ["test_other"]
