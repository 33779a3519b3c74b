"""One line per test: replayed, or run and why, and whether its outcome was stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_cellcache.model.events import FixtureEvent, TestEvent
from pytest_cellcache.reports.quantities import seconds_text
from pytest_cellcache.reports.wording import words


def explain_lines(
    events: Sequence[TestEvent],
    nodeid_or_empty: str = "",
    fixtures: Sequence[FixtureEvent] = (),
) -> list[str]:
    """Explain every test and fixture, or those at or below a node id, or of one name.

    Args:
        nodeid_or_empty: a file, a class, a test without parameters, or the name of a fixture, or of
            tests or classes whatever their file.
    """
    asked = nodeid_or_empty
    chosen = [each for each in events if _is_below(each.nodeid, asked) or _has(each.nodeid, asked)]
    made = [event for event in fixtures if nodeid_or_empty in ("", event.name, event.file)]
    if nodeid_or_empty and not chosen and not made:
        return [f"{nodeid_or_empty}: no such test in this run"]
    # Equal stories once: a fixture of a single test is set up for each.
    stories = dict.fromkeys(fixture_line(event) for event in made)
    return [*(event_line(event) for event in chosen), *stories]


def fixture_line(event: FixtureEvent) -> str:
    """Tell the whole story of one fixture instance in one line."""
    name = (
        f"fixture {event.name}[{event.parameter}]" if event.parameter else f"fixture {event.name}"
    )
    where = f"{name} ({event.file})"
    if event.source == "restored":
        return f"{where}: restored, saved {seconds_text(event.setup_s)}"
    if event.source == "stubbed":
        return f"{where}: left out, nothing live needed it"
    if event.unstored is not None:
        return f"{where}: ran; not stored because {words(event.unstored)}"
    return f"{where}: ran; {'stored' if event.is_stored else 'too fast to be worth storing'}"


def event_line(event: TestEvent) -> str:
    """Tell the whole story of one test in one line."""
    if event.source == "cached":
        return f"{event.nodeid}: replayed ({event.outcome}), saved {seconds_text(event.saved_s)}"
    why = f" because {words(event.reason)}" if event.reason else ""
    return f"{event.nodeid}: ran ({event.outcome}){why}{_attempts(event)}; {_kept(event)}"


def was_requeued(event: TestEvent) -> bool:
    """Say whether an attempt of this test was cancelled and made again."""
    return bool(event.requeued_for) or event.attempts > 1


def _attempts(event: TestEvent) -> str:
    if not was_requeued(event):
        return ""
    producers = f" for {_few(event.requeued_for)}" if event.requeued_for else ""
    return f"; requeued{producers}, {event.attempts} attempts"


def _kept(event: TestEvent) -> str:
    return f"not stored because {words(event.unstored)}" if event.unstored else "stored"


def _few(names: Iterable[str], *, at_most: int = 3) -> str:
    listed = list(names)
    more = len(listed) - at_most
    shown = ", ".join(listed[:at_most])
    return f"{shown} and {more} more" if more > 0 else shown


def _has(nodeid: str, name: str) -> bool:
    """Say whether a test is that of a name, or in a class of that name."""
    steps, _, parameters = nodeid.partition("[")
    names = steps.split("::")[1:]
    return name in names or (bool(names) and name == f"{names[-1]}[{parameters}")


def _is_below(nodeid: str, ancestor: str) -> bool:
    if not ancestor or nodeid == ancestor:
        return True
    ancestor = ancestor.rstrip("/")
    return nodeid.startswith((f"{ancestor}::", f"{ancestor}[", f"{ancestor}/"))
