"""Holds records against what importing the modules of a run enters in registers of others.

A test rests on what there is in a register that it looks into, also on what there is not. Plain
pytest imports all modules of tests before the first test, so any of them may enter something::

    written    what each module of the run enters, as a blob; every record of the run names it
    verified   what the modules of this run enter is compared with the blob of each record that
               holds otherwise; where something is there that was not, or the other way round, the
               record does not hold if its test may see that

What a statement enters that is there in both may be another thing now: readers rest on it by keys
of their own (``Producers.add_imports``). Who may see a difference is asked as for what tests leave
behind (``readers``): of a mapping, who names its key or takes it as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import Entered
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.lifecycle.producers import Change, unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.model.keys import NAME, Key
from pytest_cellcache.model.record import Entry

ENTERED: Final = "entered"
"""Name of the blob in the body of a record."""
ENTERING: Final = "entering"
"""In that of a collection: the files among all that the module imports that enter something."""
LENGTH: Final = 12
"""Of the names of records."""

ByFile: TypeAlias = Mapping[str, frozenset[Entered]]
"""What modules enter, by their files; files of modules that enter nothing may be left out."""


def encode(entered: ByFile) -> bytes:
    """Encode what modules enter: the same for the same."""
    data = {path: sorted(entered[path]) for path in sorted(entered) if entered[path]}
    return json.dumps(data, separators=(",", ":")).encode()


def decode(blob: bytes | None) -> dict[str, frozenset[Entered]] | None:
    """Give what was encoded; ``None`` where that is not there or damaged."""
    try:
        data: Any = json.loads(blob or b"")
        return {
            str(path): frozenset(
                Entered(str(file), str(name), str(word), bool(is_keyed), str(by))
                for file, name, word, is_keyed, by in rows
            )
            for path, rows in data.items()
        }
    except (ValueError, TypeError, AttributeError):
        return None


class Standing:
    """What modules enter in this run, and who may see where that differs from another one.

    Args:
        closure: gives what running code leads to in this run.
        read_blob: gives a blob of the store.
        roots_of: gives what the test of a record ran and consulted.

    Attributes:
        entered: what modules enter in this run.
        blob: the same, encoded.
        clear: names of records (``name_of``) which are known to see nothing of what differs.
    """

    def __init__(
        self,
        entered: ByFile,
        digester: Digester,
        closure: Callable[[], Closure],
        read_blob: Callable[[str], bytes | None],
        roots_of: Callable[[Entry], frozenset[Key]],
    ) -> None:
        self.blob = encode(entered)
        self.entered = entered
        self._digester = digester
        self._closure = closure
        self._read_blob = read_blob
        self._roots_of = roots_of
        self._differences: dict[str, frozenset[Change] | None] = {}
        self.clear: set[str] = set()
        self._upset: dict[str, Key | None] = {}

    def weigh(self, entries: Iterable[Entry]) -> None:
        """Find out for many records at once whether they hold, which is faster."""
        by_blob: dict[str, list[Entry]] = {}
        for entry in entries:
            name = name_of(entry)
            if name not in self.clear and name not in self._upset:
                by_blob.setdefault(str(entry.body.get(ENTERED)), []).append(entry)
        for blob, found in by_blob.items():
            differences = self._differ(blob)
            if differences is None:  # it is not known what there was
                self._upset.update((name_of(entry), None) for entry in found)
            elif differences:
                self._judge(found, differences)

    def upsetting(self, entry: Entry) -> str | None:
        """Say what a record holds no more for: the name of a global; ``None`` where it holds."""
        self.weigh([entry])
        name = name_of(entry)
        if name not in self._upset:
            return None
        key = self._upset[name]
        return f"{key.path}::{key.name}" if key is not None else ""

    def _judge(self, entries: list[Entry], differences: frozenset[Change]) -> None:
        closure = self._closure()
        units = {unit_key(name_of(entry), entry.unit): entry for entry in entries}
        roots = {unit: self._roots_of(entry) for unit, entry in units.items()}
        digester = self._digester
        readers = Readers(
            digester.project, digester.names, roots, closure.live_edges, closure.loaded_first
        )
        seeing: dict[Key, Key] = {}
        for change in sorted(differences, key=lambda each: (each.key, each.word)):
            for unit in readers.of(change):
                seeing.setdefault(unit, change.key)
        for unit in units:
            if unit in seeing:
                self._upset[unit.path] = seeing[unit]
            else:
                self.clear.add(unit.path)

    def _differ(self, blob: str) -> frozenset[Change] | None:
        """Give what is entered now or was then, and not both; ``None`` where that is not known."""
        if blob not in self._differences:
            then = decode(self._read_blob(blob))
            self._differences[blob] = None if then is None else self._compare(then)
        return self._differences[blob]

    def _compare(self, then: ByFile) -> frozenset[Change]:
        found: set[Change] = set()
        for path in then.keys() | self.entered.keys():
            before, now = then.get(path, frozenset()), self.entered.get(path, frozenset())
            if before != now:
                definitions = self._digester.project.index(path).definitions | words_of(path)
                found.update(_change(each, definitions) for each in before ^ now)
        return frozenset(found)


def name_of(entry: Entry) -> str:
    """Name a record, in few characters."""
    text = f"{entry.unit}\n{entry.created_s}\n{entry.body.get(ENTERED)}"
    return digest_bytes(text.encode())[:LENGTH]


def _change(each: Entered, definitions: frozenset[str]) -> Change:
    key = Key(NAME, each.path, each.name)
    defined = words_of(each.word) & definitions
    return Change(key, each.word, each.is_keyed, frozenset(), None, defined=defined)
