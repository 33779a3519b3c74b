"""Notices running code through the profiler slot: ``_lsprof`` up to Python 3.11.

From 3.12 on ``_lsprof`` occupies the monitoring tool id of ``cProfile``, whose users would then
fail with ValueError. A plain callback in the ``sys.setprofile`` slot, slower, is used there: this
mechanism is only the fallback where ``sys.monitoring`` has no free tool id.

The slot is per thread. New threads get the plain callback through ``threading.setprofile``. It can
be taken away at any time without a word but an audit event::

    ours --(sys.setprofile by somebody)--> taken --(slot empty at a unit boundary)--> ours

Every unit that overlaps ``taken`` has the gap ``profiler-taken``.

``_lsprof`` says that functions ran, not when. So as long as a statement of a first-party module is
executed and nothing is being loaded by it, a callback has its place, which knows the statement::

    counting --(exec of a module)--> telling --(it loads another)--> counting --(loaded)--> telling
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Protocol

from pytest_cellcache.trace import audit
from pytest_cellcache.trace.channel import Channel, ChannelTracer, FirstParty, Label
from pytest_cellcache.trace.contract import (
    PROFILER_TAKEN,
    PROFILER_THREAD,
    THREAD_UNSEEN,
    IsFirstParty,
    Tracer,
)
from pytest_cellcache.trace.executing import Executing, is_of_module
from pytest_cellcache.trace.loading import LoadHook
from pytest_cellcache.trace.shims import Shim

_THREAD_STARTERS = ("start_new_thread", "start_new")


class Slot(Protocol):
    """What sits in the profiler slot. Callable, for code that saves the slot and puts it back."""

    def __call__(self, frame: FrameType, event: str, arg: object, /) -> None: ...
    def seize(self) -> None: ...
    def release(self) -> None: ...
    def drain(self) -> list[CodeType]: ...


class Profiling:
    """The ``Mechanism``."""

    name = "profile"

    def __init__(self) -> None:
        self._active = False
        self._switching = False
        self._taken = False
        self._resting = False
        self._is_alone = False
        self._gaps: set[str] = set()
        self._thread = 0
        # By identity: hashing a code object walks its bytecode. The values keep the ids valid.
        self._called: dict[int, CodeType] = {}
        self._slot: Slot | None = None  # counting
        self._telling = _PlainSlot(self._note_told)
        self._current: Slot | None = None
        self._files: list[FirstParty] = []
        self._modules: list[Executing] = []  # innermost last
        self._expected: CodeType | None = None
        self._pending: list[Label | None] = []
        self._loads = LoadHook(self._load_begins, self._load_ends)
        self._starters: dict[str, Shim] = {}
        self.settle: Callable[[], None] = lambda: None
        self.enter: Callable[[str], None] = lambda filename: None

    def activate(self) -> None:
        audit.listen("sys.setprofile", self._on_setprofile)
        audit.listen("exec", self._on_exec)
        self._slot = self._current = _make_slot(self._note_call)
        self._forget_modules()
        self._is_alone = False
        self._thread = threading.get_ident()
        self._gaps.clear()
        self._called.clear()
        self._active = True
        if threading.getprofile() is None:
            threading.setprofile(self._slot)
        self._seize()
        self._loads.install()
        for name in _THREAD_STARTERS:
            starter = self._starters[name] = Shim(getattr(_thread, name), self._on_raw_thread)
            setattr(_thread, name, starter)

    def label(self) -> Label | None:
        """Give file and line of the module statement that is being executed, if one is."""
        if self._pending:
            return self._pending[-1]
        while self._modules:
            if self._modules[-1].is_running():
                return self._modules[-1].label_now()
            self._modules.pop()
        return None

    def admit(self, files: FirstParty) -> None:
        self._files.append(files)  # the slot sees all code

    def dismiss(self, files: FirstParty) -> None:
        self._files = [each for each in self._files if each is not files]

    def take(self) -> tuple[Iterable[CodeType], frozenset[str]]:
        assert self._slot is not None
        gaps = set(self._gaps)
        self._gaps.clear()
        codes: list[CodeType] = []
        if threading.get_ident() != self._thread:
            gaps.add(PROFILER_THREAD)
        else:
            held: object = sys.getprofile()
            is_telling = held is self._telling
            if not is_telling:
                self._release()
            codes = self._slot.drain()
            # An interrupt may have come between giving the slot away and taking it again.
            if self._taken or (held is not self._current and not self._resting):
                gaps.add(PROFILER_TAKEN)
            if not self._resting and not is_telling:
                self._seize()
        if threading.getprofile() is not self._slot:
            gaps.add(PROFILER_TAKEN)
            if threading.getprofile() is None:
                threading.setprofile(self._slot)
        called = self._called.copy()
        self._called.clear()
        return codes + list(called.values()), frozenset(gaps)

    def take_within(self) -> Iterable[tuple[CodeType, CodeType | None]]:
        return ()  # it is not told when functions return

    def part_within(self) -> None:
        pass

    # It is not told of lines, nor in which order code runs.
    pass_line: Callable[[CodeType, int, FrameType], bool]
    may_pass: Callable[[CodeType], bool]
    begin_test: Callable[[CodeType], None]
    awaited: frozenset[str] = frozenset()

    @contextmanager
    def resting(self) -> Generator[None, None, None]:
        slot, held = self._slot, sys.getprofile()
        if slot is None or held is not self._current or threading.get_ident() != self._thread:
            yield
            return
        try:
            self._resting = True
            self._release()
            yield
        finally:
            self._resting = False
            if self._slot is slot:
                self._seize()

    def relay(self, sink: Callable[[CodeType], None]) -> bool:
        # All that a process runs may be one statement, of which nobody wants to know.
        self._is_alone = True
        self._forget_modules()
        self._choose()
        return False  # the slot tells when it is drained

    def deactivate(self) -> None:
        audit.unlisten("sys.setprofile", self._on_setprofile)
        audit.unlisten("exec", self._on_exec)
        self._loads.uninstall()
        self._active = False
        self._release()
        if threading.getprofile() is self._slot:
            threading.setprofile(None)
        for name, starter in self._starters.items():
            if getattr(_thread, name) is starter:
                setattr(_thread, name, starter.real)
        self._starters.clear()
        self._called.clear()
        self._forget_modules()
        self._slot = self._current = None

    def _seize(self) -> None:
        """Take the slot of this thread if nobody else has it."""
        assert self._current is not None
        self._taken = sys.getprofile() is not None
        if not self._taken:
            self._switching = True
            try:
                self._current.seize()
            finally:
                self._switching = False

    def _release(self) -> None:
        """Empty the slot of this thread, unless it is somebody else's."""
        slot = self._current
        held: object = sys.getprofile()
        if slot is not None and held is slot:
            self._switching = True
            try:
                slot.release()
            finally:
                self._switching = False

    def _note_call(self, frame: FrameType, event: str) -> None:
        if not self._active:
            sys.setprofile(None)  # a thread that outlives the tracer
        elif event == "call":
            code = frame.f_code
            self._called[id(code)] = code

    def _on_setprofile(self, _args: tuple[Any, ...]) -> None:
        if self._switching and threading.get_ident() == self._thread:
            return
        if threading.getprofile() is self._slot and _is_thread_bootstrap(sys._getframe(1)):
            return
        self._taken = True
        self._gaps.add(PROFILER_TAKEN)
        for module in self._modules:
            module.is_lost = True

    # -- statements of modules --------------------------------------------------------------------

    def _on_exec(self, args: tuple[Any, ...]) -> None:
        code = args[0] if args else None
        if type(code) is not CodeType or not is_of_module(code) or self._resting:
            return
        if self._is_alone or threading.get_ident() != self._thread:
            return
        if any(files[code.co_filename] for files in self._files):
            self._settle()
            self._expected = code
            self._choose()

    def _note_told(self, frame: FrameType, event: str) -> None:
        if not self._active:
            sys.setprofile(None)
        elif event == "return":
            if self._modules and self._modules[-1].frame is frame:
                self._end_module()
        elif frame.f_code is self._expected:
            self._expected = None
            self._begin_module(frame)
        else:
            if self._modules and self._modules[-1].has_moved():
                self._settle()
                self._modules[-1].move()
            self._called[id(frame.f_code)] = frame.f_code

    def _forget_modules(self) -> None:
        self._modules.clear()
        self._expected = None

    def _begin_module(self, frame: FrameType) -> None:
        module = Executing(frame)
        if module.is_long:  # nobody's, as all that it runs
            self._modules.append(module)
        self._called[id(frame.f_code)] = frame.f_code
        if not module.is_long:
            self.settle()
            self._modules.append(module)

    def _end_module(self) -> None:
        self._settle()
        module = self._modules.pop()
        if not (module.is_lost or module.is_long):
            self.enter(module.filename)
        self._choose()

    def _settle(self) -> None:
        """Charge what has run to the statement that called it last."""
        if self._current is self._telling and self._modules:
            if self._called:
                self._pending.append(self._modules[-1].label_told())
                try:
                    self.settle()
                finally:
                    self._pending.pop()
        else:
            self.settle()

    def _load_begins(self, _name: str) -> Executing | None:
        if not self._modules or threading.get_ident() != self._thread:
            return None
        module = self._modules[-1]
        module.loads += 1
        self._choose()
        return module

    def _load_ends(self, module: Executing | None) -> None:
        if module is not None and module in self._modules:
            while self._modules[-1] is not module:
                self._modules.pop()  # nobody has seen the end of it
            module.loads -= 1
            self._choose()

    def _choose(self) -> None:
        """Put the right one of the two in the slot of this thread."""
        is_telling = self._modules and not self._modules[-1].loads
        wanted = self._telling if self._expected is not None or is_telling else self._slot
        if wanted is self._current:
            return
        self._settle()
        if self._resting or sys.getprofile() is not self._current:
            self._current = wanted
            return
        self._release()
        self._current = wanted
        self._seize()

    def _on_raw_thread(self, *_args: object, **_kwargs: object) -> None:
        # ``threading`` holds the real function, so only those who go round it come here.
        self._gaps.add(THREAD_UNSEEN)


def profiling_tracer(is_first_party: IsFirstParty) -> Tracer:
    """Make a tracer; it always starts, if need be with gaps until the slot is free."""
    return ChannelTracer(_CHANNEL, is_first_party)


def _is_thread_bootstrap(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__", "").startswith(audit.__name__):
        frame = frame.f_back
    return (
        frame is not None
        and frame.f_globals.get("__name__") == "threading"
        and frame.f_code.co_name in ("_bootstrap_inner", "_bootstrap")
    )


class _PlainSlot:
    def __init__(self, note: Any) -> None:
        self._note = note

    def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" or event == "return":
            self._note(frame, event)

    def seize(self) -> None:
        sys.setprofile(self)

    def release(self) -> None:
        sys.setprofile(None)

    def drain(self) -> list[CodeType]:
        return []  # the callback has told already


def _make_slot(note: Any) -> Slot:
    if sys.version_info >= (3, 12):
        return _PlainSlot(note)
    import _lsprof

    class LsprofSlot(_lsprof.Profiler):  # type: ignore[misc, unused-ignore]
        def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
            note(frame, event)

        def seize(self) -> None:
            self.enable(subcalls=False, builtins=False)

        def release(self) -> None:
            self.disable()  # also counts the functions that have not returned yet

        def drain(self) -> list[CodeType]:
            codes = [entry.code for entry in self.getstats()]
            self.clear()
            return [code for code in codes if isinstance(code, CodeType)]

    return LsprofSlot(subcalls=False, builtins=False)


_CHANNEL = Channel(Profiling())  # process-wide: there is one slot for all nested tracers
