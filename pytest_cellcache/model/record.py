"""Records and verdicts: what is kept of a unit, and whether it may be used again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_cellcache.model.reasons import PRODUCER, Reason


class Entry(NamedTuple):
    """One stored record, opaque to the store.

    Attributes:
        unit: what it is a record of, e.g. a node id; several entries of one unit may coexist.
        created_s: seconds since the epoch at recording; newer entries are looked at first.
        blobs: names of the blobs that ``body`` speaks of; they live as long as an entry needs them.
        body: JSON object; its shape is the business of ``lifecycle``.
    """

    unit: str
    created_s: float
    blobs: tuple[str, ...] = ()
    body: Mapping[str, Any] = MappingProxyType({})


class Hit(NamedTuple):
    """Every digest of the entry's footprint still holds.

    Attributes:
        after: node ids of producers, places, and digests of what has to be left there: all that
            has changed is what these rest on.
        otherwise: why the unit runs if they leave something else.
    """

    entry: Entry
    after: tuple[tuple[str, str, str], ...] = ()
    otherwise: Reason = Reason(PRODUCER)


class Miss(NamedTuple):
    """No record may be used, and why; the unit runs."""

    reason: Reason


Verdict = Hit | Miss

_COLLECTION = "collection of "
_FAILURE = "failure of "


def collection_of(group: str) -> str:
    """Name the unit that is the collection of a module; no node id begins like that."""
    return _COLLECTION + group


def collected_by(unit: str) -> str:
    """Give the file of the module whose collection a unit is."""
    return unit.removeprefix(_COLLECTION)


def is_collection(unit: str) -> bool:
    """Say whether a unit is the collection of a module, and no test."""
    return unit.startswith(_COLLECTION)


def failure_of(nodeid: str) -> str:
    """Name the unit that tells how a test fails; no node id begins like that."""
    return _FAILURE + nodeid


def is_outcome(unit: str) -> bool:
    """Say whether a unit is a test whose outcome is kept."""
    return not unit.startswith((_COLLECTION, _FAILURE))
