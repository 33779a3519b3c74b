"""Holds what runs and is consulted in each unit: tracer, audit events and shims as one thing.

Units form a stack::

    start -> [base] --open_unit--> [base, A] --open_unit--> [base, A, B]
                    <-close_unit--           <-close_unit--

Code and inputs go to the innermost unit only; whoever wants the whole joins the observations.
Recorders nest too: an inner one (pytester runs pytest inside pytest) hides nothing from an outer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal

from pytest_cellcache.model.observation import Observation
from pytest_cellcache.trace import inputs, unit
from pytest_cellcache.trace.channel import FirstParty
from pytest_cellcache.trace.contract import IsFirstParty, Tracer, TracerUnavailable
from pytest_cellcache.trace.environ import EnvironmentWatch
from pytest_cellcache.trace.monitoring import monitoring_tracer
from pytest_cellcache.trace.origin import project_frames, pytester_depth
from pytest_cellcache.trace.profiling import profiling_tracer
from pytest_cellcache.trace.shims import ShimSet
from pytest_cellcache.trace.unit import Where

TracerKind = Literal["auto", "monitoring", "profile"]

_MAKERS: Final[dict[str, tuple[Callable[[IsFirstParty], Tracer], ...]]] = {
    "auto": (monitoring_tracer, profiling_tracer),
    "monitoring": (monitoring_tracer,),
    "profile": (profiling_tracer,),
}


def make_recorder(kind: TracerKind, is_first_party: IsFirstParty) -> Recorder:
    """Make a recorder; ``auto`` takes the best tracer that can start."""
    # Asked for every frame: a dict of answers.
    answers = FirstParty(is_first_party)
    tracers = tuple(make(is_first_party) for make in _MAKERS[kind])
    return Recorder(tracers, lambda: project_frames(answers.__getitem__))


class Recorder:
    """A stack of units; a context manager that starts and stops.

    Args:
        where: gives the frames of a ``Site``.

    Attributes:
        tracer_name: which tracer works, or would be tried first.
        depth: in how many frames of pytester it was started.
    """

    def __init__(self, tracers: tuple[Tracer, ...], where: Where | None = None) -> None:
        self._where = where
        self._tracers = tracers
        self._tracer = tracers[0]
        self._units: list[unit.OpenUnit] = []
        self.depth = 0

    @property
    def tracer_name(self) -> str:
        return self._tracer.name

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
        self._units.append(unit.OpenUnit(self._where))
        _WATCH.add(self)

    def stop(self) -> None:
        """Forget all units; nothing happens if not running."""
        if self._units:
            _WATCH.remove(self)
            self._units.clear()
            self._tracer.stop()

    def open_unit(self, *, is_sited: bool = False) -> None:
        """Open a unit inside the innermost one.

        Args:
            is_sited: note where inputs are consulted, as in the base unit.
        """
        if not self._units:
            raise RuntimeError("the recorder is not running")
        self._units.append(unit.OpenUnit(self._where if is_sited else None))
        self._tracer.push()

    def close_unit(self) -> Observation:
        """Close the innermost unit and say what it ran and consulted."""
        if len(self._units) < 2:
            raise RuntimeError("no unit is open")
        traced = self._tracer.pop()
        return self._units.pop().close(traced)

    def base_unit(self) -> Observation:
        """Say what ran and was consulted outside of units so far, imports above all."""
        if not self._units:
            return Observation()
        return self._units[0].snapshot(self._tracer.base())

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

    def add(self, recorder: Recorder) -> None:
        unit.LISTENERS.append(recorder)
        if len(unit.LISTENERS) == 1:
            inputs.listen()
            self._shims.install()
            self._environment.install()

    def remove(self, recorder: Recorder) -> None:
        unit.LISTENERS.remove(recorder)
        if not unit.LISTENERS:
            self._environment.uninstall()
            self._shims.uninstall()
            inputs.unlisten()


_WATCH = Watch()  # process-wide, as what it installs
