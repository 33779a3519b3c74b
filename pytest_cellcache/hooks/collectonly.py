"""``--collect-only`` with the cache: items come from manifests that hold; nothing is written.

No test runs, so whether it would hit does not matter, and nobody can notice what is not imported
but the modules that are collected for real.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.library import Manifests
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
        self._guard = guard
        self._make_basis = make_basis
        self._library = Manifests(config, places, must_hit=False)
        self.collection = Collection(self._library, config, places, guard)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._library.basis = self._guard.call(self._make_basis, None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._guard.call(self._settle, None, session)

    def _settle(self, session: pytest.Session) -> None:
        basis = self._library.basis
        if basis is not None and basis.settle():
            self.collection.confirm(session, self._library.still_holds)
            self.collection.drop_failed(session.items)
        self.collection.warn_again()
