from __future__ import annotations

from pytest_cellcache.hooks.makers import Makers

TOLD = {"makes": {"filled@": ["conn@"]}}


def test_only_the_first_that_uses_a_fixture_sets_it_up() -> None:
    makers = Makers()
    assert makers.note("a", TOLD) == ["conn@"]
    assert makers.note("b", TOLD) == []
    assert makers.note("c", {}) == []


def test_it_concerns_those_that_have_the_value_in_reach() -> None:
    makers = Makers()
    makers.note("a", TOLD)
    assert makers.concern("conn@", "a", {"conn@"}, {"conn@"})
    assert not makers.concern("conn@", "a", {"conn@"}, {"conn@", "filled@"})
    assert not makers.concern("conn@", "a", {"filled@"}, {"filled@"})
    assert makers.concern("conn@", "b", set(), set())


def test_who_changes_it_anyway_is_no_case_of_its_own() -> None:
    makers = Makers()
    assert makers.note("a", {**TOLD, "handled": ["conn@"]}) == []
    assert makers.concern("conn@", "a", set(), set())
