from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cellcache.hooks.order import Judged, Order, is_by_chance
from pytest_cellcache.lifecycle.inheritance import Told
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Entry, Hit, Miss
from pytest_cellcache.sources.places import Places


@pytest.mark.parametrize(
    ("plugins", "options", "more", "expected"),
    [
        ((), {}, {}, False),
        (("xdist",), {}, {}, False),
        ((), {}, {"workerinput": {}}, True),
        (("randomly",), {}, {}, True),
        (("randomly",), {"randomly_reorganize": True}, {}, True),
        (("randomly",), {"randomly_reorganize": False}, {}, False),
    ],
)
def test_whether_tests_come_by_chance(
    plugins: tuple[str, ...], options: dict[str, Any], more: dict[str, Any], expected: bool
) -> None:
    manager = SimpleNamespace(has_plugin=plugins.__contains__)
    config: Any = SimpleNamespace(pluginmanager=manager, option=SimpleNamespace(**options), **more)
    assert is_by_chance(config) is expected


class Records:
    """What is known of tests from earlier runs: their records, the newest first, and notes."""

    def __init__(self, found: dict[str, list[dict[str, Any]]], notes: dict[str, Any]) -> None:
        self._found = found
        self._notes = notes

    def last_of(self, facts: TestFacts) -> Mapping[str, Any]:
        found = self._found[facts.nodeid]
        return self._notes.get(facts.nodeid) or (found[0] if found else {})

    def producers_of(self, facts: TestFacts) -> tuple[str, ...]:
        return tuple(self.last_of(facts).get("producers", ()))

    def failures(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> dict[str, Entry]:
        return {}

    def another(self, facts: TestFacts, fits: Callable[[Entry], bool]) -> Entry | None:
        entries = (entry_of(facts.nodeid, body) for body in self._found[facts.nodeid])
        return next((entry for entry in entries if fits(entry)), None)


def entry_of(nodeid: str, body: dict[str, Any]) -> Entry:
    return Entry(nodeid, 0.0, (), body)


def order_of(*, by_chance: bool = False) -> Order:
    return Order(Places("/root", (), "/own/"), "/tmp", by_chance=by_chance)


MADE = dict.fromkeys("abc", digest_parts([])[:12])
"""The producers that records speak of are the tests they were."""


def settled(
    names: str, *, by_chance: bool = False, notes: dict[str, Any] | None = None, **found: Any
) -> str:
    """Give the tests that run, of some that all have records or, in capitals, have none."""
    bodies = {name: found.get(name, {}) for name in names}
    rows = {
        name: []
        if name.isupper() and not body
        else [{"made": MADE, **each} for each in (body if isinstance(body, list) else [body])]
        for name, body in bodies.items()
    }
    judged: Judged = {
        name: (
            TestFacts(name, "t.py", digest_parts([])),
            Miss(Reason("new")) if name.isupper() else Hit(entry_of(name, rows[name][0])),
        )
        for name in names
    }
    items = [pytest_item(name) for name in names]
    order_of(by_chance=by_chance).settle(items, judged, Records(rows, notes or {}))
    return "".join(name for name, (_, verdict) in judged.items() if isinstance(verdict, Miss))


AFTER_A: dict[str, Any] = {"producers": ["a"]}
BEFORE_A: dict[str, Any] = {"later": ["a"]}


@pytest.mark.parametrize(
    ("names", "found", "expected"),
    [
        ("abc", {"b": AFTER_A, "c": {"producers": ["a", "b"]}}, ""),
        ("abC", {"b": AFTER_A, "C": {"producers": ["b"]}}, "abC"),  # it runs, and so all before
        ("ba", {"b": AFTER_A}, "ab"),  # its producers come later now
        ("b", {"b": AFTER_A}, "b"),
        ("ab", {"b": BEFORE_A}, "ab"),
        ("ba", {"b": BEFORE_A}, ""),
        ("bac", {"c": {"producers": ["a", "b"]}}, "abc"),
        ("b", {"b": [AFTER_A, BEFORE_A]}, ""),  # an older record fits
        ("ab", {"b": [BEFORE_A, AFTER_A]}, ""),
    ],
)
def test_which_hits_are_kept(names: str, found: dict[str, Any], expected: str) -> None:
    assert "".join(sorted(settled(names, **found), key=str.lower)) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [("abC", "aC"), ("aBC", "BC"), ("C", "C")],
)
def test_one_user_of_a_fixture_will_do(names: str, expected: str) -> None:
    found = settled(names, C={"either": [["a", "b"]]})
    found = settled(names, C={"either": [["a", "B"]]}) if "B" in names else found
    assert "".join(sorted(found, key=str.lower)) == expected


def test_a_producer_of_the_same_name_may_be_another_test() -> None:
    assert settled("ab", b=AFTER_A) == ""
    assert settled("ab", b={**AFTER_A, "made": {}}) == "ab"


def test_by_chance_what_stands_before_does_not_matter() -> None:
    assert settled("ba", by_chance=True, b=AFTER_A) == ""


def test_a_note_of_a_later_run_tells_more_than_a_record() -> None:
    assert settled("ab", notes={"b": AFTER_A}) == "ab"
    assert settled("ba", notes={"b": AFTER_A}) == ""
    assert settled("ab", notes={"b": AFTER_A}, b=AFTER_A) == ""


def read_all(changes: set[Any]) -> set[Any]:
    return changes


CHANGES = {"changes": [list(Told("a.py", "L"))]}


def test_what_replayed_tests_leave_is_due_once_for_who_reads_it() -> None:
    order = order_of()
    first, second, third = (pytest_item(name) for name in "abc")
    order.replayed(first, "passed", CHANGES)
    order.replayed(second, "passed", {})
    assert order.is_watching
    assert order.due(third) == []
    assert order.due(third, (), read_all) == [(first, "passed")]
    assert order.due(third, (), read_all) == []
    assert not order.is_watching


def test_by_chance_nothing_of_it_is_due() -> None:
    order = order_of(by_chance=True)
    order.replayed(pytest_item("a"), "passed", CHANGES)
    assert not order.is_watching
    assert order.due(pytest_item("b"), (), read_all) == []


def test_a_new_change_upsets_who_sees_it() -> None:
    order = order_of()
    entry = entry_of("b", {})
    change = Told("a.py", "L")
    asked: list[set[Any]] = []

    def sees(_: object, changes: set[Any]) -> set[Any]:
        asked.append(changes)
        return changes

    assert not order.is_upset(entry, lambda _: (), sees)
    assert asked == []
    order.note_state("a", [change])
    assert order.is_upset(entry, lambda _: (), sees)
    assert order.upset_by("b") == ("a",)
    assert not order.is_upset(entry, lambda _: (), lambda *_: set())
    assert order.upset_by("b") == ()


def test_mates_that_come_late_are_no_contradiction() -> None:
    order = order_of()
    order.replayed(pytest_item("a"), "passed", {"later": ["b"]})
    assert not order.comes_late("a")
    order.ran_first(["b"])
    assert order.comes_late("a")


def pytest_item(name: str) -> Any:
    return SimpleNamespace(nodeid=name, get_closest_marker=lambda _: None)


def test_what_a_replayed_test_would_have_done_before_is_no_new_change() -> None:
    order = order_of()
    order.replayed(pytest_item("a"), "passed", CHANGES)
    order.note_state("b", [Told("a.py", "L", fillers=(("a.py", "add"),))])
    assert not order.is_upset(entry_of("c", {}), lambda _: (), lambda _, changes: changes)
