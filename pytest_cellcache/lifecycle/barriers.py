"""Why nothing is stored of an attempt."""

from __future__ import annotations

from pytest_cellcache.lifecycle.footprint import barrier_of
from pytest_cellcache.lifecycle.surroundings import Surroundings
from pytest_cellcache.lifecycle.units import Attempt
from pytest_cellcache.model import reasons
from pytest_cellcache.model.reasons import Reason


def may_tell_failure(attempt: Attempt, around: Surroundings, *, by_chance: bool = False) -> bool:
    """Say whether it may be kept how an attempt failed: nothing else is against a record."""
    if not attempt.failure or any(instance.is_open for instance in attempt.instances):
        return False
    return _barrier(attempt, around, by_chance=by_chance) is None


def barrier_to_storing(
    attempt: Attempt, around: Surroundings, *, by_chance: bool = False
) -> Reason | None:
    """Give the reason, if there is one.

    Args:
        by_chance: which tests come after it is chance; what it leaves cannot be left again.
    """
    if attempt.barrier is not None:
        return attempt.barrier
    for instance in attempt.instances:
        if instance.has_failed or instance.is_open:
            return Reason(reasons.FAILED, f"fixture {instance.name}")
    return _barrier(attempt, around, by_chance=by_chance)


def _barrier(attempt: Attempt, around: Surroundings, *, by_chance: bool) -> Reason | None:
    if attempt.seen.left and (by_chance or attempt.is_setup):
        return Reason(reasons.LEFT_BEHIND, ", ".join(sorted(attempt.seen.left)))
    may_connect = around.may_connect or attempt.facts.may_connect
    consulted = (attempt.seen, *(instance.seen for instance in attempt.instances), around.imported)
    for seen in consulted:
        if (found := barrier_of(seen, may_connect=may_connect)) is not None:
            return found
    return None
