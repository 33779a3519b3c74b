"""The graph of one writing session as a blob: keys with digests and edges.

Records name their roots by position. A key is dirty when its digest no longer holds or when it
leads to a dirty key; a record whose roots are all clean hits. Where they lead to dirty keys only
through what producers have left by content, it hits if these leave the same again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from json import dumps, loads
from typing import Any

from pytest_cellcache.graph.members import Members
from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.keys import (
    CODE_KINDS,
    EFFECTS,
    FILE,
    IMPORTS,
    LEFT,
    LOADS,
    NAME,
    REGISTERS,
    UNIT,
    Key,
)

MembersOf = Callable[[Key], Members | None]
Mentions = Callable[[Key, Key, frozenset[str]], bool]

_MOST_AWAITED = 500
_SHORT = 16
"""Hex digits kept of a digest: 64 bits, compared only with digests of the same key."""


def shorten(digest: Digest) -> str:
    """Shorten a digest for storage."""
    return digest[:_SHORT]


def encode_graph(
    keys: Iterable[Key],
    edges: Callable[[Key], frozenset[Key]],
    digest: Callable[[Key], Digest],
    members: MembersOf = lambda _: None,
) -> tuple[bytes, dict[Key, int]]:
    """Encode keys, closed under ``edges``; give the blob and each key's position."""
    ordered = sorted(keys)
    positions = {key: position for position, key in enumerate(ordered)}
    paths = sorted({key.path for key in ordered if key.kind in CODE_KINDS})
    data = {
        "files": {path: shorten(digest(Key(FILE, path))) for path in paths},
        "keys": [[*key, shorten(digest(key))] for key in ordered],
        "edges": [sorted(positions[target] for target in edges(key)) for key in ordered],
        "members": {
            str(position): [shorten(found.core), _shortened(found.methods)]
            for position, key in enumerate(ordered)
            if key.kind in (NAME, EFFECTS) and (found := members(key)) is not None
        },
    }
    return dumps(data, separators=(",", ":")).encode(), positions


def _shortened(methods: Mapping[str, Digest]) -> dict[str, Digest]:
    return {name: Digest(shorten(found)) for name, found in methods.items()}


class StoredGraph:
    """A decoded graph held against the present.

    A class in which only plain methods differ is *partly* changed: that concerns who leads to the
    class and to code that may tell (``graph.members``).

    Args:
        members: tells the members of a class as it is now.
        brings_nothing: says of a ``loads`` key that the module it means now is as good as none.
        mentions: says whether the code behind a key, as it is now, may tell of some methods of a
            class whether they are there.

    Raises:
        KeyError, TypeError, ValueError, IndexError: the blob is not what ``encode_graph`` wrote.
    """

    def __init__(
        self,
        blob: bytes,
        digest: Callable[[Key], Digest],
        members: MembersOf = lambda _: None,
        mentions: Mentions = lambda *_: True,
        brings_nothing: Callable[[Key], bool] = lambda _: False,
    ) -> None:
        data: dict[str, Any] = loads(blob)
        self._reverse: dict[int, list[int]] = {}
        self._keys = [Key(kind, path, name) for kind, path, name, _ in data["keys"]]
        stored_files: dict[str, str] = data.get("files", {})
        same = {
            path
            for path, stored in stored_files.items()
            if shorten(digest(Key(FILE, path))) == stored
        }
        # What a name, an effect or an import is worth may be decided in other files too.
        spared = (
            CODE_KINDS
            if len(same) == len(stored_files)
            else CODE_KINDS - {NAME, EFFECTS, IMPORTS, REGISTERS}
        )
        self._left = {n: row[3] for n, row in enumerate(data["keys"]) if row[0] == LEFT}
        self._changed = {
            number
            for number, (key, row) in enumerate(zip(self._keys, data["keys"], strict=True))
            if number not in self._left
            and not (key.kind in spared and key.path in same)
            and shorten(digest(key)) != row[3]
            and not (key.kind == LOADS and brings_nothing(key))  # as it did before
        }
        self._edges: list[Sequence[int]] = data["edges"]
        stored_members: dict[str, Any] = data.get("members", {})
        differing: dict[int, frozenset[str]] = {}
        for number in self._changed:
            if str(number) in stored_members and (now := members(self._keys[number])) is not None:
                core, methods = stored_members[str(number)]
                before = Members(Digest(core), methods)
                present = Members(Digest(shorten(now.core)), _shortened(now.methods))
                names = before.differing(present)
                if names is not None:
                    differing[number] = names
        self._changed -= differing.keys()
        self._cause = self._spread(self._changed)
        self._own = self._spread(self._changed, self._left) if self._left else self._cause
        self._partial = []
        for number, names in differing.items():
            owner = self._keys[number]
            telling = {n for n, key in enumerate(self._keys) if mentions(key, owner, names)}
            leading = self._spread({number}).keys()
            self._partial.append((number, leading, self._spread(telling).keys()))

    def _spread(
        self, changed: Collection[int], ends: Container[int] = ()
    ) -> dict[int, tuple[int, int]]:
        """Give for each key that leads to some how far the nearest of these is, and which.

        Args:
            ends: keys that stand for themselves alone.
        """
        if not changed:
            return {}
        if not self._reverse:
            for number, edges in enumerate(self._edges):
                for target in edges:
                    self._reverse.setdefault(target, []).append(number)
        reverse = self._reverse
        cause = {number: (0, number) for number in sorted(changed)}
        queue = deque(cause)
        while queue:
            target = queue.popleft()
            if target in ends:
                continue
            distance, nearest = cause[target]
            for source in reverse.get(target, ()):
                if source not in cause:
                    cause[source] = (distance + 1, nearest)
                    queue.append(source)
        return cause

    def first_change(self, roots: Sequence[int], *, is_opaque: bool = False) -> Key | None:
        """Give the changed key nearest to some root; ``None`` when every root is clean.

        Args:
            is_opaque: there is code that no key stands for: it may tell of any method.

        Raises:
            IndexError: a root is not in the graph.
        """
        if roots and not 0 <= min(roots) <= max(roots) < len(self._keys):
            raise IndexError("a record of another graph")
        cause = self._cause
        if cause and not cause.keys().isdisjoint(roots):
            return self._keys[min(cause[root] for root in roots if root in cause)[1]]
        for number, leading, telling in self._partial:
            if not leading.isdisjoint(roots) and (is_opaque or not telling.isdisjoint(roots)):
                return self._keys[number]
        return None

    def awaited(self, roots: Sequence[int]) -> list[tuple[Key, str]] | None:
        """Give what has to be left as it was, with its digests, so that changed keys do not count.

        Returns:
            ``None`` where some of them count all the same.
        """
        is_partial = any(not leading.isdisjoint(roots) for _, leading, _ in self._partial)
        if is_partial or not self._own.keys().isdisjoint(set(roots) - self._left.keys()):
            return None
        found: set[int] = set()
        seen = {root for root in roots if root in self._cause}
        stack = list(seen)
        while stack:
            number = stack.pop()
            if number in self._left:
                found.add(number)
                continue
            new = {each for each in self._edges[number] if each in self._cause} - seen
            seen |= new
            stack += new
        if len(found) > _MOST_AWAITED:
            return None
        return [(self._keys[number], self._left[number]) for number in sorted(found)]

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

    def rooted(self, roots: Sequence[int]) -> frozenset[Key]:
        """Give the keys of roots, and of what stands for many; not those of other tests."""
        seen = set(roots)
        stack = [number for number in seen if self._is_hub(number)]
        while stack:
            for target in self._edges[stack.pop()]:
                if target not in seen:
                    seen.add(target)
                    stack += [target] if self._is_hub(target) else []
        return frozenset(self._keys[number] for number in seen)

    def _is_hub(self, number: int) -> bool:
        key = self._keys[number]
        return key.kind == UNIT and not key.path
