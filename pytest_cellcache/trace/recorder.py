"""Holds what runs and is consulted in each unit: tracer, audit events and shims as one thing.

Units form a stack::

    start -> [base] --open_unit--> [base, A] --open_unit--> [base, A, B]
                    <-close_unit--           <-close_unit--

Code and inputs go to the innermost unit only; whoever wants the whole joins the observations.
Recorders nest too: an inner one (pytester runs pytest inside pytest) hides nothing from an outer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple

from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.sources.handover import Handover
from pytest_cellcache.trace import frames, inputs, unit
from pytest_cellcache.trace.annotations import AnnotationWatch
from pytest_cellcache.trace.attached import AttachWatch
from pytest_cellcache.trace.chance import CHANCE
from pytest_cellcache.trace.channel import FirstParty, Label
from pytest_cellcache.trace.child import ChildRecording
from pytest_cellcache.trace.collector import paused
from pytest_cellcache.trace.contract import (
    THREAD_LEFT,
    Early,
    IsFirstParty,
    Traced,
    Tracer,
    TracerUnavailable,
)
from pytest_cellcache.trace.environ import EnvironmentWatch
from pytest_cellcache.trace.importing import ImportWatch
from pytest_cellcache.trace.made import LINKS, Made
from pytest_cellcache.trace.metadata import MetadataWatch
from pytest_cellcache.trace.monitoring import monitoring_tracer
from pytest_cellcache.trace.origin import caller, project_frames, pytester_depth, reach
from pytest_cellcache.trace.profiling import profiling_tracer
from pytest_cellcache.trace.registers import REGISTERED
from pytest_cellcache.trace.resets import ResetProbe
from pytest_cellcache.trace.shims import ShimSet
from pytest_cellcache.trace.spawn import CHILDREN, is_forkserver
from pytest_cellcache.trace.surrounding import differing, surrounding_now, value_in

TracerKind = Literal["auto", "monitoring", "profile"]

_MAKERS: Final[dict[str, tuple[Callable[[IsFirstParty], Tracer], ...]]] = {
    "auto": (monitoring_tracer, profiling_tracer),
    "monitoring": (monitoring_tracer,),
    "profile": (profiling_tracer,),
}


class Imported(NamedTuple):
    """What code imports ran, by statement (file name, line), and outside of them.

    Attributes:
        modules: file names of the modules all of whose statements are told apart.
    """

    statements: Mapping[Label, Observation]
    modules: frozenset[str]
    outside: Observation


def make_recorder(
    kind: TracerKind, is_first_party: IsFirstParty, handover: Handover | None = None
) -> Recorder:
    """Make a recorder; ``auto`` takes the best tracer that can start.

    Args:
        handover: where child processes tell what they saw; without it they are not traced.
    """
    # Asked for every frame: a dict of answers.
    answers = FirstParty(is_first_party)
    tracers = tuple(make(is_first_party) for make in _MAKERS[kind])
    return Recorder(tracers, answers.__getitem__, handover)


class Recorder:
    """A stack of units; a context manager that starts and stops.

    Args:
        is_first_party: whose frames a ``Site`` names.

    Attributes:
        tracer_name: which tracer works, or would be tried first.
        depth: in how many frames of pytester it was started.
        annotations: tells which functions' annotations nobody has looked at.
        threads_left: threads that went on when the last unit closed, which had started them.
        made: what the last unit that closed had made.
        resets: asked about what is reset.
        early: gives what modules did that were imported before it was started.
    """

    def __init__(
        self,
        tracers: tuple[Tracer, ...],
        is_first_party: IsFirstParty = lambda _: False,
        handover: Handover | None = None,
    ) -> None:
        self.early: Callable[[], Early] = Early
        self._is_first_party = is_first_party
        self.handover = handover
        self._tracers = tracers
        self._tracer = tracers[0]
        self._units: list[unit.OpenUnit] = []
        self._listeners: list[Callable[[Observation], None]] = []
        self.depth = 0
        self.annotations = AnnotationWatch()
        self.threads_left: frozenset[object] = frozenset()
        self.made = Made()
        self._before = surrounding_now()
        self.resets = ResetProbe()

    @property
    def tracer_name(self) -> str:
        return self._tracer.name

    @property
    def environment(self) -> dict[str, str]:
        """The environment when recording began, before any conftest."""
        return {os.fsdecode(n): os.fsdecode(v) for n, v in self._before.variables.items()}

    @property
    def is_running(self) -> bool:
        return bool(self._units)

    @property
    def innermost(self) -> unit.OpenUnit:
        """The unit that what happens now is charged to; there is none unless running."""
        return self._units[-1]

    def start(self) -> None:
        """Open the base unit; nothing happens if running.

        Raises:
            TracerUnavailable: no tracer can start; nothing is installed.
        """
        if self._units:
            return
        self._start_tracer()
        self.depth = pytester_depth(sys._getframe())
        self._before = surrounding_now()
        self._units.append(unit.OpenUnit(self._site, self._before, is_sited=True))
        _WATCH.add(self)
        self.annotations.start()

    def stop(self) -> None:
        """Forget all units; nothing happens if not running."""
        if self._units:
            _WATCH.remove(self)
            self.annotations.stop()
            self._units.clear()
            self._tracer.stop()

    def open_unit(self, *, is_sited: bool = False, own: Iterable[Made] = ()) -> None:
        """Open a unit inside the innermost one.

        Args:
            is_sited: note where inputs are consulted, as in the base unit.
            own: what was made for it before.
        """
        if not self._units:
            raise RuntimeError("the recorder is not running")
        with self._tracer.resting():
            CHILDREN.claim_forks()
            _WATCH.look_again()
            opened = unit.OpenUnit(self._site, self._before, is_sited=is_sited)
            for made in own:
                opened.made.adopt(made)
            self._units.append(opened)
            self._tracer.push()

    def expect(self, test: CodeRef | None) -> None:
        """Tell apart what runs before a test begins, and what of it the units reset."""
        if self._units:
            self._tracer.expect(test, self.resets)

    def close_part(self) -> Observation:
        """Close a unit that is a part of the one around it: what it made is that one's own."""
        if len(self._units) < 3:
            return self.close_unit()
        whole, part = self._units[-2:]
        whole.adopt(part)
        with whole.keeping_own():
            seen = self.close_unit()
        # What is left at the end is told by the whole.
        return seen._replace(left=frozenset(), put_back=frozenset(), gaps=seen.gaps - {THREAD_LEFT})

    def close_unit(self) -> Observation:
        """Close the innermost unit and say what it ran and consulted."""
        if len(self._units) < 2:
            raise RuntimeError("no unit is open")
        with self._tracer.resting():
            return self._close()

    def _close(self) -> Observation:
        CHILDREN.claim_forks()
        traced = self._tracer.pop()
        closed = self._units.pop()
        left, put_back = closed.leaving.left(self._before), closed.leaving.put_back(self._before)
        if closed.leaving.has_new_search:
            self._units[-1].take_search()
        self._units[-1].leaving.take_within(closed.leaving)
        observation = closed.close(traced)._replace(left=left, put_back=put_back)
        self.threads_left = closed.threads_left
        self.made = closed.made
        self._units[-1].take_threads(closed.threads_left)
        for listener in self._listeners:
            listener(observation)
        return observation

    @contextmanager
    def resting(self) -> Generator[None, None, None]:
        """Spare work of ours, which runs nobody's code, the garbage collector and being traced."""
        with paused(), self._tracer.resting():
            yield

    def listen(self, listener: Callable[[Observation], None]) -> None:
        """Let somebody know of every unit that closes from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Observation], None]) -> None:
        """Let him know no longer."""
        self._listeners.remove(listener)

    def base_unit(self) -> Observation:
        """Say what ran and was consulted outside of units so far, imports above all."""
        if not self._units:
            return Observation()
        base = self._units[0]
        seen = base.snapshot(self._tracer.base())._replace(left=base.leaving.left(self._before))
        return seen | self.early().seen

    def assigned(self) -> list[tuple[str, str, str]]:
        """Say which modules have set what for all that come later, and what it is now.

        Not what only one has set, and put back.
        """
        pairs = self._units[0].assigned if self._units else set()
        now = surrounding_now()
        changed = differing({name for _, name in pairs}, self._before, now)
        files: dict[str, list[str]] = {}
        for file, name in pairs:
            files.setdefault(name, []).append(file)
        return [
            *self.early().assigned,
            *(
                (file, name, value_in(now, name))
                for name, those in files.items()
                for file in those
                if name in changed or len(those) > 1
            ),
        ]

    def imports(self) -> Imported:
        """Say which code ran, by statements of modules, where they can be told apart."""
        if not self._units:
            return Imported({}, frozenset(), Observation())
        traced, early = self._tracer.imports(), self.early().imports
        codes = dict(early.statements)
        for label, ran in traced.statements.items():
            codes[label] = codes.get(label, frozenset()) | ran
        return Imported(
            {label: Observation(ran) for label, ran in codes.items()},
            early.modules | traced.modules,
            Observation(early.outside | traced.outside),
        )

    def tell(self) -> Early:
        """Give all that was done outside of units so far."""
        return Early(self.base_unit(), self._tracer.imports(), tuple(self.assigned()))

    def note_option(self, name: str) -> None:
        """Charge a look at an option or ini value to whoever asks now."""
        module, frame = caller()
        # The parser looks whether a value is there before it sets it.
        if self._units and module != "argparse" and (hearers := reach(module, frame)):
            unit.charge(lambda each: each.read_option(name), hearers)

    def read_child(self, token: str) -> list[tuple[str, Any]]:
        """Give what a traced child wrote so far."""
        return CHILDREN.handover.read(token) if CHILDREN.handover is not None else []

    def go_on_alone(self, base: unit.OpenUnit, sink: Callable[[CodeRef], None]) -> bool:
        """Be the only recorder of a child process, with one unit that never closes.

        Args:
            sink: told of code as it starts, if the tracer can do that, which is the answer.
        """
        unit.LISTENERS[:] = [self]
        self._units = [base]
        return self._tracer.keep_alone(sink)

    def base_code(self) -> Traced:
        """Say what code ran outside of units so far."""
        return self._tracer.base()

    def go_on_as_child(self, token: str, command: list[str] | None) -> None:
        """Hand over all that happens from now on.

        Args:
            command: of a process that was just executed; ``None`` for a fork.
        """
        if CHILDREN.handover is not None:
            after, CHILDREN.own = CHILDREN.own, token
            CHILDREN.is_forkserver = bool(command) and is_forkserver(command or [])
            log = CHILDREN.handover.log(token)
            recording = ChildRecording(self, self._is_first_party, log, after)
            CHILDREN.say_end = recording.end
            recording.begin(command)

    def _site(self) -> tuple[CodeRef, ...]:
        return project_frames(self._is_first_party)

    def __enter__(self) -> Recorder:  # Self is not in Python 3.10
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_tracer(self) -> None:
        for tracer in self._tracers[:-1]:
            try:
                tracer.start()
            except TracerUnavailable:
                continue
            self._tracer = tracer
            return
        self._tracers[-1].start()
        self._tracer = self._tracers[-1]


class Watch:
    """Hooks and shims that all running recorders share: on with the first, off with the last."""

    def __init__(self) -> None:
        self._shims = ShimSet()
        self._environment = EnvironmentWatch()
        self._metadata = MetadataWatch()
        self.importing = ImportWatch()
        self._attached = AttachWatch()

    def add(self, recorder: Recorder) -> None:
        unit.LISTENERS.append(recorder)
        if len(unit.LISTENERS) == 1:
            inputs.listen()
            frames.listen()
            self._shims.install()
            self._environment.install()
            self._metadata.install()
            self.importing.install()
            self._attached.install()
            CHANCE.install()
            REGISTERED.install()
            CHILDREN.handover = recorder.handover
            CHILDREN.install(lambda token: unit.LISTENERS[0].go_on_as_child(token, None))

    def look_again(self) -> None:
        """Watch what has been loaded meanwhile, too."""
        self.importing.look_again()
        self._environment.look_again()

    def remove(self, recorder: Recorder) -> None:
        if recorder in unit.LISTENERS:  # else an interrupt has ended it half-way
            unit.LISTENERS.remove(recorder)
        if not unit.LISTENERS:
            CHILDREN.uninstall()
            REGISTERED.uninstall()
            CHANCE.uninstall()
            self._attached.uninstall()
            self.importing.uninstall()
            self._metadata.uninstall()
            self._environment.uninstall()
            self._shims.uninstall()
            inputs.unlisten()
            frames.unlisten()
            LINKS.clear()


_WATCH = Watch()  # process-wide, as what it installs
