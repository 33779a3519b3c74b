"""Which methods code may mean that calls one of something unknown, by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import MUTATORS, is_unknown_call
from pytest_cellcache.graph.remembered import Place

NEW_OBJECT: Final[Place] = ("", "")
"""Stands for an object that nobody else has yet, where a global would name it."""

NEW_CLASS: Final[Place] = ("", ":")
"""The same for a class that is being defined."""

_READING: Final = (
    frozenset(name for kind in (str, bytes, list, dict, set, tuple, int) for name in dir(kind))
    - MUTATORS
)
"""Methods of builtin types that change nothing: where these are called, such are taken to be."""
_OF_FILES: Final = frozenset(
    """read readline readlines read_text read_bytes open joinpath with_name with_stem with_suffix
    relative_to absolute resolve expanduser exists is_file is_dir iterdir glob rglob as_posix
    group groups groupdict match fullmatch search findall finditer sub isoformat""".split()
)
"""Those of paths, files, patterns and times: they are, where the project has none of the name."""


_LOOKING: Final = frozenset(
    """__getitem__ __getattr__ __getattribute__ __iter__ __next__ __contains__ __len__ __bool__
    __enter__ __exit__ __missing__ __add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__
    __floordiv__ __mod__ __pow__ __matmul__ __lshift__ __rshift__ __rlshift__ __rrshift__ __and__
    __rand__ __or__ __ror__ __xor__ __rxor__ __invert__ __neg__ __pos__ __lt__ __le__ __gt__ __ge__
    __eq__ __ne__ __iadd__ __ior__ __iand__ __ilshift__""".split()
)
"""Methods that operators, loops and attributes run."""
_WRITING: Final = frozenset("__setitem__ __delitem__ __setattr__ __delattr__".split())


class Asked(NamedTuple):
    """A method that is called of something that no global names.

    Attributes:
        name: empty where a parameter itself is called.
        on: the global that leads to the object, ``NEW_OBJECT``, or ``None`` where others may have
            it, too.
        is_strict: it may be handed objects that others have, too.
    """

    name: str
    on: Place | None = None
    is_strict: bool = False


def is_telling(name: str) -> bool:
    """Say whether calling a method of this name may run code of the project."""
    return name not in _READING and not (name.startswith("__") and name.endswith("__"))


def only_looks(name: str) -> bool:
    """Say whether a method of this name changes nothing, unless it is one of the project."""
    return name in _READING or name in _OF_FILES


def is_method(qualname: str) -> bool:
    """Say whether a function is defined right in a class."""
    owner = qualname.rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


class Candidates:
    """Finds methods by name among files; what was found in a file is kept for the run."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._of_file: dict[str, dict[str, list[Place]]] = {}
        self._stored: dict[str, frozenset[str]] = {}

    def named(self, files: Iterable[str], name: str) -> list[Place]:
        """Give the methods of a name."""
        return [place for file in files for place in self._methods(file).get(name, ())]

    def is_stored(self, files: Iterable[str], name: str) -> bool:
        """Say whether some code sets an attribute of that name, which may be called then."""
        return any(name in self._stores(file) for file in files)

    def _methods(self, file: str) -> dict[str, list[Place]]:
        found = self._of_file.get(file)
        if found is None:
            found = self._of_file[file] = {}
            for qualname in self._project.index(file).defs:
                if is_method(qualname):
                    name = qualname.rpartition(".")[2]
                    found.setdefault(name, []).append((file, qualname))
        return found

    def _stores(self, file: str) -> frozenset[str]:
        if file not in self._stored:
            table = self._project.index(file).table
            every = [*(cell.refs for cell in table.cells), *(d.refs for d in table.defs)]
            self._stored[file] = frozenset().union(*(refs.attr_stores for refs in every))
        return self._stored[file]


def implicit_methods(
    project: Project, names: Names, path: str, chain: str, *, is_written: bool
) -> Iterator[tuple[str, str, Place]]:
    """Give the methods that code may run without a call of what a chain stands for.

    Args:
        is_written: something of it is set.

    Returns:
        File and qualified name, and the global that leads to the object.
    """
    for file, name, tail in names.resolve(path, chain).bindings:
        for cell in project.index(file).bound_by(name):
            if cell.kind == "class":
                method = ".".join((name, *tail, "__class_getitem__"))
                if method in project.index(file).defs:
                    yield file, method, (file, name)
            if cell.kind != "value":
                continue
            classes = [call for call in cell.refs.calls if not is_unknown_call(call)]
            for target, owner in with_bases(project, names, file, classes):
                for method in _run_by_looking(project, target, owner, tail, is_written):
                    yield target, method, (file, name)


def with_bases(project: Project, names: Names, path: str, chains: Iterable[str]) -> Iterator[Place]:
    """Give the classes of the project that chains stand for, and their bases."""
    stack = [(path, chain) for chain in chains]
    seen: set[Place] = set()
    while stack:
        for file, name, rest in names.resolve(*stack.pop()).bindings:
            place = file, ".".join((name, *rest))
            if place not in seen:
                seen.add(place)
                yield place
                for cell in project.index(file).bound_by(name):
                    stack += [(file, base) for base in {*cell.bases, *cell.refs.bases}]


def _run_by_looking(
    project: Project, file: str, owner: str, tail: tuple[str, ...], is_written: bool
) -> Iterator[str]:
    prefix = owner + "."
    for qualname, defs in project.index(file).defs.items():
        if qualname.startswith(prefix):
            name = qualname.removeprefix(prefix)
            is_special = name in _LOOKING or (is_written and name in _WRITING)
            is_property = tail[:1] == (name,) and any(d.decorators for d in defs)
            if is_special or is_property:
                yield qualname
