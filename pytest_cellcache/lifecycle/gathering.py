"""What all that a key leads to has of its own, for many keys at once: sets as bits of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pytest_cellcache.model.keys import Key


def places_in(bits: int) -> Iterator[int]:
    """Give the places of the bits that are set, from the lowest on."""
    return (place for place, bit in enumerate(reversed(f"{bits:b}")) if bit == "1")


class Gathered:
    """Gathers bits along edges.

    Tarjan's algorithm: keys that lead to each other have the same. Each key is looked at once,
    however often somebody asks.

    Args:
        own: gives the bits that a key has itself.
        edges: gives the keys that one leads to.
    """

    def __init__(self, own: Callable[[Key], int], edges: Callable[[Key], Iterable[Key]]) -> None:
        self._own = own
        self._edges = edges
        self._known: dict[Key, int] = {}

    def of(self, keys: Iterable[Key]) -> int:
        """Give the bits of keys and of all that they lead to."""
        bits = 0
        for key in keys:
            if key not in self._known:
                self._visit(key)
            bits |= self._known[key]
        return bits

    def _visit(self, root: Key) -> None:
        order: dict[Key, int] = {root: 0}  # when a key was met
        lowest: dict[Key, int] = {root: 0}  # the first key met that it leads back to
        bits: dict[Key, int] = {root: self._own(root)}
        open_keys = [root]
        path = [(root, iter(self._edges(root)))]
        while path:
            key, targets = path[-1]
            for target in targets:
                known = self._known.get(target)
                if known is not None:
                    bits[key] |= known
                elif target in order:
                    lowest[key] = min(lowest[key], order[target])
                else:
                    order[target] = lowest[target] = len(order)
                    bits[target] = self._own(target)
                    open_keys.append(target)
                    path.append((target, iter(self._edges(target))))
                    break
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[key])
                    bits[above] |= bits[key]
                if lowest[key] == order[key]:
                    while True:
                        member = open_keys.pop()
                        self._known[member] = bits[key]
                        if member == key:
                            break
