"""Who left something in a place that others have changed since is known; nobody else is."""

from __future__ import annotations

from pytest_cellcache.hooks.overwriting import Overwriting
from pytest_cellcache.lifecycle.inheritance import Told


def test_those_are_known_that_came_before_a_change_of_the_same_place() -> None:
    known = Overwriting()
    known.replayed("before", [Told("lib.py", "CALLS", "key"), Told("lib.py", "OTHER")])
    known.replayed("elsewhere", [Told("lib.py", "OTHER")])
    known.replayed("of another file", [Told("other.py", "CALLS")])
    assert "before" not in known
    known.ran([("lib.py", "CALLS")])
    known.replayed("after", [Told("lib.py", "CALLS")])
    found = ("before", "elsewhere", "of another file", "after")
    assert [name for name in found if name in known] == ["before"]
