"""Segments as bytes: what one append of entries to one group looks like on any medium.

A segment is two lines of ASCII JSON::

    {"schema": 1, "group": "tests/test_a.py", "checksum": "<digest of the rest>"}
    [["<unit>", <created_s>, ["<blob>", ...], {<body>}], ...]

Two lines and not one object, so that the checksum is taken of bytes as they lie there and the
payload is parsed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from json import dumps, loads
from typing import Any

from pytest_cellcache.model.digest import SCHEMA, digest_bytes
from pytest_cellcache.model.record import Entry


def encode_segment(group: str, entries: Sequence[Entry]) -> bytes:
    """Write entries down.

    Raises:
        TypeError: a body is not made of JSON values.
        ValueError: a number is infinite or not a number, or a body holds itself.
        RecursionError: a body is nested too deeply.
    """
    rows = [[e.unit, float(e.created_s), list(e.blobs), dict(e.body)] for e in entries]
    payload = dumps(rows, separators=(",", ":"), allow_nan=False).encode("ascii")
    header = {"schema": SCHEMA, "group": group, "checksum": digest_bytes(payload)}
    return dumps(header).encode("ascii") + b"\n" + payload


def decode_segment(group: str, data: bytes) -> list[Entry]:
    """Read entries back after checking that the segment is whole, of our schema and of the group.

    Raises:
        ValueError: it is not; the message says what is wrong with it.
        RecursionError: the payload is nested too deeply (never one that we wrote).
    """
    line, _, payload = data.partition(b"\n")
    header = loads(line)
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise ValueError(f"not a segment of schema {SCHEMA}")
    if header.get("group") != group:
        raise ValueError("it belongs to another group")
    if header.get("checksum") != digest_bytes(payload):
        raise ValueError("its checksum does not match")
    rows = loads(payload)
    if not isinstance(rows, list):
        raise ValueError("its payload is not a list")
    return [_decode_row(row) for row in rows]


def decode_group(data: bytes) -> str:
    """Tell the group a segment says it belongs to, without looking at the rest.

    Raises:
        ValueError: it says nothing of the kind.
        RecursionError: the header is nested too deeply.
    """
    header = loads(data.partition(b"\n")[0])
    group = header.get("group") if isinstance(header, dict) else None
    if not isinstance(group, str):
        raise ValueError("it names no group")
    return group


def merge_entries(entries: Iterable[Entry], keep_per_unit: int) -> list[Entry]:
    """Keep the newest entries of each unit, one of those with equal body and blobs; newest first.

    The result does not depend on the order of the input, so two machines merge alike.
    """
    keyed = sorted(
        ((dumps(dict(e.body), sort_keys=True), e) for e in entries),
        key=lambda pair: (-pair[1].created_s, pair[1].unit, pair[1].blobs, pair[0]),
    )
    seen: dict[str, set[tuple[tuple[str, ...], str]]] = {}
    kept = []
    for body, entry in keyed:
        of_unit = seen.setdefault(entry.unit, set())
        if len(of_unit) < max(keep_per_unit, 1) and (entry.blobs, body) not in of_unit:
            of_unit.add((entry.blobs, body))
            kept.append(entry)
    return kept


def _decode_row(row: Any) -> Entry:
    # A checksum proves that it is whole, not that we wrote it. Not a match statement, which takes
    # three times as long: this is done once for every test.
    if type(row) is list and len(row) == 4:
        unit, created_s, blobs, body = row
        if (
            type(unit) is str
            and type(created_s) in (int, float)
            and math.isfinite(created_s)
            and type(blobs) is list
            and type(body) is dict
            and all(type(blob) is str for blob in blobs)
        ):
            return Entry(unit, float(created_s), tuple(blobs), body)
    raise ValueError("an entry in it is malformed")
