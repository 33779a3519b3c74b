"""Which replayed tests would have set up a wider fixture before a live one changes what it finds.

::

    E is the first to use a wider fixture          (replayed)
    M changes what its set-up looks at             (live: an edit made it do so)
    L uses that fixture, too

A plain run sets the fixture up for E. Once M has run it is too late for that: its attempt is
cancelled, and E runs before the next one. What M was known to change when it ran last is seen to
before the first test runs (``settling``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from pytest_cellcache.hooks.mates import Mates
from pytest_cellcache.hooks.scopes import asked_by

_Asked = tuple[str, str, str]
"""What a test asks for: a name, the node whose life it may share, the parameter."""


class _Use(NamedTuple):
    """The tests that ask for the same, by rank: the first of them, and all that come later."""

    first: int
    others: list[int]


class Overtaking:
    """First users of one run.

    Args:
        items: tests in their order.
        is_wide: says of a name whether a fixture of that name may live longer than a test.
        is_own: says of a node id whether the test runs on its own account, and not for others:
            those do what they did before.
    """

    def __init__(
        self,
        items: Sequence[pytest.Item] = (),
        is_wide: Callable[[str], bool] = lambda _: True,
        is_own: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._items = items
        self._is_wide = functools.cache(is_wide)
        self._is_own = is_own
        self._ranks: dict[str, int] = {}
        self._uses: dict[_Asked, _Use] = {}
        # By node id of tests that were replayed, and have not run since.
        self._outcomes: dict[str, str] = {}
        self._begun: list[str] = []
        # What those ask for: it has been set up.
        self._there: set[_Asked] = set()
        # What has been, or will be, set up too late, and who would have done so before.
        self._spoiled: dict[_Asked, str] = {}

    def replayed(self, item: pytest.Item, outcome: str) -> None:
        """Take a test that was answered from the store."""
        self._outcomes[item.nodeid] = outcome

    def ran(self, nodeid: str) -> None:
        """Take a test that has run: what it asks for has been set up."""
        self._outcomes.pop(nodeid, None)
        self._begun.append(nodeid)

    def is_among(self, item: pytest.Item) -> bool:
        """Say whether an item comes between a replayed first user and other ones, unlike them."""
        is_own = bool(self._outcomes) and self._is_own(item.nodeid)
        return is_own and any(self._between(item.nodeid))

    def before(self, nodeid: str, is_seen_by: Callable[[str], bool]) -> Mates:
        """Give the replayed tests that must run before another one.

        Args:
            is_seen_by: says of a node id whether that test may see what the other has changed.
        """
        ranks = {use.first for _, use in self._overtaken(nodeid, is_seen_by)}
        found = [self._items[first] for first in sorted(ranks)]
        return [(each, self._outcomes[each.nodeid]) for each in found]

    def spoil(self, nodeid: str, is_seen_by: Callable[[str], bool]) -> None:
        """Take a test that has changed something without them, as for ``before``."""
        for asked, use in self._overtaken(nodeid, is_seen_by) if self._outcomes else ():
            self._spoiled[asked] = self._items[use.first].nodeid

    def spoiled_for(self, nodeid: str) -> tuple[str, ...]:
        """Name the tests that would have set up before what another one has used."""
        rank = self._ranks.get(nodeid)
        if not self._spoiled or rank is None:
            return ()
        own = {*self._asked_by(self._items[rank])} & self._spoiled.keys()
        return tuple(sorted({self._spoiled[asked] for asked in own} - {nodeid}))

    def _overtaken(
        self, nodeid: str, is_seen_by: Callable[[str], bool]
    ) -> Iterator[tuple[_Asked, _Use]]:
        known: dict[str, bool] = {}

        def is_seen(rank: int) -> bool:
            nodeid = self._items[rank].nodeid
            if nodeid not in known:
                known[nodeid] = is_seen_by(nodeid)
            return known[nodeid]

        for asked, use in self._between(nodeid):
            later = (other for other in use.others if other > self._ranks[nodeid])
            if is_seen(use.first) and any(map(is_seen, later)):
                yield asked, use

    def _between(self, nodeid: str) -> Iterator[tuple[_Asked, _Use]]:
        if not self._ranks:
            self._read()
        rank = self._ranks.get(nodeid)
        if rank is None:
            return
        own = {*self._asked_by(self._items[rank])}
        for begun in self._begun:
            if begun in self._ranks:
                self._there.update(self._asked_by(self._items[self._ranks[begun]]))
        self._begun.clear()
        for asked, use in self._uses.items():
            is_between = use.first < rank < use.others[-1]
            if not is_between or asked in own or asked in self._there:
                continue
            if self._items[use.first].nodeid in self._outcomes:
                yield asked, use

    def _read(self) -> None:
        self._ranks = {item.nodeid: rank for rank, item in enumerate(self._items)}
        for rank, item in enumerate(self._items):
            for asked in self._asked_by(item):
                use = self._uses.setdefault(asked, _Use(rank, []))
                if rank > use.first:
                    use.others.append(rank)
        self._uses = {asked: use for asked, use in self._uses.items() if use.others}

    def _asked_by(self, item: pytest.Item) -> Iterable[_Asked]:
        params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        for name, node in asked_by(item):
            if self._is_wide(name):
                yield name, node, repr(params[name]) if name in params else ""
