"""What the terminal says of a run: one header line, one short section at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_cellcache.model.events import FixtureEvent, RunFacts, TestEvent, Warned
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports.explain import event_line, was_requeued
from pytest_cellcache.reports.quantities import count_text, seconds_text, size_text
from pytest_cellcache.reports.wording import words

_REASONS_SHOWN: Final = 3
_WARNINGS_SHOWN: Final = 10


def header_line(facts: RunFacts) -> str:
    """Say mode, store and tracer, and what ``--cell-cache-clear`` removed."""
    parts = [
        f"cell-cache: {facts.mode}",
        f"{size_text(facts.store_bytes)} in {facts.store_dir}",
        f"tracer {facts.tracer}",
    ]
    if facts.cleared_files is not None:
        parts.append(f"cleared {count_text(facts.cleared_files, 'file')}")
        parts.append(size_text(facts.cleared_bytes or 0))
    return ", ".join(parts)


def summary_lines(
    events: Sequence[TestEvent],
    warned: Sequence[Warned],
    fixtures: Sequence[FixtureEvent] = (),
    *,
    wall_s: float,
    verbose: int,
) -> list[str]:
    """Give the lines of the closing section, without its heading; none when nothing happened.

    Args:
        wall_s: seconds this run took; told beside the saved seconds with ``verbose > 0``.
        verbose: above 0, every test that ran gets a line of its own with its reason.
    """
    lines: list[str] = []
    live = [event for event in events if event.source == "ran"]
    if events:
        lines.append(_totals_line(events, live, wall_s=wall_s, verbose=verbose))
    if any(event.source != "ran" or event.is_stored or event.unstored for event in fixtures):
        lines.append(_fixtures_line(fixtures))
    lines += _requeued_lines(events)
    lines += _grouped((event.reason for event in live), "ran")
    lines += _grouped((event.unstored for event in live), "not stored")
    once = {(e.name, e.parameter, e.file): e.unstored for e in fixtures}
    lines += _grouped(once.values(), "fixtures not stored")
    lines += _warning_lines(warned)
    if verbose > 0:
        lines += [event_line(event) for event in live]
    return lines


def _totals_line(
    events: Sequence[TestEvent], live: Sequence[TestEvent], *, wall_s: float, verbose: int
) -> str:
    requeued = sum(was_requeued(event) for event in events)
    text = f"{len(events) - len(live)} replayed, {len(live)} run, {requeued} requeued"
    saved_s = sum(event.saved_s for event in events)
    if saved_s > 0:
        text += f"; saved about {seconds_text(saved_s)}"
        if verbose > 0:
            text += f" in a run of {seconds_text(wall_s)}"
    return text


def _fixtures_line(fixtures: Sequence[FixtureEvent]) -> str:
    counts = Counter(event.source for event in fixtures)
    text = (
        f"fixtures: {counts['restored']} restored, {counts['ran']} run, {counts['stubbed']} stubbed"
    )
    saved_s = sum(event.setup_s for event in fixtures if event.source == "restored")
    return f"{text}; saved about {seconds_text(saved_s)}" if saved_s > 0 else text


def _requeued_lines(events: Sequence[TestEvent]) -> list[str]:
    """Say for what tests were requeued, where fixtures were the cause."""
    counts = Counter(
        cause for event in events for cause in event.requeued_for if cause.startswith("fixture ")
    )
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_REASONS_SHOWN]
    return [f"{count} requeued for {cause}" for cause, count in ranked]


def _grouped(given: Iterable[Reason | None], verb: str) -> list[str]:
    """Count equal reasons, most frequent first and then by their words."""
    # By words and not by reason: two slugs may mean the same to the reader.
    counts = Counter(words(reason) for reason in given if reason is not None)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    lines = [f"{count} {verb} because {clause}" for clause, count in ranked[:_REASONS_SHOWN]]
    if len(ranked) > _REASONS_SHOWN:
        more = count_text(len(ranked) - _REASONS_SHOWN, "more reason")
        rest = sum(count for _, count in ranked[_REASONS_SHOWN:])
        lines.append(f"{rest} {verb} for {more} (see --cell-cache-explain)")
    return lines


def _warning_lines(warned: Sequence[Warned]) -> list[str]:
    counts = Counter(warned)
    lines = []
    for warning in list(counts)[:_WARNINGS_SHOWN]:
        times = f" ({counts[warning]} times)" if counts[warning] > 1 else ""
        lines.append(f"warning {warning.slug}: {warning.text}{times}")
    if len(counts) > _WARNINGS_SHOWN:
        lines.append(f"{count_text(len(counts) - _WARNINGS_SHOWN, 'more warning')}")
    return lines
