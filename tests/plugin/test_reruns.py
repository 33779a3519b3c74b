"""The real pytest-rerunfailures: reruns happen as ever, and only what needed none is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Ran, Suite

pytest.importorskip("pytest_rerunfailures")

ARGS = ("-p", "pytest_rerunfailures", "--reruns=2")


def both_from_scratch(suite: Suite) -> Ran:
    """Run plainly and with the cache, the flaky test beginning anew each time."""
    count = suite.path.parent / f"{suite.path.name}-count"
    count.write_text("")
    plain = suite.plain(*ARGS)
    count.write_text("")
    cached = suite.cached(*ARGS)
    assert cached.outcomes == plain.outcomes
    assert cached.code == plain.code
    return cached


def test_flaky_tests_are_rerun_and_never_replayed(suite: Suite) -> None:
    count = suite.path.parent / f"{suite.path.name}-count"
    suite.write(
        "test_a.py",
        f"""
        import pytest

        def value(): return 1

        def test_steady(): pass

        def test_flaky():
            with open({str(count)!r}, "a+") as file:  # outside of the project
                file.write("x")
                file.seek(0)
                assert len(file.read()) == 2

        @pytest.mark.flaky(reruns=1)
        def test_marked(): assert value() == 1
        """,
    )
    for _ in range(2):
        ran = both_from_scratch(suite)
        assert ran.code == 0
        assert "1 rerun" in ran.text
    assert ran.names == ["test_flaky"] * 2
    assert ran.decisions["test_a.py::test_flaky"]["unstored"] is not None
    suite.edit("test_a.py", "return 1", "return 2")
    ran = both_from_scratch(suite)
    assert ran.code == 1
    assert ran.names.count("test_marked") == 2
    assert "test_steady" not in ran.names
