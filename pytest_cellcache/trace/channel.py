"""Delivers what one tracing mechanism sees to the innermost unit of every tracer that listens.

A mechanism (a monitoring tool id, the profiler slot) exists once per process, tracers nest
(pytester runs pytest inside pytest). So a mechanism is switched on by the first tracer and off by
the last, and at each unit boundary of any tracer what was seen so far is handed to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import CodeType
from typing import Protocol

from pytest_cellcache.model.observation import UNKNOWN, CodeRef, Within
from pytest_cellcache.trace.contract import Imports, IsFirstParty, Traced, TracerUnavailable
from pytest_cellcache.trace.searching import LATE, imported_in, searches

Label = tuple[str, int]
"""File name and line of a statement of a module that is being executed."""


class FirstParty(dict[str, bool]):
    """Answers of the predicate by file name; as many entries as there are real files."""

    def __init__(self, is_first_party: IsFirstParty) -> None:
        super().__init__()
        self._is_first_party = is_first_party

    def __missing__(self, filename: str) -> bool:
        if filename.startswith("<"):  # not kept: generated names may be without number
            return False
        answer = self[filename] = self._is_first_party(filename)
        return answer


class Mechanism(Protocol):
    """One way of noticing that code runs."""

    name: str
    settle: Callable[[], None]
    """Set by the channel: to be called before ``label`` changes."""
    enter: Callable[[str], None]
    """Set by the channel: to be called with the file of each module with statements told apart."""

    def label(self) -> Label | None:
        """Say which statement of a module is being executed; ``None`` also if that is unknown."""

    def activate(self) -> None:
        """Install; raises ``TracerUnavailable`` and installs nothing if that is impossible."""

    def admit(self, files: FirstParty) -> None:
        """Take notice of one more listener's files, also of their code that exists already."""

    def dismiss(self, files: FirstParty) -> None:
        """Undo ``admit``."""

    def take(self) -> tuple[Iterable[CodeType], frozenset[str]]:
        """Give code and gaps since the last ``take``; from now on all code is reported anew."""

    def take_within(self) -> Iterable[tuple[CodeType, CodeType | None]]:
        """Give pairs of a function whose results are kept, and what ran within it meanwhile.

        It stands beside itself where that is known, beside ``None`` where it may not be all.
        """

    def part_within(self) -> None:
        """Know nothing of what goes on as one unit begins or ends, for the one after it."""

    def resting(self) -> AbstractContextManager[None]:
        """Notice nothing for a while, if noticing slows everything down; units may end in it."""

    def relay(self, sink: Callable[[CodeType], None]) -> bool:
        """From now on hand over each code object as it starts; say whether that is possible."""

    def deactivate(self) -> None:
        """Uninstall everything."""


class Channel:
    """One mechanism and the tracers that listen to it, in the order of their start."""

    def __init__(self, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        mechanism.settle = self.settle
        mechanism.enter = self.enter
        self._tracers: list[ChannelTracer] = []

    def join(self, tracer: ChannelTracer) -> None:
        """Add a listener; what ran before is not charged to it."""
        if self._tracers:
            self.settle()
        else:
            self.mechanism.activate()
        self._tracers.append(tracer)
        try:
            self.mechanism.admit(tracer.files)
        except BaseException:  # undone and raised again, an interrupt too
            self._tracers.remove(tracer)
            if not self._tracers:
                self.mechanism.deactivate()
            raise

    def leave(self, tracer: ChannelTracer) -> None:
        """Remove a listener; nothing happens if it is none."""
        if tracer not in self._tracers:
            return
        self.settle()
        self._tracers.remove(tracer)
        self.mechanism.dismiss(tracer.files)
        if not self._tracers:
            self.mechanism.deactivate()

    def keep_only(self, tracer: ChannelTracer) -> None:
        """Forget all other listeners, and what was seen so far."""
        self.mechanism.take()
        self.mechanism.take_within()
        self._tracers = [tracer]

    def settle(self) -> None:
        """Charge everything seen so far to the units that are innermost now."""
        codes, gaps = self.mechanism.take()
        within = self.mechanism.take_within() if codes else ()
        label = self.mechanism.label() if codes else None
        for tracer in self._tracers:
            tracer.charge(codes, gaps, label)
            tracer.charge_within(within)

    def part(self) -> None:
        """Settle as a unit begins or ends."""
        self.settle()
        self.mechanism.part_within()

    def resting(self) -> AbstractContextManager[None]:
        """Notice nothing of what the only listener does; to another one it may be a test."""
        return self.mechanism.resting() if len(self._tracers) == 1 else nullcontext()

    def enter(self, filename: str) -> None:
        """Tell everybody that a module begins to run, with its statements told apart."""
        for tracer in self._tracers:
            tracer.enter(filename)


class ChannelTracer:
    """A ``Tracer`` that listens to a channel."""

    def __init__(self, channel: Channel, is_first_party: IsFirstParty) -> None:
        self.files = FirstParty(is_first_party)
        self._channel = channel
        self._units: list[tuple[set[CodeRef], set[str], set[Within]]] = []
        self._imports: dict[Label, set[CodeRef]] = {}
        self._modules: set[str] = set()
        self._outside: set[CodeRef] = set()
        self._refs: dict[CodeRef, CodeRef] = {}
        self._searching: set[CodeRef] = set()
        self._importing: dict[CodeRef, frozenset[str]] = {}

    @property
    def name(self) -> str:
        return self._channel.mechanism.name

    def start(self) -> None:
        if not self._units:
            self._units.append((set(), set(), set()))
            self._imports, self._modules, self._outside = {}, set(), set()
            try:
                self._channel.join(self)
            except TracerUnavailable:
                self._units.clear()
                raise

    def stop(self) -> None:
        self._channel.leave(self)
        self._units.clear()

    def push(self) -> None:
        self._channel.part()
        self._units.append((set(), set(), set()))

    def pop(self) -> Traced:
        if len(self._units) < 2:
            raise RuntimeError("no unit is open")
        self._channel.part()
        return self._traced(*self._units.pop())

    def resting(self) -> AbstractContextManager[None]:
        return self._channel.resting()

    def base(self) -> Traced:
        if not self._units:
            return Traced(frozenset(), frozenset())
        self._channel.settle()
        return self._traced(*self._units[0])

    def keep_alone(self, sink: Callable[[CodeRef], None]) -> bool:
        """Forget all units and other listeners: what runs from now on is another process's.

        Args:
            sink: told of each code object as it starts, where the mechanism can do that.

        Returns:
            Whether it can; otherwise ``base`` tells.
        """
        self._channel.keep_only(self)
        self._units = [(set(), set(), set())]
        files = self.files

        def relay(code: CodeType) -> None:
            if files[code.co_filename]:
                sink(CodeRef(code.co_filename, code.co_firstlineno, code.co_name))

        return self._channel.mechanism.relay(relay)

    def imports(self) -> Imports:
        if self._units:
            self._channel.settle()
        told = {label: codes for label, codes in self._imports.items() if label[0] in self._modules}
        untold = (codes for label, codes in self._imports.items() if label not in told)
        return Imports(
            {label: frozenset(codes) for label, codes in told.items()},
            frozenset(self._modules),
            frozenset(self._outside.union(*untold)),
        )

    def label(self) -> Label | None:
        label = self._channel.mechanism.label()
        return label if label is not None and self.files[label[0]] else None

    def enter(self, filename: str) -> None:
        """Note a module whose statements are told apart."""
        if self.files[filename]:
            self._modules.add(filename)

    def charge(self, codes: Iterable[CodeType], gaps: frozenset[str], label: Label | None) -> None:
        """Add to the innermost unit; codes of other people's files are left out."""
        files = self.files
        seen, missed, _ = self._units[-1]
        missed |= gaps
        found = {self._refer(code) for code in codes if files[code.co_filename]}
        seen |= found
        if label is not None and files[label[0]]:
            self._imports.setdefault(label, set()).update(found)
        elif len(self._units) == 1:
            self._outside |= found

    def charge_within(self, pairs: Iterable[tuple[CodeType, CodeType | None]]) -> None:
        """Add to the innermost unit what ran within functions whose results are kept."""
        files, within = self.files, self._units[-1][2]
        for root, code in pairs:
            if not files[root.co_filename]:
                continue
            if code is None:
                within.add((self._refer(root), UNKNOWN))
            elif files[code.co_filename]:
                within.add((self._refer(root), self._refer(code)))

    def _refer(self, code: CodeType) -> CodeRef:
        """Give the one reference to a code object, as every unit that runs it has one."""
        ref = CodeRef(code.co_filename, code.co_firstlineno, code.co_name)
        known = self._refs.get(ref)
        if known is None:
            known = self._refs[ref] = ref
            if searches(code):
                self._searching.add(ref)
            if imported := imported_in(code):
                self._importing[ref] = imported
        return known

    def _traced(self, codes: set[CodeRef], gaps: set[str], within: set[Within]) -> Traced:
        is_searching = not self._searching.isdisjoint(codes) or any(
            not LATE.isdisjoint(self._importing[ref]) for ref in self._importing.keys() & codes
        )
        return Traced(frozenset(codes), frozenset(gaps), is_searching, frozenset(within))
