"""Notices who reads the options and ini values that conftests define.

An option that pytest or an installed plugin defines counts for every test: plugins act on all of
them. One that a conftest defines counts for those that read it, and its value is a facet of its
own.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.neutral import NEUTRAL_OPTIONS
from pytest_cellcache.trace.recorder import Recorder


class OptionWatch:
    """Made before the first conftest is imported.

    ``Config.option`` gets a class that looks at names, ``Config.getini`` a stand-in on this one
    object. ``_inidict`` is private; without it every ini value counts for every test.

    Args:
        known: the options that exist already.
    """

    def __init__(
        self, config: pytest.Config, known: Any, recorder: Recorder | None, guard: Guard
    ) -> None:
        self._config = config
        self._known = frozenset(vars(known))
        ini = getattr(getattr(config, "_parser", None), "_inidict", None)
        self._known_ini = frozenset(ini) if ini is not None else None
        self._recorder = recorder
        self._guard = guard

    def install(self) -> None:
        """Begin to look; called when the conftests have defined their options."""
        if self._recorder is None:
            return
        self._guard.call(self._watch_options, None)
        if self._known_ini is not None:
            self._guard.call(self._watch_ini, None)

    def is_own_option(self, name: str) -> bool:
        """Say whether an option counts for those that read it only."""
        return self._recorder is not None and name not in self._known

    def is_own_ini(self, name: str) -> bool:
        """Say the same of an ini value."""
        return (
            self._recorder is not None
            and self._known_ini is not None
            and name not in self._known_ini
        )

    def _watch_options(self) -> None:
        option: Any = self._config.option
        plain: Any = type(option)
        known, note = self._known | NEUTRAL_OPTIONS, self._note

        class Watched(plain):  # type: ignore[misc]
            def __getattribute__(self, name: str) -> Any:
                if name not in known and not name.startswith("_"):
                    note(f"option {name}")
                return super().__getattribute__(name)

        Watched.__name__ = plain.__name__
        Watched.__qualname__ = plain.__qualname__
        Watched.__module__ = plain.__module__
        option.__class__ = Watched
        self._config.add_cleanup(lambda: setattr(option, "__class__", plain))

    def _watch_ini(self) -> None:
        config: Any = self._config
        known, note, real = self._known_ini or frozenset(), self._note, config.getini

        def getini(name: str) -> Any:
            if name not in known:
                note(f"ini {name}")
            return real(name)

        config.getini = getini
        config.add_cleanup(lambda: vars(config).pop("getini", None))

    def _note(self, name: str) -> None:
        if self._recorder is not None:
            self._guard.call(self._recorder.note_option, None, name)
