"""Who must run before others that run late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cellcache.hooks.byname import ByName
from pytest_cellcache.hooks.earlier import Earlier
from pytest_cellcache.hooks.history import SetUpHistory
from pytest_cellcache.hooks.settling import FEW
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import StateChange

PLACE = "::db@"


def item(nodeid: str, *fixtures: str, **params: object) -> Any:
    named = {name: [SimpleNamespace(scope="session", baseid="", argname=name)] for name in fixtures}
    callspec = SimpleNamespace(params=params)
    info = SimpleNamespace(name2fixturedefs=named)
    return SimpleNamespace(nodeid=nodeid, _fixtureinfo=info, callspec=callspec)


def names(earlier: Earlier, late: set[str], places: set[str], leaving: set[str]) -> list[str]:
    return [each.nodeid for each, _ in earlier.before(late, places, leaving)]


@pytest.fixture
def earlier() -> Earlier:
    found = Earlier(ByName())
    found.note(item("free", "db"), "passed", {})
    found.note(item("first", "db"), "passed", {"later": ["changes"]})
    found.note(item("second", "db"), "passed", {"later": ["changes"]})
    found.note(item("other", "client"), "passed", {"later": ["changes"]})
    return found


def test_the_first_one_sets_up_what_is_needed(earlier: Earlier) -> None:
    assert names(earlier, {"changes"}, {PLACE}, set()) == ["first"]


def test_who_is_not_concerned_does_not_run(earlier: Earlier) -> None:
    assert names(earlier, {"unknown"}, {PLACE}, {"second"}) == []
    assert names(earlier, {"changes"}, set(), set()) == []


def test_who_leaves_something_runs(earlier: Earlier) -> None:
    assert names(earlier, {"changes"}, {PLACE}, {"second"}) == ["first", "second"]
    assert names(earlier, {"changes", "second"}, set(), {"second"}) == []


def test_many_that_may_not_be_needed_do_not_run(earlier: Earlier) -> None:
    many = [f"test_{number}" for number in range(FEW + 1)]
    for name in many:
        earlier.note(item(name), "passed", {"later": ["changes"]})
    assert names(earlier, {"changes"}, {PLACE}, {*many}) == ["first"]


def test_who_ran_after_those_that_come_later_finds_what_they_left(earlier: Earlier) -> None:
    assert earlier.finds_otherwise("first", {"changes"})
    assert not earlier.finds_otherwise("first", {"first"})
    assert not earlier.finds_otherwise("free", {"changes"})


@pytest.mark.parametrize(
    ("is_open", "is_undone", "parameter", "is_repeated"),
    [
        (False, False, "", True),
        (True, False, "", False),
        (False, True, "", False),
        (False, False, "1", True),
        (False, False, "2", False),
    ],
)
def test_who_would_set_up_again_what_has_ended(
    is_open: bool, is_undone: bool, parameter: str, is_repeated: bool
) -> None:
    changes = frozenset({StateChange("lib.py", "N")})
    undone = changes if is_undone else frozenset[StateChange]()
    ended = Instance("db", place=PLACE, changes=changes, undone=undone, parameter=parameter)
    ended.is_open = is_open
    history = SetUpHistory()
    history.note(ended)
    user = item("user", "db", db=1)
    assert history.would_repeat(user) == is_repeated
    assert not history.would_repeat(item("other", "client", client=1))
    history.forget([ended])
    assert not history.would_repeat(user)
