"""Promise 4: a failure after replayed tests of its module is reported only once these have run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_the_first_attempt_is_not_reported_and_its_mates_run_between(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        def value(): return 1

        def test_before(): pass
        def test_fails(): assert value() == 1
        def test_after(): pass
        """,
    )
    suite.write("test_b.py", "def test_elsewhere(): pass\n")
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    assert again.names == ["test_fails", "test_before", "test_fails"]
    decision = again.decisions["test_a.py::test_fails"]
    assert decision["attempts"] == 2
    # The other module was not even imported.
    assert decision["requeued_for"] == ["test_b.py", "test_a.py::test_before"]
    assert "1 requeued" in again.text


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
