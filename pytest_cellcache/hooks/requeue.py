"""Runs a test that failed again, with everything that was left out before it done for real.

::

    live item after replayed mates,
    or while modules are left out    -> trial, unreported -> clean: report it
                                                          -> failed: import the modules, run the
                                                             mates, unreported, then leave the
                                                             item to pytest
                                                          -> skipped, failed as expected: import the
                                                             modules, if any, and try again

A failure is so seen in the state that a plain run would have made. It happens once for a module:
then its mates have run. Mates are tests of its module that were replayed.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from pytest_cellcache.hooks.collection import Collection
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.outline import outline_of
from pytest_cellcache.hooks.protocol import Watcher
from pytest_cellcache.model.events import Warned

_Phase = Literal["setup", "call", "teardown"]
_INTERRUPTS: Final = (KeyboardInterrupt, pytest.exit.Exception)


class Requeuer:
    """Tries live items that something was left out before."""

    def __init__(
        self, watcher: Watcher, fixtures: FixtureWatch, collection: Collection, guard: Guard
    ) -> None:
        self._watcher = watcher
        self._collection = collection
        self._fixtures = fixtures
        self._guard = guard
        self._replayed: dict[Path, list[tuple[pytest.Item, str]]] = {}
        self._confirmed: set[Path] = set()
        self._trying: pytest.Item | None = None
        self._pending: list[pytest.TestReport] | None = None
        self._has_failed = False

    def note_replay(self, item: pytest.Item, outcome: str) -> None:
        """Count an item among those that a later failure of its module is requeued for."""
        if item.path not in self._confirmed:
            self._replayed.setdefault(item.path, []).append((item, outcome))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        mates = self._replayed.get(item.path, [])
        modules = [outline.module.nodeid for outline in self._collection.waiting]
        if not (mates or modules) or self._guard.is_off or self._watcher.log is None:
            return None
        if not self._may_try(item):
            self._guard.call(self._collection.hydrate_all, False)
            return None
        state = _ItemState(item)
        with warnings.catch_warnings(record=True) as caught:
            # Something with the same parents, which stay.
            reports = self._try(item, nextitem, mates[0][0] if mates else copy.copy(item))
        if reports is None:
            state.restore()
            log = self._watcher.log
            log.requeued_for += tuple(modules)
            self._guard.call(self._collection.hydrate_all, False)
            if not self._has_failed:
                log.is_clean = True
                return self.pytest_runtest_protocol(item, nextitem)
            self._replayed.pop(item.path, None)
            self._confirmed.add(item.path)
            self._run_mates(mates, item)
            log.is_clean = True
            log.requeued_for += tuple(mate.nodeid for mate, _ in mates)
            return None
        for warning in caught:
            # Into the log of pytest's own ``catch_warnings``, which reports it.
            warnings.showwarning(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        hook = item.ihook
        if self._pending is not None:
            hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            reports = [*self._pending, *reports]
            self._pending = None
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Give up silence when a subtest reports itself: what came before goes first."""
        item, pending = self._trying, self._pending
        if item is not None and pending is not None and report.nodeid == item.nodeid:
            self._pending = None
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for earlier in pending:
                item.ihook.pytest_runtest_logreport(report=earlier)

    def _may_try(self, item: pytest.Item) -> bool:
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

    def _try(
        self, item: pytest.Item, nextitem: pytest.Item | None, mate: pytest.Item
    ) -> list[pytest.TestReport] | None:
        """Run an item, report nothing unless it does so itself.

        Returns:
            The reports that follow those in ``_pending``; ``None`` when it failed in silence.
        """
        self._trying, self._pending = item, []
        try:
            with _Request(item):
                setup = _report(item, "setup")
                self._pending.append(setup)
                reports = [_report(item, "call")] if setup.passed else []
                self._has_failed = any(report.failed for report in (setup, *reports))
                if self._pending is not None and (
                    self._has_failed or self._is_in_doubt(item, (setup, *reports))
                ):
                    # The mate's parents are those that stay.
                    _call(item, "teardown", nextitem=mate)
                    self._forget_failures(item)
                    self._pending = None
                    return None
                if item.session.shouldfail or item.session.shouldstop:
                    nextitem = None
                reports.append(_report(item, "teardown", nextitem=nextitem))
            return reports
        except BaseException:  # raised again; an interrupt leaves nothing pending either
            self._pending = None
            raise
        finally:
            self._trying = None

    def _is_in_doubt(self, item: pytest.Item, reports: Sequence[pytest.TestReport]) -> bool:
        """Say whether something left out may be why an item was skipped or failed as expected."""
        return (
            bool(self._collection.waiting)
            and item.get_closest_marker("skip") is None
            and any(report.skipped or hasattr(report, "wasxfail") for report in reports)
        )

    def _forget_failures(self, item: pytest.Item) -> None:
        """End fixtures that raised, so that they are set up again."""
        for definition in self._fixtures.raised_definitions():
            request: Any = getattr(item, "_request", None)
            pytest.CallInfo.from_call(
                lambda finish=definition.finish, request=request: finish(request),  # type: ignore[misc]
                when="teardown",
                reraise=_INTERRUPTS,
            )
            definition.cached_result = None

    def _run_mates(self, mates: Sequence[tuple[pytest.Item, str]], item: pytest.Item) -> None:
        following = [*(mate for mate, _ in mates), item][1:]
        with warnings.catch_warnings(record=True):
            for (mate, outcome), nextitem in zip(mates, following, strict=True):
                outline = outline_of(mate)
                if outline is not None:
                    outline.hydrate()
                with _Request(mate):
                    calls = [_call(mate, "setup")]
                    if calls[0].excinfo is None:
                        calls.append(_call(mate, "call"))
                    calls.append(_call(mate, "teardown", nextitem=nextitem))
                if outcome == "passed" and any(call.excinfo is not None for call in calls):
                    text = (
                        f"{mate.nodeid} was replayed as passed and failed when it was run for "
                        f"{item.nodeid}: something that it rests on is not tracked. Please report "
                        "it; --cell-cache-mode=refresh runs everything anew."
                    )
                    self._guard.warn(Warned("replay-contradicted", text))


class _Request:
    """Gives an item the request of one attempt, as ``_pytest.runner.runtestprotocol`` does.

    ``_request``, ``_initrequest`` and ``funcargs`` are private; who enters has made sure of them.
    """

    def __init__(self, item: Any) -> None:
        self._item = item

    def __enter__(self) -> None:
        if not self._item._request:
            self._item._initrequest()

    def __exit__(self, *_: object) -> None:
        self._item._request = False
        self._item.funcargs = None


class _ItemState:
    """What an attempt may leave on its item."""

    def __init__(self, item: Any) -> None:
        self._item = item
        self._lists = {
            name: list(getattr(item, name))
            for name in ("own_markers", "user_properties", "_report_sections")
            if isinstance(getattr(item, name, None), list)
        }
        self._dicts = [
            (held, dict(held))
            for held in (
                getattr(item.keywords, "_markers", None),
                getattr(item.stash, "_storage", None),
            )
            if isinstance(held, dict)
        ]

    def restore(self) -> None:
        item = self._item
        for name, saved in self._lists.items():
            getattr(item, name)[:] = saved
        for held, saved_items in self._dicts:
            held.clear()
            held.update(saved_items)
        if isinstance(item.parent, pytest.Class):
            # A fresh instance of the class, and a method bound to it.
            vars(item).pop("_instance", None)
            vars(item).pop("_obj", None)
            item.obj  # noqa: B018  # made now: unittest's teardown takes it for granted
        vars(item).pop("_excinfo", None)  # unittest; None is the default of its class


def _call(item: pytest.Item, when: _Phase, **arguments: Any) -> pytest.CallInfo[None]:
    run: Callable[..., Any] = getattr(item.ihook, f"pytest_runtest_{when}")
    return pytest.CallInfo.from_call(
        lambda: run(item=item, **arguments), when=when, reraise=_INTERRUPTS
    )


def _report(item: pytest.Item, when: _Phase, **arguments: Any) -> pytest.TestReport:
    call = _call(item, when, **arguments)
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report
