"""What one test has to do with others, for the books of one run (``lifecycle.sequences``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.inheritance import tell, tell_made
from pytest_cellcache.model.keys import Key


@dataclass(slots=True)
class Place:
    """What one test has to do with wider fixtures.

    Attributes:
        producers: units that it rests on.
        before: per place that it looked at, what tests had done there.
        handled: places that it may have changed.
        makes: by place of a fixture that it used, places that setting that up may have changed.
        written: paths that it consulted and others wrote.
        changed: names of the paths that it changed, but for those of such fixtures.
        left: places whose values it changed otherwise (``producers``).
        state: what it changed that modules lead to.
        undone: by place, what fixtures that it used changed there until they ended.
        made: by place, what of both a fixture changed that is set up but once there.
        inherits: ``Attempt.inherits``.
        is_known: ``Attempt.is_known``.
        after: tests that it failed after, which left what it may have seen; ``None`` if not known.
        either: groups of tests one of which must run before it (``setters``).
        sets: what it and its fixtures set for others.
        leaves: what it does itself for all that come later.
        resets: what others had set and it has put back.
        is_doing: it did something else that may last.
        fills: what it found made by others and would make itself, as they did.
    """

    producers: set[Key] = field(default_factory=set)
    before: dict[str, str] = field(default_factory=dict)
    handled: set[str] = field(default_factory=set)
    makes: dict[str, list[str]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    state: set[Change] = field(default_factory=set)
    undone: dict[str, set[Change]] = field(default_factory=dict)
    made: dict[str, set[Change]] = field(default_factory=dict)
    inherits: tuple[str, ...] = ()
    is_known: bool = False
    after: tuple[str, ...] | None = None
    either: tuple[tuple[str, ...], ...] = ()
    sets: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    resets: tuple[str, ...] = ()
    is_doing: bool = False
    fills: frozenset[Change] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Give what later runs must know of it."""
        told: dict[str, Any] = {}
        if self.before:
            told["before"] = self.before
        if self.handled:
            told["handled"] = sorted(self.handled)
        if self.makes:
            told["makes"] = self.makes
        if self.left:
            told["left"] = sorted(self.left)
        parts = ("sets", "leaves", "resets")
        told |= {name: found for name in parts if (found := getattr(self, name))}
        if self.changed:
            told["wrote"] = sorted(self.changed)
        if changes := tell(self.state):
            told["changes"] = changes
        if fills := tell(self.fills):
            told["fills"] = fills
        if undone := {where: found for where in self.undone if (found := tell(self.undone[where]))}:
            told["undone"] = undone
        if made := tell_made(self.made, [self.state, *self.undone.values()]):
            told["set_up"] = made
        return told
