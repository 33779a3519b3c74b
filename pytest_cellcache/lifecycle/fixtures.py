"""Records of fixture instances: what is kept of one, and what a record says of its upstream."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pytest_cellcache.lifecycle.footprint import barrier_of
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.keys import ENV, FILE, Key
from pytest_cellcache.model.observation import ALL_VARIABLES, StateChange
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.trace.effects import Objects

LEAKING: Final = frozenset(
    {"environment", "directory", "import-path", "module", "patched", "files", "config"}
)
"""Kinds of effects that can reach a fixture which does not ask for the one that has them."""
MODULE_STATE: Final = "module"
SEEN: Final = frozenset(
    {"environment", "directory", "import-path", "module", "logging", "warnings", "random"}
)
"""Kinds of effects on what is compared around each set-up: who goes on with it is seen."""
_STAYING: Final = SEEN | {"patched", "interpreter", "files"}
"""Kinds of effects that a set-up does not show while an earlier one's last."""


class Nature(NamedTuple):
    """What setting a fixture up did beside giving its value.

    Attributes:
        effects: (kind, subject) of what it changed; such a fixture is never left out.
        bound: what ties its value to this session or its end, so that it cannot be kept.
        is_opaque: its value cannot be looked into, so whoever is given it may change it unseen.
    """

    effects: tuple[tuple[str, str], ...] = ()
    bound: Reason | None = None
    is_opaque: bool = False

    @property
    def leaks(self) -> bool:
        return any(kind in LEAKING for kind, _ in self.effects)


class Staying:
    """Effects that last beyond a set-up: the next one of the fixture shows none of them.

    What is in effect already is no change, as of a variable that is set to what it holds.
    """

    def __init__(self) -> None:
        # By the code of the function; bounded by the fixtures of the run and what they change.
        self._known: dict[object, dict[tuple[str, str], None]] = {}

    def missing(
        self, function: object, effects: Iterable[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Take the effects of a set-up, and give those that only earlier ones have shown."""
        known = self._known.setdefault(getattr(function, "__code__", function), {})
        shown = dict.fromkeys(effects)
        missing = [each for each in known if each not in shown]
        known.update((each, None) for each in shown if each[0] in _STAYING)
        return missing


class FixtureRecord(NamedTuple):
    """The result part of an entry.

    Attributes:
        value: name of the value file; ``head`` are size and digest of what is unpickled.
        needs: identities of the instances that the value shares objects or files with.
        apart: identities of the instances that making it may have changed.
        by: identities of those of which it may have changed no more than is a stub when restored.
        around: identities of other instances that were alive and had effects that leak.
        may_leave: identities of upstream instances that had no effect.
        said: what was printed, logged and warned of (``hooks.said``).
    """

    value: str
    head_bytes: int
    head: Digest
    setup_s: float
    needs: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()
    may_leave: frozenset[str] = frozenset()
    has_stubs: bool = False
    by: frozenset[str] = frozenset()
    said: Mapping[str, Any] = MappingProxyType({})

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "head": [self.head_bytes, self.head],
            "setup_s": round(self.setup_s, 6),
            "needs": sorted(self.needs),
            "apart": sorted(self.apart),
            "around": sorted(self.around),
            "may_leave": sorted(self.may_leave),
            "stubs": self.has_stubs,
            "by": sorted(self.by),
            **({"said": dict(self.said)} if self.said else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FixtureRecord:
        """Read what ``to_json`` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        head_bytes, head = data["head"]
        return cls(
            value=str(data["value"]),
            head_bytes=int(head_bytes),
            head=Digest(str(head)),
            setup_s=float(data["setup_s"]),
            needs=frozenset(map(str, data["needs"])),
            apart=frozenset(map(str, data["apart"])),
            around=frozenset(map(str, data["around"])),
            may_leave=frozenset(map(str, data["may_leave"])),
            has_stubs=bool(data["stubs"]),
            by=frozenset(map(str, data["by"])),
            said=dict(data.get("said", {})),
        )


def facts_of(unit: str, group: str, keys: Iterable[Key], declared: Sequence[str]) -> TestFacts:
    """Describe a fixture instance as what a record is kept of."""
    return TestFacts(unit, group, digest_parts(declared), frozenset(keys))


def attempt_of(
    facts: TestFacts, instance: Instance, others: Iterable[Instance], record: FixtureRecord
) -> Attempt:
    """Make the attempt that records a set-up; its footprint is that of its upstream as of now.

    Args:
        others: instances that it does not use, but that were there and may have mattered.
    """
    used = instance.with_upstream() | {u for other in others for u in other.with_upstream()}
    frozen = frozenset(
        replace(each, uses=set(), is_open=False, changes=frozenset(), original=each)
        for each in used
        if each is not instance
    )
    return Attempt(
        facts,
        instance.seen,
        frozen,
        record.to_json(),
        None,
        record.setup_s,
        blobs=(record.value,),
        is_setup=True,
    )


def barrier_of_setup(instance: Instance, nature: Nature) -> Reason | None:
    """Say why a set-up forbids that its value is kept."""
    for used in instance.with_upstream():
        if used.has_failed:
            return Reason(reasons.FAILED, f"fixture {used.name}")
        found = barrier_of(used.seen)
        if found is not None:
            return found
    if nature.effects:
        kind, subject = nature.effects[0]
        return Reason(reasons.EFFECT, f"{kind} {subject}".rstrip())
    return nature.bound


@dataclass(slots=True)
class Kept:
    """What this run knows of a set-up that ended.

    Attributes:
        trees: directories of files that belong to the value, by token.
        value: name of its value file, if it has one.
        objects: what its value held when it was set up, for one that outlives a test.
        attempt: number of the attempt in which it was set up.
        is_handled: a test has been given something of its value that may change unseen.
    """

    instance: Instance
    identity: Digest | None
    nature: Nature
    trees: dict[str, str] = field(default_factory=dict)
    value: str | None = None
    objects: Objects | None = None
    attempt: int = -1
    is_handled: bool = False

    def may_have_changed(self, attempt: int, changed: Callable[[], Container[str]]) -> bool:
        """Say whether a test may have changed the value since it was set up.

        Args:
            changed: names the values of which something watched has changed in this run.
        """
        if self.attempt == attempt:
            return False
        if self.objects is None or self.objects.is_cut or self.objects.changed() is not None:
            return True
        if not self.objects.is_opaque:
            return False
        # What cannot be looked into here is watched all the same, or else nobody came by it.
        is_touched = self.is_handled or bool(self.instance.touched_by)
        return is_touched or self.instance.value_name in changed()


class Consulted(NamedTuple):
    """What a set-up consulted of the things that others may have changed under it.

    Attributes:
        sees: says of changes of modules whether it may have seen one.
    """

    variables: frozenset[str]
    files: frozenset[str]
    sees: Callable[[frozenset[StateChange]], bool] = lambda _: True

    @classmethod
    def seen(cls, used: Iterable[Instance], relative: Callable[[str], str]) -> Consulted:
        """Take it from set-ups of this run."""
        keys: set[Key] = set()
        variables: set[str] = set()
        reads: set[str] = set()
        for instance in used:
            variables |= instance.seen.variables
            reads |= {relative(path) for path in instance.seen.reads}
            if instance.restored is not None:
                keys |= instance.restored.keys
        return cls(frozenset(variables), frozenset(reads)) | cls.of_keys(keys)

    @classmethod
    def of_keys(cls, keys: Iterable[Key]) -> Consulted:
        """Take it from a record."""
        found = list(keys)
        return cls(
            frozenset(key.name for key in found if key.kind == ENV),
            frozenset(key.path for key in found if key.kind == FILE),
        )

    def __or__(self, other: Consulted) -> Consulted:
        return Consulted(self.variables | other.variables, self.files | other.files)

    def minds(self, nature: Nature, changes: frozenset[StateChange]) -> bool:
        """Say whether what another fixture changed may have mattered.

        Args:
            changes: what it did to objects of modules, as far as that has been told.
        """
        for kind, subject in nature.effects:
            if kind == "environment":
                if subject in self.variables or ALL_VARIABLES in self.variables:
                    return True
            elif kind == "files":
                if subject in self.files:
                    return True
            elif kind in LEAKING and kind != MODULE_STATE:
                return True
        names = {subject for kind, subject in nature.effects if kind == MODULE_STATE}
        untold = names - {change.name for change in changes}
        return bool(untold) or (bool(names) and self.sees(changes))
