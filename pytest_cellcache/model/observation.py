"""What a tracer saw while one unit ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple


class CodeRef(NamedTuple):
    """A code object that ran: ``co_filename`` as Python has it, ``co_firstlineno``, ``co_name``."""

    filename: str
    line: int
    name: str


Within = tuple[CodeRef, CodeRef]
"""A function whose results are kept, and what ran within it: itself, too, where that is known, and
``UNKNOWN`` where there may be more."""


class Reset(NamedTuple):
    """Something that code made what it is whatever it was before.

    Attributes:
        body: the code that did; it has not looked at it otherwise.
        way: how it names it, see ``graph.resetting``.
        filename: of a module one of whose globals leads to it; absolute.
        name: that global.
        word: the attribute or key of this that it is; empty if it is the global itself.
        is_content: it is the same container as before, and empty.
    """

    body: CodeRef
    way: str
    filename: str
    name: str
    word: str
    is_content: bool


FIXTURE = "<fixture>"
"""In place of a file name: what is changed is the value of a fixture instance."""

OUTSIDE = "<outside>"
"""In place of a file name: what is changed belongs to the standard library or to another
distribution; the global is the module there, or what of it is told apart (``trace.outside``)."""

CLASS_BODY = "<class>"
"""``CodeRef.name`` of a class body in ``Site.frames``."""


UNKNOWN: Final = CodeRef("", 0, "")
"""In ``Observation.on_stack`` and ``readers``: nobody knows what was running."""


STARTED: Final = CodeRef("", 0, "test")
"""In ``Observation.opening``: the test has begun."""


class Site(NamedTuple):
    """Where the project's own code consulted an input while modules were imported.

    Attributes:
        kind: the field of ``Observation`` that ``subject`` is in.
        frames: the project's code that was running, innermost first, up to the statement of a
            module that was being imported or, without one, to the outermost function; empty where
            foreign code was imported, which every module shares. Modules and class bodies are
            there with the line that was running.
    """

    kind: str
    subject: str
    frames: tuple[CodeRef, ...]


class Spawned(NamedTuple):
    """A child process that is traced as well.

    Attributes:
        token: names its log.
        made_files: what the unit had made itself by then: no input where the child reads it.
        made_dirs: directories of the same kind.
        variables: those the child got from the unit, not from the run's environment.
        others: those that units before have set or removed, and this one has not.
    """

    token: str
    made_files: frozenset[str] = frozenset()
    made_dirs: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


class Touched(NamedTuple):
    """A file that was written and is as it was before, but for its times.

    Attributes:
        before: size, mtime, ctime (ns) and inode before it was written for the first time.
        after: the same when the unit ended.
    """

    path: str
    before: tuple[int, int, int, int]
    after: tuple[int, int, int, int]


MADE: Final = "(made)"
"""As the word of a change of a fixture's value: it was made while the unit ran."""


class StateChange(NamedTuple):
    """Something that outlives a unit and was changed by it.

    Attributes:
        filename: of the module whose global leads to it; absolute.
        name: that global.
        word: the key or attribute right below the global; empty if it may be any.
        is_keyed: ``word`` is a key of the mapping that the global itself is.
        is_below: something below what the global has under that key or attribute was changed, or
            what the global holds where that has no names; not what it has, or is, itself.
        is_fleeting: all that changed are entries under weak references to objects that nothing
            long-lived leads to: only who has such an object finds its entry.
        variable: the variable of ``function`` that is the mapping which was changed, if it is one.
        is_lone: nothing at all but these entries has such an object any more.
        home: the class one of whose attributes it was, wherever else it is found: file name,
            qualified name and attribute; ``None`` for other objects.
        function: the code of the function that the global is, if nothing else leads there from
            the global: only who runs it can see the change.
        computed: the attribute that an object of a library has come to have as it was asked for it
            for the first time; empty for any other change.
    """

    filename: str
    name: str
    word: str = ""
    is_keyed: bool = False
    home: tuple[str, str, str] | None = None
    function: CodeRef | None = None
    is_below: bool = False
    is_fleeting: bool = False
    computed: str = ""
    variable: str = ""
    is_lone: bool = False

    @property
    def is_of_value(self) -> bool:
        """Say whether the value of a fixture was changed, after it was made."""
        return self.filename == FIXTURE and self.word != MADE

    @property
    def is_making(self) -> bool:
        """Say whether the value of a fixture was made while the unit ran."""
        return self.filename == FIXTURE and self.word == MADE


ALL_VARIABLES = "*"
"""In ``Observation.variables``: the environment was copied or iterated over."""


CWD: Final = "working directory"
SEARCH: Final = "sys.path"
SURROUNDINGS: Final = frozenset({CWD, SEARCH})
"""In ``Observation.left`` beside variables, and in ``Observation.around``."""
ANYTHING: Final = frozenset({ALL_VARIABLES, *SURROUNDINGS})
"""All that tests may set for each other."""


class Observation(NamedTuple):
    """Everything one unit consulted, as seen from outside; all sets, so observations can be joined.

    Attributes:
        codes: code objects that started or resumed while the unit ran.
        reads: absolute paths opened for reading.
        writes: absolute paths opened for writing, created, renamed or removed.
        changed: those of ``writes`` that were not as before when the unit ended, or might not
            have been.
        touched: those that were, though their times say otherwise.
        appends: those of ``writes`` that were only opened for appending, like a log.
        listings: absolute paths of directories listed.
        listed: the names that were in them then, see ``sources.listings``.
        stats: absolute paths whose existence or status was asked for (present or absent).
        folders: absolute paths where it did not matter whether there was a directory or nothing.
        modes: absolute paths of files whose permissions were asked for.
        scanned: absolute paths of files to which an entry of a directory was given: its status
            counts where code that ran may ask an entry for it.
        absent: those of ``reads`` and ``stats`` where nothing was.
        fresh: those of ``reads``, ``stats`` and ``listings`` that had changed since the unit began
            and were first consulted when it had child processes.
        variables: environment variables read, also those unset; may hold ``ALL_VARIABLES``.
        inherited: those of ``variables`` that had the value of the run's environment.
        in_imports: (field, subject) of what was consulted while a module was imported; only of
            what ran after the first test had begun.
        options: options and ini values that a conftest defines: ``option x``, ``ini y``.
        distributions: distributions whose metadata was looked for; ``*`` for all of them,
            ``entry-points`` for what they offer.
        imports: names of modules asked for through ``importlib.import_module``, with what was
            taken of them where that is known: ``mod:Class.name``. Of a file that was run as the
            main module ``__main__:`` and its path.
        children: programs started as child processes that nobody traced (argv[0], what a shell
            was given, or a word such as ``fork``).
        on_stack: the project's code that was running when ``children`` were started or all
            variables were read, callers included; may hold ``UNKNOWN``.
        readers: the same when a file was read.
        within: what ran within functions whose results are kept; of others nothing is known.
        repositories: absolute folders in which git was started.
        spawned: child processes that are traced.
        hosts: addresses outside loopback that were connected to or resolved.
        around: those of ``SURROUNDINGS`` that it may have consulted, as far as it had not set them.
        left: variables, or ``SURROUNDINGS``, that the unit changed and did not put back.
        put_back: those that are again as they were at first, and were not when it began.
        acts: what was done to the world beside writing files: sockets used, signals sent.
        gaps: slugs of what the tracer could not see, e.g. ``profiler-taken``; any gap means that
            the footprint cannot be vouched for.
        sites: where inputs were consulted; only of what ran before the first test.
        shown: lines of sources among ``reads`` that tracebacks show, with the names of what runs
            them.
        framed: code whose frames somebody got hold of, callers included: by ``sys._getframe``, from
            tracebacks, generators; may hold ``UNKNOWN``. Lines that have run are told by frames.
        whole: sources among ``reads`` that were read for more than that.
        resets: what was reset before its test began, and in the set-up of a fixture.
        opening: the code that started before its test did, and ``STARTED``; empty where that is
            not known.
        assigned: files of modules, or of hooks, and the variables that they set or removed, or
            ``CWD``; only of what ran before the first test.
    """

    codes: frozenset[CodeRef] = frozenset()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    touched: frozenset[Touched] = frozenset()
    appends: frozenset[str] = frozenset()
    listings: frozenset[str] = frozenset()
    listed: frozenset[tuple[str, tuple[str, ...] | None]] = frozenset()
    stats: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    modes: frozenset[str] = frozenset()
    scanned: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    inherited: frozenset[str] = frozenset()
    in_imports: frozenset[tuple[str, str]] = frozenset()
    options: frozenset[str] = frozenset()
    distributions: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    acts: frozenset[str] = frozenset()
    gaps: frozenset[str] = frozenset()
    sites: frozenset[Site] = frozenset()
    spawned: frozenset[Spawned] = frozenset()
    around: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    put_back: frozenset[str] = frozenset()
    on_stack: frozenset[CodeRef] = frozenset()
    assigned: frozenset[tuple[str, str]] = frozenset()
    readers: frozenset[CodeRef] = frozenset()
    within: frozenset[Within] = frozenset()
    shown: frozenset[CodeRef] = frozenset()
    whole: frozenset[str] = frozenset()
    resets: frozenset[Reset] = frozenset()
    opening: frozenset[CodeRef] = frozenset()
    framed: frozenset[CodeRef] = frozenset()

    def __or__(self, other: Observation) -> Observation:
        joined: list[Any] = []
        for own, others in zip(self, other, strict=True):
            # A union of two sets is a new set, even where one of them is empty.
            joined.append(own | others if own and others else own or others)
        return Observation(*joined)


Joined = Callable[[Observation], Observation]
"""Adds to an observation what the child processes of its unit saw."""
