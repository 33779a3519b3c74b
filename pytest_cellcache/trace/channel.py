"""Delivers what one tracing mechanism sees to the innermost unit of every tracer that listens.

A mechanism (a monitoring tool id, the profiler slot) exists once per process, tracers nest
(pytester runs pytest inside pytest). So a mechanism is switched on by the first tracer and off by
the last, and at each unit boundary of any tracer what was seen so far is handed to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import CodeType, FrameType
from typing import Protocol

from pytest_cellcache.model.observation import STARTED, UNKNOWN, CodeRef, Reset, Within
from pytest_cellcache.trace.contract import Imports, IsFirstParty, Traced, TracerUnavailable
from pytest_cellcache.trace.resets import Passage, ResetProbe
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

    pass_line: Callable[[CodeType, int, FrameType], bool]
    """Set by the channel: to be called before lines that may reset something (``resets``)."""
    may_pass: Callable[[CodeType], bool]
    """Set by the channel: says whether such lines of a function are of interest."""
    begin_test: Callable[[CodeType], None]
    """Set by the channel: to be called where code of a name in ``awaited`` starts."""
    awaited: frozenset[str]

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
        mechanism.pass_line, mechanism.may_pass = self.pass_line, self.may_pass
        mechanism.begin_test = self.begin_test
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

    def pass_line(self, code: CodeType, line: int, frame: FrameType) -> bool:
        """Tell everybody of a line that is about to run; say whether anyone wants it again."""
        wanting = [tracer.pass_line(code, line, frame) for tracer in self._tracers]
        return any(wanting)

    def may_pass(self, code: CodeType) -> bool:
        """Say whether anyone wants to be told of the lines of a function."""
        return any(tracer.has_sites(code) for tracer in self._tracers)

    def await_tests(self) -> None:
        """Tell the mechanism what to look out for."""
        self.mechanism.awaited = frozenset(t.test.name for t in self._tracers if t.test is not None)

    def begin_test(self, code: CodeType) -> None:
        """Tell everybody that what he expects may begin."""
        self.settle()
        for tracer in self._tracers:
            tracer.begin_test(code)

    def enter(self, filename: str) -> None:
        """Tell everybody that a module begins to run, with its statements told apart."""
        for tracer in self._tracers:
            tracer.enter(filename)


class _Charged:
    """What one unit is charged with.

    Attributes:
        opening: as in ``Observation``.
        resets: what has been reset by then; ``None`` as long as it has not begun.
    """

    __slots__ = ("codes", "gaps", "opening", "passage", "resets", "within")

    def __init__(self, probe: ResetProbe) -> None:
        self.codes: set[CodeRef] = set()
        self.gaps: set[str] = set()
        self.within: set[Within] = set()
        self.passage = Passage(probe)
        self.opening: frozenset[CodeRef] = frozenset()
        self.resets: frozenset[Reset] | None = None


class ChannelTracer:
    """A ``Tracer`` that listens to a channel.

    Attributes:
        test: the code of the test that is expected.
    """

    def __init__(self, channel: Channel, is_first_party: IsFirstParty) -> None:
        self.files = FirstParty(is_first_party)
        self._channel = channel
        self._units: list[_Charged] = []
        self._probe = ResetProbe()
        self.test: CodeRef | None = None
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
            self._units.append(_Charged(self._probe))
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
        self._units.append(_Charged(self._probe))

    def pop(self) -> Traced:
        if len(self._units) < 2:
            raise RuntimeError("no unit is open")
        self._channel.part()
        return self._traced(self._units.pop())

    def expect(self, test: CodeRef | None, probe: ResetProbe) -> None:
        self.test, self._probe = test, probe
        self._channel.await_tests()

    def begin_test(self, code: CodeType) -> None:
        """Part what the innermost unit runs, if this is the test that is expected."""
        test = self.test
        if test is None or not self.files[code.co_filename] or self._refer(code) != test:
            return
        *outer, innermost = self._units[1:] or self._units
        if innermost.resets is None:
            before = frozenset[CodeRef]().union(*(each.codes for each in (*outer, innermost)))
            innermost.opening = before | {STARTED}
            innermost.resets = innermost.passage.resets()
            for each in outer:  # what these reset, they may do later on
                each.resets = frozenset()

    def has_sites(self, code: CodeType) -> bool:
        """Say whether a function of its files has statements that reset something."""
        return self.files[code.co_filename] and bool(self._probe.sites_in(self._refer(code)))

    def pass_line(self, code: CodeType, line: int, frame: FrameType) -> bool:
        """Take a line that is about to run; say whether to tell of it again in this unit."""
        unit = self._units[-1]
        if unit.resets is not None or not self.files[code.co_filename]:
            return False
        return unit.passage.pass_line(self._refer(code), line, frame)

    def resting(self) -> AbstractContextManager[None]:
        return self._channel.resting()

    def base(self) -> Traced:
        if not self._units:
            return Traced(frozenset(), frozenset())
        self._channel.settle()
        return self._traced(self._units[0])

    def keep_alone(self, sink: Callable[[CodeRef], None]) -> bool:
        """Forget all units and other listeners: what runs from now on is another process's.

        Args:
            sink: told of each code object as it starts, where the mechanism can do that.

        Returns:
            Whether it can; otherwise ``base`` tells.
        """
        self._channel.keep_only(self)
        self._units = [_Charged(self._probe)]
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
        self._units[-1].gaps |= gaps
        found = {self._refer(code) for code in codes if files[code.co_filename]}
        self._units[-1].codes |= found
        if label is not None and files[label[0]]:
            self._imports.setdefault(label, set()).update(found)
        elif len(self._units) == 1:
            self._outside |= found

    def charge_within(self, pairs: Iterable[tuple[CodeType, CodeType | None]]) -> None:
        """Add to the innermost unit what ran within functions whose results are kept."""
        files, within = self.files, self._units[-1].within
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

    def _traced(self, unit: _Charged) -> Traced:
        codes = unit.codes
        is_searching = not self._searching.isdisjoint(codes) or any(
            not LATE.isdisjoint(self._importing[ref]) for ref in self._importing.keys() & codes
        )
        resets = unit.passage.resets() if unit.resets is None else unit.resets
        within = frozenset(unit.within)
        seen = frozenset(codes), frozenset(unit.gaps), is_searching, within
        return Traced(*seen, resets, unit.opening)
