"""What is known of one set-up of a fixture while its value is stored or put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_cellcache.hooks.definitions import Definition
from pytest_cellcache.hooks.folders import Folders
from pytest_cellcache.hooks.said import Hearing, Said
from pytest_cellcache.lifecycle.fixtures import FixtureRecord
from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.trace.batch import Signature
from pytest_cellcache.trace.effects import Objects, State


@dataclass(slots=True)
class Before:
    """The world before a set-up.

    Attributes:
        used: upstream instances with their pytest definitions.
        upstream: the values of those, as they were.
        members: of the instances on which the fixture could set attributes.
        mark: how watched objects looked, of a fixture whose changes are the item's.
        hearing: hears what it says.
        of_run: what the objects of the run held.
        is_owner_marked: others have set attributes on the ``self`` of the fixture.
    """

    began_s: float
    request_kind: type | None
    state: State | None
    used: list[tuple[Instance, Any]]
    upstream: dict[Instance, Objects]
    folders: Folders | None
    members: list[dict[str, int]]
    definition: Definition | None
    mark: list[Signature | None] | None = None
    is_owner_marked: bool = False
    of_run: list[dict[Any, int]] | None = None
    hearing: Hearing | None = None


@dataclass(slots=True)
class Work:
    """A value to be stored."""

    definition: Definition
    instance: Instance
    made: Any
    setup_s: float
    trees: dict[str, str]
    before: Before
    said: Said
    value: str | None = None


class Loaded(NamedTuple):
    """A value that was put back.

    Attributes:
        trees: its directories, by token.
        written: files that were laid out for it.
    """

    made: Any
    record: FixtureRecord
    trees: dict[str, str]
    written: frozenset[str]
