"""Says what the reports of a test amount to, and whether that is good news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from pytest_cellcache.hooks.replay import FLAG
from pytest_cellcache.model import reasons
from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.sources.places import Places

_STORED: Final = frozenset({"passed", "skipped"})
"""What pytest calls a report of a pass, a skip, an expected failure or an unexpected pass."""


def outcome_of(reports: Sequence[pytest.TestReport]) -> str:
    """Give the one word for what the reports of a test say."""
    words = {"call": "", "setup": "", "teardown": ""}
    for report in reports:
        word = str(report.outcome)
        if hasattr(report, "wasxfail"):
            word = {"skipped": "xfailed", "passed": "xpassed"}.get(word, word)
        elif report.failed and report.when != "call":
            word = "error"
        # Reports of subtests have the phase of their test, and a failed one fails it.
        if words.get(report.when or "call") in ("", "passed"):
            words[report.when or "call"] = word
    if "error" in words.values():
        return "error"
    if words["setup"] in ("skipped", "xfailed"):
        return words["setup"]
    if words["teardown"] in ("skipped", "xfailed") and words["call"] != "failed":
        return words["teardown"]
    return words["call"] or "passed"


def barrier_of_reports(
    reports: Sequence[pytest.TestReport],
    code: CodeRef | None,
    seen: Observation,
    places: Places,
) -> Reason | None:
    """Say why what a test reported is not good news, or cannot be vouched for."""
    for report in reports:
        if report.outcome not in _STORED:
            return Reason(reasons.FAILED)
        if hasattr(report, FLAG):
            return Reason(reasons.UNRECORDABLE, "replayed by another run")
    whens = [report.when for report in reports]
    if whens.count("setup") != 1 or whens.count("teardown") != 1:
        return Reason(reasons.UNRECORDABLE, "not one set-up and one teardown")
    if code is None or code in seen.codes or not places.is_first_party(code.filename):
        return None
    for report in reports:
        # ``unittest.skip`` answers a call before the function is reached.
        has_run = report.outcome != "skipped" or hasattr(report, "wasxfail")
        if report.when == "call" and has_run:
            return Reason(reasons.UNTRACED, code.name)
    return None
