"""What things lead to, for many of them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Reached(Generic[T]):
    """Follows steps as far as they lead; results are kept, equal ones as one set.

    Args:
        steps: gives what a thing leads to directly.
    """

    def __init__(self, steps: Callable[[T], Iterable[T]]) -> None:
        self._steps = steps
        self._known: dict[T, frozenset[T]] = {}
        self._same: dict[frozenset[T], frozenset[T]] = {}

    def of(self, thing: T) -> frozenset[T]:
        """Give all that a thing leads to, itself included."""
        if thing not in self._known:
            seen = {thing}
            stack = [thing]
            covered: set[T] = set()  # with all that they lead to
            while stack:
                current = stack.pop()
                if current in covered:
                    continue
                for step in self._steps(current):
                    if step in covered or step in seen:
                        continue
                    if step in self._known:
                        covered |= self._known[step]
                    else:
                        seen.add(step)
                        stack.append(step)
            found = frozenset(seen | covered)
            self._known[thing] = self._same.setdefault(found, found)
        return self._known[thing]
