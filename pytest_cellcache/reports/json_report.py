"""The machine-readable report of a run.

Schema history (bump ``REPORT_SCHEMA`` when a key goes away or changes its meaning; a new key does
not count):

1. first version
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from json import dumps
from typing import Any, Final

from pytest_cellcache.model.events import FixtureEvent, RunFacts, TestEvent, Warned
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports.explain import was_requeued
from pytest_cellcache.reports.wording import words

REPORT_SCHEMA: Final = 1


def json_report(
    facts: RunFacts,
    events: Sequence[TestEvent],
    warned: Sequence[Warned],
    *,
    fixtures: Sequence[FixtureEvent] = (),
) -> dict[str, Any]:
    """Give a report of JSON values only, tests in the order of ``events``.

    A reason is ``null`` or ``{"slug", "subject", "text"}``, the text in plain words.
    """
    cleared = facts.cleared_files is not None
    return {
        "schema": REPORT_SCHEMA,
        "version": facts.version,
        "mode": facts.mode,
        "tracer": facts.tracer,
        "store": {
            "directory": facts.store_dir,
            "size_bytes": facts.store_bytes,
            "cleared_files": facts.cleared_files,
            "cleared_bytes": (facts.cleared_bytes or 0) if cleared else None,
        },
        "totals": _totals(events, warned, fixtures),
        "tests": [_test(event) for event in events],
        "fixtures": [_fixture(event) for event in fixtures],
        "warnings": [{"slug": warning.slug, "text": warning.text} for warning in warned],
    }


def render_json(
    facts: RunFacts,
    events: Sequence[TestEvent],
    warned: Sequence[Warned],
    *,
    fixtures: Sequence[FixtureEvent] = (),
) -> str:
    """Write ``json_report`` as pure ASCII text with a closing newline."""
    # ASCII, because node ids may hold lone surrogates, which no encoding would write.
    return dumps(json_report(facts, events, warned, fixtures=fixtures), indent=1) + "\n"


def _test(event: TestEvent) -> dict[str, Any]:
    return event.to_json() | {
        "reason": _reason(event.reason),
        "unstored": _reason(event.unstored),
    }


def _fixture(event: FixtureEvent) -> dict[str, Any]:
    return event.to_json() | {
        "reason": _reason(event.reason),
        "unstored": _reason(event.unstored),
    }


def _reason(reason: Reason | None) -> dict[str, str] | None:
    if reason is None:
        return None
    return {"slug": reason.slug, "subject": reason.subject, "text": words(reason)}


def _totals(
    events: Sequence[TestEvent],
    warned: Sequence[Warned],
    fixtures: Sequence[FixtureEvent],
) -> dict[str, Any]:
    cached = sum(event.source == "cached" for event in events)
    return {
        "tests": len(events),
        "cached": cached,
        "ran": len(events) - cached,
        "requeued": sum(was_requeued(event) for event in events),
        "unstored": sum(event.unstored is not None for event in events),
        "saved_s": sum(event.saved_s for event in events),
        "outcomes": dict(sorted(Counter(event.outcome for event in events).items())),
        "fixtures": len(fixtures),
        "fixtures_restored": sum(event.source == "restored" for event in fixtures),
        "fixtures_ran": sum(event.source == "ran" for event in fixtures),
        "fixtures_stubbed": sum(event.source == "stubbed" for event in fixtures),
        "warnings": len(warned),
    }
