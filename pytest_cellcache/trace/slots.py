"""Identifies what objects hold in slots."""

from __future__ import annotations

from typing import Any

from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import slot_value, slots_of


class Slots:
    """Identifies the values in some slots of an object.

    Attributes:
        slots: their descriptors.
    """

    def __init__(self, slots: list[Any]) -> None:
        self.slots = slots

    def __call__(self, value: Any) -> list[int]:
        found = [identity(slot_value(slot, value)) for slot in self.slots]
        return [*found, identity(type(value))]


class KnownSlots:
    """Slots of classes, found out once; the classes are kept alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[type, Slots]] = {}

    def of(self, kind: type) -> Slots:
        found = self._known.get(identity(kind))
        if found is None:
            found = self._known[identity(kind)] = kind, Slots(slots_of(kind))
        return found[1]
