"""Large projects: objects that an item's code cannot come by are compared only now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.hooks import state
from pytest_cellcache.trace import layout

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

FAR = """
    import sys

    kept = []
    sys.kept_by_far = kept
"""
WRITING = """
    import sys

    def test_before():
        pass

    def test_write():
        sys.kept_by_far.append("written")

    def test_after():
        pass
"""
READING = """
    import far

    def test_read():
        assert len(far.kept) == 1
"""


@pytest.fixture(params=[1, 256], ids=lambda some: f"every-{some}")
def large(suite: Suite, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setattr(layout, "_FEW_MODULES", 2)
    monkeypatch.setattr(state, "_SOME_ITEMS", request.param)
    suite.write("far.py", FAR)
    suite.write("near.py", "VALUE = 1\n")
    suite.write("test_a.py", WRITING)
    suite.write("test_b.py", "import near\ndef test_near():\n    assert near.VALUE\n")
    suite.write("test_c.py", READING)
    suite.write("conftest.py", "import far\n")
    return suite


def test_a_change_from_afar_is_found(large: Suite) -> None:
    assert large.cached().code == 0
    assert large.cached().live == []
    large.edit("test_a.py", 'append("written")', "copy()")
    warm, plain = large.cached(), large.plain()
    assert warm.outcomes == plain.outcomes
    assert "failed" in warm.outcomes["test_c.py::test_read"]


def test_who_reads_it_runs_after_who_may_have_made_it(large: Suite) -> None:
    large.cached()
    large.edit("test_c.py", "== 1", "== 1 + 0")
    warm = large.cached()
    assert warm.outcomes == large.plain().outcomes
    assert "test_a.py::test_write" in warm.live


def test_what_is_near_runs_alone(large: Suite) -> None:
    large.edit("test_a.py", 'append("written")', "copy()")
    large.edit("test_c.py", "== 1", "== 0")
    large.cached()
    large.edit("near.py", "VALUE = 1", "VALUE = 2")
    warm = large.cached()
    assert warm.live == ["test_b.py::test_near"]
    assert warm.outcomes == large.plain().outcomes
