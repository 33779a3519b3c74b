"""Segments as bytes: round trip, what is refused, how entries merge."""

from __future__ import annotations

import contextlib
import json

import pytest

from pytest_cellcache.model.digest import SCHEMA, digest_bytes
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.segments import decode_segment, encode_segment, merge_entries

ENTRY = Entry("t::a", 5.0, ("0" * 32,), {"outcome": "passed", "nested": [{"x": None}]})


def segment(payload: object, *, schema: object = SCHEMA, group: object = "g") -> bytes:
    raw = json.dumps(payload).encode()
    header = {"schema": schema, "group": group, "checksum": digest_bytes(raw)}
    return json.dumps(header).encode() + b"\n" + raw


@pytest.mark.parametrize("group", ["g", "", "a\nb", "\udc80", 'x"y', "дом/тест.py"])
def test_round_trip_with_any_group_name(group: str) -> None:
    assert decode_segment(group, encode_segment(group, [ENTRY, ENTRY])) == [ENTRY, ENTRY]


def test_every_flipped_or_missing_byte_is_noticed() -> None:
    data = encode_segment("g", [ENTRY])
    header_end = data.index(b"\n")
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x04
        if at < header_end:  # white space and escapes of the header may still mean the same
            with contextlib.suppress(ValueError):
                assert decode_segment("g", bytes(damaged)) == [ENTRY]
            continue
        with pytest.raises(ValueError, match=r"."):
            decode_segment("g", bytes(damaged))
    for at in range(len(data)):
        with pytest.raises(ValueError, match=r"."):
            decode_segment("g", data[:at])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04.",
        b"[]\n[]",
        b"null",
        segment([], schema=SCHEMA + 1),
        segment([], group="other"),
        segment({}),
        segment([1]),
        segment([["u", "5", [], {}]]),
        segment([["u", True, [], {}]]),
        segment([["u", float("nan"), [], {}]]),
        segment([["u", 5, "ab", {}]]),
        segment([["u", 5, [1], {}]]),
        segment([["u", 5, [], []]]),
        segment([[1, 5, [], {}]]),
        segment([["u", 5, [], {}, 0]]),
    ],
)
def test_foreign_content_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_segment("g", data)


def test_a_whole_segment_nested_too_deeply_is_a_recursion_error() -> None:
    raw = b'[["u",1.0,[],{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}]]"
    header = {"schema": SCHEMA, "group": "g", "checksum": digest_bytes(raw)}
    with pytest.raises(RecursionError):
        decode_segment("g", json.dumps(header).encode() + b"\n" + raw)


def test_merge_keeps_the_newest_of_each_unit_and_one_of_equals() -> None:
    def entry(unit: str, created_s: float, mark: str) -> Entry:
        return Entry(unit, created_s, (), {"mark": mark})

    entries = [
        entry("a", 1, "A"),
        entry("a", 2, "B"),
        entry("a", 3, "A"),
        entry("b", 1, "A"),
        entry("a", 0, "C"),
    ]
    kept = [entry("a", 3, "A"), entry("a", 2, "B"), entry("b", 1, "A")]
    assert merge_entries(entries, 2) == kept
    assert merge_entries(reversed(entries), 2) == kept
    assert merge_entries(entries, 0) == [kept[0], kept[2]]


def test_entries_that_differ_in_blobs_only_are_different() -> None:
    one, two = Entry("a", 1, ("x",), {}), Entry("a", 2, ("y",), {})
    assert merge_entries([one, two], 8) == [two, one]
