"""The state of one run on pytest's side: verdicts of items, what came of them, what is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.around import Sharing, Untraced
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.collect import CollectWatch
from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.hooks.entering import entered_now, upset_by
from pytest_cellcache.hooks.finishing import end_whole
from pytest_cellcache.hooks.firstparty import concerns
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.inheriting import Inheriting
from pytest_cellcache.hooks.items import read_item
from pytest_cellcache.hooks.library import Manifests
from pytest_cellcache.hooks.options import OptionWatch
from pytest_cellcache.hooks.order import Order, is_by_chance
from pytest_cellcache.hooks.outline import outline_of
from pytest_cellcache.hooks.replay import unpack
from pytest_cellcache.hooks.state import Changes, make_watch
from pytest_cellcache.lifecycle.collecting import Collected, Collections
from pytest_cellcache.lifecycle.entered import EnteredNow
from pytest_cellcache.lifecycle.evaluations import Statement
from pytest_cellcache.lifecycle.record import Recording
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import Attempt, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.events import FixtureEvent, TestEvent
from pytest_cellcache.model.observation import StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Hit, Miss, Verdict
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.places import Places, temporary_folder
from pytest_cellcache.store.contract import Store
from pytest_cellcache.trace.collector import paused
from pytest_cellcache.trace.recorder import Recorder
from pytest_cellcache.trace.state import StateWatch

_FLUSH_S: Final = 30.0
"""How much of a run a killed session loses at most, as far as its fixtures are torn down."""

Judged = tuple[TestFacts, Verdict]


class Run:
    """Judges items and keeps the books; does nothing once the guard is off.

    Attributes:
        basis: what verdicts rest on, from the beginning of collection until the end.
        fixtures: what became of fixtures.
        at_end: called before the last records are written.

    Args:
        untraced: see ``Sharing``.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        places: Places,
        store: Store,
        recorder: Recorder,
        guard: Guard,
        *,
        collecting: CollectWatch,
        untraced: Untraced,
        began_ns: int,
        options: OptionWatch,
    ) -> None:
        self._options = options
        self._config = config
        self._settings = settings
        self._places = places
        self._store = store
        self._recorder = recorder
        self._guard = guard
        self._sharing = Sharing(recorder, settings, collecting, untraced, self.concerns)
        self._began_ns = began_ns
        self._judged: dict[str, Judged] = {}
        self._replays: dict[str, Any] = {}
        self.order = Order(places, temporary_folder(), by_chance=is_by_chance(config))
        self.basis: Basis | None = None
        self._recording: Recording | None = None
        self.inheriting: Inheriting | None = None
        self._collected: list[Collected] = []
        self._around: Surroundings | None = None
        self._live: dict[str, TestEvent] = {}
        self._cached: list[TestEvent] = []
        self.fixtures: list[FixtureEvent] = []
        self.unread: Callable[[], frozenset[Statement]] = frozenset
        self.at_end: Callable[[], None] = lambda: None
        self._flush_at_s = time.monotonic() + _FLUSH_S
        self.has_written = False
        self.changes: Changes | None = None
        self._library = Manifests(config, places, must_hit=True)
        self._library.is_off = settings.runs_all is not None
        self.collection = Collection(self._library, config, places, guard)

    @property
    def events(self) -> list[TestEvent]:
        return [*self._cached, *self._live.values()]

    # -- collection ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        # Before the first module: whether it need be imported is a verdict.
        self._guard.call(self._begin, None, session)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self._guard.is_off or session.config.option.collectonly:
            return
        with paused():
            self._guard.call(self._settle, None, session)

    def _begin(self, session: pytest.Session) -> None:
        known = self._config, self._settings, self._places, self._store
        self.basis = Basis(
            *known,
            environ=self._recorder.environment,
            began_ns=self._began_ns,
            options=self._options,
        )
        self._library.basis = self.basis

    def _settle(self, session: pytest.Session) -> None:
        basis = self.basis
        if basis is None:
            return
        if basis.settle():
            self.collection.confirm(session, self._library.still_holds)
        entered = self._enter(session, basis)
        self.collection.drop_failed(session.items)
        self._judged.update((item.nodeid, self._judge(item)) for item in session.items)
        self._hold_against(entered, session, basis)
        self._hydrate(session)
        if self.changes is not None:
            # Who replays must know at once what live tests have changed.
            self.changes.is_lax = not self.order.is_replaying
        self.collection.drop_failed(session.items)
        self.collection.warn_again()
        self._around = self._surround(session)
        self._recording = Recording(
            project=basis.project,
            digester=basis.digester,
            inputs=basis.inputs,
            input_keys=basis.input_keys(),
            store=self._store,
            read_child=self._recorder.read_child,
            named=self.order.named,
            by_chance=self.order.by_chance,
            last_of=basis.verifier.last_of,
            entered=entered.keep,
        )
        self._recording.sequences.first_users = self.order.first_users
        self.inheriting = Inheriting(
            self._recording, basis.verifier, self.order, self._surroundings, self._judged
        )
        if self._settings.may_write:
            collection = self.collection
            self._collected = self._library.describe(
                collection.captured, collection.warnings_of, self._digests_of, self._judged.keys()
            )

    def _surround(self, session: pytest.Session) -> Surroundings:
        assert self.basis is not None
        found = self._sharing.now(session, self.basis)
        return found._replace(keys_of=self._keys_of, unread=self.unread)

    def _enter(self, session: pytest.Session, basis: Basis) -> EnteredNow:
        def around() -> Surroundings:
            return self._around or self._surround(session)

        known = self.collection, self._library.groups, self.concerns, self._recorder.resting
        return entered_now(session, basis, self._store, around, *known)

    def _hold_against(self, entered: EnteredNow, session: pytest.Session, basis: Basis) -> None:
        """Judge again who may see that modules enter something else than before."""
        basis.verifier.entered = entered
        upset = upset_by(entered, self._judged.values())
        self._judged.update((i.nodeid, self._judge(i)) for i in session.items if i.nodeid in upset)

    def _hydrate(self, session: pytest.Session) -> None:
        """Make live items real ones, and judge again what was not."""
        while True:
            assert self.basis is not None
            self.order.settle(session.items, self._judged, self.basis.verifier)
            live = [item for item in session.items if not self._is_hit(item)]
            unread = [item for item in live if outline_of(item) is not None]
            self.collection.settle(live)
            self.collection.drop_failed(session.items)
            if not unread:
                return
            for item in unread:
                before = self._judged[item.nodeid][1]
                facts, verdict = self._judge(item)
                if isinstance(before, Miss) and before.reason.slug == reasons.PRODUCER:
                    verdict = before
                self._judged[item.nodeid] = facts, verdict

    def _is_hit(self, item: pytest.Item) -> bool:
        return isinstance(self._judged[item.nodeid][1], Hit)

    def _digests_of(self, item: pytest.Item) -> tuple[str, str]:
        facts, *_ = self._judged.get(item.nodeid) or (read_item(item, self._places),)
        return facts.static, facts.digest

    def _judge(self, item: pytest.Item) -> Judged:
        facts = read_item(item, self._places)
        if not hasattr(item.session, "_setupstate"):
            # Private; without it a replayed item could not end what live ones left standing.
            return facts, Miss(facts.barrier or Reason(reasons.UNSUPPORTED, "unknown pytest"))
        if self._settings.runs_all:
            return facts, Miss(facts.barrier or Reason(self._settings.runs_all))
        assert self.basis is not None
        return facts, self.basis.verifier.judge(facts, may_wait=True)

    def state_watch(self) -> StateWatch:
        """Make what notices changes of long-lived objects."""
        return make_watch(self._places, self.concerns, self.basis)

    def blame(self, nodeids: list[str], changes: frozenset[StateChange]) -> None:
        """Count changes as made by items that have ended, too."""
        if self.inheriting is not None:
            self._guard.call(self.inheriting.blame, None, nodeids, changes)

    def concerns(self, filename: str) -> bool:
        """Say whether a loaded module is one of this run's project."""
        return concerns(self._places, filename)

    def _keys_of(self, place: tuple[str, str]) -> tuple[str, ...] | None:
        file = self._places.absolute(place[0])
        return self.changes.keys_of(file, place[1]) if self.changes else None

    # -- protocol --------------------------------------------------------------------------------

    def verdict_of(self, item: pytest.Item) -> Judged:
        """Give the verdict of an item; a hit whose reports cannot be made is a miss."""
        judged = self._judged.get(item.nodeid)
        if judged is None or self._guard.is_off:
            barrier = Reason(reasons.UNJUDGED)
            facts = TestFacts(item.nodeid, "", digest_parts([]), barrier=barrier)
            return facts, Miss(barrier)
        facts, verdict = judged
        if isinstance(verdict, Hit) and self.changes is not None:
            self.changes.keep_up()
        inheriting = self.inheriting
        if inheriting and isinstance(verdict, Hit) and inheriting.is_upset(verdict):
            judged = self._judged[item.nodeid] = facts, Miss(verdict.otherwise)
            return judged
        if isinstance(verdict, Hit) and item.nodeid not in self._replays:
            try:
                made = unpack(self._config, item, verdict.entry.body["result"], self._places)
                float(verdict.entry.body["duration"])
            except (KeyError, TypeError, ValueError, AttributeError):
                self._judged[item.nodeid] = facts, Miss(Reason(reasons.NEW, "unreadable record"))
                return self._judged[item.nodeid]
            self._replays = {item.nodeid: made}  # asked for at once, by the next hook
        return judged

    def facts_of(self, item: pytest.Item) -> tuple[TestFacts, Basis] | None:
        """Give the facts of an item that was judged, and what reads its records."""
        judged = self._judged.get(item.nodeid)
        return (judged[0], self.basis) if judged and self.basis else None

    def reports_of(self, item: pytest.Item) -> Any:
        return self._replays[item.nodeid]  # made by ``verdict_of``

    def replayed(self, item: pytest.Item, outcome: str, saved_s: float) -> None:
        facts, verdict = self._judged[item.nodeid]
        assert isinstance(verdict, Hit)
        body = verdict.entry.body
        is_last = not (self.basis and self.basis.verifier.has_run_since(facts, body))
        self.order.replayed(item, outcome, body, is_last=is_last)
        if self._recording is not None:
            self._recording.sequences.note_replayed(item.nodeid, body)
        self._cached.append(TestEvent(item.nodeid, "cached", outcome, saved_s=saved_s))

    def ran(
        self,
        item: pytest.Item,
        attempt: Attempt,
        outcome: str,
        reason: Reason,
        attempts: int,
        requeued_for: tuple[str, ...] = (),
    ) -> None:
        nodeid = attempt.facts.nodeid
        if self.inheriting is not None and attempt.barrier is None:
            found = self._guard.call(self.inheriting.found_by, (), attempt)
            barrier = Reason(reasons.INHERITED, found[0]) if found else None
            attempt = attempt._replace(inherits=(*attempt.inherits, *found), barrier=barrier)
        self._live[nodeid] = TestEvent(
            nodeid,
            "ran",
            outcome,
            reason,
            unstored=attempt.barrier,
            attempts=attempts,
            requeued_for=requeued_for,
        )
        if self._recording is None:
            return
        attempt = attempt._replace(inherits=(*attempt.inherits, *self.order.upset_by(nodeid)))
        if self.order.by_chance:
            attempt = attempt.without_values_met()
        self._recording.add(attempt)
        sequences = self._recording.sequences
        told, changed = sequences.to_json(attempt), sequences.changed_by(attempt)
        self.order.ran(item, outcome, told, changed, attempt.changes, attempt.instances)
        assert self.inheriting is not None
        self._guard.call(self.inheriting.note, None, attempt)
        if (began_s := time.monotonic()) > self._flush_at_s:
            with self._recorder.resting():
                self._guard.call(self._write, None, is_final=False)
            # At most a twentieth of the run goes into this.
            self._flush_at_s = began_s + max(_FLUSH_S, 20 * (time.monotonic() - began_s))

    def keep(self, attempt: Attempt, *, at_once: bool) -> bool:
        """Record the set-up of a fixture; say whether that may be expected to work."""
        if self._recording is None or self._around is None:
            return False
        if at_once:
            with self._recorder.resting():
                self._catch_up()
                return self._recording.write_now(attempt, self._surroundings())
        self._recording.add(attempt)
        return True

    # -- end -------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        # Innermost: after pytest has torn everything down, before reporters and xdist conclude.
        try:
            return (yield)
        finally:
            end_whole(session, self._end)

    def _end(self) -> None:
        with self._recorder.resting():
            self._guard.call_whole(self._write, None, is_final=True)
            self._release()
        self._recorder.stop()

    def _surroundings(self) -> Surroundings:
        assert self._around is not None
        found = self._recorder.imports()  # tests may have imported more meanwhile
        return self._around._replace(statements=found.statements, modules=found.modules)

    def _write(self, *, is_final: bool) -> None:
        basis = self.basis
        if self._recording is None or self._around is None or basis is None:
            return
        if not self._settings.may_write:
            fate = Reason(reasons.READ_MODE)
            for nodeid, event in self._live.items():
                self._live[nodeid] = event._replace(unstored=event.unstored or fate)
            return
        self._catch_up()
        if is_final:
            basis.keep_watching()
            self.at_end()
        around = self._surroundings()
        fates = self._recording.write(around, is_final=is_final)
        for nodeid, fate_or_none in fates.items():
            if nodeid in self._live:
                self._live[nodeid] = self._live[nodeid]._replace(unstored=fate_or_none)
        self.has_written = self.has_written or None in fates.values()
        if is_final and self._collected:
            project, inputs, store = basis.project, basis.inputs, self._store
            digester = basis.digester
            known = Collections(project=project, digester=digester, inputs=inputs, store=store)
            files = entered.kinds if (entered := basis.verifier.entered) else ()
            known.write(self._collected, self._recording, self._around, *files)
            basis.keep_path()
        basis.keep_parsed(is_final=is_final)

    def _catch_up(self) -> None:
        if self.changes is not None:
            self.changes.catch_up()

    def _release(self) -> None:
        """Let go of what pytest's last collections of garbage would look through in vain."""
        self.basis = self._recording = self._around = self._library.basis = self.inheriting = None
        self._judged.clear()
        self._replays.clear()
        self._collected.clear()
        if self.changes is not None:
            self.changes.end()
