"""What a module is made of: cells, defs and aliases, as values that can be stored as JSON.

A *cell* is a top-level statement, or a test method of a class; it binds names and is evaluated when
the module is imported. A *def* is the body of a function or method that some cell creates; it is
evaluated when called. A function defined in a function is a def of its own,
``outer.<locals>.inner``; a lambda that a statement only binds or puts in a container is one, too
(``lambdas``). Other lambdas, and comprehensions, belong to the body around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.digest import Digest

CellKind = Literal["def", "class", "value", "import", "effect"]


class Cell(NamedTuple):
    """A statement that importing the module evaluates.

    Attributes:
        binds: names it binds, dotted for test methods (``TestA.test_b``).
        digest: of its code without the bodies of defs, pytest markers and docstrings.
        refs: what evaluating it refers to; ``refs.calls`` includes decorators.
        bases: for classes, chains of the bases and the metaclass; ``""`` where not a chain.
        only_binds: an ``effect`` cell whose statements do nothing but bind names and change objects
            in place.
        only_reads: an ``effect`` cell that does nothing but bind names, to what is in files.
        files: names that it binds to these files, which are closed when it has ended.
        shape: for classes, digest of all but the signatures of methods: what decides, beside
            what it calls, whether defining it changes anything else.
        core: for classes, digest of all but plain methods: undecorated or properties, no dunders.
        methods: name and digest of the signature of each of these.
        may_raise: evaluating it may fail, even if the names in it are there.
        classes: qualified names of classes in it, as ``classes_in`` gives them.
        imported: what an ``import`` cell imports, as ``Refs.imports``.
        is_change: an ``effect`` cell that assigns, deletes or calls a mutating method, and calls
            nothing else on an object; or that is a call of a global.
        is_new: what it binds is an object that nobody else has.
        is_decorated: something may read what it binds as soon as it is bound.
        metaclass: the one among ``bases`` that the class is no subclass of.
        bare: for classes, ``shape`` without the names of plain methods.
        decorators: for classes, chains of its decorators, ``""`` where not a chain; of what makes a
            decorator that of its maker. Beside ``""`` where it is given more than bases.
        is_mere: an annotation without a value: there is nothing under the name.
    """

    kind: CellKind
    binds: tuple[str, ...]
    digest: Digest
    refs: Refs
    start: int
    end: int
    bases: tuple[str, ...] = ()
    is_decorated: bool = False
    only_binds: bool = False
    is_new: bool = False
    is_change: bool = False
    imported: str = ""
    shape: Digest = Digest("")
    core: Digest = Digest("")
    methods: tuple[tuple[str, Digest], ...] = ()
    may_raise: bool = False
    classes: tuple[str, ...] = ()
    only_reads: bool = False
    files: tuple[str, ...] = ()
    metaclass: str = ""
    bare: Digest = Digest("")
    decorators: tuple[str, ...] = ()
    is_mere: bool = False


def makes_classes(cell: Cell) -> bool:
    """Say whether a class of a cell may be a metaclass, as far as the names of its bases tell."""
    inherited = cell.refs.bases - {cell.metaclass}
    return any(base == "type" or base.endswith("Meta") for base in inherited)


class Def(NamedTuple):
    """The body of a function or method.

    Attributes:
        lines: first line (of the first decorator) and last line.
        digest: of the body, without its docstring.
        decorators: chains of its decorators, ``""`` where not a chain.
        has_kept_default: a default is a container, which outlives the call.
        defaults: per parameter with one that is no constant its name, and chains in the default.
        is_generator: it yields or awaits, so its frame outlives a call.
        first: first line of what runs when it is called.
        is_memo: a decorator keeps its results (``lru_cache``, ``cached_property``, ...).
        is_method: defined in a class body.
        gives_new: it returns containers that nobody else has, texts or numbers; see ``given``.
        is_annotated: it has annotations of its own among ``Table.annotations``.
    """

    qualname: str
    digest: Digest
    refs: Refs
    start: int
    end: int
    is_memo: bool = False
    is_method: bool = False
    decorators: tuple[str, ...] = ()
    has_kept_default: bool = False
    is_generator: bool = False
    first: int = 0
    is_annotated: bool = False
    gives_new: bool = False
    defaults: tuple[tuple[str, ...], ...] = ()


class Alias(NamedTuple):
    """What an import binds: ``module`` as written (dots lead), and the name taken from it."""

    module: str
    name: str | None


class Table(NamedTuple):
    """A parsed module.

    Attributes:
        aliases: per bound name, everything an import may bind it to.
        loads: modules that importing this one imports, as ``Refs.imports``.
        annotations: per qualified name, digest and refs of its annotations, if it is a function.
        guarded: those of ``loads`` whose absence is caught, wherever they are imported.
        stars: modules star-imported, as written, in order.
        markers: per qualified name, digest and refs of its pytest decorators.
        docs: per qualified name, digest of its docstring.
        futures: names imported from ``__future__``.
        code: digest of the whole module as code.
        is_broken: it does not parse; it matters to whoever imports it, as a whole.
        main: digest and refs of what runs only where it is the main module, if anything does.
        exports: what ``__all__`` lists; ``None`` where it is no plain list, or there is none.
    """

    cells: tuple[Cell, ...] = ()
    defs: tuple[Def, ...] = ()
    aliases: Mapping[str, tuple[Alias, ...]] = MappingProxyType({})
    loads: tuple[str, ...] = ()
    stars: tuple[str, ...] = ()
    markers: Mapping[str, tuple[Digest, Refs]] = MappingProxyType({})
    docs: Mapping[str, Digest] = MappingProxyType({})
    futures: tuple[str, ...] = ()
    code: Digest = Digest("")
    is_broken: bool = False
    exports: tuple[str, ...] | None = None
    guarded: tuple[str, ...] = ()
    annotations: Mapping[str, tuple[Digest, Refs]] = MappingProxyType({})
    main: tuple[Digest, Refs] | None = None


def _row(value: Cell | Def) -> list[Any]:
    return [item.to_json() if isinstance(item, Refs) else item for item in value]


def _value(item: Any) -> Any:
    if isinstance(item, dict):
        return Refs.from_json(item)
    if isinstance(item, list):
        return tuple(_value(part) for part in item)
    return item


def _refs_to_json(found: Mapping[str, tuple[Digest, Refs]]) -> dict[str, Any]:
    return {name: [digest, refs.to_json()] for name, (digest, refs) in found.items()}


def _refs_from_json(data: Mapping[str, Any]) -> dict[str, tuple[Digest, Refs]]:
    return {name: (digest, Refs.from_json(refs)) for name, (digest, refs) in data.items()}


def table_to_json(table: Table) -> dict[str, Any]:
    """Give a JSON object that ``table_from_json`` reads back to an equal table."""
    return {
        "cells": [_row(cell) for cell in table.cells],
        "defs": [_row(found) for found in table.defs],
        "aliases": {n: [[a.module, a.name] for a in found] for n, found in table.aliases.items()},
        "loads": table.loads,
        "stars": table.stars,
        "markers": _refs_to_json(table.markers),
        "annotations": _refs_to_json(table.annotations),
        "docs": dict(table.docs),
        "futures": table.futures,
        "code": table.code,
        "broken": table.is_broken,
        "exports": table.exports,
        "guarded": table.guarded,
        "main": None if table.main is None else [table.main[0], table.main[1].to_json()],
    }


def table_from_json(data: Mapping[str, Any]) -> Table:
    """Read a table.

    Raises:
        KeyError, TypeError, ValueError: not what ``table_to_json`` wrote.
    """
    return Table(
        cells=tuple(Cell(*map(_value, row)) for row in data["cells"]),
        defs=tuple(Def(*map(_value, row)) for row in data["defs"]),
        aliases={
            name: tuple(Alias(module, taken) for module, taken in found)
            for name, found in data["aliases"].items()
        },
        loads=tuple(data["loads"]),
        stars=tuple(data["stars"]),
        markers=_refs_from_json(data["markers"]),
        annotations=_refs_from_json(data["annotations"]),
        main=data["main"] and (data["main"][0], Refs.from_json(data["main"][1])),
        docs=data["docs"],
        futures=tuple(data["futures"]),
        code=data["code"],
        is_broken=data["broken"],
        exports=None if data["exports"] is None else tuple(data["exports"]),
        guarded=tuple(data["guarded"]),
    )
