"""What a run says: header, words of replayed tests, summary, report file; xdist workers' too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.coverage import is_measured
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.replay import FLAG
from pytest_cellcache.hooks.run import Run
from pytest_cellcache.model.events import FixtureEvent, RunFacts, TestEvent, Warned
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.reports import (
    explain_lines,
    header_line,
    render_json,
    show_lines,
    summary_lines,
)

_OUTPUT: Final = "cellcache"


class WorkerOutput:
    """In an xdist worker: hands what happened to the controller."""

    def __init__(self, config: Any, run: Run, guard: Guard) -> None:
        self._config = config
        self._run = run
        self._guard = guard

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Any:
        # Outside of the run's own wrapper, which is registered later; inside of xdist's, which
        # sends the output.
        result = yield
        self._config.workeroutput[_OUTPUT] = {
            "events": [event.to_json() for event in self._run.events],
            "fixtures": [event.to_json() for event in self._run.fixtures],
            "warned": [[warned.slug, warned.text] for warned in self._guard.warned],
        }
        return result


class Terminal:
    """Reports of the process that the user looks at."""

    def __init__(self, settings: Settings, facts: RunFacts, run: Run, guard: Guard) -> None:
        self._settings = settings
        self._facts = facts
        self._run = run
        self._guard = guard
        self._remote: list[TestEvent] = []
        self._remote_fixtures: list[FixtureEvent] = []
        self._is_summing_up = False
        self._began_s = time.monotonic()

    def _events(self) -> list[TestEvent]:
        return [*self._run.events, *self._remote]

    def _fixtures(self) -> list[FixtureEvent]:
        return [*self._run.fixtures, *self._remote_fixtures]

    def pytest_report_header(self) -> str | None:
        return self._guard.call(header_line, None, self._facts)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: Any) -> Any:
        status = yield
        # The short summary is read by programs and groups equal lines: plain words there.
        if self._guard.is_off or self._is_summing_up or not isinstance(status, tuple):
            return status
        if getattr(report, FLAG, None) is None or len(status) != 3:
            return status
        category, letter, word = status
        if isinstance(word, str) and word:
            word = f"{word} (cached)"
        elif isinstance(word, tuple) and word and word[0]:
            word = (f"{word[0]} (cached)", *word[1:])
        return category, letter, word

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if output:
            self._guard.call(self._merge, None, output)

    def _merge(self, output: dict[str, Any]) -> None:
        self._remote += [TestEvent.from_json(event) for event in output["events"]]
        self._remote_fixtures += [FixtureEvent.from_json(e) for e in output["fixtures"]]
        for slug, text in output["warned"]:
            self._guard.warn(Warned(slug, text))

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        self._is_summing_up = True
        # A guard of its own: that of the run may be off, which is what has to be said.
        guard = Guard()
        if self._settings.report:
            path = Path(config.invocation_params.dir) / self._settings.report
            guard.call(self._write_report, None, path)
        lines = guard.call(self._lines, None, config)
        if lines is None:
            lines = [f"warning {warned.slug}: {warned.text}" for warned in guard.warned]
        if lines:
            terminalreporter.section("cell cache", sep="=", bold=True)
            for line in lines:
                terminalreporter.line(line)

    def _lines(self, config: pytest.Config) -> list[str]:
        events = self._events()
        wall_s = time.monotonic() - self._began_s
        lines = summary_lines(
            events,
            self._guard.warned,
            self._fixtures(),
            wall_s=wall_s,
            verbose=config.get_verbosity(),
        )
        if is_measured(config) and any(event.source == "cached" for event in events):
            lines.append("coverage is that of the tests that ran")
        if self._settings.explain is not None:
            lines += explain_lines(events, self._settings.explain, self._fixtures())
        return lines

    def _write_report(self, path: Path) -> None:
        events = self._events()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = render_json(self._facts, events, self._guard.warned, fixtures=self._fixtures())
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            text = f"cannot write {path}: {error}; choose another --cell-cache-report"
            self._guard.warn(Warned("report-unwritable", text))


class ClearedOnly:
    """``--cell-cache-clear`` without the cache: says what was removed."""

    def __init__(self, facts: RunFacts) -> None:
        self._facts = facts

    def pytest_report_header(self) -> str:
        return header_line(self._facts)


def show_store(config: pytest.Config, groups: Any, size_bytes: int) -> None:
    """Print what a store holds."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for line in show_lines(groups, size_bytes):
        if terminal is not None:
            terminal.line(line)
        else:
            print(line)
