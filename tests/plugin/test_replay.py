"""Every kind of test is replayed with the outcome it had, and runs again when it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

KINDS = """
    import unittest

    import pytest

    import lib


    def test_function():
        assert lib.one() == 1


    class TestClass:
        def test_method(self):
            assert lib.two() == 2


    class TestCase(unittest.TestCase):
        def setUp(self):
            self.value = lib.one()

        def test_case(self):
            self.assertEqual(self.value, 1)

        @unittest.skip("not now")
        def test_skip(self):
            raise AssertionError

        @unittest.expectedFailure
        def test_expected(self):
            self.assertEqual(lib.two(), 1)


    @pytest.mark.parametrize("number", [1, 2, 3], ids=["one", "two", "a b::[c]"])
    def test_parameter(number):
        assert lib.one() == 1


    @pytest.mark.skip(reason="by mark")
    def test_skip_mark():
        raise AssertionError


    @pytest.mark.skipif("True", reason="by text")
    def test_skipif():
        raise AssertionError


    def test_skip_inside():
        lib.one()
        pytest.skip("inside")


    @pytest.mark.xfail(reason="known")
    def test_xfail():
        assert lib.one() == 2


    @pytest.mark.xfail(reason="known", run=False)
    def test_xfail_not_run():
        raise AssertionError


    def test_xfail_inside():
        pytest.xfail("inside")


    @pytest.mark.xfail(reason="passes by now")
    def test_xpass():
        assert lib.one() == 1


    def test_two():
        assert lib.two() == 2
"""
LIB = '''
    def one():
        """Give one.

        >>> one()
        1
        """
        return 1


    def two():
        return 2
'''


def test_every_kind_is_replayed_and_nothing_runs(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_kinds.py", KINDS)
    first = suite.both("--doctest-modules")
    assert len(first.live) == len(first.outcomes) == 17
    again = suite.both("--doctest-modules")
    assert again.live == []
    assert {test["source"] for test in again.report["tests"]} == {"cached"}
    assert again.report["totals"]["cached"] == 17


def test_only_what_calls_the_edited_function_runs(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_kinds.py", KINDS)
    suite.cached("--doctest-modules")
    suite.edit("lib.py", "return 2", "return 1 + 1")
    again = suite.both("--doctest-modules", "-v")
    assert again.names == ["TestClass::test_method", "TestCase::test_expected", "test_two"]


def test_failures_are_never_stored(suite: Suite) -> None:
    suite.write(
        "test_bad.py",
        """
        import pytest

        def test_fails(): assert False
        @pytest.fixture
        def broken(): raise ValueError
        def test_error(broken): pass
        @pytest.fixture
        def late():
            yield
            raise ValueError
        def test_late(late): pass
        @pytest.mark.xfail(strict=True)
        def test_strict(): pass
        @pytest.mark.xfail(raises=ValueError)
        def test_other(): raise TypeError
        def test_good(): pass
        """,
    )
    first = suite.both()
    assert first.code == 1
    again = suite.both()
    assert again.names == ["test_fails", "test_error", "test_late", "test_strict", "test_other"]
    assert {test["reason"]["slug"] for test in again.report["tests"] if test["reason"]} == {"new"}


def test_a_then_b_then_a_hits(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", "import lib\ndef test_two(): assert lib.two() == 2\n")
    suite.cached()
    suite.edit("lib.py", "return 2", "return 3")
    assert suite.both().names == ["test_two"]
    suite.edit("lib.py", "return 3", "return 1 + 1")
    assert suite.both().names == ["test_two"]
    suite.edit("lib.py", "return 1 + 1", "return 2")
    assert suite.both().names == []


def test_output_warnings_and_properties_come_back(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import sys
        import warnings

        def test_out(record_property, capsys):
            record_property("colour", ("red", 1))
            warnings.warn("careful")
            with capsys.disabled():
                pass
            print("said aloud")
            print("complained", file=sys.stderr)
        """,
    )
    first = suite.both("-rA")
    again = suite.both("-rA")
    assert again.live == []
    for text in ("UserWarning: careful", "test_a.py:7"):
        assert again.text.count(text) == first.text.count(text) == 1
    plain = suite.plain("-rA", "--junitxml=plain.xml")
    cached = suite.cached("-rA", "--junitxml=cached.xml")
    assert cached.live == []
    assert cached.outcomes == plain.outcomes
    shown, expected = ((suite.path / name).read_text() for name in ("cached.xml", "plain.xml"))
    assert 'name="colour"' in shown
    assert shown.count("<testcase") == expected.count("<testcase") == 1


def test_captured_output_is_shown_again(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import logging
        def test_out():
            print("said aloud")
            logging.getLogger().warning("logged")
        """,
    )
    first = suite.cached("-rP")
    again = suite.cached("-rP")
    assert again.live == []
    for text in ("said aloud", "Captured stdout call", "Captured log call"):
        assert text in first.text
        assert text in again.text


def test_the_line_of_a_skip_moves_with_its_test(suite: Suite) -> None:
    suite.write("test_a.py", "import pytest\ndef test_a():\n    pytest.skip('why')\n")
    assert "SKIPPED [1] test_a.py:3: why" in suite.cached("-rs").text
    suite.edit("test_a.py", "import pytest\n", "# a comment\n\nimport pytest\n")
    again = suite.both("-rs")
    assert again.live == []
    assert "SKIPPED [1] test_a.py:5: why" in again.text


def test_verbose_says_cached_and_the_short_summary_does_not(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.cached()
    again = suite.cached("-v", "-rA")
    assert "test_a.py::test_a PASSED (cached)" in again.text
    assert "\nPASSED test_a.py::test_a" in again.text
    assert "1 passed" in again.text
