"""What records tell of the producers of a test: who they were, and in which order they ran."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from json import dumps, loads
from typing import Any, Final

from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.nametable import Names
from pytest_cellcache.store.contract import Store

_MOST: Final = 100
_UNSTORED: Final = "unstored/"


def others_of(row: Kept, last: Mapping[str, Any], ran: Collection[str]) -> list[str]:
    """Name the known producers of a test that did not run before it: the nearest ones.

    Args:
        last: what an earlier run told of it.
        ran: node ids of the tests that ran in this one.
    """
    known = [*row.later, *texts(last.get("producers")), *texts(last.get("later"))]
    known += [name for group in groups(last.get("either")) for name in group]
    before, later = row.needed, {*row.later}
    found = (n for n in known if n not in before and (n in later or n not in ran))
    return list(dict.fromkeys(found))[:_MOST]


class Precedence:
    """Tells which records were made after other producers than stand before their tests now.

    Args:
        ranks: places of the tests of this run.
    """

    def __init__(self, ranks: Mapping[str, int]) -> None:
        self._ranks = ranks
        # By identity: records share lists, which may be very long. The first and the last place,
        # and whether all are there, in this order.
        self._known: dict[int, tuple[object, float, float, bool]] = {}

    def is_broken(self, told: Mapping[str, Any], nodeid: str) -> bool:
        """Say whether that is so of the record of a test."""
        own = self._ranks[nodeid]
        if before := texts(told.get("producers")):
            _, last, is_kept = self._known_of(before)
            if not is_kept or last >= own:
                return True
        if (later := texts(told.get("later"))) and self._known_of(later)[0] < own:
            return True
        return any(self._known_of(group)[0] >= own for group in groups(told.get("either")))

    def _known_of(self, names: list[str]) -> tuple[float, float, bool]:
        known = self._known.get(id(names))
        if known is None:
            found = [self._ranks[name] for name in names if name in self._ranks]
            is_kept = len(found) == len(names) and found == sorted(found)
            first, last = min(found, default=math.inf), max(found, default=-1)
            known = self._known[id(names)] = names, first, last, is_kept
        return known[1:]


class Others:
    """Tells which producers of a record are not the tests they were: other parameters, say.

    Args:
        digest_of: gives the digest of a test of this run by its node id.
    """

    def __init__(self, digest_of: Callable[[str], str | None]) -> None:
        self._digest_of = digest_of
        # By identity: records share what tells the tests of their run apart, and lists of them.
        self._known: dict[tuple[int, int], tuple[object, object, bool]] = {}

    def are_in(self, told: Mapping[str, Any]) -> bool:
        """Say whether a record names one that is another test now."""
        made = told.get("made")
        every = [texts(told.get("producers")), *groups(told.get("either"))]
        return any(
            self._are_among(names, made if isinstance(made, dict) else {}) for names in every
        )

    def _are_among(self, names: list[str], made: dict[str, str]) -> bool:
        known = self._known.get((id(names), id(made)))
        if known is None:
            now = ((name, self._digest_of(name)) for name in names)
            are_others = any(
                digest is not None and made.get(name) != short(digest) for name, digest in now
            )
            known = self._known[id(names), id(made)] = names, made, are_others
        return known[2]


def needed_in(told: Mapping[str, Any]) -> set[str]:
    """Give ``Kept.needed`` as a record tells it."""
    either = (name for group in groups(told.get("either")) for name in group)
    return {*texts(told.get("producers")), *either}


def short(digest: str) -> str:
    """Abbreviate the digest of a producer."""
    return digest[:12]


def texts(found: object) -> list[str]:
    """Give the texts of a list that was read from a record."""
    if isinstance(found, Names):
        return found
    found = found if isinstance(found, (list, tuple)) else []
    return [name for name in found if isinstance(name, str)]


def groups(found: object) -> list[list[str]]:
    """Give the lists of texts of a list that was read from a record."""
    return [texts(group) for group in found] if isinstance(found, (list, tuple)) else []


def read_unstored(store: Store, group: str) -> dict[str, dict[str, Any]]:
    """Give what is known of the tests of a file that have no record, by node id."""
    try:
        found = loads(store.get_note(_UNSTORED + group) or b"{}")
        return {str(name): dict(rest) for name, rest in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def write_unstored(store: Store, group: str, told: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what ``read_unstored`` gives."""
    store.put_note(_UNSTORED + group, dumps(told, separators=(",", ":")).encode())
