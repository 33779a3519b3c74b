"""Quantities change their unit where the smaller one would round up to the next."""

from __future__ import annotations

import pytest

from pytest_cellcache.model.settings import parse_size
from pytest_cellcache.reports.quantities import age_text, count_text, seconds_text, size_text


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0.00 s"),
        (0.012, "0.01 s"),
        (0.099, "0.1 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1.0 min"),
        (150, "2.5 min"),
        (3599, "1.0 h"),
        (3600 * 1.2, "1.2 h"),
        (3600 * 100, "100.0 h"),
    ],
)
def test_durations(duration_s: float, text: str) -> None:
    assert seconds_text(duration_s) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1024**2 - 1, "1.0 MB"),
        (1258291, "1.2 MB"),
        (1024**3, "1.0 GB"),
        (1024**4, "1024.0 GB"),
    ],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
    parse_size(text)  # what we print can be given back as cell_cache_max_size


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (-5, "0 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_ages(age_s: float, text: str) -> None:
    assert age_text(age_s) == text


def test_counts() -> None:
    assert [count_text(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
