"""What is left under several keys is told as if each had been asked for alone."""

from __future__ import annotations

from typing import Any

from pytest_cellcache.model.observation import StateChange
from pytest_cellcache.trace.holding import Content, Holding
from pytest_cellcache.trace.ways import Ways


class Where:
    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.ways = Ways(self.global_of, self.module_name)

    def global_of(self, owner: tuple[str, str]) -> Any:
        return self.value if owner == ("a.py", "REGISTER") else None

    def module_name(self, filename: str) -> str:
        return filename.removesuffix(".py")


def contents(value: dict[str, Any], *keys: str) -> dict[str, Content]:
    holding = Holding(Where(value), lambda file: True)
    changes = [StateChange("a.py", "REGISTER", key, is_keyed=True) for key in keys]
    return {change.word: found for change, found in holding.contents(changes).items()}


def test_lists_of_the_same_objects_are_told_alike_under_each_key() -> None:
    thing = {"x": [1]}
    value = {"a": [thing, 2], "b": [thing, 2], "c": [thing, 3]}
    together, alone = contents(value, "a", "b", "c"), {k: contents(value, k)[k] for k in value}
    assert {key: each.digest for key, each in together.items()} == {
        key: each.digest for key, each in alone.items()
    }
    assert together["a"].digest == together["b"].digest != together["c"].digest


def test_places_that_share_a_list_are_told_from_those_that_share_what_is_in_it() -> None:
    thing, both = {"x": 1}, [{"x": 1}]
    apart = contents({"a": [thing], "b": [thing]}, "a", "b")["b"].links
    shared = contents({"a": both, "b": both}, "a", "b")["b"].links
    neither = contents({"a": [{"x": 1}], "b": [{"x": 1}]}, "a", "b")["b"].links
    assert len({apart, shared, neither}) == 3


def test_a_list_that_is_led_back_to_is_not_taken_for_one_that_is_not() -> None:
    thing: dict[str, Any] = {}
    round_about, straight = [thing], [thing]
    thing["back"] = round_about
    for order in (("a", "b"), ("b", "a")):
        value = dict(zip(order, (round_about, straight), strict=True))
        together = contents(value, "a", "b")
        assert together["a"].digest == contents(value, "a")["a"].digest
        assert together["b"].digest == contents(value, "b")["b"].digest
        assert together["a"].digest != together["b"].digest
