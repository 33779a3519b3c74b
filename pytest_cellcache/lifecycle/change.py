"""What one unit changed of a long-lived object, and what readers of that rest on."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pytest_cellcache.model.keys import Key

_ADDRESS: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?(?:[57][0-9a-f]{11}|1[0-4]\d{13}|9\d{13})(?![0-9A-Za-z])"
)
"""In hexadecimal or decimal digits."""


class Change(NamedTuple):
    """What one unit changed.

    Attributes:
        key: the global that leads to it.
        word: key or attribute below the global; empty if it may be any.
        is_keyed: ``word`` is a key of the mapping that the global is.
        rests_on: what readers rest on.
        producer: key of the unit, if readers need it to run before them.
        fillers: where the change is the same whoever makes it: bodies that make it. Who ran none
            of them rests on the unit all the same.
        unit: key of the unit; ``None`` for what imports changed.
        is_counter: it counts new objects to tell their order, and only code that names it can ask
            for how many there were.
        function: the one body whose variables lead to it, see ``StateChange.function``.
        defined: the words in ``word`` that are names of definitions, or of their modules.
        is_below: as in ``StateChange``.
        is_first: it was made before the first test, and follows from nothing that tests left.
    """

    key: Key
    word: str
    is_keyed: bool
    rests_on: frozenset[Key]
    producer: Key | None
    fillers: frozenset[Key] = frozenset()
    unit: Key | None = None
    is_counter: bool = False
    function: Key | None = None
    defined: frozenset[str] = frozenset()
    is_first: bool = False
    is_below: bool = False

    @property
    def place(self) -> tuple[Key, str, bool, frozenset[Key], Key | None, bool, bool]:
        """What decides who reads it: changes of one place have the same readers."""
        told = self.key, self.word, self.is_keyed, self.fillers, self.function, self.is_counter
        return (*told, self.is_below)


def without_address(word: str) -> str:
    """Leave the addresses of objects out of a name: in each run they are others.

    No code names such a word, so who may look for it computes names.
    """
    return _ADDRESS.sub("#", word)
