"""Runs the verdicts: replays hits, watches misses while pytest runs them.

Order of the parts for one item::

    Watcher (wrapper) opens a unit -> Replayer answers a hit, or pytest and other plugins run the
    item -> Watcher closes the unit and hands over the attempt
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import pytest

from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.items import code_of
from pytest_cellcache.hooks.replay import (
    FLAG,
    Unstorable,
    keep_warning,
    pack,
    warn_again,
)
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.record import Hit, Miss, Verdict
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.recorder import Recorder

_STORED_OUTCOMES = frozenset({"passed", "skipped"})


class Judge(Protocol):
    """What the protocol needs of the run."""

    def verdict_of(self, item: pytest.Item) -> tuple[TestFacts, Verdict]: ...

    def reports_of(
        self, item: pytest.Item
    ) -> tuple[list[pytest.TestReport], list[dict[str, Any]]]: ...

    def replayed(self, facts: TestFacts, outcome: str, saved_s: float) -> None: ...

    def ran(self, attempt: Attempt, outcome: str, reason: Reason, attempts: int) -> None: ...


class Replayer:
    """Answers hits through the ordinary report hooks."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        facts, verdict = self._judge.verdict_of(item)
        if not isinstance(verdict, Hit):
            return None
        config, hook = item.config, item.ihook
        body = verdict.entry.body
        reports, warned = self._judge.reports_of(item)
        failure = _tear_down(item, nextitem)
        if failure is not None:
            reports = [report for report in reports if report.when != "teardown"]
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for warning in warned:
            warn_again(config, item.nodeid, warning)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        if failure is not None:
            # Fixtures of live tests end here, as they would in a plain run.
            report = hook.pytest_runtest_makereport(item=item, call=failure)
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        self._judge.replayed(facts, outcome_of(reports), float(body["duration"]))
        return True


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.CallInfo[None] | None:
    """Tear down what the next item does not need; give the failed call, if it fails.

    ``_setupstate`` is private: nothing public ends fixtures without running an item. Without it the
    stack cannot hold anything of ours.
    """
    state = getattr(item.session, "_setupstate", None)
    if state is None or not getattr(state, "stack", True):
        return None
    if item.session.shouldfail or item.session.shouldstop:
        nextitem = None
    call = pytest.CallInfo.from_call(
        lambda: state.teardown_exact(nextitem),
        when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception),
    )
    return call if call.excinfo is not None else None


class _Log:
    """What one live item has reported so far."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []
        self.warned: list[dict[str, Any]] = []
        self.instances: frozenset[Instance] = frozenset()


class Watcher:
    """Traces live items and hands over how they went."""

    def __init__(
        self, judge: Judge, recorder: Recorder, fixtures: FixtureWatch, places: Places
    ) -> None:
        self._judge = judge
        self._recorder = recorder
        self._fixtures = fixtures
        self._places = places
        self._log: _Log | None = None
        self._nodeid = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        facts, verdict = self._judge.verdict_of(item)
        if isinstance(verdict, Hit):
            return (yield)
        log = self._log = _Log()
        self._nodeid = item.nodeid
        self._recorder.open_unit()
        finished = False
        try:
            result = yield
            finished = True
        finally:
            seen = self._recorder.close_unit()
            self._log = None
            if finished:
                self._hand_over(item, facts, verdict, log, seen)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._log is not None:
            self._log.instances |= self._fixtures.used_by(item)
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._log is not None and report.nodeid == self._nodeid:
            self._log.reports.append(report)

    @pytest.hookimpl
    def pytest_warning_recorded(
        self,
        warning_message: Any,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        if self._log is not None and when == "runtest" and nodeid == self._nodeid:
            kept = keep_warning(warning_message, location)
            if kept is not None:
                self._log.warned.append(kept)

    def _hand_over(
        self, item: pytest.Item, facts: TestFacts, verdict: Miss, log: _Log, seen: Observation
    ) -> None:
        result: Any = None
        barrier = facts.barrier or _barrier(log.reports, code_of(item), seen, self._places)
        if barrier is None:
            try:
                result = pack(item.config, item, log.reports, log.warned, self._places)
            except Unstorable as error:
                barrier = Reason(reasons.UNRECORDABLE, str(error))
        attempts = sum(report.when == "call" for report in log.reports)
        attempt = Attempt(
            facts,
            seen,
            log.instances,
            result,
            barrier,
            sum(report.duration for report in log.reports),
            code_of(item),
        )
        self._judge.ran(attempt, outcome_of(log.reports), verdict.reason, max(1, attempts))


def outcome_of(reports: list[pytest.TestReport]) -> str:
    """Give the one word for what the reports of a test say."""
    words = {"call": "", "setup": "", "teardown": ""}
    for report in reports:
        word = str(report.outcome)
        if hasattr(report, "wasxfail"):
            word = {"skipped": "xfailed", "passed": "xpassed"}.get(word, word)
        elif report.failed and report.when != "call":
            word = "error"
        if word != "passed" or not words.get(report.when or "call"):
            words[report.when or "call"] = word
    for phase in ("setup", "teardown"):
        if words[phase] in ("error", "skipped", "xfailed"):
            return words[phase]
    return words["call"] or "passed"


def _barrier(
    reports: list[pytest.TestReport], code: CodeRef | None, seen: Observation, places: Places
) -> Reason | None:
    """Say why what a test reported is not good news, or cannot be vouched for."""
    for report in reports:
        if report.outcome not in _STORED_OUTCOMES or hasattr(report, FLAG):
            return Reason(reasons.FAILED, str(report.outcome))
    whens = [report.when for report in reports]
    if whens.count("setup") != 1 or whens.count("teardown") != 1:
        return Reason(reasons.UNRECORDABLE, "not one set-up and one teardown")
    called = [report for report in reports if report.when == "call"]
    if called and code is not None and places.is_first_party(code.filename):
        if code not in seen.codes:
            return Reason(reasons.UNTRACED, code.name)
    return None
