from __future__ import annotations

import gc
import sys
import types
import weakref
from collections.abc import Iterator

import pytest

from pytest_cellcache.trace.modules import LoadedModules

NAME = "cellcache_weak"


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    module = types.ModuleType(NAME)
    sys.modules[NAME] = weakref.proxy(module)  # type: ignore[assignment]
    yield module
    sys.modules.pop(NAME, None)


def test_a_module_that_was_referred_to_weakly_dies_unseen(module: types.ModuleType) -> None:
    watch = LoadedModules()
    watch.settle()
    kept = sys.modules.pop(NAME)
    assert watch.words([]) == [NAME]  # taken out while it lives
    sys.modules[NAME] = kept
    held = [module]
    del module
    assert watch.words([]) == []
    held.clear()


def test_its_place_may_be_given_to_another() -> None:
    module = types.ModuleType(NAME)
    sys.modules[NAME] = weakref.proxy(module)  # type: ignore[assignment]
    watch = LoadedModules()
    watch.settle()
    copy = watch.copy()
    del module
    gc.collect()
    del sys.modules[NAME]
    assert watch.words([]) == []
    watch.put_back(copy)
    assert NAME not in sys.modules
    sys.modules[NAME] = types.ModuleType(NAME)
    try:
        assert watch.words([]) == [NAME]
    finally:
        del sys.modules[NAME]
