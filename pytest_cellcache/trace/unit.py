"""Holds what one open unit consulted so far, and which units are open in the process.

What a unit made itself is no input of it: a file it created, anything below a directory it made,
a variable it set. Ownership is claimed only where the content cannot come from before.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from pytest_cellcache.model.observation import (
    ALL_VARIABLES,
    CWD,
    SEARCH,
    SURROUNDINGS,
    UNKNOWN,
    CodeRef,
    Observation,
    Site,
    Spawned,
)
from pytest_cellcache.sources.listings import names_in
from pytest_cellcache.sources.snapshot import COARSE_CLOCK_NS
from pytest_cellcache.trace.contract import THREAD_CONNECTED, THREAD_LEFT, TROUBLE, Traced
from pytest_cellcache.trace.kinds import is_newer
from pytest_cellcache.trace.leaving import Leaving
from pytest_cellcache.trace.made import LINKS, Made
from pytest_cellcache.trace.origin import SOURCES
from pytest_cellcache.trace.signatures import Written
from pytest_cellcache.trace.surrounding import REMOVED, Surrounding, is_importing
from pytest_cellcache.trace.threads import OF_FIXTURES, left_since, living_threads

# What a bug of ours, a strange argument, exhausted resources, or what somebody has put in the place
# of a function may raise in a callback: a gap. It must not surface in code that opens a file.
TROUBLES = (Exception,)

Where = Callable[[], tuple[CodeRef, ...]]

_NOTHING: Final[frozenset[Any]] = frozenset()
_SETS: Final = tuple(
    """reads writes listings stats folders modes scanned absent fresh variables
    inherited in_imports options distributions imports children repositories hosts acts appends
    sites spawned on_stack readers around assigned shown whole framed""".split()
)
"""What an ``OpenUnit`` and an ``Observation`` name alike."""


class OpenUnit:
    """The growing form of an ``Observation``.

    Attributes:
        frames: gives the frames of a ``Site``; ``None`` where nobody knows them.
        has_imported: it has executed the code of a module.
        leaving: what it changes for others.
        has_talked: it has sent something to processes that it may not have started.
        threads_left: what it started and what went on when it closed.
        met: variables that modules have asked for as they were imported, with their values.

    Args:
        before: how it was when recording began; ``None`` where that is how it was before.
        is_sited: note where inputs are consulted.
    """

    __slots__ = (
        *_SETS,
        *"""_answered_for _at_first _blindly _began_ns _listed _thread _threads _where
        _written frames gaps has_imported has_talked leaving made met threads_left""".split(),
    )

    def __init__(
        self,
        frames: Where | None = None,
        before: Surrounding | None = None,
        *,
        is_sited: bool = False,
    ) -> None:
        self.frames = frames
        self._where = frames if is_sited else None
        self._thread = threading.get_ident()
        self.on_stack, self.readers = set[CodeRef](), set[CodeRef]()
        self.shown, self.framed, self.whole = set[CodeRef](), set[CodeRef](), set[str]()
        self._at_first = before.variables if before is not None else None
        self.has_talked = self.has_imported = False
        self.sites: set[Site] = set()
        self.assigned: set[tuple[str, str]] = set()
        self.spawned: set[Spawned] = set()
        self.reads, self.writes = set[str](), set[str]()
        self.listings, self.fresh = set[str](), set[str]()
        self._listed: dict[str, tuple[str, ...] | None] = {}
        self.stats, self.folders = set[str](), set[str]()
        self.modes, self.scanned = set[str](), set[str]()
        self.absent: set[str] = set()
        self.variables, self.inherited = set[str](), set[str]()
        self.in_imports: set[tuple[str, str]] = set()
        self.options, self.distributions = set[str](), set[str]()
        self.imports, self.children = set[str](), set[str]()
        self.repositories, self.hosts = set[str](), set[str]()
        self.acts, self.around = set[str](), set[str]()
        self.appends, self.gaps = set[str](), set[str]()
        self._written = Written()
        self.made = Made()
        self._began_ns = time.time_ns() - COARSE_CLOCK_NS
        self._blindly: set[str] = set()
        self._threads = living_threads()
        self._answered_for: frozenset[object] = frozenset()
        self.threads_left: frozenset[object] = frozenset()
        self.leaving = Leaving()
        self.met: dict[str, object] = {}

    @property
    def is_sited(self) -> bool:
        """Say whether it counts where inputs are consulted: imports and collection."""
        return self._where is not None

    @property
    def looks_again(self) -> bool:
        """Say whether an input that was consulted before may be another site, or in an import."""
        return self._where is not None or self.has_imported

    def read(self, path: str) -> None:
        self.appends.discard(path)
        if (real := LINKS.through(path)) is not None:
            self.read(real)
        if not self.made.owns(path):
            if path not in self.reads:
                self._look(path)
            self._note("reads", path)
            self._note_stack(self.readers)
            if path.endswith(SOURCES):
                self.whole.add(path)

    def stat(self, path: str) -> None:
        if (real := LINKS.through(path)) is not None:
            self.stat(real)
        if path not in self.made.ensured and not self.made.owns(path):
            if path not in self.stats:
                self._look(path)
            self._note("stats", path)

    def ask_mode(self, path: str) -> None:
        if not self.made.owns(path):
            self._note("modes", path)

    def scan(self, paths: Iterable[str]) -> None:
        """Note files of which somebody has got the entry of a directory, and may ask for more."""
        if self._at_first is None or self.is_sited:  # nobody knows what code could
            for path in paths:
                self.read(path)
        else:
            self.scanned.update(path for path in paths if not self.made.owns(path))

    def show(self, path: str, lines: Iterable[CodeRef]) -> None:
        """Note a source that is read for lines of a traceback, and what runs these."""
        is_whole = path in self.whole or self.looks_again
        self.read(path)
        if not is_whole:
            self.whole.discard(path)
            self.shown.update(lines)

    def list(self, path: str) -> None:
        if (real := LINKS.through(path)) is not None:
            self.list(real)
        if not self.made.owns(path):
            if path not in self.listings:
                self._note_fresh(path)
                self._listed[path] = names_in(path)
            self._note("listings", path)

    def look_around(self, names: Iterable[str]) -> None:
        """Note that it consults ``SURROUNDINGS``."""
        self.around.update(n for n in names if not (n == CWD and self.leaving.has_moved))  # its own

    def look_up(self, distribution: str) -> None:
        self.around.add(SEARCH)
        self._note("distributions", distribution)

    def ask_for(self, module: str) -> None:
        self.around.add(SEARCH)
        self._note("imports", module)

    def read_option(self, name: str) -> None:
        self._note("options", name)

    def start_child(self, program: str) -> None:
        self.look_around(SURROUNDINGS)
        self._note("children", program)
        self._note_stack(self.on_stack)

    def ask_history(self, folder: str) -> None:
        self._note("repositories", folder)

    def spawn(self, token: str, overridden: Iterable[str] = ()) -> None:
        """Note a child that is traced.

        Args:
            overridden: variables that it was given other values of than this process has.
        """
        self.look_around(SURROUNDINGS)
        own = frozenset(self.leaving.changed_variables().union(overridden))
        made = frozenset(self.made.files), frozenset(self.made.dirs)
        others = self.leaving.set_by_others(self._at_first) - own
        self.spawned.add(Spawned(token, *made, own, others))
        if self.has_imported and is_importing():
            self.in_imports.add(("spawned", token))

    def _note_stack(self, found: set[CodeRef]) -> None:
        """Note who is on the way to what holds much and may concern none of the others."""
        frames = self.frames() if self.frames and threading.get_ident() == self._thread else ()
        # Of an import nobody knows whose it is.
        found.update(frames if frames and frames[-1].name != "<module>" else (UNKNOWN,))

    def move(self) -> None:
        self.around.add(CWD)  # where others have moved, it may put that back
        self._note_assigned(CWD)
        self.leaving.move()

    def connect(self, host: str) -> None:
        self.hosts.add(host)
        if threading.get_ident() in OF_FIXTURES:
            self.gaps.add(THREAD_CONNECTED)

    def write(self, path: str) -> None:
        """Note a write that is about to happen, as far as is known."""
        if path not in self.writes:
            self._written.note(path)
            self.writes.add(path)

    def append(self, path: str) -> None:
        """Note a file that is opened to write at its end, and not looked at so far."""
        is_log = path in self.appends or path not in self.reads
        self.read(path)
        if is_log:
            self.appends.add(path)

    def make_file(self, path: str) -> None:
        """Note a write that leaves nothing of an earlier content."""
        self.write(path)
        if path not in self.reads and path not in self.made.files:
            self._blindly.add(path)  # it would be written so whatever had been there
        self.made.files.add(path)

    def make_dir(self, path: str) -> None:
        """Note a directory of which nothing is from before: new, or about to be emptied."""
        self.write(path)
        self.made.dirs.add(path)

    def ensure_dir(self, path: str) -> None:
        """Note a directory that is made if there is none, or removed if there is one."""
        if path not in self.stats and not self.made.owns(path):
            self._note("folders", path)
            self.made.ensured.add(path)

    def read_variable(self, name: str, value: object) -> None:
        """Note a look at a variable whose raw value is ``value`` (``None``: unset).

        Skipped only if the unit changed the variable and it is still different: a value put back
        (``monkeypatch``, ``mock.patch.dict``), also where a fixture set it, is the outer one again.
        """
        if self.has_imported and is_importing():
            self.met[name] = value
        first = self._at_first
        before = self.leaving.variables.get(name, value)
        is_changed = before != value
        if name == ALL_VARIABLES:
            self._note_stack(self.on_stack)
            self.inherited.add(name)
        elif before is REMOVED and value is None:
            return
        elif not is_changed if first is None else value == first.get(os.fsencode(name)):
            self.inherited.add(name)
        elif is_changed and not self.is_sited:  # of modules, another one may have set it
            return
        self._note("variables", name)

    def write_variable(self, name: str, before: object) -> None:
        self._note_assigned(name)
        self.leaving.write_variable(name, before)

    def _note_assigned(self, name: str) -> None:
        """Note which module sets something for all that come later."""
        frames = self._where() if self._where else ()
        self.assigned.update((frame.filename, name) for frame in frames[-1:])

    def adopt(self, part: OpenUnit) -> None:
        """Take what a part of this unit made, changed and set for what this one did itself."""
        self.made.adopt(part.made)
        self.take_threads(part._answered_for)  # by units in the part, such as its fixtures
        self._blindly |= part._blindly
        self._written.adopt(part._written)
        self.writes |= part.writes
        self.leaving.adopt(part.leaving)
        self.in_imports |= part.in_imports
        self.around |= part.around
        self.has_talked = self.has_talked or part.has_talked

    def close(self, traced: Traced) -> Observation:
        """Freeze; a thread that the unit started and left behind is a gap."""
        self.threads_left = left_since(self._threads)
        if self.threads_left:
            self.gaps.add(THREAD_LEFT)
        return self.snapshot(traced)

    @contextmanager
    def keeping_own(self) -> Iterator[None]:
        """Let what a part of this unit did to ``sys.path``, and its threads, be its own doing."""
        search, threads = self.leaving.search, self._threads
        yield
        self.leaving.search, self._threads = search, threads

    def take_search(self) -> None:
        """Let what an inner unit did to ``sys.path`` be no doing of this one."""
        self.leaving.search = tuple(sys.path)

    def take_threads(self, threads: frozenset[object]) -> None:
        """Let threads that an inner unit answers for be none of this one's."""
        self._threads |= threads
        self._answered_for |= threads

    def snapshot(self, traced: Traced) -> Observation:
        if traced.searches:
            self.around.add(SEARCH)
        if self.gaps or traced.gaps:
            self.around |= SURROUNDINGS
        # Most sets are empty; there may be very many units, and each new set is an object.
        found: dict[str, Any] = {
            name: frozenset(there) for name in _SETS if (there := getattr(self, name))
        }
        found |= {n: getattr(traced, n) for n in ("codes", "within", "resets", "opening")}
        changed = self._written.changed()
        touched = frozenset(self._written.touched())
        changed |= {path for path, *_ in touched if path in self._blindly}
        return Observation(
            changed=changed or _NOTHING,
            touched=touched or _NOTHING,
            listed=frozenset(self._listed.items()) or _NOTHING,
            gaps=frozenset(self.gaps) | traced.gaps or _NOTHING,
            **found,
        )

    def _note(self, kind: str, subject: str) -> None:
        getattr(self, kind).add(subject)
        if self._where is not None:
            self.sites.add(Site(kind, subject, self._where()))
        elif self.has_imported and is_importing():
            self.in_imports.add((kind, subject))

    def _look(self, path: str) -> None:
        """Keep what the unit finds: at the end of the run the path may be gone, or there."""
        self._note_fresh(path)
        if not is_newer(path, 0):
            self.absent.add(path)

    def _note_fresh(self, path: str) -> None:
        """Keep what one of its children may have made."""
        if self.spawned and path not in self.reads | self.stats and is_newer(path, self._began_ns):
            self.fresh.add(path)


class Listener(Protocol):
    """Somebody who records: inputs go to his innermost unit.

    Attributes:
        depth: ``origin.pytester_depth`` at his start.
    """

    depth: int

    @property
    def innermost(self) -> OpenUnit: ...

    def go_on_as_child(self, token: str, command: list[str] | None) -> None: ...


LISTENERS: list[Listener] = []
"""Recorders that run, outermost first; process-wide because hooks and shims are."""


def innermost_units() -> Iterator[OpenUnit]:
    """Give the units that what happens now is charged to, one per running recorder."""
    for listener in LISTENERS:
        yield listener.innermost


def charge(note: Callable[[OpenUnit], None], reach: int) -> None:
    """Apply ``note`` to the innermost unit of those within reach (see ``origin.reach``)."""
    for listener in LISTENERS:
        if listener.depth < reach:
            note(listener.innermost)


def confess() -> None:
    """Note that something was missed because of trouble in a callback."""
    for unit in innermost_units():
        unit.gaps.add(TROUBLE)
