"""What every store promises, and the values it answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from pytest_cellcache.model.digest import Digest
from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry

STORE_CORRUPT: Final = "store-corrupt"
STORE_UNREADABLE: Final = "store-unreadable"
STORE_UNWRITABLE: Final = "store-unwritable"
STORE_LOCKED: Final = "store-locked"
STORE_FOREIGN: Final = "store-foreign"

YOUNG_S: Final = 3600.0
"""What was used this recently may belong to a session that has not appended its entries yet."""

NOTE_LIFE_S: Final = 30 * 86400.0
"""Compaction removes notes that nobody used for so long."""

NOTE_REFRESH_S: Final = 86400.0
"""Reading a note counts as use once in this time, so that a warm run writes nothing for it."""

KEEP_PER_UNIT: Final = 8
"""Entries of one unit that outlive a compaction: about that many branches are remembered."""


class Cleared(NamedTuple):
    """What ``clear`` removed."""

    files: int = 0
    size_bytes: int = 0


class Compacted(NamedTuple):
    """What ``compact`` did.

    Attributes:
        ran: false when somebody else is at it, something is in the way, or it may not write.
        entries_dropped: entries beyond the newest of their unit, and equal ones.
        groups_evicted: groups that went because the store was above its bound.
        blobs_removed: those nobody named, and those of evicted groups.
        size_bytes: what the store holds afterwards.
    """

    ran: bool = False
    entries_dropped: int = 0
    groups_evicted: int = 0
    blobs_removed: int = 0
    notes_removed: int = 0
    size_bytes: int = 0


class Store(Protocol):
    """Entries by group, blobs by content, notes by name; shared by processes and machines.

    Any text is a group, a unit or the name of a note. What every implementation promises (the
    contract tests carry the same numbers):

    1. ``read`` gives every entry whose ``append`` to that group gave True, equal to what was
       appended (bodies as JSON has them: a tuple comes back as a list), newest ``created_s``
       first, those of one time in any order. An entry may come twice after a crash or a merge.
    2. ``append`` only ever adds: older entries of a unit stay (A -> B -> A finds A). All or
       nothing of one ``append`` is seen.
    3. The name of a blob is a function of its content. ``get_blob`` gives exactly these bytes, or
       None when they are not there any more, were damaged, or never could be written.
    4. ``get_note`` gives what the last ``put_note`` of that name put, or None; it may forget.
    5. Where the store may not write, it changes nothing: ``append`` and ``put_note`` give False,
       ``put_blob`` the name, the rest does nothing. That is no reason for a warning.
    6. ``clear`` removes all groups, blobs and notes and nothing else, and tells how much that
       was; whoever uses the store meanwhile sees misses, and can go on writing.
    7. ``compact`` keeps, of each unit, the newest ``keep_per_unit`` (at least 1) entries with
       different bodies; of equal ones it keeps the newest.
    8. ``compact`` removes blobs that no entry names, except those put within ``YOUNG_S``, and
       notes that nobody used for ``NOTE_LIFE_S``. It never removes the blob of an entry it keeps.
    9. ``compact`` then takes groups (with the blobs only they name) and notes away, least recently
       used first, until the store is within ``max_size_bytes`` and no further. A group is used by
       ``append`` and ``touch``, a note by ``put_note`` and, with a grain of ``NOTE_REFRESH_S``,
       by ``get_note``.
    10. Nothing it meets on its medium, and no value it cannot store, raises: that is a miss and a
        warning, at most one warning for each slug in a run.
    11. Entries are values: changing a body that was appended or read changes nothing stored.
    12. ``groups`` names every group that ``read`` has entries for, in order, each once; a damaged
        group may be among them.
    13. What ``put_value`` put is a blob like any other (3, 8, 9). ``get_value`` gives exactly its
        bytes, and may be written to without changing what is stored.
    14. ``get_value`` gives nothing whose first bytes do not have the digest that the caller knows
        from a record, and nothing that somebody else could have written.
    15. ``only_one`` lets one holder of a name go on at a time, in all processes that share the
        medium. One that dies blocks nobody, and nobody waits longer than ``wait_s``.
    16. ``get_own_note`` gives what ``get_note`` does, or None where the note, or the place it lies
        in, could have been written by another user.
    """

    def groups(self) -> tuple[str, ...]:
        """Name what there is to read."""

    def read(self, group: str) -> tuple[Entry, ...]:
        """Give all entries of a group, newest first."""

    def append(self, group: str, entries: Sequence[Entry]) -> bool:
        """Add entries to a group and say whether they will be found again."""

    def put_blob(self, data: bytes) -> str:
        """Keep bytes and give their name, whether or not they could be written."""

    def get_blob(self, name: str) -> bytes | None:
        """Give the bytes of a name after checking them."""

    def put_value(self, parts: Sequence[bytes | memoryview]) -> str | None:
        """Keep the bytes of a fixture value; give their name, or None if they are not kept."""

    def get_value(self, name: str, head_bytes: int, head: Digest) -> memoryview | None:
        """Give the bytes of a name after checking them, where they may be written to.

        Args:
            head_bytes: how many bytes at the beginning will be interpreted; ``head`` is their
                digest.
        """

    def only_one(self, name: str, wait_s: float) -> AbstractContextManager[bool]:
        """Wait for one's turn; gives False where there is no waiting, or it took too long."""

    def put_note(self, name: str, data: bytes) -> bool:
        """Keep bytes under a name in place of what was there."""

    def get_note(self, name: str) -> bytes | None:
        """Give the bytes last kept under a name after checking them."""

    def get_own_note(self, name: str) -> bytes | None:
        """Give the same of a note that will be run, unless somebody else could have written it."""

    def touch(self, group: str) -> None:
        """Count the group as used now."""

    def clear(self) -> Cleared:
        """Remove everything stored."""

    def compact(self, max_size_bytes: int, keep_per_unit: int = KEEP_PER_UNIT) -> Compacted:
        """Bring the store within its bound; does nothing while somebody else does so."""

    def size_bytes(self) -> int:
        """Give what the stored groups, blobs and notes take."""


class WarnOnce:
    """Passes the first warning of each slug on; a damaged store has thousands of bad files."""

    def __init__(self, warn: Callable[[Warned], None]) -> None:
        self._warn = warn
        self._said: set[str] = set()  # bounded by the number of slugs

    def __call__(self, slug: str, text: str) -> None:
        if slug not in self._said:
            self._said.add(slug)
            self._warn(Warned(slug, text))
