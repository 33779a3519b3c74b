"""Fixtures whose threads go on while tests run, such as a server that tests talk to.

What such a thread does is charged to whatever unit is open at the time. So all that was charged to
any unit during the life of the fixture counts for each of its users: what the thread did before
some test began may be what that test rests on.
"""

from __future__ import annotations

from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.trace.contract import THREAD_LEFT
from pytest_cellcache.trace.threads import OF_FIXTURES, living_threads


class Server:
    """An instance whose set-up left threads behind.

    Args:
        threads: as ``trace.threads`` gives them.
    """

    def __init__(self, instance: Instance, threads: frozenset[object]) -> None:
        self._instance = instance
        self._threads = threads
        # Files whose content some unit has read: bounded by what tests read.
        self._contents: set[str] = set()
        OF_FIXTURES.update(threads)

    def take(self, seen: Observation) -> None:
        """Take what a unit was charged with during the life of the fixture.

        Not with which machines it talked: if it was the fixture's thread, there is a gap. What
        one unit has only added to stays a log unless another one has read it.
        """
        none = frozenset[str]()
        gaps = seen.gaps - {THREAD_LEFT}
        self._contents |= seen.reads - seen.appends
        logs = seen.appends - self._instance.seen.writes
        joined = self._instance.seen | seen._replace(
            left=none, writes=none, appends=logs, hosts=none, gaps=gaps
        )
        self._instance.seen = joined._replace(appends=joined.appends - self._contents)

    def end(self, *, is_over: bool) -> None:
        """Say that it was torn down: nothing was missed if its threads have ended.

        Args:
            is_over: its teardown has left no threads either.
        """
        OF_FIXTURES.difference_update(self._threads)
        seen = self._instance.seen
        if is_over and self._threads.isdisjoint(living_threads()):
            self._instance.seen = seen._replace(gaps=seen.gaps - {THREAD_LEFT})
