"""Very much state: what stays the same is compared after some tests, and before a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.hooks import state as changes
from pytest_cellcache.trace import nearness, state

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

DATA = "LARGE = [{'n': n} for n in range(600)]\nNAMES = []\n"
WRITING = """
    import data

    def test_before():
        pass

    def test_write():
        data.LARGE[3]["n"] = 30

    def test_after():
        assert len("ab") == 2
"""
READING = """
    import data

    def test_read():
        assert data.LARGE[3]["n"] == 30

    def test_other():
        assert len("abc") == 3
"""


@pytest.fixture(params=[2, 256], ids=lambda some: f"every-{some}")
def huge(suite: Suite, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setattr(state, "HUGE", 300)
    monkeypatch.setattr(nearness, "CALM", 1)
    monkeypatch.setattr(changes, "_SOME_ITEMS", request.param)
    suite.write("data.py", DATA)
    suite.write("test_a.py", WRITING)
    suite.write("test_b.py", READING)
    return suite


def test_who_reads_rests_on_who_may_have_written(huge: Suite) -> None:
    huge.both()
    assert huge.both().live == []
    huge.edit("test_a.py", '["n"] = 30', '["n"] = 31')
    assert huge.both().outcomes["test_b.py::test_read"] != "setup:passed call:passed"


def test_a_new_writer_upsets_who_is_replayed(huge: Suite) -> None:
    huge.both()
    huge.both()
    huge.edit("test_a.py", 'assert len("ab") == 2', 'data.LARGE[3]["n"] = 32')
    found = huge.both()
    assert "failed" in found.outcomes["test_b.py::test_read"]
    huge.edit("test_a.py", 'data.LARGE[3]["n"] = 32', 'data.LARGE[3]["n"] += 0')
    assert huge.both().code == 0
    huge.both()
    assert huge.both().live == []


def test_a_failure_is_confirmed_in_the_state_that_there_was(huge: Suite) -> None:
    huge.both()
    huge.edit("test_b.py", 'assert len("abc") == 3', 'data.LARGE[5]["n"] = 1; assert not 1')
    assert huge.both().code == 1
    huge.edit("test_b.py", 'data.LARGE[5]["n"] = 1; assert not 1', "assert data.NAMES == []")
    assert huge.both().code == 0


KEEPING = """
    import functools

    GLOBAL = {}

    class Shape:
        register = []

        def __init__(self):
            self.parts = []

    SHAPE = Shape()

    def keeping(function):
        kept = {}

        @functools.wraps(function)
        def inner(name, given=None):
            if given is not None:
                kept[name] = given
            return kept.get(name)

        return inner

    @keeping
    def lookup(name):
        pass
"""


@pytest.mark.parametrize(
    ("changes", "looks"),
    [
        ("keeps.GLOBAL['a'] = 1", "keeps.GLOBAL == {'a': 1}"),
        ("keeps.Shape.register.append(1)", "keeps.Shape.register == [1]"),
        ("keeps.SHAPE.parts.append(1)", "keeps.SHAPE.parts == [1]"),
        ("keeps.lookup('a', given=1)", "keeps.lookup('a') == 1"),
    ],
    ids=["global", "class", "object", "closure"],
)
def test_what_is_near_a_global_is_told_of_the_test_that_changes_it(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, changes: str, looks: str
) -> None:
    monkeypatch.setattr(state, "HUGE", 300)
    monkeypatch.setattr(nearness, "CALM", 1)
    suite.write("data.py", DATA)
    suite.write("keeps.py", KEEPING)
    suite.write(
        "test_a.py",
        f"""
        import data, keeps

        def test_before():
            assert len("ab") == 2

        def test_change():
            {changes}
            assert len("abcd") == 4

        def test_between():
            assert len("abc") == 3
        """,
    )
    suite.write("test_b.py", f"import keeps\n\ndef test_look():\n    assert {looks}\n")
    suite.both()
    assert suite.both().live == []
    suite.edit("test_a.py", 'len("ab")', 'len("cd")')
    suite.edit("test_a.py", 'len("abc")', 'len("cde")')
    assert suite.both().live == ["test_a.py::test_before", "test_a.py::test_between"]
    suite.edit("test_a.py", changes, "pass")
    assert "failed" in suite.both().outcomes["test_b.py::test_look"]
