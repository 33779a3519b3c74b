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
from pytest_cellcache.model.keys import CODE_KINDS, EFFECTS, FILE, NAME, Key

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
        spared = CODE_KINDS if len(same) == len(stored_files) else CODE_KINDS - {NAME, EFFECTS}
        self._changed = {
            number
            for number, (key, row) in enumerate(zip(self._keys, data["keys"], strict=True))
            if not (key.kind in spared and key.path in same) and shorten(digest(key)) != row[3]
        }
        self._edges: list[Sequence[int]] = data["edges"]
        self._dirty = self._spread()

    def _spread(self) -> set[int]:
        if not self._changed:
            return set()
        reverse: dict[int, list[int]] = {}
        for number, edges in enumerate(self._edges):
            for target in edges:
                reverse.setdefault(target, []).append(number)
        dirty = set(self._changed)
        stack = list(dirty)
        while stack:
            for source in reverse.get(stack.pop(), ()):
                if source not in dirty:
                    dirty.add(source)
                    stack.append(source)
        return dirty

    def reached(self, roots: Sequence[int]) -> frozenset[Key]:
        """Give every key that roots lead to."""
        seen = set(roots)
        stack = list(seen)
        while stack:
            for target in self._edges[stack.pop()]:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        return frozenset(self._keys[number] for number in seen)

    def first_change(self, roots: Sequence[int]) -> Key | None:
        """Give the changed key nearest to some root; ``None`` when every root is clean."""
        if not self._dirty:
            return None
        if self._dirty.isdisjoint(roots):
            return None
        queue = deque(root for root in roots if root in self._dirty)
        seen = set(queue)
        while queue:
            number = queue.popleft()
            if number in self._changed:
                return self._keys[number]
            for target in self._edges[number]:
                if target in self._dirty and target not in seen:
                    seen.add(target)
                    queue.append(target)
        raise ValueError("a dirty key leads to no change")
