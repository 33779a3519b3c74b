from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.lifecycle.nametable import NameTable, StoredNames
from pytest_cellcache.lifecycle.precedence import Others

TOLD = [
    {"producers": ("a", "b"), "either": (("b", "c"), ("d",)), "later": ["e"]},
    {"producers": ("b",), "either": (("b", "c"),), "later": []},
    {"producers": (), "either": (), "later": ["a"]},
]


def read(table: NameTable) -> StoredNames:
    return StoredNames(table.encode(lambda name: name.upper()))


def test_records_come_back_with_their_names() -> None:
    table = NameTable()
    packed = [table.pack(told) for told in TOLD]
    stored = read(table)
    for told, row in zip(TOLD, packed, strict=True):
        found = stored.unpack({"item": "x", **row})
        assert found.pop("item") == "x"
        assert found.pop("made") == {name: name.upper() for name in "abcde"}
        assert found == {kind: [*map(_plain, names)] for kind, names in told.items() if names}


def _plain(found: Any) -> Any:
    return list(found) if isinstance(found, tuple) else found


def test_what_is_named_twice_is_written_once() -> None:
    table = NameTable()
    for told in TOLD * 10:
        table.pack(told)
    assert table.encode(str).count(b'"b"') == 2  # by its name and by its digest
    assert table.pack(TOLD[0])["either"] == table.pack(TOLD[0])["either"] == [0, 1]


def test_a_table_without_names_is_no_blob() -> None:
    table = NameTable()
    assert table.pack(TOLD[2] | {"later": []}) == {}
    assert not table


def test_what_tests_were_is_kept() -> None:
    table = NameTable()
    row = table.pack(TOLD[1])
    told = read(table).unpack(row)
    assert not Others(lambda name: name.upper()).are_in(told)
    assert Others(lambda name: "other" if name == "c" else name.upper()).are_in(told)
    assert not Others(lambda name: "other" if name == "e" else name.upper()).are_in(told)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{}",
        b"[]",
        b'{"names":["a"],"made":[],"groups":[]}',
        b'{"names":["a"],"made":["b"],"groups":[[1]]}',
        b'{"names":["a"],"made":["b"],"groups":3}',
    ],
)
def test_a_damaged_table_is_told(blob: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        StoredNames(blob)


@pytest.mark.parametrize("row", [{"producers": [9]}, {"later": 3}, {"either": ["x"]}])
def test_a_damaged_record_is_told(row: dict[str, Any]) -> None:
    table = NameTable()
    table.pack(TOLD[0])
    with pytest.raises((TypeError, IndexError)):
        read(table).unpack(row)
