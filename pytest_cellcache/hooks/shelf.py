"""What fixtures need of the run: verdicts of their records, and a place for new ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.run import Run
from pytest_cellcache.lifecycle.fixtures import Consulted
from pytest_cellcache.lifecycle.inheritance import Told
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model.events import FixtureEvent
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.model.record import Entry, Verdict
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.places import Places


class Shelf:
    """Records of fixture instances.

    Args:
        is_worker: other workers may wait for what this one stores.
    """

    def __init__(self, run: Run, settings: Settings, places: Places, *, is_worker: bool) -> None:
        self._run = run
        self._places = places
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

    def consulted_in(self, used: Collection[Instance]) -> Consulted:
        """Give what set-ups of this run consulted."""
        restored = (instance.restored for instance in used)
        keys = {key for each in restored if each is not None for key in each.keys}
        found = Consulted.seen(used, self._places.relative_unresolved)
        return found._replace(sees=lambda changes: self._see(used, keys, changes))

    def consulted_by(self, entry: Entry) -> Consulted:
        """Give what the set-up of a record that holds consulted."""
        ran = {key for key in self._basis.verifier.roots_of(entry) if key.kind == BODY}
        found = Consulted.of_keys(self.keys_of(entry))
        return found._replace(sees=lambda changes: self._see((), ran, changes))

    def _see(
        self, used: Iterable[Instance], keys: Iterable[Key], made: frozenset[StateChange]
    ) -> bool:
        inheriting = self._run.inheriting
        if inheriting is None or self._run.basis is None:
            return True
        relative = self._run.basis.snapshot.places.relative
        told = {
            Told(c.filename if c.filename in (FIXTURE, OUTSIDE) else relative(c.filename), c.name)
            for c in made
        }
        return bool(
            inheriting.seen_by([each.seen for each in used], told, ())
            or inheriting.sees(keys, told)
        )

    def tell(self, event: FixtureEvent) -> None:
        self._run.fixtures.append(event)

    @property
    def _basis(self) -> Basis:
        assert self._run.basis is not None
        return self._run.basis
