"""The graph of one writing session as a blob: keys with digests and edges.

Records name their roots by position. A key is dirty when its digest no longer holds or when it
leads to a dirty key; a record whose roots are all clean hits.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import CODE_KINDS, EFFECTS, FILE, NAME, REGISTERS, Key

_SHORT = 16
"""Hex digits kept of a digest: 64 bits, compared only with digests of the same key."""


def shorten(digest: Digest) -> str:
    """Shorten a digest for storage."""
    return digest[:_SHORT]


def encode_graph(
    keys: Iterable[Key],
    edges: Callable[[Key], frozenset[Key]],
    digest: Callable[[Key], Digest],
) -> tuple[bytes, dict[Key, int]]:
    """Encode keys, closed under ``edges``; give the blob and each key's position."""
    ordered = sorted(keys)
    positions = {key: position for position, key in enumerate(ordered)}
    paths = sorted({key.path for key in ordered if key.kind in CODE_KINDS})
    data = {
        "files": {path: shorten(digest(Key(FILE, path))) for path in paths},
        "keys": [[*key, shorten(digest(key))] for key in ordered],
        "edges": [sorted(positions[target] for target in edges(key)) for key in ordered],
    }
    return json.dumps(data, separators=(",", ":")).encode(), positions


class StoredGraph:
    """A decoded graph held against the present.

    Raises:
        KeyError, TypeError, ValueError, IndexError: the blob is not what ``encode_graph`` wrote.
    """

    def __init__(self, blob: bytes, digest: Callable[[Key], Digest]) -> None:
        data: dict[str, Any] = json.loads(blob)
        self._keys = [Key(kind, path, name) for kind, path, name, _ in data["keys"]]
        stored_files: dict[str, str] = data.get("files", {})
        same = {
            path
            for path, stored in stored_files.items()
            if shorten(digest(Key(FILE, path))) == stored
        }
        # What a name or an effect is worth may be decided in other files too.
        spared = (
            CODE_KINDS
            if len(same) == len(stored_files)
            else CODE_KINDS - {NAME, EFFECTS, REGISTERS}
        )
        self._changed = {
            number
            for number, (key, row) in enumerate(zip(self._keys, data["keys"], strict=True))
            if not (key.kind in spared and key.path in same) and shorten(digest(key)) != row[3]
        }
        self._edges: list[Sequence[int]] = data["edges"]
        self._cause = self._spread()

    def _spread(self) -> dict[int, tuple[int, int]]:
        """Give for each dirty key how far the nearest changed key is, and which."""
        if not self._changed:
            return {}
        reverse: dict[int, list[int]] = {}
        for number, edges in enumerate(self._edges):
            for target in edges:
                reverse.setdefault(target, []).append(number)
        cause = {number: (0, number) for number in sorted(self._changed)}
        queue = deque(cause)
        while queue:
            target = queue.popleft()
            distance, changed = cause[target]
            for source in reverse.get(target, ()):
                if source not in cause:
                    cause[source] = (distance + 1, changed)
                    queue.append(source)
        return cause

    def first_change(self, roots: Sequence[int]) -> Key | None:
        """Give the changed key nearest to some root; ``None`` when every root is clean.

        Raises:
            IndexError: a root is not in the graph.
        """
        if roots and not 0 <= min(roots) <= max(roots) < len(self._keys):
            raise IndexError("a record of another graph")
        cause = self._cause
        if not cause or cause.keys().isdisjoint(roots):
            return None
        return self._keys[min(cause[root] for root in roots if root in cause)[1]]
