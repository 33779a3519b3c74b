"""Keeps the reports of a test as JSON and gives them out again as if it had run.

A plain pass (no output, no properties, nothing added by a plugin) is kept as three durations; any
other report goes through pytest's own serialisation hooks, the ones xdist uses, so that subtests
and reports of plugins come back as they were.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from json import dumps, loads
from typing import Any, Final, Literal

import pytest

from pytest_cellcache.sources.places import Places

FLAG: Final = "cell_cache"
"""Attribute of replayed reports; survives xdist."""

_PLAIN_FIELDS: Final = frozenset(
    "nodeid _id location keywords outcome longrepr when sections user_properties duration start "
    "stop".split()
)
_PHASES: Final[tuple[Literal["setup", "call", "teardown"], ...]] = ("setup", "call", "teardown")
_FROM_ITEM: Final = ("nodeid", "location", "keywords")
_ROOT_MARK: Final = "\x00root\x00"


class Unstorable(Exception):
    """A report holds something that JSON cannot."""


Warning_ = dict[str, Any]


def pack(
    config: pytest.Config,
    item: pytest.Item,
    reports: Sequence[pytest.TestReport],
    warned: Sequence[Warning_],
    places: Places,
) -> Any:
    """Give the JSON form of what a test reported.

    Raises:
        Unstorable: a report cannot be kept.
    """
    if not warned and len(reports) == 3 and all(_is_plain(report) for report in reports):
        return [round(report.duration, 6) for report in reports]
    rows = []
    for report in reports:
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        if data is None:
            raise Unstorable(type(report).__name__)
        for name in _FROM_ITEM:
            data.pop(name, None)
        data["longrepr"] = _relocate(data.get("longrepr"), item, -1)
        rows.append(data)
    try:
        text = dumps({"reports": rows, "warnings": list(warned)})
    except (TypeError, ValueError, RecursionError) as error:
        raise Unstorable(str(error)) from error
    return loads(text.replace(_root_text(places), _mark_text()))


def unpack(
    config: pytest.Config, item: pytest.Item, stored: Any, places: Places
) -> tuple[list[pytest.TestReport], list[Warning_]]:
    """Make the reports again, for the item as it is now.

    Raises:
        KeyError, TypeError, ValueError: ``stored`` is not what ``pack`` gave.
    """
    keywords: dict[str, Literal[1]] = dict.fromkeys(item.keywords, 1)
    if isinstance(stored, list):
        return [
            _flagged(
                pytest.TestReport(
                    item.nodeid,
                    item.location,
                    keywords,
                    "passed",
                    None,
                    when,
                    duration=float(duration),
                )
            )
            for when, duration in zip(_PHASES, stored, strict=True)
        ], []
    data = loads(dumps(stored).replace(_mark_text(), _root_text(places)))
    reports = []
    for row in data["reports"]:
        row |= {"nodeid": item.nodeid, "location": item.location, "keywords": keywords}
        row["longrepr"] = _relocate(row["longrepr"], item, 1)
        row["user_properties"] = [tuple(pair) for pair in row.get("user_properties", ())]
        row["sections"] = [tuple(pair) for pair in row.get("sections", ())]
        report = config.hook.pytest_report_from_serializable(config=config, data=row)
        if report is None:
            raise ValueError("no plugin knows this report any more")
        reports.append(_flagged(report))
    return reports, data["warnings"]


def keep_warning(
    message: warnings.WarningMessage, location: tuple[str, int, str] | None
) -> Warning_ | None:
    """Give the JSON form of a warning; ``None`` when it is not one of text only."""
    category = message.category
    return {
        "module": category.__module__,
        "name": category.__qualname__,
        "text": str(message.message),
        "filename": message.filename,
        "lineno": message.lineno,
        "location": list(location) if location else None,
    }


def warn_again(
    config: pytest.Config, nodeid: str, stored: Warning_, *, when: str = "runtest"
) -> None:
    """Report a kept warning through pytest's hook."""
    category = category_of(stored["module"], stored["name"])
    try:
        message: Warning = category(stored["text"])
    except TypeError:  # its constructor wants something else
        category = type(category.__name__, (UserWarning,), {})
        message = category(stored["text"])
    location = stored["location"]
    config.hook.pytest_warning_recorded.call_historic(
        kwargs={
            "warning_message": warnings.WarningMessage(
                message, category, stored["filename"], stored["lineno"]
            ),
            "when": when,
            "nodeid": nodeid,
            "location": tuple(location) if location else None,
        }
    )


def warning_log() -> Any:
    """Give the list that warnings are recorded in, ``None`` if it is hidden.

    ``warnings.catch_warnings(record=True)`` puts the ``append`` of its list in this private place.
    """
    sink = getattr(warnings, "_showwarnmsg_impl", None)
    log = getattr(sink, "__self__", None)
    return log if isinstance(log, list) else None


def category_of(module: str, name: str) -> type[Warning]:
    """Find a class of warnings; one that is gone is made again."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, Warning):
        return found
    return type(name.rpartition(".")[2], (UserWarning,), {})


def _flagged(report: pytest.TestReport) -> pytest.TestReport:
    setattr(report, FLAG, "cached")
    return report


def _is_plain(report: pytest.TestReport) -> bool:
    return (
        type(report) is pytest.TestReport
        and report.outcome == "passed"
        and report.longrepr is None
        and not report.sections
        and not report.user_properties
        and vars(report).keys() <= _PLAIN_FIELDS
    )


def _relocate(longrepr: Any, item: pytest.Item, sign: int) -> Any:
    """Keep the line of a skip relative to its test, which may move within its file.

    ``sign`` is -1 for keeping and 1 for giving out.
    """
    if isinstance(longrepr, (tuple, list)) and len(longrepr) == 3:
        path, line, reason = longrepr
        start = item.location[1]
        if isinstance(line, int) and start is not None and str(path) == str(item.path):
            line += sign * start
        return (path, line, reason)
    return longrepr


def _root_text(places: Places) -> str:
    return dumps(places.root + "/")[1:-1]


def _mark_text() -> str:
    return dumps(_ROOT_MARK)[1:-1]
