"""``--collect-only`` with the cache: items come from manifests that hold; nothing is written.

No test runs, so whether it would hit does not matter, and nobody can notice what is not imported
but the modules that are collected for real.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.hooks.facets import collecting_facts, plugin_files
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.lifecycle.surroundings import applies
from pytest_cellcache.model.record import Entry
from pytest_cellcache.sources.places import Places


class CollectOnly:
    """Reads manifests while tests are listed."""

    def __init__(
        self,
        config: pytest.Config,
        places: Places,
        guard: Guard,
        make_basis: Callable[[], Basis],
    ) -> None:
        self._config = config
        self._places = places
        self._guard = guard
        self._make_basis = make_basis
        self._basis: Basis | None = None
        self.collection = Collection(self, config, places, guard)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._basis = self._guard.call(self._make_basis, None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._guard.call(self._settle, None, session)

    def _settle(self, session: pytest.Session) -> None:
        if self._basis is not None and self._basis.settle():
            self.collection.confirm(session)
        self.collection.warn_again()

    def manifest_of(self, group: str) -> Entry | None:
        """Give the record of a collection that holds."""
        if self._basis is None:
            return None
        plugins = plugin_files(self._config, self._places)
        applying = [f for f in plugins if applies(f, group)]
        facts = collecting_facts(self._config, applying, self._basis.own_facets)
        entry = self._basis.verifier.collection(group, facts)
        return None if entry is None or entry.body.get("manifest") is None else entry

    def imports_of(self, group: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give the first-party files and the foreign modules that a file imports itself."""
        assert self._basis is not None
        return self._basis.imports.direct(group)
