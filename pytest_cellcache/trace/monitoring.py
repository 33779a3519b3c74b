"""Notices running code with ``sys.monitoring`` (Python 3.12+), at next to no cost per call.

Events are local to first-party code objects; each location reports once, then is disabled until
``restart_events`` at the next unit boundary. Code objects are found

- by the audit events ``exec`` (modules, also rewritten ones, and everything given to ``exec`` or
  ``eval``), ``function.__new__`` (``types.FunctionType``) and ``object.__setattr__`` of
  ``__code__``: nothing else can make code run that is not nested in code found already;
- by a walk over all functions, suspended generators and running frames when a tracer starts.
  Objects hidden from that walk by ``gc.freeze`` make it use global events instead: slower, same
  result.

While a module's own code runs, its lines are watched too: what runs between two of them is told to
belong to the statement in between (``Mechanism.label``). Not those of modules with very many lines,
tables mostly: what a line costs grows with the number of lines.

So are the lines of functions that may reset something long-lived, once one is found to do so
(``trace.resets``); and where the test that is expected begins, what ran before is parted.

Functions whose results are kept report each start, and when they return: all that runs within them
is reported anew (``trace.spans``).

``PY_THROW`` has no local form and cannot be disabled; it is rare. Without it a generator that was
suspended in one unit and is thrown into in another would run unseen.
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
)
from typing import Any, Final

from pytest_cellcache.trace import audit
from pytest_cellcache.trace.channel import Channel, ChannelTracer, FirstParty, Label
from pytest_cellcache.trace.contract import IsFirstParty, Tracer, TracerUnavailable
from pytest_cellcache.trace.executing import frames, is_long, is_of_module
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.resets import may_reset
from pytest_cellcache.trace.spans import Spans, remembering_in

# Any: type checkers that target 3.10 and 3.11 do not know it.
_monitoring: Any = getattr(sys, "monitoring", None)

_CARRIERS: Final = {
    FunctionType: "",
    GeneratorType: "gi_code",
    CoroutineType: "cr_code",
    AsyncGeneratorType: "ag_code",
}
"""What carries code, and as which attribute."""

_NO_LINE: Final = -1
_getframe = sys._getframe  # tests take it away

_TOOL_IDS = (3, 4, 5)  # 0 to 2 belong to debuggers, coverage and cProfile


class Monitoring:
    """The ``Mechanism``; ``everywhere`` asks for global events from the beginning."""

    name = "monitoring"

    def __init__(self, *, everywhere: bool = False) -> None:
        self._everywhere = everywhere
        self._tool = -1
        self._files: list[FirstParty] = []
        # A list: a set would hash code objects, that is walk their bytecode. It holds one entry
        # per location and unit, because locations are disabled once seen.
        self._seen: list[CodeType] = []
        self._thrown: dict[int, CodeType] = {}
        self._relay: Callable[[CodeType], None] | None = None
        self._local: dict[int, weakref.ref[CodeType]] = {}
        self._long: set[int] = set()  # those whose lines are not watched
        self._remembering: set[int] = set()  # those whose results are kept
        self._spans = Spans(self._again)
        # Modules being executed by the main thread, outermost first, and the line each is at, if
        # that is known.
        self._importing: list[tuple[CodeType, int]] = []
        self.settle: Callable[[], None] = lambda: None
        self.enter: Callable[[str], None] = lambda filename: None
        self.pass_line: Callable[[CodeType, int, FrameType], bool] = lambda *_: False
        self.may_pass: Callable[[CodeType], bool] = lambda _: False
        self.begin_test: Callable[[CodeType], None] = lambda _: None
        self.awaited: frozenset[str] = frozenset()
        # Functions that may reset something, and those whose lines are watched for that.
        self._resetting: set[int] = set()
        self._passing: set[int] = set()

    def activate(self) -> None:
        self._tool = _claim_tool_id()
        self._importing.clear()
        events = _monitoring.events
        self._seen.clear()
        self._spans.clear()
        self._thrown.clear()
        self._relay = None
        thrown = self._thrown
        self._tell(self._seen.append)

        def on_throw(code: CodeType, _offset: int, _exception: BaseException) -> object:
            thrown[id(code)] = code
            if self._relay is not None:
                self._relay(code)
            return None

        _monitoring.register_callback(self._tool, events.LINE, self._on_line)
        _monitoring.register_callback(self._tool, events.PY_RETURN, self._on_return)
        _monitoring.register_callback(self._tool, events.PY_THROW, on_throw)
        _monitoring.set_events(self._tool, events.PY_THROW)
        try:
            audit.listen("exec", self._on_new_code)
            audit.listen("function.__new__", self._on_new_code)
            audit.listen("object.__setattr__", self._on_setattr)
            if self._everywhere or gc.get_freeze_count():
                self._go_global()
        except TracerUnavailable:
            self.deactivate()
            raise

    def admit(self, files: FirstParty) -> None:
        self._files.append(files)
        if gc.get_freeze_count():
            self._go_global()
        for code in _living_code():
            if files[code.co_filename]:
                self._watch(code)

    def dismiss(self, files: FirstParty) -> None:
        self._files = [each for each in self._files if each is not files]

    def take(self) -> tuple[Iterable[CodeType], frozenset[str]]:
        codes = self._seen[:]
        # What another thread adds meanwhile stays for the next unit.
        del self._seen[: len(codes)]
        if codes:  # nothing seen, nothing disabled
            _monitoring.restart_events()
        thrown = self._thrown.copy()
        self._thrown.clear()
        return codes + list(thrown.values()), frozenset()

    def take_within(self) -> Iterable[tuple[CodeType, CodeType | None]]:
        return self._spans.take()

    def part_within(self) -> None:
        self._spans.part()

    @staticmethod
    def _again() -> None:
        _monitoring.restart_events()

    def resting(self) -> AbstractContextManager[None]:
        return nullcontext()  # nothing but code of listeners' files is looked at

    def relay(self, sink: Callable[[CodeType], None]) -> bool:
        self._relay = sink
        self._tell(sink)
        _monitoring.restart_events()
        return True

    def _tell(self, sink: Callable[[CodeType], None]) -> None:
        disable, events = _monitoring.DISABLE, _monitoring.events
        remembering, spans = self._remembering, self._spans

        def on_start(code: CodeType, _offset: int) -> object:
            name = code.co_name
            if name == "<module>" and id(code) in self._long:
                self._on_line(code, _NO_LINE)
            if name in self.awaited:
                self.begin_test(code)
            if id(code) in self._resetting:
                self._look_for_sites(code)
            sink(code)
            spans.note(code)
            if id(code) in remembering and spans.begin(code):
                return None
            return disable

        for event in (events.PY_START, events.PY_RESUME):
            _monitoring.register_callback(self._tool, event, on_start)

    def label(self) -> Label | None:
        """Give file and line of the module statement that is being executed, if one is."""
        importing = self._importing
        while importing:
            code, line = importing[-1]
            if any(frame.f_code is code for frame in frames()):
                return (code.co_filename, line) if line != _NO_LINE else None
            importing.pop()  # an exception ended it
        return None

    def _look_for_sites(self, code: CodeType) -> None:
        """Watch the lines of a function from now on, if some of them reset something."""
        if self.may_pass(code):
            key, events = id(code), _monitoring.events
            self._resetting.discard(key)
            self._passing.add(key)
            extra = events.PY_RETURN if key in self._remembering else 0
            wanted = events.PY_START | events.PY_RESUME | events.LINE
            _monitoring.set_local_events(self._tool, code, wanted | extra)

    def _on_line(self, code: CodeType, line: int) -> object:
        if id(code) in self._passing:
            is_wanted = self.pass_line(code, line, _getframe(1))
            return None if is_wanted else _monitoring.DISABLE
        if threading.get_ident() != threading.main_thread().ident:
            return _monitoring.DISABLE
        if self._seen:
            self.settle()
        importing = self._importing
        if not any(each is code for each, _ in importing):
            importing.append((code, line))
            if line != _NO_LINE:
                self.enter(code.co_filename)
        while importing[-1][0] is not code:
            importing.pop()  # an exception ended it
        importing[-1] = (code, line)
        # A line that comes again belongs to a loop, which is one statement.
        return _monitoring.DISABLE

    def _on_return(self, code: CodeType, _offset: int, _value: object) -> None:
        if id(code) in self._remembering:
            self._spans.end(code)
        importing = self._importing
        if importing and importing[-1][0] is code:
            if self._seen:
                self.settle()
            importing.pop()

    def deactivate(self) -> None:
        audit.unlisten("exec", self._on_new_code)
        audit.unlisten("function.__new__", self._on_new_code)
        audit.unlisten("object.__setattr__", self._on_setattr)
        tool, events = self._tool, _monitoring.events
        # free_tool_id does none of this before Python 3.14.
        _monitoring.set_events(tool, 0)
        for reference in list(self._local.values()):
            code = reference()
            if code is not None:
                _monitoring.set_local_events(tool, code, 0)
        self._local.clear()
        self._long.clear()
        self._remembering.clear()
        self._resetting.clear()
        self._passing.clear()
        for event in (
            events.PY_START,
            events.PY_RESUME,
            events.PY_THROW,
            events.LINE,
            events.PY_RETURN,
        ):
            _monitoring.register_callback(tool, event, None)
        self._importing.clear()
        _monitoring.free_tool_id(tool)
        self._seen.clear()
        self._spans.clear()
        self._thrown.clear()

    def _go_global(self) -> None:
        events = _monitoring.events
        _monitoring.set_events(self._tool, events.PY_START | events.PY_RESUME | events.PY_THROW)

    def _on_new_code(self, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], CodeType):
            self._watch(args[0])

    def _on_setattr(self, args: tuple[Any, ...]) -> None:
        if len(args) == 3 and args[1] == "__code__" and isinstance(args[2], CodeType):
            self._watch(args[2])

    def _watch(self, code: CodeType) -> None:
        """Set local events on a code object and what is nested in it, if they are first-party."""
        if not any(files[code.co_filename] for files in self._files):
            return
        tool, local = self._tool, self._local
        events = _monitoring.events
        wanted = events.PY_START | events.PY_RESUME
        todo = [code]
        while todo:
            code = todo.pop()
            key = id(code)
            if key in local:
                continue
            # Weak: suites that generate code by the thousand must not keep it all alive.
            local[key] = weakref.ref(code, lambda _, key=key: self._forget(key))  # type: ignore[misc]
            extra = 0
            if is_of_module(code):
                has_lines = not is_long(code)
                (self._long.discard if has_lines else self._long.add)(key)
                extra = events.PY_RETURN | (events.LINE if has_lines else 0)
            else:
                extra = events.PY_RETURN if key in self._remembering else 0
                if may_reset(code):
                    self._resetting.add(key)
            self._remembering.update(id(each) for each in remembering_in(code))
            _monitoring.set_local_events(tool, code, wanted | extra)
            todo.extend(const for const in code.co_consts if isinstance(const, CodeType))

    def _forget(self, key: int) -> None:
        self._local.pop(key, None)
        for each in (self._remembering, self._resetting, self._passing):
            each.discard(key)


def monitoring_tracer(is_first_party: IsFirstParty) -> Tracer:
    """Make a tracer; whether it can work shows when it is started."""
    return ChannelTracer(_CHANNEL, is_first_party)


def _claim_tool_id() -> int:
    if _monitoring is None:
        raise TracerUnavailable("sys.monitoring needs Python 3.12")
    for tool in _TOOL_IDS:
        try:
            _monitoring.use_tool_id(tool, "pytest-cellcache")
        except ValueError:
            continue
        return tool
    raise TracerUnavailable(f"sys.monitoring tool ids {_TOOL_IDS} are all in use")


def _living_code() -> Iterable[CodeType]:
    # By identity: a look-up in a dictionary would ask the metaclass of a stranger for a hash.
    carriers = {identity(kind): attribute for kind, attribute in _CARRIERS.items()}
    things = gc.get_objects()
    # Not ``__code__``: reading it raises an audit event, which costs more than all the rest here.
    functions = [thing for thing in things if type(thing) is FunctionType]
    for thing in gc.get_referents(*functions):
        if type(thing) is CodeType:
            yield thing
    for thing in things:
        attribute = carriers.get(identity(type(thing)))
        if attribute:
            yield getattr(thing, attribute)
    for frame in sys._current_frames().values():  # modules whose import is under way
        while frame is not None:
            yield frame.f_code
            frame = frame.f_back  # type: ignore[assignment]


_CHANNEL = Channel(Monitoring())  # process-wide: one tool id for all nested tracers
