"""Runs tests before another one whose outcome may rest on them; nobody hears of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_cellcache.hooks.attempts import ItemRequest, Phase, call_phase
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.outline import outline_of
from pytest_cellcache.hooks.reporting import make_report
from pytest_cellcache.model.events import Warned

Mates = Sequence[tuple[pytest.Item, str]]
"""Tests, with the outcomes that were reported."""


def run_mates(
    mates: Mates,
    item: pytest.Item,
    guard: Guard,
    prepare: Callable[[pytest.Item], None],
    comes_late: Callable[[str], bool],
) -> None:
    """Run tests before ``item``, which is torn down as far as it does not share with the first.

    Args:
        prepare: called before each: its fixtures are others, or have other parameters.
        comes_late: says whether a test that it does not come after otherwise has run already.
    """
    following = [*(mate for mate, _ in mates[1:]), item]
    with warnings.catch_warnings(record=True), _unreported(item.session):
        for (mate, outcome), nextitem in zip(mates, following, strict=True):
            outline = outline_of(mate)
            if outline is not None:
                outline.hydrate()
            guard.call(prepare, None, mate)
            with ItemRequest(mate):
                phases = [_phase(guard, mate, "setup")]
                if phases[0]:
                    phases.append(_phase(guard, mate, "call"))
                phases.append(_phase(guard, mate, "teardown", nextitem=nextitem))
            has_failed = not all(phases)
            if outcome == "passed" and has_failed and not comes_late(mate.nodeid):
                text = (
                    f"{mate.nodeid} was replayed as passed and failed when it was run for "
                    f"{item.nodeid}: something that it rests on is not tracked. Please report "
                    "it; --cell-cache-mode=refresh runs everything anew."
                )
                guard.warn(Warned("replay-contradicted", text))


def _phase(guard: Guard, item: pytest.Item, when: Phase, **arguments: Any) -> bool:
    """Run a phase; say whether it raised nothing."""
    call = call_phase(item, when, **arguments)
    make_report(guard, item, call)
    return call.excinfo is None


class _Unreporting:
    """Hooks but for the one through which subtests report themselves."""

    def __init__(self, hooks: Any) -> None:
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        if name == "pytest_runtest_logreport":
            return lambda **_: []
        return getattr(self._hooks, name)


@contextmanager
def _unreported(session: Any) -> Iterator[None]:
    """Let nobody hear what items report themselves: ``Node.ihook`` asks the session for hooks."""
    real = session.gethookproxy
    session.gethookproxy = lambda path: _Unreporting(real(path))
    try:
        yield
    finally:
        del session.gethookproxy


def in_order(item: pytest.Item, found: Iterable[tuple[pytest.Item, str]]) -> Mates:
    """Sort the tests that run before an item as they stand in the session, each once."""
    places = {each: number for number, each in enumerate(item.session.items)}
    outcomes = {each: outcome for each, outcome in found if each is not item}
    return sorted(outcomes.items(), key=lambda row: places.get(row[0], 0))
