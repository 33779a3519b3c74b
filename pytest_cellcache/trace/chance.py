"""Knows whether the state of ``random`` follows from a seed, and who has drawn from it.

What is drawn follows from what others drew before, as far back as the last seed. Where nobody has
given one it is chance, and no concern of anybody's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.trace.shims import Shim

DRAWN: Final = "drawn"
SEEDED: Final = "seeded"
_MOST_STATES: Final = 64
"""States that are known for what they are, as somebody may put them back."""


class Chance:
    """The generator that all share."""

    def __init__(self) -> None:
        self._is_seeded = False
        # By state: whether it follows from a seed.
        self._known: dict[int, bool] = {}
        # The state that has been overwritten since it was last asked for.
        self._overwritten: int | None = None
        # The state that is chance still, and would not be if all had run.
        self._expected = 0
        self._placed: list[tuple[str, Shim, Any]] = []

    def look(self) -> int:
        """Identify the state; 0 if it is chance."""
        state = _state() if self._is_seeded else 0
        return 0 if state == self._expected else state

    def expect_seed(self) -> None:
        """Take what is drawn from now on for what would follow from a seed: of a replayed test."""
        if not self._is_seeded:
            self._is_seeded, self._expected = True, _state()

    def word(self, before: int) -> str:
        """Say what was done since the state was ``before``: it was drawn from, or overwritten."""
        return SEEDED if self._overwritten == before else DRAWN

    def settle(self) -> None:
        """Take the state as it is for what the next one finds."""
        self._overwritten = None

    def install(self) -> None:
        """Watch the functions that overwrite the state."""
        for name in ("seed", "setstate"):
            real = getattr(random, name)
            shim = _Overwriting(real, self._overwrite)
            setattr(random, name, shim)
            self._placed.append((name, shim, real))

    def uninstall(self) -> None:
        """Put the real functions back, except where somebody else has put his own since."""
        for name, shim, real in self._placed:
            if vars(random).get(name) is shim:
                setattr(random, name, real)
        self._placed.clear()
        self._is_seeded, self._overwritten, self._expected = False, None, 0
        self._known.clear()

    def _overwrite(self, call: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        state, before = _state(), self.look()
        self._known.pop(state, None)
        self._known[state] = self._is_seeded  # likely to be put back
        if len(self._known) > _MOST_STATES:
            del self._known[next(iter(self._known))]
        result = call()
        if (after := _state()) == state:
            return result
        is_given = bool(args) and args[0] is not None
        self._is_seeded = self._known.get(after, is_given)
        if self._overwritten is None:
            self._overwritten = before
        elif self.look() == self._overwritten:
            self._overwritten = None  # as it was
        return result


class _Overwriting(Shim):
    """Tells of the state before and after."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = args or tuple(kwargs.values())
        return self.note(lambda: self.real(*args, **kwargs), given)


def _state() -> int:
    return hash(random.getstate())


CHANCE: Final = Chance()  # process-wide, as what it watches
