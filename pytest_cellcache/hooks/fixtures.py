"""Keeps a footprint for each fixture instance, to be part of every test that uses it.

``FixtureDef`` and ``FixtureRequest`` keep what a test activated in ``_fixture_defs``; nothing public
tells which cached fixtures a test used. Without that attribute every live instance is taken to be
used by every test.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.trace.recorder import Recorder


class FixtureWatch:
    """Opens a unit for each set-up and teardown of a fixture."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._current: dict[Any, Instance] = {}
        self._in_teardown: dict[Any, Instance] = {}

    def used_by(self, item: pytest.Item) -> frozenset[Instance]:
        """Give the fixture instances an item has used so far, with all they rest on.

        To be asked while the item's request is alive: before its teardown.
        """
        request = getattr(item, "_request", None)
        active = getattr(request, "_fixture_defs", None)
        definitions = self._current if active is None else active.values()
        found: set[Instance] = set()
        for definition in definitions:
            instance = self._current.get(definition)
            if instance is not None:
                found |= instance.with_upstream()
        return frozenset(found)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        instance = Instance(fixturedef.argname)
        self._current[fixturedef] = instance
        recorder = self._recorder
        recorder.open_unit()
        try:
            result = yield
        except pytest.skip.Exception:
            raise
        except BaseException:
            instance.has_failed = True
            raise
        finally:
            instance.seen |= recorder.close_unit()
            instance.uses |= self._upstream(fixturedef, request)
            # Runs before the fixture's own finalizers, which were added during set-up.
            fixturedef.addfinalizer(lambda: self._begin_teardown(fixturedef, instance))
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        instance = self._in_teardown.pop(fixturedef, None)
        if instance is not None:
            instance.seen |= self._recorder.close_unit()
            instance.is_open = False

    def _begin_teardown(self, fixturedef: Any, instance: Instance) -> None:
        self._current.pop(fixturedef, None)
        self._in_teardown[fixturedef] = instance
        self._recorder.open_unit()

    def _upstream(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> set[Instance]:
        active = getattr(request, "_fixture_defs", {})
        names = fixturedef.argnames
        # ``request.getfixturevalue`` may have asked for any of them.
        chosen = active if "request" in names else names
        found = {
            self._current[active[name]]
            for name in chosen
            if name in active and active[name] in self._current
        }
        found.discard(self._current.get(fixturedef, Instance("")))
        return found
