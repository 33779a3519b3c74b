"""What a compaction chooses to remove."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_cellcache.store.compaction import Held, Removal, plan_removal
from pytest_cellcache.store.contract import NOTE_LIFE_S, YOUNG_S

NOW_S = 1e9
OLD_S = NOW_S - 10 * YOUNG_S


def plan(
    groups: Mapping[str, Held] | None = None,
    blobs: Mapping[str, Held] | None = None,
    notes: Mapping[str, Held] | None = None,
    *,
    max_size_bytes: int = 1 << 30,
) -> Removal:
    return plan_removal(
        groups or {}, blobs or {}, notes or {}, now_s=NOW_S, max_size_bytes=max_size_bytes
    )


def group(used_s: float, *blobs: str) -> Held:
    return Held(10, used_s, frozenset(blobs))


def test_nothing_is_removed_within_the_bound() -> None:
    assert plan({"a": group(1, "x")}, {"x": Held(5, 1)}, {"n": Held(3, NOW_S)}) == Removal(
        (), (), (), 18
    )


def test_blobs_nobody_names_go_unless_young_by_either_clock() -> None:
    blobs = {
        "old": Held(5, NOW_S - YOUNG_S - 1),
        "young": Held(5, NOW_S - YOUNG_S + 1),
        "ahead": Held(5, NOW_S + YOUNG_S - 1),
        "absurd": Held(5, NOW_S + YOUNG_S + 1),
    }
    assert plan({}, blobs) == Removal((), ("absurd", "old"), (), 10)


def test_notes_nobody_used_for_long_go() -> None:
    notes = {"old": Held(5, NOW_S - NOTE_LIFE_S - 1), "new": Held(5, NOW_S - NOTE_LIFE_S + 1)}
    assert plan(notes=notes) == Removal((), (), ("old",), 5)


def test_least_recently_used_goes_first_and_no_more_than_needed() -> None:
    groups = {"a": group(OLD_S + 2), "b": group(OLD_S), "c": group(OLD_S + 3)}
    notes = {"n": Held(10, OLD_S + 1)}
    for bound, removed in [
        (40, ((), ())),
        (39, (("b",), ())),
        (30, (("b",), ())),
        (29, (("b",), ("n",))),
        (19, (("a", "b"), ("n",))),
        (9, (("a", "b", "c"), ("n",))),
    ]:
        result = plan(groups, notes=notes, max_size_bytes=bound)
        assert (result.groups, result.notes) == removed
        assert result.size_bytes <= bound


def test_a_shared_blob_goes_with_the_last_group_that_names_it() -> None:
    groups = {"a": group(1, "x", "y"), "b": group(2, "x"), "c": group(3, "x", "gone")}
    blobs = {"x": Held(100, NOW_S), "y": Held(7, NOW_S)}
    assert plan(groups, blobs, max_size_bytes=130) == Removal(("a",), ("y",), (), 120)
    assert plan(groups, blobs, max_size_bytes=110) == Removal(("a", "b"), ("y",), (), 110)
    assert plan(groups, blobs, max_size_bytes=100) == Removal(("a", "b", "c"), ("x", "y"), (), 0)


def test_leftovers_make_room_before_groups_do() -> None:
    assert plan({"a": group(1)}, {"lost": Held(50, OLD_S)}, max_size_bytes=10) == Removal(
        (), ("lost",), (), 10
    )


def test_young_blobs_nobody_names_yet_count_but_stay() -> None:
    assert plan({"a": group(1)}, {"x": Held(50, NOW_S)}, max_size_bytes=55) == Removal(
        ("a",), (), (), 50
    )
