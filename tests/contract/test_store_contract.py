"""The promises of ``Store``, one by one, for every implementation; numbers as in its docstring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import (
    NOTE_LIFE_S,
    NOTE_REFRESH_S,
    STORE_UNWRITABLE,
    YOUNG_S,
    Cleared,
    Compacted,
    Store,
)
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.memory import MemoryMedium, MemoryStore

NO_BOUND = 1 << 40
ODD_NAMES = ["", "tests/test_a.py", "../../up", "/abs", "a\nb", "nul\0", "\udc80", "x" * 5000]


class Bench:
    """Opens stores on one medium, with a clock that moves by hand."""

    def __init__(self, open_store: Callable[..., Store]) -> None:
        self._open_store = open_store
        self.warned: list[Warned] = []
        self.now_s = 1_700_000_000.0

    def open(self, *, may_write: bool = True) -> Store:
        return self._open_store(
            may_write=may_write, warn=self.warned.append, clock=lambda: self.now_s
        )


@pytest.fixture(params=["directory", "memory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param == "memory":
        medium = MemoryMedium()
        return Bench(lambda **options: MemoryStore(medium, **options))
    return Bench(lambda **options: DirectoryStore(tmp_path / "deep" / "store", **options))


def entry(unit: str, created_s: float, *blobs: str, **body: Any) -> Entry:
    return Entry(unit, float(created_s), blobs, body)


def unordered(entries: tuple[Entry, ...]) -> list[str]:
    return sorted(map(repr, entries))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_1_read_gives_what_was_appended_newest_first(bench: Bench, name: str) -> None:
    store = bench.open()
    assert store.read(name) == ()
    old = entry(name, 1, "no-blob", text=name, nested={"a": [1, 2.5, None, True]})
    new = entry("other", 7.25)
    middle = entry(name, 3)
    assert store.append(name, [old, new])
    assert store.append(name, [middle])
    for reader in (store, bench.open(), bench.open(may_write=False)):
        assert reader.read(name) == (new, middle, old)
        assert reader.read(name + "?") == ()
    assert store.append("tuple", [entry("u", 1, pair=(1, 2))])
    assert store.read("tuple") == (entry("u", 1, pair=[1, 2]),)
    assert not bench.warned


def test_2_append_only_adds(bench: Bench) -> None:
    store = bench.open()
    entries = [entry("u", 1, v="A"), entry("u", 2, v="B"), entry("u", 3, v="A")]
    for one in entries:
        assert store.append("g", [one])
    assert store.read("g") == tuple(reversed(entries))
    assert store.append("g", [])
    assert store.append("g", entries[:1])
    assert unordered(store.read("g")) == unordered((*entries, entries[0]))


@pytest.mark.parametrize("data", [b"", b"x", b"word " * 10_000, bytes(range(256)) * 50])
def test_3_blobs_are_named_by_content(bench: Bench, data: bytes) -> None:
    store, other = bench.open(), bench.open()
    name = store.put_blob(data)
    assert other.put_blob(data) == name
    assert other.get_blob(name) == data
    assert store.put_blob(data + b"!") != name
    assert store.get_blob("0" * 32) is None
    for odd in ODD_NAMES:
        assert store.get_blob(odd) is None
    assert not bench.warned


@pytest.mark.parametrize("name", ["stat", "cells/ab12", *ODD_NAMES])
def test_4_a_note_holds_what_was_put_last(bench: Bench, name: str) -> None:
    store = bench.open()
    assert store.get_note(name) is None
    assert store.put_note(name, b"one")
    assert store.put_note(name + "?", b"other")
    assert bench.open().put_note(name, b"two" * 1000)
    assert store.get_note(name) == b"two" * 1000
    assert store.get_note(name + "?") == b"other"
    assert not bench.warned


def test_5_a_store_that_may_not_write_changes_nothing(bench: Bench) -> None:
    store, reader = bench.open(), bench.open(may_write=False)

    def use() -> None:
        assert reader.append("g", [entry("u", 9)]) is False
        assert reader.put_note("n", b"no") is False
        assert reader.put_blob(b"other") == name_of_other
        assert reader.clear() == Cleared()
        assert reader.compact(0) == Compacted()
        reader.touch("g")

    name_of_other = bench.open(may_write=False).put_blob(b"other")
    use()
    assert reader.size_bytes() == store.size_bytes() == 0
    store.append("g", [entry("u", 1)])
    blob = store.put_blob(b"data")
    store.put_note("n", b"yes")
    size_bytes = store.size_bytes()
    use()
    assert reader.read("g") == store.read("g") == (entry("u", 1),)
    assert reader.get_note("n") == b"yes"
    assert reader.get_blob(blob) == b"data"
    assert store.get_blob(name_of_other) is None
    assert reader.size_bytes() == store.size_bytes() == size_bytes > 0
    assert not bench.warned


def test_6_clear_empties_and_tells(bench: Bench) -> None:
    store, other = bench.open(), bench.open()
    assert store.clear() == Cleared()
    store.append("g", [entry("u", 1)])
    store.append("g", [entry("u", 2)])
    store.append("h", [entry("u", 3)])
    blob = store.put_blob(b"data")
    store.put_note("n", b"note")
    size_bytes = store.size_bytes()
    assert other.clear() == Cleared(5, size_bytes)
    assert store.size_bytes() == 0
    assert store.read("g") == store.read("h") == ()
    assert store.get_blob(blob) is None
    assert store.get_note("n") is None
    assert store.append("g", [entry("u", 4)])
    assert store.put_note("n", b"again")
    assert store.get_blob(store.put_blob(b"data")) == b"data"
    assert store.read("g") == (entry("u", 4),)
    assert not bench.warned


def test_7_compact_keeps_the_newest_of_each_unit(bench: Bench) -> None:
    store = bench.open()
    for at in range(10):
        store.append("g", [entry("u", at, v=at), entry("w", at, v=at % 2)])
    store.append("h", [entry("u", 0, v=0)])
    assert store.compact(NO_BOUND) == Compacted(
        ran=True, entries_dropped=2 + 8, size_bytes=store.size_bytes()
    )
    assert [e for e in store.read("g") if e.unit == "u"] == [
        entry("u", at, v=at) for at in range(9, 1, -1)
    ]
    assert [e for e in store.read("g") if e.unit == "w"] == [entry("w", 9, v=1), entry("w", 8, v=0)]
    assert store.read("h") == (entry("u", 0, v=0),)
    assert store.compact(NO_BOUND, 1).entries_dropped == 7 + 1
    assert unordered(store.read("g")) == unordered((entry("u", 9, v=9), entry("w", 9, v=1)))
    assert store.compact(NO_BOUND, 0).entries_dropped == 0


def test_8_compact_removes_blobs_and_notes_without_use(bench: Bench) -> None:
    store = bench.open()
    named, lost, used = (store.put_blob(data) for data in (b"named", b"lost", b"used"))
    store.append("g", [entry("u", 1, named)])
    store.put_note("old", b"1")
    store.put_note("read", b"2")
    bench.now_s += YOUNG_S - 1
    assert store.compact(NO_BOUND).blobs_removed == 0
    bench.now_s += 2
    store.put_blob(b"used")
    young = store.put_blob(b"young")
    done = store.compact(NO_BOUND)
    assert (done.blobs_removed, done.notes_removed) == (1, 0)
    assert [store.get_blob(name) for name in (named, lost, used, young)] == [
        b"named",
        None,
        b"used",
        b"young",
    ]
    bench.now_s += NOTE_LIFE_S - YOUNG_S
    assert store.get_note("read") == b"2"
    bench.now_s += 2 * YOUNG_S
    assert bench.open(may_write=False).get_note("old") == b"1"  # leaves no trace, so no use
    done = store.compact(NO_BOUND)
    assert (done.blobs_removed, done.notes_removed) == (2, 1)
    assert store.get_note("old") is None
    assert store.get_note("read") == b"2"
    assert store.get_blob(named) == b"named"
    assert store.read("g") == (entry("u", 1, named),)


def test_8_the_blobs_of_dropped_entries_go(bench: Bench) -> None:
    store = bench.open()
    blobs = [store.put_blob(b"%d" % at) for at in range(3)]
    for at, blob in enumerate(blobs):
        store.append("g", [entry("u", at, blob)])
    bench.now_s += 2 * YOUNG_S
    assert store.compact(NO_BOUND, 2).blobs_removed == 1
    assert [store.get_blob(blob) for blob in blobs] == [None, b"1", b"2"]


def test_9_least_recently_used_goes_first_and_no_further(bench: Bench) -> None:
    store = bench.open()
    blobs = {}
    for group in "abcd":
        blobs[group] = store.put_blob(group.encode() * 400)
        store.append(group, [entry("u", 1, blobs[group])])
        bench.now_s += 10
    store.touch("a")
    store.touch("never there")
    bench.now_s += 10
    store.append("b", [entry("u", 1, blobs["b"])])  # equal, but it is a use
    assert store.compact(NO_BOUND).groups_evicted == 0
    each = store.size_bytes() // 4
    done = store.compact(3 * each)
    assert (done.groups_evicted, done.blobs_removed) == (1, 1)
    assert done.size_bytes == store.size_bytes() == 3 * each
    assert [group for group in "abcd" if store.read(group)] == ["a", "b", "d"]
    assert store.get_blob(blobs["c"]) is None
    assert store.compact(3 * each - 1).size_bytes == 2 * each
    assert [group for group in "abcd" if store.read(group)] == ["a", "b"]
    assert store.compact(2 * each - 1).size_bytes == each
    assert [group for group in "abcd" if store.read(group)] == ["b"]
    assert store.get_blob(blobs["b"]) == b"b" * 400
    assert store.compact(0).size_bytes == store.size_bytes() == 0


def test_9_notes_age_with_the_groups(bench: Bench) -> None:
    store = bench.open()
    for name in ("first", "second"):
        store.put_note(name, b"same size")
        bench.now_s += 1
    store.append("g", [entry("u", 1)])
    bench.now_s += 2 * NOTE_REFRESH_S
    assert store.get_note("first") == b"same size"
    done = store.compact(store.size_bytes() - 1)
    assert (done.notes_removed, done.groups_evicted) == (1, 0)
    assert store.get_note("second") is None
    done = store.compact(store.size_bytes() - 1)
    assert (done.notes_removed, done.groups_evicted) == (0, 1)
    assert store.get_note("first") == b"same size"


@pytest.mark.parametrize(
    "body", [{"x": object()}, {"x": float("nan")}, {"x": b"bytes"}, {"x": {1, 2}}]
)
def test_10_a_body_that_is_not_json_is_a_warning(bench: Bench, body: dict[str, Any]) -> None:
    store = bench.open()
    for _ in range(3):
        assert store.append("g", [entry("fine", 1), Entry("u", 1, (), body)]) is False
    assert store.read("g") == ()
    assert [warned.slug for warned in bench.warned] == [STORE_UNWRITABLE]


def test_10_a_body_that_holds_itself_or_is_too_deep_is_a_warning(bench: Bench) -> None:
    store = bench.open()
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert store.append("g", [entry("u", 1, loop=loop)]) is False
    assert store.append("g", [entry("u", 1, deep=deep)]) is False
    assert [warned.slug for warned in bench.warned] == [STORE_UNWRITABLE]


def test_11_entries_are_values(bench: Bench) -> None:
    store = bench.open()
    body: dict[str, Any] = {"list": [1]}
    store.append("g", [Entry("u", 1, (), body)])
    body["list"].append(2)
    read = store.read("g")[0].body
    assert read == {"list": [1]}
    read["list"].append(3)
    assert store.read("g")[0].body == {"list": [1]}


def test_12_groups_names_what_read_has_entries_for(bench: Bench) -> None:
    store = bench.open()
    assert store.groups() == ()
    for name in ["b", "a", "b", *ODD_NAMES]:
        store.append(name, [entry("u", 1)])
    store.append("empty", [])
    assert store.groups() == tuple(sorted({"a", "b", *ODD_NAMES}))
    assert bench.open(may_write=False).groups() == store.groups()
    store.compact(NO_BOUND)
    assert store.groups() == tuple(sorted({"a", "b", *ODD_NAMES}))
    store.clear()
    assert store.groups() == ()


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_13_values_come_back_and_may_be_written_to(bench: Bench, size: int) -> None:
    store = bench.open()
    parts = [b"head", memoryview(b"x" * size)]
    name = store.put_value(parts)
    assert name is not None
    for _ in range(2):
        found = store.get_value(name, 4, digest_bytes(b"head"))
        assert found is not None
        assert bytes(found[:5]) == b"headx"
        assert len(found) == size + 4
        found[0] = 0
    assert store.put_value([b"head" + b"x" * size]) == name
    store.append("g", [entry("u", 1, name)])
    bench.now_s += 2 * YOUNG_S
    store.compact(NO_BOUND)
    assert store.get_value(name, 4, digest_bytes(b"head")) is not None
    assert bench.open(may_write=False).put_value(parts) is None


def test_14_values_whose_head_is_not_the_recorded_one(bench: Bench) -> None:
    store = bench.open()
    name = store.put_value([b"head", b"rest"])
    assert name is not None
    assert store.get_value(name, 4, digest_bytes(b"other")) is None
    assert store.get_value("0" * 32, 4, digest_bytes(b"head")) is None
    assert store.get_value("../escape", 4, digest_bytes(b"head")) is None


def test_15_one_at_a_time(bench: Bench) -> None:
    store = bench.open()
    with store.only_one("a", 1) as first, store.only_one("b", 1) as other:
        assert first
        assert other
        with bench.open().only_one("a", 0) as second:
            assert not second
    with bench.open().only_one("a", 0) as third:
        assert third
    with bench.open(may_write=False).only_one("a", 0) as reader:
        assert not reader
