"""What all tests of a run share, as the run finds it when everything is collected."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from pytest_cellcache.graph.reachable import importable
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.collect import CollectWatch
from pytest_cellcache.hooks.facets import plugin_files
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.model.digest import digest_text
from pytest_cellcache.model.keys import FILE, WHOLE, Key
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.loaded import loaded_files
from pytest_cellcache.trace.recorder import Recorder

Importable = Callable[[str], "frozenset[str] | None"]
"""Gives the relative files that code of one may import; ``None`` for any."""
Untraced = Callable[[Importable], frozenset[str]]
"""Gives the relative first-party files imported before the tracer started that count whole."""


class Sharing:
    """Tells what tests share.

    Args:
        concerns: says whether a loaded module is one of this run's project.
    """

    def __init__(
        self,
        recorder: Recorder,
        settings: Settings,
        collecting: CollectWatch,
        untraced: Untraced,
        concerns: Callable[[str], bool],
    ) -> None:
        self._recorder = recorder
        self._settings = settings
        self._collecting = collecting
        self._untraced = untraced
        self._concerns = concerns

    def now(self, session: pytest.Session, basis: Basis) -> Surroundings:
        """Give it as it is when everything is collected."""
        collecting = self._collecting.seen
        places = basis.snapshot.places
        declared = frozenset(Key(FILE, name) for name in basis.named)
        untraced = self._untraced(functools.partial(importable, basis.project))
        declared |= {Key(WHOLE, name) for name in untraced}
        by_statement = self._recorder.imports()
        return Surroundings(
            self._recorder.base_unit() | collecting,
            # Where statements are not told apart, hooks are found among all that ran.
            by_statement.outside | Observation(collecting.codes)
            if by_statement.modules
            else by_statement.outside._replace(codes=frozenset()),
            by_statement.statements,
            by_statement.modules,
            tuple(file for file in loaded_files().values() if self._concerns(file)),
            plugin_files(session.config, places),
            frozenset(places.relative(str(item.path)) for item in session.items),
            tuple(basis.facets),
            declared,
            self._settings.may_connect,
            assigned=self._assigned(basis),
        )

    def _assigned(self, basis: Basis) -> frozenset[tuple[str, str, str]]:
        places = basis.snapshot.places
        return frozenset(
            (places.relative(file), name, digest_text(value.replace(places.root, "<root>")))
            for file, name, value in self._recorder.assigned()
            if not basis.inputs.is_neutral(name)
        )
