"""What is done in the place of importing a module and collecting its items."""

from __future__ import annotations

import os
import sys

import pytest

from pytest_cellcache.hooks.outline import Outline


def insert_path(config: pytest.Config, path: str, name: str) -> None:
    """Put the folder a module would be imported from on the path, as importing it would."""
    mode = config.getoption("importmode")
    folder = path
    for _ in name.split("."):
        folder = os.path.dirname(folder)
    if mode == "importlib" or folder in sys.path:
        return
    if mode == "append":
        sys.path.append(folder)
    else:
        sys.path.insert(0, folder)


def replace_items(items: list[pytest.Item], outline: Outline) -> None:
    """Put the items that a module has after all in the place of those it was thought to have."""
    there = {item.nodeid for item in outline.items}
    fresh = {item.nodeid: item for item in outline.fresh}
    places = [place for place, item in enumerate(items) if item in set(outline.items)]
    if places:
        end = places[-1] + 1
        items[end:end] = [item for nodeid, item in fresh.items() if nodeid not in there]
        gone = [item for item in outline.items if item.nodeid not in fresh]
        items[:] = [item for item in items if item not in gone]
