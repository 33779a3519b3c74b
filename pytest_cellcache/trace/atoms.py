"""Immutable values that lead nowhere, and how many of them are told at once."""

from __future__ import annotations

from typing import Any, Final

from pytest_cellcache.trace.identities import identity

# By identity: looking a class up in a set would ask its metaclass for a hash.
ATOMS: Final = frozenset(
    identity(kind)
    for kind in (
        *(int, str, float, complex, bytes, bool, range),
        *map(type, (None, ..., NotImplemented)),
    )
)


class _Other:
    """Stands for what is no atom: no atom is written like this."""

    def __repr__(self) -> str:
        return "<>"


_OTHER: Final = _Other()


def text_of(values: list[Any]) -> tuple[str, list[Any]]:
    """Give a text that tells the atoms among some values, their types and all places; and others.

    No two atoms of different types are written alike.
    """
    atoms = [value if identity(type(value)) in ATOMS else _OTHER for value in values]
    text = repr(atoms)
    if "<>" not in text:
        return text, []
    return text, [v for v, atom in zip(values, atoms, strict=True) if atom is _OTHER]
