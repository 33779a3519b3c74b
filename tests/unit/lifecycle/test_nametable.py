from __future__ import annotations

import random
from typing import Any

import pytest

from pytest_cellcache.lifecycle.nametable import Among, NameTable, StoredNames
from pytest_cellcache.lifecycle.precedence import Others, Precedence

TOLD = [
    {"producers": ("a", "b"), "either": (("b", "c"), ("d",)), "later": ["e"]},
    {"producers": ("b",), "either": (("b", "c"),), "later": []},
    {"producers": (), "either": (), "later": ["a"]},
]


def read(table: NameTable) -> StoredNames:
    return StoredNames(table.encode("abcd", lambda name: name.upper()))


def test_records_come_back_with_their_names() -> None:
    table = NameTable()
    packed = [table.pack(told) for told in TOLD]
    stored = read(table)
    for told, row in zip(TOLD, packed, strict=True):
        found = stored.unpack({"item": "x", **row})
        assert found.pop("item") == "x"
        assert found.pop("made") == {name: name.upper() for name in "abcde"}
        assert {kind: plain(names) for kind, names in found.items()} == {
            kind: plain(names) for kind, names in told.items() if names
        }


def plain(found: Any) -> Any:
    return found if isinstance(found, str) else [*map(plain, found)]


def test_what_is_named_twice_is_written_once() -> None:
    table = NameTable()
    for told in TOLD * 10:
        table.pack(told)
    assert table.encode("abcd", str).count(b'"b"') == 2  # by its name and by its digest
    assert table.pack(TOLD[0])["either"] == table.pack(TOLD[0])["either"]


def test_groups_that_grow_are_written_by_what_they_gain() -> None:
    def written(tests: int) -> int:
        table = NameTable()
        for number in range(tests):
            row = table.pack({"producers": tuple(f"t{n}" for n in range(number))})
        ran = [f"t{n}" for n in range(tests)]
        stored = StoredNames(table.encode(ran, lambda name: ""))
        assert [*stored.unpack(row)["producers"]] == ran[:-1]
        return len(table.encode(ran, lambda name: ""))

    assert written(400) < 3 * written(200)


@pytest.mark.parametrize("seed", range(30))
def test_groups_come_back_however_they_change(seed: int) -> None:
    draw, table = random.Random(seed), NameTable()
    groups, group = [], [f"t{n}" for n in range(draw.randint(0, 40))]
    for _ in range(20):
        group = [name for name in group if draw.random() > 0.1]
        for _ in range(draw.randint(0, 6)):
            group.insert(draw.choice([0, len(group)]), f"n{draw.randint(0, 60)}")
        group = list(dict.fromkeys(group))
        groups.append(group[: draw.choice([3, 20, 100])])
    packed = [table.pack({"producers": tuple(each), "later": each[:20]}) for each in groups]
    ran = sorted({name for each in groups for name in each})
    draw.shuffle(ran)
    there = ran[: draw.choice([10, 1000])]
    stored = StoredNames(table.encode(there, str))
    every = [*there, *sorted({*ran}.difference(there))]
    for row, names in zip(packed, groups, strict=True):
        found = stored.unpack(row)
        assert [*found.get("producers", [])] == sorted(names, key=every.index)
        assert len(found.get("later", [])) == len(names[:20])


def test_large_groups_are_written_as_numbers() -> None:
    draw, table, ran = random.Random(1), NameTable(), [f"t{n}" for n in range(2_000)]
    groups = [[name for name in ran if draw.random() < 0.4] for _ in range(50)]
    rows = [table.pack({"producers": tuple(group)}) for group in groups]
    blob = table.encode(ran, lambda name: "")
    assert len(blob) < 50 * 2_000 / 4 + len(ran) * 20
    stored = StoredNames(blob)
    assert [[*stored.unpack(row)["producers"]] for row in rows] == groups


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
        b'{"names":["a"],"made":["b"],"groups":[[-1]]}',
        b'{"names":["a"],"made":["b"],"groups":[[0,[1]]]}',
        b'{"names":["a"],"made":["b"],"groups":[[0,"2"]]}',
        b'{"names":["a"],"made":["b"],"groups":["2"]}',
        b'{"names":["a"],"made":["b"],"groups":["-1"]}',
        b'{"names":["a"],"made":["b"],"groups":["x"]}',
        b'{"names":["a"],"made":["b"],"groups":[[2,[0]]]}',
        b'{"names":["a"],"made":["b"],"groups":[[[0],[0],[0]]]}',
    ],
)
def test_a_damaged_table_is_told(blob: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        StoredNames(blob)


@pytest.mark.parametrize("row", [{"producers": [0]}, {"later": 9}, {"either": ["x"]}])
def test_a_damaged_record_is_told(row: dict[str, Any]) -> None:
    table = NameTable()
    table.pack(TOLD[0])
    with pytest.raises((TypeError, IndexError)):
        read(table).unpack(row)


@pytest.mark.parametrize("seed", range(40))
def test_what_stands_before_is_told_of_a_table_as_of_plain_lists(seed: int) -> None:
    draw, table = random.Random(seed), NameTable()
    ran = [f"t{n}" for n in range(draw.choice([3, 12, 40]))]
    groups = [[name for name in ran if draw.random() < 0.4] for _ in range(30)]
    packed = [table.pack({"producers": tuple(g), "either": (g,), "later": g}) for g in groups]
    now = [name for name in ran if draw.random() < 0.9]
    for _ in range(draw.choice([0, 0, 1, 5])):  # moved
        now.insert(draw.randint(0, len(now)), now.pop(draw.randrange(len(now))))
    ranks = {name: rank for rank, name in enumerate([*now, "own"])}
    ranks["own"] = draw.randint(0, len(now))
    precedence = Precedence(ranks)
    others = Others(lambda name: str.upper(name) if name in ranks else None)
    stored = StoredNames(table.encode(ran, lambda n: n if n == "t1" else n.upper()))
    for row, group in zip(packed, groups, strict=True):
        found, made = stored.unpack(row), {n: n if n == "t1" else n.upper() for n in ran}
        for kind in ("producers", "later", "either") if group else ():
            plainly = {kind: [group] if kind == "either" else group, "made": made}
            told = {kind: found[kind], "made": found["made"]}
            assert precedence.is_broken(told, "own") == precedence.is_broken(plainly, "own")
            assert others.are_in(told) == others.are_in(plainly)


def test_which_names_are_left_is_told_of_a_table_as_of_plain_lists() -> None:
    table = NameTable()
    rows = [table.pack({"producers": names}) for names in ("abc", "bd", "e")]
    stored, among = read(table), Among("abdx")
    groups = [stored.unpack(row)["producers"] for row in rows]
    assert [among.among(group) for group in groups] == [["a", "b"], ["b", "d"], []]
    among.discard("b")
    assert [among.among(group) for group in groups] == [["a"], ["d"], []]
    assert sorted(among.among(["a", "b", "x", "z"])) == ["a", "x"]
