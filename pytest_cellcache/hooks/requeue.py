"""Runs a live test again, with what was left out before it done for real, before anything is said.

::

    live item; restored values or stubs among its inputs, or mates replayed before it,
    or others that leave something behind, or modules left out
        -> silent attempt -> clean, nothing touched: reported
                          -> a stub was touched: its producers live, again in silence
                          -> it read what a replayed test leaves behind: that one runs first
                          -> skipped or failed as expected beside modules left out:
                             they are imported, again in silence
                          -> failed as it did when that was confirmed, and what it rests on is
                             the same: reported
                          -> failed, or failed as expected with anything restored:
                             everything live, modules imported, mates run; pytest runs the item

A failure is so seen in the state that a plain run would have made, and each cancelled attempt makes
at least one more thing live. Mates are tests of its module that were replayed; they run once.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.hooks.attempts import (
    ItemRequest,
    ItemState,
    Phase,
    call_phase,
    causes_of,
    end_for,
    once_each,
    tell,
    warn_of,
    was_importing,
)
from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.hooks.due import Due
from pytest_cellcache.hooks.failures import Failures
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.handling import Handled
from pytest_cellcache.hooks.lifetimes import looks_at_lifetimes
from pytest_cellcache.hooks.mates import Mates, in_order, run_mates
from pytest_cellcache.hooks.order import Order
from pytest_cellcache.hooks.protocol import Watcher
from pytest_cellcache.hooks.restore import Restorer
from pytest_cellcache.hooks.silence import held_output, is_in_doubt, may_hide, may_try
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.hooks.timers import Timers
from pytest_cellcache.hooks.undoing import Undoing
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.scheduler.requeue import Accept, Again, Plainly, Tried, next_step
from pytest_cellcache.trace.recorder import Recorder


class Requeuer:
    """Runs live items silently as long as anything was left out before them."""

    def __init__(
        self,
        watcher: Watcher,
        fixtures: FixtureWatch,
        restorer: Restorer,
        changes: Changes,
        modules: FirstParty,
        collection: Collection,
        order: Order,
        recorder: Recorder,
        guard: Guard,
        due: Due,
        failures: Failures,
    ) -> None:
        self._failures = failures
        self._due, self._order, self.timers = due, order, Timers()
        self._recorder = recorder
        self._seen = Observation()
        self._undoing = Undoing(fixtures, restorer, changes, guard, watcher.taint)
        self._is_open = False
        self._watcher = watcher
        self._fixtures = fixtures
        self._restorer = restorer
        self._changes = changes
        self._modules = modules
        self._collection = collection
        self._guard = guard
        self._replayed: dict[Path, list[tuple[pytest.Item, str]]] = {}
        self._confirmed: set[Path] = set()
        self._trying: pytest.Item | None = None
        self._pending: list[pytest.TestReport] | None = None
        self._causes: list[str] = []
        self._raised: pytest.ExceptionInfo[BaseException] | None = None  # in the last phase
        # Replayed tests that wrote what the current attempt has read.
        self._reading_from: Mates = []

    def note_replay(self, item: pytest.Item, outcome: str) -> None:
        """Count an item among those that a later failure of its module is requeued for."""
        self._restorer.echo.note_replay(item)
        if item.path not in self._confirmed:
            self._replayed.setdefault(item.path, []).append((item, outcome))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        if self._guard.is_off or self._watcher.log is None:
            self._restorer.give_up(item)
            return None
        beside = self._replayed.get(item.path) or self._collection.waiting or self._order.is_waiting
        if not beside and self._guard.call(self._restorer.prepare_cheap, False, item):
            return None
        is_hidden = may_try(item) and not self._guard.call(looks_at_lifetimes, True, item)
        if not is_hidden:
            self._guard.call(self._collection.hydrate_all, False)
        is_again = is_hidden and item.path in self._replayed and self._failures.would_stay(item)
        may_restore = is_hidden and may_hide(item) and not is_again
        forced, is_plain = frozenset[int](), False
        while True:
            self._guard.call(self.timers.start_again, None, item)
            prepare = self._restorer.prepare
            is_silent = self._guard.call(prepare, None, item, forced, may_restore=may_restore)
            if is_silent is None:
                self._restorer.give_up(item)
                return None
            self._undoing.after_release()
            mates: Mates = self._replayed.get(item.path, [])
            due = [] if is_plain else self._due.before(item, is_blind=not is_hidden)
            if is_again and not is_plain:
                due, is_plain = [*self._take_mates(item), *due], True
            if due:
                self._watcher.inherit(due if not is_hidden else ())
                self._run_first(due, item, forced)
                continue
            is_beside = bool(mates or self._collection.waiting or self._order.is_watching)
            is_beside = is_beside or self._due.is_overtaking(item)
            if is_plain or not is_hidden or not (is_silent or is_beside):
                return None
            state = ItemState(item, self._changes.nodes)
            with warnings.catch_warnings(record=True) as caught, held_output(item) as output:
                reports, step = self._try(item, nextitem, mates, forced)
            if isinstance(step, Accept):
                output.give_out()
                self._report(item, caught, reports)
                return True
            self._guard.call(self.timers.stop, None, item)
            state.restore()
            is_early = bool(self._reading_from or (isinstance(step, Plainly) and mates))
            self._undoing.spoil(item, self._watcher.log, self._seen, is_early=is_early)
            self._note_requeue(step, mates)
            self._guard.call(self._collection.hydrate_all, False)
            forced = step.forced
            if isinstance(step, Again) and self._reading_from:
                self._run_first([], item, forced)
            if isinstance(step, Plainly):
                may_restore, is_plain = False, True
                self._run_first(self._take_mates(item), item, forced)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Give up silence when a subtest reports itself: what came before goes first."""
        item, pending = self._trying, self._pending
        if item is not None and pending is not None and report.nodeid == item.nodeid:
            self._pending = None
            tell(item, pending, is_ended=False)

    def _report(
        self,
        item: pytest.Item,
        caught: list[warnings.WarningMessage] | None,
        reports: list[pytest.TestReport],
    ) -> None:
        warn_of(caught or ())
        tell(item, [*(self._pending or ()), *reports], is_begun=self._pending is None)
        self._pending = None

    def _take_mates(self, item: pytest.Item) -> Mates:
        """Give the mates of an item, which are going to run: they do so once."""
        self._guard.call(self._collection.hydrate_all, False)
        if mates := self._replayed.pop(item.path, []):
            self._confirmed.add(item.path)
        return self._fitting(mates)

    def _fitting(self, mates: Mates) -> Mates:
        """Leave out those whose doings a plain run would not find once more, or in this order."""
        history, undone = self._fixtures.history, self._undoing.grown()
        there = [row for row in mates if row[0].nodeid not in self._order.overwritten]
        there = [row for row in there if not history.would_repeat(row[0], undone)]
        return [row for row in there if not history.would_end(row[0], undone)]

    def _run_first(self, mates: Mates, item: pytest.Item, forced: frozenset[int]) -> None:
        """Run tests, and those whose doings are lost meanwhile, with everything live."""
        self._guard.call(self.timers.stop, None, item)
        self._guard.call(self._restorer.prepare, None, item, forced, may_restore=False)
        self._undoing.after_release()
        due = dict((*self._reading_from, *self._due.before(item)))
        there, is_over = self._fixtures.set_up_among(()), self._fixtures.history.would_repeat
        first = (*mates, *due.items())
        found = in_order(item, self._order.with_producers(item, first, there, is_over))
        if any(mate.path != item.path for mate, _ in found):
            late = {mate for mate, _ in mates if mate not in due and is_over(mate, is_left=True)}
            found = [row for row in found if row[0] not in late]
        self._reading_from, log = [], self._watcher.log
        if found and log is not None:
            log.requeued_for = once_each(*log.requeued_for, *(mate.nodeid for mate, _ in found))
            self._end_for(item, found)
            has_changed = any(instance.changes for instance in self._fixtures.alive())
            is_late = (lambda _: True) if has_changed else self._order.comes_late
            self._guard.call(self._recorder.open_unit, None)  # what they run is not the item's
            run_mates(found, item, self._guard, self._restorer.prepare_live, is_late)
            self._guard.call(self._recorder.close_part, None)
            self._changes.drop()
            self._order.ran_first(mate.nodeid for mate, _ in found)
            done = {mate for mate, _ in found}
            for path, replayed in self._replayed.items():
                self._replayed[path] = [row for row in replayed if row[0] not in done]
            self._fixtures.begin_item()
            log.instances, log.handled = frozenset(), Handled()

    def _note_requeue(self, step: Again | Plainly, mates: Mates) -> None:
        log = self._watcher.log
        assert log is not None
        names = [*self._causes, *(outline.module.nodeid for outline in self._collection.waiting)]
        if isinstance(step, Plainly):
            names += [mate.nodeid for mate, _ in mates]
        log.requeued_for = once_each(*log.requeued_for, *names)
        log.cancelled += 1
        log.is_clean = True
        # Others may set it before it runs again.
        log.seen = log.seen._replace(inherited=frozenset())
        log.instances, log.handled = frozenset(), Handled()
        self._fixtures.begin_item()

    def _try(
        self,
        item: pytest.Item,
        nextitem: pytest.Item | None,
        mates: Mates,
        forced: frozenset[int],
    ) -> tuple[list[pytest.TestReport], Accept | Again | Plainly]:
        """Run an item, report nothing unless it does so itself.

        Returns:
            The reports that follow those in ``_pending``, and what becomes of them.
        """
        self._trying, self._pending = item, []
        try:
            with ItemRequest(item):
                self._guard.call(self._fixtures.end_others_first, None, item)
                self._undoing.begin()
                self._guard.call(self._recorder.open_unit, None)
                self._is_open = not self._guard.is_off
                setup = self._phase(item, "setup")
                self._pending.append(setup)
                reports = [self._phase(item, "call")] if setup.passed else []
                self._close_unit()
                # Its own teardown may undo what it did to a restored value, if nothing else ends.
                may_undo = nextitem is not None and nextitem.parent is item.parent
                step = self._decide((setup, *reports), item, mates, forced, may_undo=may_undo)
                if not isinstance(step, Accept):
                    self._fixtures.endings.keep_first(self._raised, item.nodeid, reports)
                    # Its own node ends, its parents stay; unless mates run next, who have others.
                    call_phase(item, "teardown", nextitem=copy.copy(item))
                    self._cancel(item, step, mates)
                    return [], step
                if item.session.shouldfail or item.session.shouldstop:
                    nextitem = None
                teardown = self._phase(item, "teardown", nextitem=nextitem)
                if self._restorer.absent:
                    step = self._decide((teardown,), item, mates, forced)
                    if not isinstance(step, Accept):
                        self._fixtures.endings.keep(self._raised)
                        self._cancel(item, step, mates)
                        return [], step
                reports.append(teardown)
            return reports, step
        except BaseException:  # raised again; an interrupt leaves nothing pending either
            self._pending = None
            raise
        finally:
            self._close_unit()
            self._trying = self._raised = None  # its frames would keep alive what they hold
            self._undoing.end()

    def _cancel(self, item: pytest.Item, step: Again | Plainly, mates: Mates) -> None:
        self._fixtures.end_raised(getattr(item, "_request", None))
        is_later = bool(self._reading_from and self._seen.in_imports) or was_importing(self._raised)
        self._undoing.cancel(step.forced, is_later=is_later)
        if isinstance(step, Plainly) and (fitting := self._fitting(mates)):
            self._end_for(item, fitting)
        self._pending = None

    def _end_for(self, item: pytest.Item, mates: Mates) -> None:
        self._fixtures.endings.keep(end_for(item, mates[0][0]).excinfo)

    def _close_unit(self) -> None:
        if self._is_open:
            self._is_open = False
            self._seen = self._guard.call(self._recorder.close_part, Observation())
            if self._watcher.log is not None:
                self._watcher.log.seen |= self._seen

    def _phase(self, item: pytest.Item, when: Phase, **arguments: Any) -> pytest.TestReport:
        call = call_phase(item, when, **arguments)
        self._raised = call.excinfo
        touched = dict(self._restorer.log.touched)
        report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
        if report.failed:  # showing values touches stubs that the test did not
            self._restorer.log.touched = touched
        return report

    def _decide(
        self,
        reports: Sequence[pytest.TestReport],
        item: pytest.Item,
        mates: Mates,
        forced: frozenset[int],
        *,
        may_undo: bool = False,
    ) -> Accept | Again | Plainly:
        # Whatever goes wrong here, the test is run once more with everything live.
        judge = self._judge
        return self._guard.call(judge, Plainly(forced), reports, item, mates, forced, may_undo)

    def _judge(
        self,
        reports: Sequence[pytest.TestReport],
        item: pytest.Item,
        mates: Mates,
        forced: frozenset[int],
        may_undo: bool,
    ) -> Accept | Again | Plainly:
        """Decide about an attempt; one that somebody has heard of counts as it is."""
        restorer = self._restorer
        touched = restorer.log.take()
        if not touched and restorer.absent:
            changes = self._changes.so_far()
            kept = [] if may_undo else restorer.changed(changes)
            # A stub that the test has kept somewhere would be touched later, out of its sight.
            if self._modules.lead_to_stubs(changes, restorer.values_of(restorer.absent)):
                kept += restorer.stubs()
            if not kept and restorer.tell_stubs(self._seen.codes):
                kept = restorer.stubs()
            touched = dict.fromkeys(kept, "keep")
        keys = {restorer.key_of(place): place for place in touched}
        absent = frozenset(restorer.absent)
        if self._pending is None and not touched:
            return Accept()
        if not (touched or absent) and self._failures.is_known(item, reports):
            self._watcher.know(self._failures.producers_of(item))
            return Accept()
        if self._order.is_watching:
            self._reading_from = self._due.after(item, self._seen, self._undoing.note_seen)
            self._watcher.inherit(self._reading_from)
        has_failed = any(report.failed for report in reports)
        overtaken = self._due.overtaken(item, self._seen)
        if overtaken and self._undoing.may_cancel(item, self._seen):
            self._reading_from = [*self._reading_from, *overtaken]
        if self._reading_from:
            self._causes = []
            # Mates have to run for a failure, too: all in their order.
            return Plainly(forced) if has_failed else Again(forced)
        is_expected = any(hasattr(report, "wasxfail") and report.skipped for report in reports)
        tried = Tried(
            not has_failed and not (is_expected and absent),
            frozenset(key for key in keys if key is not None),
            absent,
            forced,
            is_doubtful=bool(self._collection.waiting) and is_in_doubt(item, reports),
        )
        if None in keys:
            tried = tried._replace(is_clean=False, touched=frozenset())
        if touched:
            self._causes = causes_of(keys, restorer.name_of)
        if tried.touched:  # or it comes to others one by one, with all before made anew
            more = absent & self._watcher.may_touch(item)
            tried = tried._replace(touched=tried.touched | more)
        if not touched:
            self._causes = [f"fixture {restorer.name_of(key)}" for key in sorted(absent)]
        step = next_step(tried)
        is_lone = isinstance(step, Plainly) and not (touched or absent)
        if is_lone and not self._undoing.may_cancel(item, self._seen):
            # What it did would be found by a second one, which is not what a plain run finds.
            self._watcher.doubt()
            return Accept()
        return step
