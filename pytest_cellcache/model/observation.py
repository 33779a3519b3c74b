"""What a tracer saw while one unit ran."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple


class CodeRef(NamedTuple):
    """A code object that ran: ``co_filename`` as Python has it, ``co_firstlineno``, ``co_name``."""

    filename: str
    line: int
    name: str


FIXTURE = "<fixture>"
"""In place of a file name: what is changed is the value of a fixture instance."""


class StateChange(NamedTuple):
    """Something that outlives a unit and was changed by it.

    Attributes:
        filename: of the module whose global leads to it; absolute.
        name: that global.
        word: the key or attribute right below the global; empty if it may be any.
        is_keyed: ``word`` is a key of the mapping that the global itself is.
    """

    filename: str
    name: str
    word: str = ""
    is_keyed: bool = False


ALL_VARIABLES = "*"
"""In ``Observation.variables``: the environment was copied or iterated over."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything one unit consulted, as seen from outside; all sets, so observations can be joined.

    Attributes:
        codes: code objects that started or resumed while the unit ran.
        reads: absolute paths opened for reading.
        writes: absolute paths opened for writing, created, renamed or removed.
        listings: absolute paths of directories listed.
        stats: absolute paths whose existence or status was asked for (present or absent).
        variables: environment variables read, also those unset; may hold ``ALL_VARIABLES``.
        children: programs started as child processes (argv[0] or a word such as ``fork``).
        hosts: addresses outside loopback that were connected to or resolved.
        gaps: slugs of what the tracer could not see, e.g. ``profiler-taken``; any gap means that
            the footprint cannot be vouched for.
    """

    codes: frozenset[CodeRef] = frozenset()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    listings: frozenset[str] = frozenset()
    stats: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    gaps: frozenset[str] = frozenset()

    def __or__(self, other: Observation) -> Observation:
        return Observation(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))
