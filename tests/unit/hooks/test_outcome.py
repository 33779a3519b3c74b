"""The one word for what the reports of a test say."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.hooks.outcome import outcome_of


def report(when: Any, outcome: Any, wasxfail: str | None = None) -> pytest.TestReport:
    made = pytest.TestReport("n", ("f", 1, "n"), {}, outcome, None, when)
    if wasxfail is not None:
        made.wasxfail = wasxfail
    return made


@pytest.mark.parametrize(
    ("reports", "word"),
    [
        ("setup:passed call:passed teardown:passed", "passed"),
        ("setup:passed call:failed teardown:passed", "failed"),
        ("setup:failed teardown:passed", "error"),
        ("setup:passed call:passed teardown:failed", "error"),
        ("setup:skipped teardown:passed", "skipped"),
        ("setup:skipped teardown:failed", "error"),
        ("setup:passed call:skipped teardown:passed", "skipped"),
        ("setup:passed call:passed call:failed call:passed teardown:passed", "failed"),
        ("setup:passed call:xfailed teardown:passed", "xfailed"),
        ("setup:passed call:xpassed teardown:passed", "xpassed"),
    ],
)
def test_outcome(reports: str, word: str) -> None:
    made = []
    for text in reports.split():
        when, _, outcome = text.partition(":")
        real = {"xfailed": "skipped", "xpassed": "passed"}.get(outcome)
        made.append(report(when, real or outcome, "why" if real else None))
    assert outcome_of(made) == word
