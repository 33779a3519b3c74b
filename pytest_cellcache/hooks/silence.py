"""Keeps an attempt that may be cancelled from being heard: what it prints waits."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest


def may_try(item: pytest.Item) -> bool:
    """Say whether an attempt can be hidden from everybody.

    Not with a debugger, which would stop in it; not where another plugin runs items (reruns),
    as it would never see the item; not without the private request that a second attempt needs.
    """
    if getattr(item.config.option, "usepdb", False):
        return False
    if not all(hasattr(item, name) for name in ("_initrequest", "_request", "funcargs")):
        return False
    for impl in item.ihook.pytest_runtest_protocol.get_hookimpls():
        if impl.wrapper or impl.hookwrapper:
            continue
        name = getattr(impl.plugin, "__name__", type(impl.plugin).__module__)
        if name.startswith("pytest_rerunfailures"):
            if getattr(item.config.option, "reruns", None) or item.get_closest_marker("flaky"):
                return False
        elif not name.startswith(("_pytest.runner", "pytest_cellcache.")):
            return False
    return True


def is_in_doubt(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> bool:
    """Say whether a module left out may be why an item was skipped or failed as expected."""
    return item.get_closest_marker("skip") is None and any(
        report.skipped or hasattr(report, "wasxfail") for report in reports
    )


def may_hide(item: pytest.Item) -> bool:
    """Say whether all that an item does can wait for the end of its attempt.

    Not the reports of subtests, and not log lines that are shown as they come.
    """
    config = item.config
    if config.pluginmanager.has_plugin("logging") and (
        config.getini("log_cli") or getattr(config.option, "log_cli_level", None)
    ):
        return False
    if "subtests" in getattr(item, "fixturenames", ()):
        return False
    # Any ``TestCase`` may report subtests.
    return not any(kind.__module__ == "_pytest.unittest" for kind in type(item).__mro__)


class HeldOutput:
    """What an attempt printed past pytest's capture, which is off (``-s``)."""

    def __init__(self) -> None:
        self.pieces: list[tuple[Any, str]] = []

    def give_out(self) -> None:
        for stream, text in self.pieces:
            stream.write(text)
        self.pieces.clear()


class _Holder:
    """A stream whose text waits; no ``io`` class, whose end would close the real stream."""

    def __init__(self, real: Any, output: HeldOutput) -> None:
        self._real = real
        self._output = output

    def write(self, text: str) -> int:
        self._output.pieces.append((self._real, text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextlib.contextmanager
def held_output(item: pytest.Item) -> Iterator[HeldOutput]:
    """Hold what is printed, where pytest does not capture it."""
    output = HeldOutput()
    if getattr(item.config.option, "capture", "") != "no":
        yield output
        return
    streams = sys.stdout, sys.stderr
    holders: Any = [_Holder(stream, output) for stream in streams]
    sys.stdout, sys.stderr = holders
    try:
        yield output
    except BaseException:  # raised again: an interrupt must not swallow what was held
        output.give_out()
        raise
    finally:
        if [sys.stdout, sys.stderr] == holders:
            sys.stdout, sys.stderr = streams
