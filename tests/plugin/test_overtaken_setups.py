"""An edited test changes what a fixture finds that a replayed test would have set up before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
N = 3
OTHER = []
places = iter(range(100))
steps = (n for n in range(100))
def touch():
    return 1
def last():
    return 1
"""
TOUCHES: Final = {
    "sets": "    global N; N = 5; return 1",
    "sets through a name": "    globals()['N'] = 5; return 1",
    "sets and goes on": "    global N; N = 5; next(places); return 1",
    "another thing": "    OTHER.append(1); return 1",
    "nothing": "    return 2 - 1",
}


def write(suite: Suite, scope: str, params: str = "", *, by_name: bool = False) -> None:
    ask, value = ("request", "request.getfixturevalue('early')") if by_name else ("early", "early")
    suite.write("lib.py", LIB)
    suite.write(
        "conftest.py",
        f"""
        import lib, pytest
        @pytest.fixture(scope="{scope}"{params})
        def early(request): return lib.N + getattr(request, "param", 0)
        """,
    )
    suite.write(
        "test_a.py",
        f"""
        import lib
        class TestAll:
            def test_first(self, early): assert early
            def test_second(self, early): assert early
            def test_touches(self): assert lib.touch() == 1
            def test_unconcerned(self): pass
            def test_last(self, {ask}): assert {value} == 3 and lib.last() == 1
        """,
    )


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_fixture_is_set_up_before_an_edited_test_changes_what_it_finds(
    suite: Suite, scope: str, touch: str
) -> None:
    write(suite, scope)
    assert suite.warm().live == []
    suite.edit("lib.py", "    return 1\ndef last", f"{TOUCHES[touch]}\ndef last")
    suite.edit("lib.py", "def last():\n    return 1", "def last():\n    return 2 - 1")
    ran = suite.both()
    cancelled = ["TestAll::test_touches", "TestAll::test_first"] if touch.startswith("sets") else []
    assert ran.code == 0
    assert ran.names == [*cancelled, "TestAll::test_touches", "TestAll::test_last"]
    assert ran.decisions["test_a.py::TestAll::test_touches"]["unstored"] is None
    assert suite.both().code == 0
    assert suite.both().live == []


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_who_was_to_be_replayed_and_uses_it_finds_what_was_set_up_before(
    suite: Suite, scope: str
) -> None:
    write(suite, scope)
    assert suite.warm().live == []
    suite.edit("lib.py", "    return 1\ndef last", f"{TOUCHES['sets']}\ndef last")
    assert suite.both().code == 0
    assert suite.both().live == []


def test_what_comes_too_late_is_not_kept(suite: Suite) -> None:
    """How far a generator has come cannot be undone, so the edited test cannot run again."""
    write(suite, "session")
    assert suite.warm().live == []
    does = "    global N; N = 5; next(steps); return 1"
    suite.edit("lib.py", "    return 1\ndef last", f"{does}\ndef last")
    suite.edit("lib.py", "def last():\n    return 1", "def last():\n    return 2 - 1")
    suite.edit("test_a.py", "early == 3 and", "early and")
    late = suite.cached().decisions["test_a.py::TestAll::test_last"]
    assert late["unstored"]["slug"] == "after-a-replayed-test"
    suite.edit("test_a.py", "early and", "early == 3 and")
    for _ in range(2):  # only then it is known what it comes after
        assert suite.both().code == 0
    assert suite.both().live == []


@pytest.mark.parametrize("params", [", params=[0]", ", params=[0, 2]"])
def test_a_fixture_is_set_up_before_with_its_parameters(suite: Suite, params: str) -> None:
    write(suite, "session", params)
    suite.both()
    suite.edit("lib.py", "    return 1\ndef last", f"{TOUCHES['sets']}\ndef last")
    suite.edit("lib.py", "def last():\n    return 1", "def last():\n    return 2 - 1")
    suite.both()
    suite.both()


def test_what_is_put_back_at_once_is_found_by_nobody(suite: Suite) -> None:
    write(suite, "session")
    suite.edit("test_a.py", "test_touches(self): ", "test_touches(self, monkeypatch): ")
    assert suite.warm().live == []
    patched = "monkeypatch.setattr(lib, 'N', 7); assert lib.touch()"
    suite.edit("test_a.py", "assert lib.touch()", patched)
    suite.edit("lib.py", "def last():\n    return 1", "def last():\n    return 2 - 1")
    assert suite.both().code == 0
    assert suite.both().live == []


@pytest.mark.parametrize("scope", ["module", "session"])
def test_who_asks_by_name_finds_what_was_set_up_before(suite: Suite, scope: str) -> None:
    write(suite, scope, by_name=True)
    suite.edit("test_a.py", "assert lib.touch()", "lib.N = 5; assert lib.touch()")
    suite.edit("test_a.py", "== 3 and", "!= 3 and")
    for _ in range(2):
        assert suite.both().code == 1
    suite.edit("lib.py", "    return 1\ndef last", f"{TOUCHES['nothing']}\ndef last")
    assert suite.both().code == 1
    suite.edit("test_a.py", "!= 3 and", "== 3 and")
    assert suite.both().code == 0
