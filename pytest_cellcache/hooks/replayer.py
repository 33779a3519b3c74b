"""Answers hits: their stored reports go through the hooks that reports of live tests go through."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from pytest_cellcache.hooks.attempts import ItemRequest
from pytest_cellcache.hooks.endings import Endings
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.outcome import outcome_of
from pytest_cellcache.hooks.outline import outline_of
from pytest_cellcache.hooks.replay import warn_again
from pytest_cellcache.hooks.reporting import make_report
from pytest_cellcache.hooks.requeue import Requeuer
from pytest_cellcache.hooks.scopes import with_other_parameters
from pytest_cellcache.lifecycle.units import TestFacts
from pytest_cellcache.model.record import Hit, Verdict

Answer = tuple[list[pytest.TestReport], list[dict[str, Any]]]
"""Reports and kept warnings."""


class Answers(Protocol):
    """What replaying needs of the run."""

    def verdict_of(self, item: pytest.Item) -> tuple[TestFacts, Verdict]: ...

    def reports_of(self, item: pytest.Item) -> Answer: ...

    def replayed(self, item: pytest.Item, outcome: str, saved_s: float) -> None: ...


class Replayer:
    """Reports a hit instead of running it, and ends what the item before left standing."""

    def __init__(
        self, answers: Answers, requeuer: Requeuer, fixtures: FixtureWatch, guard: Guard
    ) -> None:
        self._answers = answers
        self._fixtures = fixtures
        self._endings = fixtures.endings
        self._requeuer = requeuer
        self._guard = guard

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        answer = self._guard.call(self._answer, None, item)
        if answer is None:
            outline = outline_of(item)
            if outline is not None:  # our own failure: the run goes on without the cache
                outline.hydrate()
            return None
        (reports, warned), saved_s = answer
        hook = item.ihook
        failed = self._guard.call(self._set_up, None, item, reports)
        if failed is not None:
            broken = make_report(self._guard, item, failed)
            reports = [broken, *(report for report in reports if report.when == "teardown")]
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for warning in warned:
            warn_again(item.config, item.nodeid, warning)
        for report in reports:
            if report.when != "teardown":
                hook.pytest_runtest_logreport(report=report)
        failure = _tear_down(item, nextitem, self._endings)
        if failure is not None:
            # Fixtures of live tests end here, as they would in a plain run.
            ending = make_report(self._guard, item, failure)
            reports = [*(report for report in reports if report.when != "teardown"), ending]
        for report in reports:
            if report.when == "teardown":
                hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        outcome = outcome_of(reports)
        self._requeuer.note_replay(item, outcome)
        self._guard.call(self._answers.replayed, None, item, outcome, saved_s)
        return True

    def _answer(self, item: pytest.Item) -> tuple[Answer, float] | None:
        _, verdict = self._answers.verdict_of(item)
        if not isinstance(verdict, Hit):
            return None
        return self._answers.reports_of(item), float(verdict.entry.body["duration"])

    def _set_up(
        self, item: pytest.Item, reports: list[pytest.TestReport]
    ) -> pytest.CallInfo[None] | None:
        """Do what setting an item up would do to the fixtures of live tests.

        Those that it needs with another parameter end. One whose set-up a warning has ended, by the
        filters of the test that came first, fails for everybody.

        Returns:
            The call that failed, if one did.
        """
        is_set_up = bool(reports) and reports[0].when == "setup" and reports[0].passed
        alive = self._fixtures.definitions() if is_set_up and hasattr(item, "_initrequest") else ()
        warned = self._fixtures.warned_for(item) if is_set_up else None
        if warned is not None or not with_other_parameters(item, alive):
            return warned
        with ItemRequest(item):
            return self._fixtures.end_others(item)


def _tear_down(
    item: pytest.Item, nextitem: pytest.Item | None, endings: Endings
) -> pytest.CallInfo[None] | None:
    """Tear down what the next item does not need; give the failed call, if it fails.

    ``_setupstate`` is private: nothing public ends fixtures without running an item. Where it is
    missing no item is a hit.
    """
    state: Any = item.session._setupstate  # type: ignore[attr-defined,unused-ignore]
    if not getattr(state, "stack", True):
        return None
    if item.session.shouldfail or item.session.shouldstop:
        nextitem = None
    late = endings.take(item, nextitem)

    def end() -> None:
        state.teardown_exact(nextitem)
        if late is not None:
            raise late

    call = pytest.CallInfo.from_call(
        end,
        when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception),
    )
    return call if call.excinfo is not None else None
