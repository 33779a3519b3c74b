from __future__ import annotations

import os
from pathlib import Path

from pytest_cellcache.sources.distributions import Distributions


def test_what_is_kept_of_metadata_holds_until_entry_points_change(tmp_path: Path) -> None:
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: thing\nVersion: 1.0\n", encoding="utf-8")
    entries = info / "entry_points.txt"
    entries.write_text("[plugins]\none = thing:one\n", encoding="utf-8")
    first = Distributions([str(tmp_path)])
    again = Distributions([str(tmp_path)], first.to_keep())
    assert again.to_keep() is None
    assert again.digest("entry-points") == first.digest("entry-points")
    entries.write_text("[plugins]\none = thing:two\n", encoding="utf-8")
    os.utime(entries, ns=(1, 1))
    later = Distributions([str(tmp_path)], first.to_keep())
    assert later.digest("entry-points") != first.digest("entry-points")
