"""How a fixture value lies in a file, and the seams through which the outer layers take part.

::

    magic, size of the header        16 bytes
    header                           JSON: sizes, places of the sections, stubs, kept files
    pickle                           protocol 5
    sections                         64-byte aligned: large buffers, contents of kept files

Everything before the sections is the *head*: it is small, is checked against its digest whenever a
value is read, and only it is unpickled. Buffers are mapped copy-on-write and never interpreted.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Container, Mapping, Sequence
from json import dumps, loads
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pytest_cellcache.store.stubs import StubPlace, TouchLog, make_stub

if TYPE_CHECKING:
    from pytest_cellcache.store.sharing import Around

MAGIC: Final = b"cellval1"
ALIGNMENT: Final = 64
IN_BAND_BYTES: Final = 1 << 16
"""Buffers below this are pickled like anything else."""

Buffer = bytes | memoryview


class Unstorable(Exception):
    """The value cannot be kept; the message is a clause for people."""


class Names(Protocol):
    """What the outer layers know of objects that are kept by name and not by value."""

    def reference(self, value: object) -> tuple[str, ...] | None:
        """Name a function, class or object that a first-party module holds."""

    def namespace(self, members: Mapping[str, Any]) -> tuple[str, ...] | None:
        """Name the first-party module whose globals these are."""

    def code(self, code: types.CodeType) -> tuple[str, ...] | None:
        """Name the code of a first-party function; raises ``LookupError`` when that is in vain."""

    def resolve_code(self, reference: Sequence[str]) -> types.CodeType:
        """Give what ``code`` named; raises ``LookupError`` when it is not there any more."""

    def resolve(self, reference: Sequence[str]) -> Any:
        """Give what ``reference`` named; raises ``LookupError`` when it is not there any more."""


class Root(NamedTuple):
    """A directory that differs from run to run; an empty token means that no value may name it."""

    token: str
    path: str


class StubFound(NamedTuple):
    """A part that was left out of a value."""

    place: str
    type_name: str
    is_callable: bool


class Encoded(NamedTuple):
    """A value as bytes.

    Attributes:
        head_bytes: how much of the parts, joined, is head.
        tokens: of the roots that the value names.
        owners: of the objects that it shares with other values.
        codes: of the project's functions that it holds.
        may_differ: the project's own code takes part in pickling it.
    """

    parts: tuple[Buffer, ...]
    head_bytes: int
    stubs: tuple[StubFound, ...] = ()
    tokens: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    codes: tuple[types.CodeType, ...] = ()
    may_differ: bool = False


class Scene(NamedTuple):
    """What a value is put back into.

    Attributes:
        shared: gives the object at a path inside the value of an upstream fixture.
    """

    owner: str
    names: Names
    log: TouchLog
    roots: Mapping[str, str] = MappingProxyType({})
    shared: Callable[[str, Sequence[Any]], Any] | None = None


class Content:
    """A value file's content, taken apart.

    Raises:
        ValueError: it is not one, or not whole.
    """

    def __init__(self, data: Buffer) -> None:
        self._view = memoryview(data)
        if bytes(self._view[:8]) != MAGIC:
            raise ValueError("not a stored value")
        size = int.from_bytes(self._view[8:16], "little")
        header = loads(bytes(self._view[16 : 16 + size]))
        self.head_bytes: int = 16 + size + header["pickle"]
        self._pickle = self._view[16 + size : self.head_bytes]
        if len(self._pickle) != header["pickle"]:
            raise ValueError("a stored value is cut off")
        self._sections: list[list[int]] = header["sections"]
        self._buffers: list[int] = header["buffers"]
        self.trees: list[dict[str, Any]] = header["trees"]
        self._stubs = [StubFound(*row) for row in header["stubs"]]

    def section(self, number: int) -> memoryview:
        """Give a section.

        Raises:
            ValueError: it is cut off.
        """
        start, size = self._sections[number]
        found = self._view[start : start + size]
        if len(found) != size:
            raise ValueError("a stored value is cut off")
        return found

    def load(self, scene: Scene) -> Any:
        """Unpickle; whoever calls has checked where the bytes come from and that they are whole.

        Raises:
            Exception: whatever the classes of the value raise.
        """
        from pytest_cellcache.store.pickler import load_pickle

        places = [StubPlace(scene.owner, stub.place, stub.type_name) for stub in self._stubs]

        def stub_at(number: int) -> Any:
            is_callable = self._stubs[number].is_callable
            return make_stub(places[number], scene.log, is_callable=is_callable)

        buffers = [self.section(number) for number in self._buffers]
        return load_pickle(self._pickle, buffers, scene, stub_at)


def encode_value(
    made: Any,
    names: Names,
    roots: Sequence[Root],
    around: Around | None = None,
    trees: Sequence[Mapping[str, Any]] = (),
    files: Sequence[bytes] = (),
    held: Container[object] = (),
) -> Encoded:
    """Encode a value; here, so that cloudpickle is imported only by runs that store something."""
    from pytest_cellcache.store.pickler import encode

    return encode(made, names, roots, around, trees, files, held)


def assemble(
    pickled: bytes,
    buffers: Sequence[Buffer],
    stubs: Sequence[StubFound],
    trees: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Buffer] = (),
) -> tuple[tuple[Buffer, ...], int]:
    """Lay a value out; give the parts of the file and the size of its head.

    Trees name the contents of their files by position in ``files``, and get sections for them.
    """
    sections = [*buffers, *files]
    rows: list[list[int]] = [[0, len(section)] for section in sections]
    header: dict[str, Any] = {
        "pickle": len(pickled),
        "sections": rows,
        "buffers": list(range(len(buffers))),
        "trees": [_shifted(tree, len(buffers)) for tree in trees],
        "stubs": [[stub.place, stub.type_name, stub.is_callable] for stub in stubs],
    }
    # Offsets are numbers of unknown width in a header whose width moves them: room for all.
    width = len(dumps(header)) + 20 * len(rows)
    start = 16 + width + len(pickled)
    for row in rows:
        start += -start % ALIGNMENT
        row[0] = start
        start += row[1]
    head = dumps(header).encode("ascii").ljust(width)
    parts: list[Buffer] = [MAGIC + width.to_bytes(8, "little") + head + pickled]
    at = len(parts[0])
    head_bytes = at
    for row, section in zip(rows, sections, strict=True):
        parts += [bytes(row[0] - at), section]
        at = row[0] + row[1]
    return tuple(part for part in parts if len(part)), head_bytes


def _shifted(tree: Mapping[str, Any], by: int) -> dict[str, Any]:
    rows = [
        [kind, path, mode, payload + by if kind == "file" else payload]
        for kind, path, mode, payload in tree["rows"]
    ]
    return {**tree, "rows": rows}
