"""The report is plain JSON under a versioned schema."""

from __future__ import annotations

import json

from pytest_cellcache.model import reasons
from pytest_cellcache.model.events import FixtureEvent, RunFacts, TestEvent, Warned
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports import json_report, render_json
from pytest_cellcache.reports.wording import words

FACTS = RunFacts("0.1.0", "auto", ".pytest_cache/d/cellcache", "profile", store_bytes=10)
EVENTS = (
    TestEvent("a.py::test_c", "cached", "passed", saved_s=1.5),
    TestEvent(
        "a.py::test_r[\udc80]",
        "ran",
        "failed",
        Reason(reasons.CHANGED, "env HOME"),
        Reason(reasons.FAILED),
        attempts=2,
        requeued_for=("a.py::test_c",),
    ),
)
WARNED = (Warned("store-corrupt", "a.json is cut off"),)
FIXTURE = FixtureEvent(
    "db", "1", "conftest.py", "ran", unstored=Reason(reasons.EFFECT, "module lib"), setup_s=0.5
)


def test_the_whole_report() -> None:
    assert json_report(FACTS, EVENTS, WARNED, fixtures=(FIXTURE,)) == {
        "schema": 1,
        "version": "0.1.0",
        "mode": "auto",
        "tracer": "profile",
        "store": {
            "directory": ".pytest_cache/d/cellcache",
            "size_bytes": 10,
            "cleared_files": None,
            "cleared_bytes": None,
        },
        "totals": {
            "tests": 2,
            "cached": 1,
            "ran": 1,
            "requeued": 1,
            "unstored": 1,
            "saved_s": 1.5,
            "outcomes": {"failed": 1, "passed": 1},
            "fixtures": 1,
            "fixtures_restored": 0,
            "fixtures_ran": 1,
            "fixtures_stubbed": 0,
            "warnings": 1,
        },
        "tests": [
            {
                "nodeid": "a.py::test_c",
                "source": "cached",
                "outcome": "passed",
                "reason": None,
                "unstored": None,
                "attempts": 0,
                "requeued_for": [],
                "saved_s": 1.5,
            },
            {
                "nodeid": "a.py::test_r[\udc80]",
                "source": "ran",
                "outcome": "failed",
                "reason": {
                    "slug": "changed",
                    "subject": "env HOME",
                    "text": "environment variable HOME changed",
                },
                "unstored": {
                    "slug": "failed",
                    "subject": "",
                    "text": "failures are never stored",
                },
                "attempts": 2,
                "requeued_for": ["a.py::test_c"],
                "saved_s": 0.0,
            },
        ],
        "fixtures": [
            {
                "name": "db",
                "parameter": "1",
                "file": "conftest.py",
                "source": "ran",
                "reason": None,
                "unstored": {
                    "slug": "effect",
                    "subject": "module lib",
                    "text": words(Reason(reasons.EFFECT, "module lib")),
                },
                "setup_s": 0.5,
                "is_stored": False,
            }
        ],
        "warnings": [{"slug": "store-corrupt", "text": "a.json is cut off"}],
    }


def test_rendered_text_is_ascii_and_reads_back_equal() -> None:
    text = render_json(FACTS, EVENTS, WARNED, fixtures=(FIXTURE,))
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text) == json_report(FACTS, EVENTS, WARNED, fixtures=(FIXTURE,))


def test_an_empty_run_has_every_key() -> None:
    empty, full = json_report(FACTS, (), ()), json_report(FACTS, EVENTS, WARNED)
    assert empty.keys() == full.keys()
    assert empty["totals"].keys() == full["totals"].keys()
    assert empty["tests"] == empty["fixtures"] == empty["warnings"] == []


def test_a_cleared_store_is_told() -> None:
    facts = RunFacts("0.1.0", "auto", "x", "profile", cleared_files=0)
    assert json_report(facts, (), ())["store"]["cleared_bytes"] == 0
