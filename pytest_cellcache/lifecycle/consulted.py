"""Which paths a unit has consulted, and which of them are its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import Observation


def consulted_in(
    seen: Observation,
    begun: Iterable[Instance],
    used: Iterable[Instance],
    joined: Callable[[Observation], Observation],
) -> set[str]:
    """Give the paths that an attempt and the fixtures begun in it have consulted.

    Not those of wider fixtures: who does something to these handles a value.

    Args:
        used: all fixtures that it uses.
    """
    found = looked_at(joined(seen))
    own: set[str] = set()
    for each in begun:
        found |= looked_at(joined(each.seen))
        own |= made_by(joined(each.seen))
    return beyond(found - own, (path for each in used if each.place for path in each.owned))


def looked_at(seen: Observation) -> set[str]:
    """Give the paths that were consulted, logs aside."""
    return {*(seen.reads - seen.appends), *seen.stats, *seen.listings}


def made_by(seen: Observation) -> frozenset[str]:
    """Give the paths that were written without a look at what had been there."""
    return seen.writes - seen.reads - seen.stats


def is_below(paths: Iterable[str], owned: Iterable[str]) -> bool:
    """Say whether some path is one of others, or below one."""
    owned = tuple(owned)
    starts = tuple(path + os.sep for path in owned)
    return bool(starts) and any(path in owned or path.startswith(starts) for path in paths)


def beyond(paths: Iterable[str], owned: Iterable[str]) -> set[str]:
    """Give the paths that are none of others, nor below one."""
    owned = frozenset(owned)
    starts = tuple(path + os.sep for path in owned)
    return {path for path in paths if path not in owned and not path.startswith(starts)}
