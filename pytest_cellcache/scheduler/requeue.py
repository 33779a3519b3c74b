"""Decides after a silent attempt whether it counts, or what has to be live in the next one."""

from __future__ import annotations

from typing import NamedTuple

from pytest_cellcache.scheduler.plan import Key


class Tried(NamedTuple):
    """How an attempt went.

    Attributes:
        is_clean: every phase ended as it would be reported as good news.
        touched: producers whose stubs were touched.
        absent: producers that were restored or left out.
        forced: producers that had to be live already.
        is_doubtful: something else that was left out may be why it went like that; it is there in
            the next attempt.
    """

    is_clean: bool
    touched: frozenset[Key]
    absent: frozenset[Key]
    forced: frozenset[Key]
    is_doubtful: bool = False


class Accept(NamedTuple):
    """The attempt counts."""


class Again(NamedTuple):
    """Cancelled: these must be live in the next attempt, which is silent again."""

    forced: frozenset[Key]


class Plainly(NamedTuple):
    """Cancelled: everything live, the module-mates too, and pytest itself runs the test."""

    forced: frozenset[Key]


def next_step(tried: Tried) -> Accept | Again | Plainly:
    """Decide; each ``Again`` makes something more live, so it comes to an end."""
    everything = tried.forced | tried.absent | tried.touched
    if tried.touched:
        # Not once more for the same producer: what holds its stub then is out of our sight.
        more = tried.touched - tried.forced
        return Again(tried.forced | more) if more else Plainly(everything)
    if not tried.is_clean:
        return Plainly(everything)
    if tried.is_doubtful:
        return Again(tried.forced)
    return Accept()
