"""Which modules are loaded, and which of them no import statement would have loaded.

A module that is imported for the first time is no change: whoever asks for it would have imported
it. One that stands in the place of another, a stub, or that has been taken out, is.
"""

from __future__ import annotations

import os
import sys
import types
import weakref
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any

from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.trace.addresses import addresses_of
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.versions import ARE_NUMBERED, number_of


class LoadedModules(Look):
    """What ``sys.modules`` holds; words are names of modules.

    Attributes:
        latest: tells apart the states in which it was looked at.
    """

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._modules: dict[str, Any] = {}
        self._number = b""
        self.latest = 0

    def __call__(self, thing: Any) -> list[int]:
        modules = sys.modules
        if ARE_NUMBERED and type(modules) is dict:
            number = bytes(number_of(modules))
            if number == self._number and modules is self._modules:
                return [self.latest]
            self._number, self._modules = number, modules
        last = next(reversed(modules), "")  # one that gets another name comes last
        self.latest = hash((addresses_of([*modules.values()]), len(modules), last))
        return [self.latest]

    def words(self, before: list[int]) -> list[str]:
        return sorted(_put_there(self._known, dict(sys.modules)))

    def settle(self) -> None:
        self._known = dict(sys.modules)

    def copy(self) -> Any:
        return dict(sys.modules)

    def put_back(self, copy: dict[str, Any]) -> bool:
        for name in _put_there(copy, dict(sys.modules)):
            if name in copy:
                sys.modules[name] = copy[name]
            else:
                del sys.modules[name]
        return True


def is_imported(thing: Any) -> bool:
    """Say whether a thing is a module that an import has loaded and would give again."""
    if type(thing) is not types.ModuleType:
        return False
    name = vars(thing).get("__name__")
    return isinstance(name, str) and sys.modules.get(name) is thing and _is_imported(name, thing)


def _put_there(before: dict[str, Any], now: dict[str, Any]) -> set[str]:
    """Name what is gone, another one, or new and not what an import would have found."""
    found = {
        name
        for name, module in before.items()
        if now.get(name) is not module and (name in now or not _has_died(module))
    }
    new = [name for name in now if name not in before]
    return found | {name for name in new if not _is_imported(name, now[name])}


def _has_died(module: Any) -> bool:
    """Say whether a module was only referred to weakly, and is no more.

    Nobody can look for it, and when it goes is up to the collector.
    """
    if type(module) not in weakref.ProxyTypes:
        return False
    try:
        _ = module.__class__
    except ReferenceError:
        return True
    return False


def _is_imported(name: object, module: Any) -> bool:
    """Say whether a module may have been found under its name on the path that is searched."""
    spec = attribute_of(module, "__spec__")
    if not (isinstance(name, str) and isinstance(spec, ModuleSpec) and spec.name == name):
        return False
    if type(spec.loader) is not SourceFileLoader or not spec.origin:
        return True
    parent, _, last = name.rpartition(".")
    folder, file = os.path.split(spec.origin)
    if file == "__init__.py":
        folder, file = os.path.split(folder)
    paths = attribute_of(sys.modules.get(parent), "__path__") if parent else sys.path
    return file in (last, f"{last}.py") and folder in map(os.path.abspath, paths or ())
