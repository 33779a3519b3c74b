"""Lets one xdist worker set a session fixture up while the others wait to restore its value.

::

    before an item: turns for all session fixtures it would set up, in the same order everywhere
        -> somebody has stored the value meanwhile: the turn ends at once, the value is restored
        -> else: set up, stored if it may be, the turn ends
        -> the test begins without it (it asks by name, and did not): the turn ends

A turn is a lock of the operating system: a worker that dies ends it. What turned out not to be
storable is noted by its body, and nobody waits for it again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.definitions import Definition
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.store.contract import Store

_WAIT_S: Final = 600.0
"""How long a worker waits at most."""
_RUN: Final = b"run"


class Flights:
    """The turns that this worker has taken.

    Args:
        body_of: gives the digest of a fixture function by its file and name.
    """

    def __init__(
        self, store: Store, worker: Worker, body_of: Callable[[str, str], str], *, is_worker: bool
    ) -> None:
        self._store = store
        self._worker = worker
        self._body_of = body_of
        self._is_worker = is_worker
        self._turns: dict[int, tuple[Definition, AbstractContextManager[bool]]] = {}

    def may_wait(self, definition: Definition) -> bool:
        """Say whether another worker may be setting the same fixture up."""
        return (
            self._is_worker
            and str(definition.fixturedef.scope) == "session"
            and definition.identity is not None
            and not definition.is_builtin
            and definition.declaration.enabled
            and definition.fixturedef.cached_result is None
            and self._store.get_note(self._note(definition)) != _RUN
        )

    def take(self, definition: Definition) -> None:
        """Wait for one's turn."""
        turn = self._worker.take_turn(definition, _WAIT_S)
        self._turns[definition.key] = definition, turn

    def end(self, key: int, *, was_stored: bool) -> None:
        """End a turn, if there is one."""
        if key in self._turns:
            definition, turn = self._turns.pop(key)
            if not was_stored:
                self._store.put_note(self._note(definition), _RUN)
            turn.__exit__(None, None, None)

    def end_all(self) -> None:
        """End turns that came to nothing."""
        for _, turn in self._turns.values():
            turn.__exit__(None, None, None)
        self._turns.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        # Not when the next item begins: a worker that has none waits for the others.
        self.end_all()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:  # where the set-up has failed
        self.end_all()

    def _note(self, definition: Definition) -> str:
        function: Any = definition.fixturedef.func
        name = getattr(function, "__qualname__", "")
        return f"flight/{definition.unit}/{self._body_of(definition.group, name)}"
