"""Promise 4: a failure after replayed tests of its module is reported only once these have run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


FORGET = """
import linecache
def pytest_sessionfinish(): getattr(linecache, "cache").pop("left", None)
"""


def test_the_first_attempt_is_not_reported_and_its_mates_run_between(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        def value(): return 1

        def test_before(): pass
        def test_before_too(): pass
        def test_fails(): assert value() == 1
        def test_fails_too(): assert value() == 1
        def test_after(): pass
        """,
    )
    suite.write("test_b.py", "def test_elsewhere(): pass\n")
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    before = ["test_before", "test_before_too"]
    # Once for a module: by then its earlier tests have run.
    assert again.names == ["test_fails", *before, "test_fails", "test_fails_too"]
    decision = again.decisions["test_a.py::test_fails"]
    assert decision["attempts"] == 2
    # The other module was not even imported.
    assert decision["requeued_for"] == ["test_b.py", *(f"test_a.py::{name}" for name in before)]
    assert again.decisions["test_a.py::test_fails_too"]["attempts"] == 1
    assert "1 requeued" in again.text


def test_the_second_attempt_begins_as_if_there_had_been_no_first(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        # What cannot be seen: state that is kept by another package.
        import linecache

        def value(): return 1

        def test_before(): linecache.cache["left"] = (1, None, ["left"], "left")

        class TestIt:
            def test_clean(self, request, record_property):
                assert not hasattr(self, "mark")
                assert not request.node.own_markers
                assert not request.node.user_properties
                self.mark = value()
                request.node.add_marker("left")
                record_property("left", 1)
                assert linecache.getline("left", 1) == "left"
        """,
    )
    suite.write("conftest.py", FORGET)
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2 - 1")
    again = suite.both()
    assert again.code == 0
    assert again.names == ["TestIt::test_clean", "test_before", "TestIt::test_clean"]


def test_a_failing_set_up_is_live_too(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        # What cannot be seen: state that is kept by another package.
        import linecache

        def value(): return 1

        def test_before(): linecache.cache["left"] = (1, None, ["left"], "left")

        @pytest.fixture(scope="module")
        def needs():
            assert value()
            return linecache.getline("left", 1)

        def test_shared(needs): assert needs == "left"
        """,
    )
    suite.write("conftest.py", FORGET)
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2 - 1")
    again = suite.both()
    assert again.code == 0
    assert again.names == ["test_shared", "test_before", "test_shared"]


def test_nothing_was_replayed_nothing_is_run_again(suite: Suite) -> None:
    suite.write("test_a.py", "def test_fails(): assert 0\ndef test_good(): pass\n")
    suite.both()
    assert suite.both().names == ["test_fails"]


def test_a_replayed_test_that_then_fails_is_told(suite: Suite) -> None:
    # What cannot be seen: a counter outside of the project.
    count = suite.path.parent / f"{suite.path.name}-count"
    count.write_text("")
    suite.write(
        "test_a.py",
        f"""
        def value(): return 1

        def test_a():
            with open({str(count)!r}, "a+") as file:
                file.write("x")
                file.seek(0)
                assert file.read() in ("x", "xx")

        def test_b(): assert value() == 1
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.cached()
    assert again.names == ["test_b", "test_a", "test_b"]
    assert [warning["slug"] for warning in again.report["warnings"]] == ["replay-contradicted"]


def test_a_failure_with_a_restored_value_is_seen_live(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return [1]

        def value(): return 1

        def test_fails(made): assert value() == 1
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1\n", "return 2\n")
    again = suite.both()
    assert again.names == ["test_fails", "test_fails"]
    assert [f["source"] for f in again.report["fixtures"]] == ["restored", "ran"]
    assert again.decisions["test_a.py::test_fails"]["requeued_for"] == ["fixture made"]
