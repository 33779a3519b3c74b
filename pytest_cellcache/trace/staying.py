"""Lets what an import did while an attempt was on stay, when the attempt is undone.

Its modules stay loaded, so whoever asks for them in the next attempt would not do it again: what
they entered in a register would be missing there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_cellcache.trace.batch import Batch
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.surrounding import Surrounding, surrounding_now


class Staying:
    """What one import at a time changes of what memories would put back."""

    def __init__(self) -> None:
        self._before: dict[Held, list[int]] | None = None
        self._around: tuple[Surrounding, Any] | None = None

    def begin(self, memories: Sequence[Memory], batches: Iterable[Batch]) -> None:
        """Note how everything looks that an attempt has changed so far."""
        self._before = None
        if memories:
            self._before = _changed(batches)
            self._around = surrounding_now(), random.getstate()

    def end(self, memories: Iterable[Memory], batches: Iterable[Batch]) -> None:
        """Tell the memories what has changed since."""
        before, self._before = self._before, None
        if before is None:
            return
        now = _changed(batches)
        for memory in memories:
            for held in {**before, **now}:
                memory.let_stay(held, before.get(held, held.saved), now.get(held, held.saved))
            if self._around is not None:
                memory.let_surroundings_stay(*self._around)


def _changed(batches: Iterable[Batch]) -> dict[Held, list[int]]:
    return {held: held.look() for batch in batches for held in batch.peek()}
