"""What lies on pytest's own objects, and whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.hooks.nodestate import NodeWatch

Kept = dict[str, Any]


class Node:
    """Stands for a node, of a class that is not the project's."""

    def __init__(self, **kept: Any) -> None:
        vars(self).update(kept)

    @property
    def thing(self) -> Any:
        return self._made_late

    def count(self) -> None:
        self._counted = 1

    _made_late: Any
    _counted: Any


class Manager:
    def get_plugins(self) -> set[Any]:
        return set()


class Config(Node):
    pluginmanager = Manager()


class Item:
    def __init__(self, config: Config, parent: Node) -> None:
        self.config, self._parent = config, parent

    def listchain(self) -> list[Any]:
        return [self._parent, self]


def watch() -> NodeWatch:
    return NodeWatch(lambda _: False, lambda: None)


def left_by(before: Kept, after: Kept) -> str:
    found, node = watch(), Node(**before)
    item: Any = Item(Config(), node)
    found.begin(item)
    vars(node).clear()
    vars(node).update(after)
    return found.end(item, ())


@pytest.mark.parametrize("name", ["_made_late", "_counted", "name", "keywords"])
def test_what_methods_and_properties_of_the_class_use_is_its_own(name: str) -> None:
    assert left_by({}, {name: 1}) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"mine": 1}),
        ({"mine": 1}, {}),
        ({"mine": 1}, {"mine": 2}),
        ({"mine": [1]}, {"mine": [1]}),
    ],
)
def test_what_others_put_there_is_left(before: Kept, after: Kept) -> None:
    assert left_by(before, after) == "mine"


def test_what_is_in_containers_counts() -> None:
    found, kept = watch(), {"a": [{1}]}
    item: Any = Item(Config(), Node(mine=kept))
    found.begin(item)
    assert found.end(item, ()) == ""
    found.begin(item)
    kept["a"][0].add(2)
    assert found.end(item, ()) == "mine"


def test_all_is_put_back() -> None:
    kept = {"a": 1}
    node = Node(mine=kept, other=[1], _counted=5)
    item: Any = Item(Config(), node)
    put_back = watch().remember(item)
    kept["b"] = 2
    vars(node).update(other=[2], new=3, _counted=6)
    put_back()
    assert vars(node) == {"mine": {"a": 1}, "other": [1], "_counted": 6}
    assert node.mine is kept  # type: ignore[attr-defined]
