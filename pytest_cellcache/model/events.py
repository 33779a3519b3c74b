"""What a run tells its reports, one value per decision."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pytest_cellcache.model.reasons import Reason

Source = Literal["cached", "ran"]


class TestEvent(NamedTuple):
    """How one test was answered.

    Attributes:
        source: ``cached`` when the stored outcome was replayed.
        outcome: passed, failed, error, skipped, xfailed or xpassed.
        reason: why it ran; ``None`` for ``cached``.
        unstored: why its outcome was not kept; ``None`` when it was kept, or was replayed.
        attempts: how often the test was executed in this run; 0 for ``cached``.
        saved_s: seconds the recorded run took, for ``cached``; else 0.
    """

    nodeid: str
    source: Source
    outcome: str
    reason: Reason | None = None
    unstored: Reason | None = None
    attempts: int = 0
    requeued_for: tuple[str, ...] = ()
    saved_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object; reasons become ``{"slug", "subject"}`` or null."""
        return _to_json(self) | {"requeued_for": list(self.requeued_for)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TestEvent:
        """Read what ``to_json`` gave, e.g. from an xdist worker."""
        reasons = {
            name: Reason(**data[name]) if data[name] else None for name in ("reason", "unstored")
        }
        return cls(**data | reasons | {"requeued_for": tuple(data["requeued_for"])})


class FixtureEvent(NamedTuple):
    """What became of one fixture instance.

    Attributes:
        source: ``restored`` from the store, ``ran``, or ``stubbed``: left out, as nobody needed it.
        unstored: why its value was not kept, for one that ran long enough to be worth it.
        setup_s: seconds its set-up took; for a restored one, when it was recorded.
    """

    name: str
    parameter: str
    file: str
    source: Literal["restored", "ran", "stubbed"]
    reason: Reason | None = None
    unstored: Reason | None = None
    setup_s: float = 0.0
    is_stored: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object; reasons become ``{"slug", "subject"}`` or null."""
        return _to_json(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FixtureEvent:
        """Read what ``to_json`` gave, e.g. from an xdist worker."""
        reasons = {
            name: Reason(**data[name]) if data[name] else None for name in ("reason", "unstored")
        }
        return cls(**data | reasons)


class Warned(NamedTuple):
    """Something of ours went wrong and became a miss; the user's run goes on.

    ``slug`` is explained in ``docs/messages.md``; ``text`` says what happened, with the value and
    what to do.
    """

    slug: str
    text: str


class RunFacts(NamedTuple):
    """What the header and the machine-readable report say of a run besides its tests."""

    version: str
    mode: str
    store_dir: str
    tracer: str
    store_bytes: int = 0
    cleared_files: int | None = None
    cleared_bytes: int | None = None


TestEvent.__test__ = False  # type: ignore[attr-defined]  # no tests, whatever pytest thinks


def _to_json(event: TestEvent | FixtureEvent) -> dict[str, Any]:
    return {
        name: value._asdict() if isinstance(value, Reason) else value
        for name, value in event._asdict().items()
    }
