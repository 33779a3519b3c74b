"""What the store holds, as the plain table of ``--cell-cache-show``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pytest_cellcache.model.record import Entry, is_outcome
from pytest_cellcache.reports.quantities import age_text, count_text, size_text


def show_lines(
    groups: Mapping[str, Sequence[Entry]], size_bytes: int, *, now_s: float | None = None
) -> list[str]:
    """List modules with their number of tests and records and the age of the newest record.

    Args:
        groups: entries by module; modules without entries are left out.
        size_bytes: size of the whole store.
        now_s: seconds since the epoch to count ages from; the clock's if not given.
    """
    now_s = time.time() if now_s is None else now_s
    told = {
        module: [entry for entry in entries if is_outcome(entry.unit)]
        for module, entries in sorted(groups.items())
    }
    filled = {module: entries for module, entries in told.items() if entries}
    if not filled:
        return [f"no records, {size_text(size_bytes)}"]
    rows = [("module", "tests", "records", "newest")]
    tests = records = 0
    for module, entries in filled.items():
        units = len({entry.unit for entry in entries})
        newest_s = max(entry.created_s for entry in entries)
        rows.append((module, str(units), str(len(entries)), age_text(now_s - newest_s)))
        tests += units
        records += len(entries)
    wide = [max(len(row[column]) for row in rows) for column in range(4)]
    table = [
        f"{row[0]:<{wide[0]}}  {row[1]:>{wide[1]}}  {row[2]:>{wide[2]}}  {row[3]:>{wide[3]}}"
        for row in rows
    ]
    total = ", ".join(
        (
            count_text(len(filled), "module"),
            count_text(tests, "test"),
            count_text(records, "record"),
            size_text(size_bytes),
        )
    )
    return [*table, total]
