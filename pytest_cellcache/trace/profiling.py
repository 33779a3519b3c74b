"""Notices running code through the profiler slot: ``_lsprof`` up to Python 3.11.

From 3.12 on ``_lsprof`` occupies the monitoring tool id of ``cProfile``, whose users would then
fail with ValueError. A plain callback in the ``sys.setprofile`` slot, slower, is used there: this
mechanism is only the fallback where ``sys.monitoring`` has no free tool id.

The slot is per thread. New threads get the plain callback through ``threading.setprofile``. It can
be taken away at any time without a word but an audit event::

    ours --(sys.setprofile by somebody)--> taken --(slot empty at a unit boundary)--> ours

Every unit that overlaps ``taken`` has the gap ``profiler-taken``.
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
from pytest_cellcache.trace.channel import Channel, ChannelTracer, FirstParty
from pytest_cellcache.trace.contract import (
    PROFILER_TAKEN,
    PROFILER_THREAD,
    THREAD_UNSEEN,
    IsFirstParty,
    Tracer,
)
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
        self._gaps: set[str] = set()
        self._thread = 0
        # By identity: hashing a code object walks its bytecode. The values keep the ids valid.
        self._called: dict[int, CodeType] = {}
        self._slot: Slot | None = None
        self._starters: dict[str, Shim] = {}
        self.settle: Callable[[], None] = lambda: None
        self.enter: Callable[[str], None] = lambda filename: None

    def activate(self) -> None:
        audit.listen("sys.setprofile", self._on_setprofile)
        self._slot = _make_slot(self._note_call)
        self._thread = threading.get_ident()
        self._gaps.clear()
        self._called.clear()
        self._active = True
        if threading.getprofile() is None:
            threading.setprofile(self._slot)
        self._seize()
        for name in _THREAD_STARTERS:
            starter = self._starters[name] = Shim(getattr(_thread, name), self._on_raw_thread)
            setattr(_thread, name, starter)

    def label(self) -> None:
        """Tell no statements apart: the slot of ``_lsprof`` says when functions ran, not where."""

    def admit(self, files: FirstParty) -> None:
        """Nothing to prepare: the slot sees all code."""

    def dismiss(self, files: FirstParty) -> None:
        """Nothing was prepared."""

    def take(self) -> tuple[Iterable[CodeType], frozenset[str]]:
        assert self._slot is not None
        gaps = set(self._gaps)
        self._gaps.clear()
        codes: list[CodeType] = []
        if threading.get_ident() != self._thread:
            gaps.add(PROFILER_THREAD)
        else:
            self._release()
            codes = self._slot.drain()
            if self._taken:
                gaps.add(PROFILER_TAKEN)
            if not self._resting:
                self._seize()
        if threading.getprofile() is not self._slot:
            gaps.add(PROFILER_TAKEN)
            if threading.getprofile() is None:
                threading.setprofile(self._slot)
        called = self._called.copy()
        self._called.clear()
        return codes + list(called.values()), frozenset(gaps)

    @contextmanager
    def resting(self) -> Generator[None, None, None]:
        slot, held = self._slot, sys.getprofile()
        if slot is None or held is not slot or threading.get_ident() != self._thread:
            yield
            return
        self._release()
        self._resting = True
        try:
            yield
        finally:
            self._resting = False
            if self._slot is slot:
                self._seize()

    def relay(self, sink: Callable[[CodeType], None]) -> bool:
        return False  # the slot tells when it is drained

    def deactivate(self) -> None:
        audit.unlisten("sys.setprofile", self._on_setprofile)
        self._active = False
        self._release()
        if threading.getprofile() is self._slot:
            threading.setprofile(None)
        for name, starter in self._starters.items():
            if getattr(_thread, name) is starter:
                setattr(_thread, name, starter.real)
        self._starters.clear()
        self._called.clear()
        self._slot = None

    def _seize(self) -> None:
        """Take the slot of this thread if nobody else has it."""
        assert self._slot is not None
        self._taken = sys.getprofile() is not None
        if not self._taken:
            self._switching = True
            try:
                self._slot.seize()
            finally:
                self._switching = False

    def _release(self) -> None:
        """Empty the slot of this thread, unless it is somebody else's."""
        slot = self._slot
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
