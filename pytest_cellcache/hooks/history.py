"""Which wider fixtures have really been set up in this run, and which would be so once more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from pytest_cellcache.hooks.leavings import SetUp
from pytest_cellcache.hooks.scopes import places_of
from pytest_cellcache.lifecycle.setters import is_within
from pytest_cellcache.lifecycle.units import Instance


class SetUpHistory:
    """Wider fixtures by ``Instance.lone_place``; not those whose values were restored."""

    def __init__(self) -> None:
        self._instances: dict[str, Instance] = {}

    def note(self, instance: Instance) -> None:
        """Take one that has been set up."""
        if instance.place:
            self._instances[instance.lone_place] = instance

    def forget(self, instances: Iterable[Instance]) -> None:
        """Let go of those whose set-up was undone, as if it had never been."""
        for instance in instances:
            if self._instances.get(instance.lone_place) is instance:
                del self._instances[instance.lone_place]

    def among(self, instances: Iterable[Instance], current: Iterable[Instance]) -> SetUp:
        """Say what has been set up in this run.

        Args:
            instances: those that a test has used.
            current: those that are set up now.
        """
        used = {(each.lone_place, each.place) for each in instances}
        ever = self._instances.keys() - {""}
        alive = {place for place, _ in used} & self._instances.keys()
        is_open = {each.lone_place for each in current} & ever
        return SetUp(alive, ever, is_open, frozenset({place for _, place in used} - {""}))

    def would_repeat(
        self, item: pytest.Item, undone: Collection[Instance] = (), *, is_left: bool = False
    ) -> bool:
        """Say whether a test would set up again what has ended and left something behind.

        It comes too late: in a plain run it uses what was set up first.

        Args:
            undone: those whose set-up is about to be undone.
            is_left: a test of another module runs before: what modules and classes share ends.
        """
        over = [each for each in self._lasting(undone) if each.lone_place]
        over = [each for each in over if not each.is_open or (is_left and _node_of(each))]
        places: Collection[str] = places_of(item) if over else ()
        return any(each.place in places and _has_parameters_of(item, each) for each in over)

    def would_end(self, item: pytest.Item, undone: Collection[Instance] = ()) -> bool:
        """Say whether a test would end what has left something behind, and others use after it.

        That would be set up again for these, as for ``would_repeat``.
        """
        there = [each for each in self._lasting(undone) if each.is_open and _node_of(each)]
        return any(not is_within(item.nodeid, each.place) for each in there)

    def _lasting(self, undone: Collection[Instance]) -> list[Instance]:
        """Give those that have left something behind, and not only until they end."""
        left = [each for each in self._instances.values() if each.changes - each.undone]
        return [each for each in left if each not in undone]


def _node_of(instance: Instance) -> str:
    """Name the module or class with which a fixture ends, if it ends with one."""
    return instance.place.rpartition("@")[2]


def _has_parameters_of(item: Any, instance: Instance) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    named = ((each.name, each.parameter) for each in instance.with_upstream() if each.parameter)
    return all(name in params and repr(params[name]) == value for name, value in named)
