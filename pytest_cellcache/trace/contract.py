"""What every tracer of executed code promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from pytest_cellcache.model.observation import CodeRef, Observation, Reset, Within
from pytest_cellcache.trace.resets import ResetProbe

IsFirstParty = Callable[[str], bool]
"""Answers for a ``co_filename``; asked once per real file name."""

PROFILER_TAKEN: Final = "profiler-taken"
PROFILER_THREAD: Final = "profiler-thread"
THREAD_LEFT: Final = "thread-left"
THREAD_CONNECTED: Final = "thread-connected"
"""A thread of a fixture talked to another machine, on behalf of no test in particular."""
THREAD_UNSEEN: Final = "thread-unseen"
CWD_LOST: Final = "cwd-lost"
DESCRIPTOR: Final = "unknown-descriptor"
TROUBLE: Final = "trace-trouble"
LOG_LOST: Final = "log-lost"
TRACE_FUNCTION: Final = "trace-function"
"""A function was installed that the interpreter calls; what it runs raises no events."""


class TracerUnavailable(RuntimeError):
    """This way of tracing cannot work here and now; another one may."""


class Traced(NamedTuple):
    """What one unit ran.

    Attributes:
        gaps: slugs of what could not be seen meanwhile.
        searches: some of the code may look at ``sys.path``, or import something.
        within: as in ``Observation``; so are the others.
    """

    codes: frozenset[CodeRef]
    gaps: frozenset[str]
    searches: bool = False
    within: frozenset[Within] = frozenset()
    resets: frozenset[Reset] = frozenset()
    opening: frozenset[CodeRef] = frozenset()


class Imports(NamedTuple):
    """What the statements of modules ran, where the tracer can tell them apart.

    Attributes:
        statements: code by file name and line of the statement that was being executed.
        modules: file names of the modules whose statements were told apart, all of them.
        outside: code that ran outside of units and of such statements: hooks, collection.
    """

    statements: Mapping[tuple[str, int], frozenset[CodeRef]]
    modules: frozenset[str]
    outside: frozenset[CodeRef]


class Early(NamedTuple):
    """What some modules ran and consulted when they were imported.

    Attributes:
        seen: all of it.
        imports: the code by statements.
        assigned: as ``Recorder.assigned`` gives it.
    """

    seen: Observation = Observation()
    imports: Imports = Imports({}, frozenset(), frozenset())
    assigned: tuple[tuple[str, str, str], ...] = ()


class Tracer(Protocol):
    """Says which first-party code ran in which unit; units nest like a stack.

    1. Code that starts, resumes or is thrown into is charged to the innermost open unit.
    2. It is charged to each unit it runs in, however often it ran in other units before.
    3. What runs outside of units goes to the base unit, which opens with ``start``.
    4. Only code whose file is first-party is reported; generated code (``<string>``) never is.
    5. Tracers nest: every running tracer is told what runs, an inner one hides nothing.
    6. Code of threads started while the tracer runs counts, as does code made at run time
       (``exec``, ``types.FunctionType``, ``code.replace``) that names a first-party file.
    7. What may have been missed leaves a gap in the unit it was missed in.
    8. After the last ``stop`` nothing is installed in the interpreter any more.
    9. User code never notices: it can use profilers, tracers and monitoring tools of its own.
    10. Code that the main thread runs for a statement of a first-party module is told per
        statement too, by ``imports``, for the modules that it names, or for none.
    11. Nothing that runs within ``resting`` need be told; all that runs after it is.
    12. Of a function whose results are kept all is told that ran within it in a unit, or it is
        said that this is not known: by ``UNKNOWN``, or as it does not stand beside itself.
    13. Of a test that is expected it may be told what ran before it, and what that has reset.
    """

    @property
    def name(self) -> str: ...

    def start(self) -> None:
        """Open the base unit.

        Raises:
            TracerUnavailable: nothing was installed; try another tracer.
        """

    def stop(self) -> None:
        """Forget all units; may be called twice."""

    def push(self) -> None:
        """Open a unit inside the innermost one."""

    def expect(self, test: CodeRef | None, probe: ResetProbe) -> None:
        """Tell of what runs until this test begins.

        Args:
            probe: asked from now on about what is reset.
        """

    def pop(self) -> Traced:
        """Close the innermost unit; the base unit stays open until ``stop``."""

    def base(self) -> Traced:
        """Give what ran outside of units so far."""

    def keep_alone(self, sink: Callable[[CodeRef], None]) -> bool:
        """Go on in a child process: forget all units, tell ``sink`` of code as it starts.

        Returns:
            Whether ``sink`` will be told; if not, ``base`` must be asked before the end.
        """

    def imports(self) -> Imports:
        """Give what statements of modules ran so far."""

    def resting(self) -> AbstractContextManager[None]:
        """Let code run unseen where seeing it costs much; none of it may be anybody's but ours."""

    def label(self) -> tuple[str, int] | None:
        """Give file name and line of the statement being executed, as ``imports`` tells them."""
