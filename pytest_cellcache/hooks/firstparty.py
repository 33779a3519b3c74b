"""The first-party modules of the process: whose state is watched, and who holds objects by name."""

from __future__ import annotations

import functools
import linecache
import os
import re
import sys
import types
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Final

import pytest

from pytest_cellcache.lifecycle.objects import ModuleObjects
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.sources.loaded import loaded_modules, name_of
from pytest_cellcache.sources.places import Places
from pytest_cellcache.store.stubs import is_stub
from pytest_cellcache.trace.annotations import AnnotationWatch, Line
from pytest_cellcache.trace.origin import pytester_depth
from pytest_cellcache.trace.parts import is_opaque, parts_of

_LOOKED_AT: Final = 50_000
_MEMO: Final = type(functools.lru_cache(lambda: None))


def concerns(places: Places, filename: str) -> bool:
    """Say whether a loaded module is one of this run's project.

    In a run that pytester started in its own process the outer project's modules are all there
    too, and concern nobody.
    """
    return places.is_first_party(filename) and (
        places.is_inside(filename) or pytester_depth(sys._getframe()) == 0
    )


class FirstParty:
    """Modules as they are when asked for.

    Args:
        concerns: says whether the file of a loaded module is one of this run's project.
    """

    def __init__(
        self, config: pytest.Config, places: Places, concerns: Callable[[str], bool]
    ) -> None:
        self._config = config
        self._concerns = concerns
        self._places = places
        self._files: dict[str, str | None] = {}  # bounded by the files of loaded modules
        self._inside: dict[str, bool] = {}  # likewise
        self._observers: frozenset[str] | None = None
        self._mentioned: dict[tuple[str, re.Pattern[str]], bool] = {}  # likewise

    def watched(self) -> frozenset[str]:
        """Name the modules whose state a set-up may change.

        Plugins that lie outside the project observe tests; what they count is no effect.
        """
        plugins = {id(plugin) for plugin in self._config.pluginmanager.get_plugins()}
        return frozenset(
            name_of(module)
            for module in self._modules()
            if id(module) not in plugins or self._is_conftest(module)
        )

    def lasting(self, changes: Iterable[StateChange]) -> list[tuple[str, str]]:
        """Give the effects that changes of modules are; what a memo learns it would learn again."""
        files = {str(vars(module).get("__file__")): module for module in self._modules()}
        observers = self.observers()
        found = set()
        for change in changes:
            if change.filename == FIXTURE or change.filename in observers:
                continue  # told by ``apart``, or of no concern
            names = [change.name]
            filename = change.filename
            if change.home is not None:
                filename, names = change.home[0], [*change.home[1].split("."), change.home[2]]
            thing: object = files.get(filename)
            for name in names:
                thing = getattr(thing, "__dict__", {}).get(name)
            if type(thing) is not _MEMO:
                found.add(("module", change.name))
        return sorted(found)

    def lead_to_stubs(self, changes: Iterable[StateChange], restored: Container[str]) -> bool:
        """Say whether a stub may be kept where something has changed; in doubt it is.

        Args:
            restored: names of values that were put in place, which is no way to keep one: whoever
                comes to what is missing in them is heard of.
        """
        files = {str(vars(module).get("__file__")): module for module in self._modules()}
        stack: list[object] = []
        for change in changes:
            if change.filename == OUTSIDE and change.name == "random":
                continue
            if change.is_making and change.name in restored:
                continue
            module = files.get(change.filename)
            if module is None:  # the value of a fixture
                return True
            stack.append(vars(module).get(change.name))
        seen: set[int] = set()
        while stack:
            thing = stack.pop()
            if is_stub(thing) or len(seen) > _LOOKED_AT:
                return True
            if not is_opaque(thing) and id(thing) not in seen:
                seen.add(id(thing))
                stack += [part for part, _ in parts_of(thing)]
        return False

    def mentions(self, words: re.Pattern[str]) -> bool:
        """Say whether the source of a loaded module holds some words."""
        files = {str(vars(module).get("__file__")) for module in self._modules()}
        for file in files:
            if (file, words) not in self._mentioned:
                source = "".join(linecache.getlines(file))
                self._mentioned[file, words] = words.search(source) is not None
        return any(self._mentioned[file, words] for file in files)

    def observers(self) -> frozenset[str]:
        """Give the files of plugins outside of the project.

        They were loaded before the tracer began, so every test depends on all their code anyway.
        Where they wrap calls of fixtures they must not tie all fixtures together.
        """
        if self._observers is None:
            plugins = self._config.pluginmanager.get_plugins()
            modules = [p for p in plugins if isinstance(p, types.ModuleType)]
            files = {str(getattr(p, "__file__", "")) for p in modules if not self._is_conftest(p)}
            self._observers = frozenset(files)
        return self._observers

    def unread(self, watch: AnnotationWatch) -> frozenset[Line]:
        """Give the functions whose annotations nobody has looked at so far."""
        return watch.unread(self._modules(), self._concerns)

    def objects(self) -> ModuleObjects:
        """Index what first-party modules hold."""
        return ModuleObjects(self._relative, list(self._conftests()))

    def _modules(self) -> Iterator[types.ModuleType]:
        seen: set[int] = set()
        for module in [*self._conftests(), *loaded_modules()]:
            file = vars(module).get("__file__")
            if id(module) in seen or not isinstance(file, str):
                continue
            if self._relative(file) is not None:
                seen.add(id(module))
                yield module

    def _conftests(self) -> Iterator[types.ModuleType]:
        # ``sys.modules`` knows one module by the name of conftest.
        for plugin in self._config.pluginmanager.get_plugins():
            if isinstance(plugin, types.ModuleType) and self._is_conftest(plugin):
                yield plugin

    def _is_conftest(self, module: types.ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            return False
        if file not in self._inside:
            self._inside[file] = self._places.is_inside(os.path.realpath(file))
        return self._inside[file]

    def _relative(self, file: str) -> str | None:
        if file not in self._files:
            is_ours = self._concerns(file)
            self._files[file] = self._places.relative(file) if is_ours else None
        return self._files[file]
