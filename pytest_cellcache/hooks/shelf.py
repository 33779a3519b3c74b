"""What fixtures need of the run: verdicts of their records, and a place for new ones."""

from __future__ import annotations

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.run import Run
from pytest_cellcache.lifecycle.units import Attempt, TestFacts
from pytest_cellcache.model.events import FixtureEvent
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.model.record import Entry, Verdict
from pytest_cellcache.model.settings import Settings


class Shelf:
    """Records of fixture instances.

    Args:
        is_worker: other workers may wait for what this one stores.
    """

    def __init__(self, run: Run, settings: Settings, *, is_worker: bool) -> None:
        self._run = run
        self._settings = settings
        self._is_worker = is_worker

    @property
    def may_restore(self) -> bool:
        return self._run.basis is not None and not self._settings.runs_all

    def judge_fixture(self, facts: TestFacts, *, again: bool = False) -> Verdict:
        """Give the verdict of a fixture instance; ``again``: another process may have stored it."""
        verifier = self._basis.verifier
        if again:
            verifier.look_again(facts.group)
        return verifier.judge(facts)

    def keys_of(self, entry: Entry) -> frozenset[Key]:
        """Give the footprint of a record that holds."""
        return self._basis.verifier.keys_of(entry)

    def body_of(self, group: str, name: str) -> str:
        """Give the digest of a fixture function, to tell its versions apart."""
        return self._basis.inputs.digest(Key(BODY, group, name))

    def keep(self, attempt: Attempt) -> bool:
        """Record a fixture: at once where other workers may wait for it, else with the others."""
        return self._run.keep(attempt, at_once=self._is_worker)

    def tell(self, event: FixtureEvent) -> None:
        self._run.fixtures.append(event)

    @property
    def _basis(self) -> Basis:
        assert self._run.basis is not None
        return self._run.basis
