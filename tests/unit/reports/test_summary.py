"""The terminal gets one header line and one short section, and nothing for what did not happen."""

from __future__ import annotations

from typing import Any

from pytest_cellcache.model import reasons
from pytest_cellcache.model.events import RunFacts, TestEvent, Warned
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports import header_line, summary_lines

BODY_CHANGED = Reason(reasons.CHANGED, "body src/a.py::f")


def ran(name: str, reason: Reason | None = BODY_CHANGED, **more: Any) -> TestEvent:
    outcome = more.pop("outcome", "passed")
    return TestEvent(f"test_a.py::{name}", "ran", outcome, reason, attempts=1, **more)


def cached(name: str, saved_s: float = 0.0) -> TestEvent:
    return TestEvent(f"test_a.py::{name}", "cached", "passed", saved_s=saved_s)


def lines(
    *events: TestEvent, warned: tuple[Warned, ...] = (), wall_s: float = 1.7, verbose: int = 0
) -> list[str]:
    return summary_lines(events, warned, wall_s=wall_s, verbose=verbose)


class TestHeader:
    FACTS: dict[str, Any] = {  # noqa: RUF012 - never changed
        "version": "0.1.0",
        "mode": "auto",
        "store_dir": ".pytest_cache/d/cellcache",
        "tracer": "monitoring",
        "store_bytes": 1258291,
    }

    def test_mode_store_and_tracer(self) -> None:
        assert header_line(RunFacts(**self.FACTS)) == (
            "cell-cache: auto, 1.2 MB in .pytest_cache/d/cellcache, tracer monitoring"
        )

    def test_what_was_cleared(self) -> None:
        facts = RunFacts(**self.FACTS, cleared_files=12, cleared_bytes=1024**2)
        assert header_line(facts).endswith(", tracer monitoring, cleared 12 files, 1.0 MB")

    def test_clearing_an_empty_store_is_told_too(self) -> None:
        facts = RunFacts(**self.FACTS, cleared_files=0, cleared_bytes=0)
        assert header_line(facts).endswith(", cleared 0 files, 0 B")


class TestSummary:
    def test_nothing_happened(self) -> None:
        assert lines() == []

    def test_only_replayed_tests_give_one_line(self) -> None:
        assert lines(cached("a", 10), cached("b", 2.34)) == [
            "2 replayed, 0 run, 0 requeued; saved about 12.3 s"
        ]

    def test_reasons_are_counted_most_frequent_first(self) -> None:
        assert lines(ran("a", Reason(reasons.NEW)), ran("b"), ran("c"), cached("d", 1)) == [
            "1 replayed, 3 run, 0 requeued; saved about 1.0 s",
            "2 ran because the body of src/a.py::f changed",
            "1 ran because no outcome is stored yet",
        ]

    def test_reasons_beyond_three_are_only_counted(self) -> None:
        events = [
            ran(f"t{n}{twice}", Reason(reasons.CHANGED, f"env V{n}"))
            for n in range(5)
            for twice in "ab"
        ]
        assert lines(*events)[1:] == [
            "2 ran because environment variable V0 changed",
            "2 ran because environment variable V1 changed",
            "2 ran because environment variable V2 changed",
            "4 ran for 2 more reasons (see --cell-cache-explain)",
        ]

    def test_what_was_not_stored(self) -> None:
        unstored = Reason(reasons.NETWORK, "example.org")
        assert lines(ran("a", unstored=unstored), ran("b", unstored=unstored), ran("c"))[1:] == [
            "3 ran because the body of src/a.py::f changed",
            "2 not stored because it used the network (example.org)",
        ]

    def test_requeued_tests_are_counted(self) -> None:
        assert lines(ran("a", requeued_for=("fixture db",)))[0] == "0 replayed, 1 run, 1 requeued"

    def test_warnings_name_their_slug_and_are_not_repeated(self) -> None:
        warned = (
            Warned("store-corrupt", "a.json is cut off; ignored"),
            Warned("store-locked", "no compaction"),
            Warned("store-corrupt", "a.json is cut off; ignored"),
        )
        assert lines(warned=warned) == [
            "warning store-corrupt: a.json is cut off; ignored (2 times)",
            "warning store-locked: no compaction",
        ]

    def test_the_number_of_warnings_is_bounded(self) -> None:
        said = lines(warned=tuple(Warned("store-corrupt", f"file {n}") for n in range(50)))
        assert len(said) == 11
        assert said[-1] == "40 more warnings"

    def test_verbose_gives_live_tests_a_line_and_replayed_ones_none(self) -> None:
        failed = ran("b", outcome="failed", unstored=Reason(reasons.FAILED))
        said = lines(cached("a", 3), failed, verbose=1)
        assert said[0] == "1 replayed, 1 run, 0 requeued; saved about 3.0 s in a run of 1.7 s"
        assert said[-1] == (
            "test_a.py::b: ran (failed) because the body of src/a.py::f changed; "
            "not stored because failures are never stored"
        )
        assert not any("test_a.py::a:" in line for line in said)
