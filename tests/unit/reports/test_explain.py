"""Every test can be explained, alone or with its neighbours."""

from __future__ import annotations

import pytest

from pytest_cellcache.model import reasons
from pytest_cellcache.model.events import TestEvent
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports import explain_lines

EVENTS = [
    TestEvent("t/test_a.py::C::test_m", "cached", "skipped", saved_s=1.25),
    TestEvent("t/test_a.py::test_p[1]", "ran", "passed", Reason(reasons.NEW), attempts=1),
    TestEvent("t/test_a.py::test_p[2]", "ran", "passed", None, attempts=1),
    TestEvent(
        "t/test_ab.py::test_q",
        "ran",
        "failed",
        Reason(reasons.CHANGED, "file data/x.json"),
        Reason(reasons.FAILED),
        attempts=2,
        requeued_for=("a", "b", "c", "d"),
    ),
]


def test_all_tests() -> None:
    assert explain_lines(EVENTS) == [
        "t/test_a.py::C::test_m: replayed (skipped), saved 1.2 s",
        "t/test_a.py::test_p[1]: ran (passed) because no outcome is stored yet; stored",
        "t/test_a.py::test_p[2]: ran (passed); stored",
        "t/test_ab.py::test_q: ran (failed) because file data/x.json changed; "
        "requeued for a, b, c and 1 more, 2 attempts; "
        "not stored because failures are never stored",
    ]


@pytest.mark.parametrize(
    ("nodeid", "chosen"),
    [
        ("", [0, 1, 2, 3]),
        ("t", [0, 1, 2, 3]),
        ("t/", [0, 1, 2, 3]),
        ("t/test_a.py", [0, 1, 2]),
        ("t/test_a.py::C", [0]),
        ("t/test_a.py::test_p", [1, 2]),
        ("t/test_a.py::test_p[2]", [2]),
        ("test_p", [1, 2]),
        ("test_p[2]", [2]),
        ("C", [0]),
        ("test_m", [0]),
    ],
)
def test_one_node_and_what_is_below_it(nodeid: str, chosen: list[int]) -> None:
    assert explain_lines(EVENTS, nodeid) == explain_lines([EVENTS[n] for n in chosen])


def test_a_test_that_is_not_in_the_run() -> None:
    for name in ("t/test_z.py", "test_", "p", "1]", "test_p[3]"):
        assert explain_lines(EVENTS, name) == [f"{name}: no such test in this run"]


def test_no_tests_at_all() -> None:
    assert explain_lines([]) == []
