"""A test that stops for a debugger is not stored: replayed, it would never stop again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

# In a module of its own name: pytest keeps the class for the whole process, by that name.
QUIET = """
    class Quiet:
        def __init__(self, **options): pass
        def set_trace(self, frame): print("<stopped in", frame.f_code.co_name + ">")
"""


@pytest.mark.parametrize("call", ["breakpoint()", "__import__('pdb').set_trace()"])
def test_it_stops_again(suite: Suite, call: str) -> None:
    suite.write("quiet_set_trace.py", QUIET)
    suite.write("test_a.py", f"def test_stops(): {call}\ndef test_other(): pass\n")
    for _ in range(2):
        ran = suite.cached("--pdbcls=quiet_set_trace:Quiet", "-s")
        assert "test_stops" in ran.names
        assert ran.text.count("<stopped in test_stops>") == 1
        unstored = ran.decisions["test_a.py::test_stops"]["unstored"]
        assert (unstored["slug"], unstored["subject"]) == ("trace-gap", "breakpoint")
    assert ran.names == ["test_stops"]


def test_another_debugger_counts_too(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write("mine.py", "def stop():\n    print('<mine>')\n")
    suite.write("test_a.py", "def test_stops(): breakpoint()\n")
    monkeypatch.setenv("PYTHONBREAKPOINT", "mine.stop")
    for _ in range(2):
        ran = suite.cached("-s")
        assert ran.names == ["test_stops"]
        assert ran.decisions["test_a.py::test_stops"]["unstored"]["subject"] == "breakpoint"
