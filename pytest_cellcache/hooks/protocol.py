"""Watches misses while pytest runs them, and hands over how they went.

Order of the parts for one item::

    Watcher (wrapper) opens a unit
        -> Replayer answers a hit
        -> or Requeuer tries the item silently
        -> or pytest and other plugins run it
    -> Watcher closes the unit and hands over the attempt
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final, Protocol

import pytest

from pytest_cellcache.hooks.failures import failure_of
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.handling import Handled, Handling
from pytest_cellcache.hooks.items import code_of
from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.outcome import barrier_of_reports, outcome_of
from pytest_cellcache.hooks.replay import Unstorable, keep_warning, pack
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Hit, Miss, Verdict
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.audit import listen, unlisten
from pytest_cellcache.trace.recorder import Recorder

BREAKPOINT: Final = "breakpoint"
"""Gap of a test that stops for a debugger: a replayed one would not stop."""

_BREAKPOINT_EVENT: Final = "builtins.breakpoint"


class Judge(Protocol):
    """What watching needs of the run."""

    def verdict_of(self, item: pytest.Item) -> tuple[TestFacts, Verdict]: ...

    def ran(
        self,
        item: pytest.Item,
        attempt: Attempt,
        outcome: str,
        reason: Reason,
        attempts: int,
        requeued_for: tuple[str, ...],
    ) -> None: ...


class Log:
    """What one live item has reported so far.

    Attributes:
        requeued_for: what was made live before it was run again: fixtures, and node ids of mates.
        cancelled: attempts that left no report.
        inherits: replayed tests that were run first, as it reads what they leave behind.
        seen: what silent attempts consulted.
        is_tainted: such an attempt did something that could not be put back.
        is_doubtful: it counts although something was left out before it.
        is_known: that was so, and it failed as it does with nothing left out.
    """

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid
        self.reports: list[pytest.TestReport] = []
        self.warned: list[dict[str, Any]] = []
        self.instances: frozenset[Instance] = frozenset()
        self.handled = Handled()
        self.seen = Observation()
        self.requeued_for: tuple[str, ...] = ()
        self.cancelled = 0
        self.inherits: tuple[str, ...] = ()
        self.is_tainted = self.is_doubtful = self.is_known = False
        self.has_stopped = False
        self.is_clean = True


class Watcher:
    """Traces live items."""

    def __init__(
        self,
        judge: Judge,
        recorder: Recorder,
        fixtures: FixtureWatch,
        changes: Changes,
        places: Places,
        guard: Guard,
        handling: Handling | None = None,
    ) -> None:
        self._handling = handling
        self._judge = judge
        self._recorder = recorder
        self._fixtures = fixtures
        self._changes = changes
        self._places = places
        self._guard = guard
        self.log: Log | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        begun = self._guard.call(self._begin, None, item)
        if begun is None:
            return (yield)
        finished = False
        try:
            result = yield
            finished = True
        finally:
            try:
                self._guard.call_whole(self._end, None, item, *begun, finished=finished)
            finally:
                self.log = None
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        self._guard.call(self._note_fixtures, None, item)
        late = self._fixtures.endings.take(item, nextitem)
        result = yield
        if late is not None:
            raise late
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if self.log is not None and item.nodeid == self.log.nodeid and call.excinfo is not None:
            self.log.is_clean = False
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.when != "call":
            self._fixtures.fail_ended()
        if self.log is not None and report.nodeid == self.log.nodeid:
            self.log.reports.append(report)

    @pytest.hookimpl
    def pytest_warning_recorded(
        self,
        warning_message: Any,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        if self.log is not None and when == "runtest" and nodeid == self.log.nodeid:
            kept = self._guard.call(keep_warning, None, warning_message, location)
            if kept is not None:
                self.log.warned.append(kept)

    def pytest_enter_pdb(self) -> None:
        # ``pdb.set_trace`` raises no audit event; ``breakpoint`` may lead to another debugger.
        self._note_stop()

    def _note_stop(self, _: object = None) -> None:
        if self.log is not None:
            self.log.has_stopped = True

    def taint(self) -> None:
        """Record nothing of an item: what its cancelled attempt did could not be undone."""
        if self.log is not None:
            self.log.is_tainted = True

    def doubt(self) -> None:
        """Note that an item failed, and that this was not confirmed."""
        if self.log is not None:
            self.log.is_doubtful = True

    def know(self, producers: Sequence[str]) -> None:
        """Note that an item failed as it did when that was confirmed.

        Args:
            producers: node ids of those that it came after then.
        """
        if self.log is not None:
            self.log.is_doubtful = self.log.is_known = True
            self.log.inherits += tuple(producers)

    def inherit(self, mates: Mates) -> None:
        """Note replayed tests that run first, as the item reads what they leave behind."""
        if self.log is not None:
            self.log.inherits += tuple(mate.nodeid for mate, _ in mates)

    def may_touch(self, item: pytest.Item) -> frozenset[int]:
        """Give the fixtures whose stubs an item may touch (``Handling``)."""
        return frozenset() if self._handling is None else self._handling.may_touch(item)

    def _note_fixtures(self, item: pytest.Item) -> None:
        if self.log is not None:
            self.log.instances |= self._fixtures.used_by(item, is_clean=self.log.is_clean)
            if self._handling is not None:
                self.log.handled = self._handling.of(item)
                made_by = {each for used in self.log.handled.met for each in used.touched_by}
                self.log.instances |= {each for maker in made_by for each in maker.with_upstream()}

    def _begin(self, item: pytest.Item) -> tuple[TestFacts, Miss] | None:
        self._fixtures.begin_item()
        facts, verdict = self._judge.verdict_of(item)
        if isinstance(verdict, Hit) or not self._recorder.is_running:
            return None
        self.log = Log(item.nodeid)
        listen(_BREAKPOINT_EVENT, self._note_stop)
        self._changes.begin_item()
        if self._changes.nodes is not None:
            self._changes.nodes.begin(item)
        self._recorder.expect(code_of(item))
        self._recorder.open_unit()
        return facts, verdict

    def _ran_by(self, item: pytest.Item, seen: Observation) -> frozenset[str] | None:
        """Name the files whose code an item and its fixtures have run; ``None`` if any may be."""
        log = self.log
        if log is None or not self._changes.is_lax:
            return None
        every = [seen, log.seen, *(each.seen for each in log.instances)]
        if any(each.gaps or each.children for each in every) or not log.is_clean:
            return None
        return frozenset({str(item.path), *(c.filename for each in every for c in each.codes)})

    def _end(self, item: pytest.Item, facts: TestFacts, miss: Miss, *, finished: bool) -> None:
        unlisten(_BREAKPOINT_EVENT, self._note_stop)
        with self._recorder.resting():
            seen = self._recorder.close_unit()
            changes = self._changes.end_item(item.nodeid, self._ran_by(item, seen))
        self._fixtures.end_item()
        log = self.log
        if log is None or not finished:
            return  # interrupted: what would be reported is not known
        seen |= log.seen
        result: Any = None
        barrier = facts.barrier or barrier_of_reports(
            log.reports, code_of(item), seen, self._places
        )
        if (nodes := self._changes.nodes) is not None:
            name = nodes.end(item, (seen, *(instance.seen for instance in log.instances)))
            barrier = barrier or (Reason(reasons.ON_PYTEST, name) if name else None)
        if barrier is None and log.has_stopped:
            barrier = Reason(reasons.GAP, BREAKPOINT)
        if barrier is None and log.is_tainted:
            barrier = Reason(reasons.TAINTED)
        if barrier is None and log.inherits:
            barrier = Reason(reasons.INHERITED, log.inherits[0])
        if barrier is None:
            try:
                result = pack(item.config, item, log.reports, log.warned, self._places)
            except Unstorable as error:
                barrier = Reason(reasons.UNRECORDABLE, str(error))
        duration_s = sum(report.duration for report in log.reports)
        attempt = Attempt(
            facts, seen, log.instances, result, barrier, duration_s, code_of(item), changes
        )
        is_vague = log.is_doubtful or log.is_tainted or log.has_stopped or log.inherits
        attempt = attempt._replace(
            failure="" if is_vague else failure_of(log.reports),
            met=log.handled.met,
            handled=log.handled.handled,
            inherits=log.inherits,
            is_known=log.is_known,
            leaving=self._changes.holds(changes),
        )
        attempts = sum(report.when == "setup" for report in log.reports) or 1
        attempts += log.cancelled
        outcome = outcome_of(log.reports)
        with self._recorder.resting():
            self._judge.ran(item, attempt, outcome, miss.reason, attempts, log.requeued_for)
