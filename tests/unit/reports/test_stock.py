"""The table of --cell-cache-show counts tests and records per module."""

from __future__ import annotations

from pytest_cellcache.model.record import Entry
from pytest_cellcache.reports import show_lines


def test_several_records_of_one_test_count_as_one_test() -> None:
    groups = {
        "tests/test_b.py": [Entry("b::x", 40.0)],
        "tests/long/test_a.py": [Entry("a::x", 100.0), Entry("a::x", 70.0), Entry("a::y", 10.0)],
        "tests/test_empty.py": [],
    }
    assert show_lines(groups, 2048, now_s=220.0) == [
        "module                tests  records     newest",
        "tests/long/test_a.py      2        3  2 min ago",
        "tests/test_b.py           1        1  3 min ago",
        "2 modules, 3 tests, 4 records, 2.0 KB",
    ]


def test_an_empty_store() -> None:
    assert show_lines({"tests/test_a.py": []}, 0) == ["no records, 0 B"]


def test_ages_are_counted_from_now() -> None:
    assert show_lines({"a.py": [Entry("a::x", 0.0)]}, 0)[1].endswith(" days ago")
