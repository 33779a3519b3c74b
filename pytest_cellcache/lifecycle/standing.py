"""Judges which records see that something else is entered in this run than in theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import Entered
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.lifecycle.assigned import (
    is_for_all,
    is_variable,
    read_among,
)
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.enteredblob import ByFile, decode, decode_turns, encode
from pytest_cellcache.lifecycle.inheritance import read
from pytest_cellcache.lifecycle.precedence import needed_in
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.lifecycle.sights import (
    Seeing,
    Sight,
    change_of,
    is_look,
    out_of_sight,
)
from pytest_cellcache.lifecycle.turns import out_of_turn
from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.observation import OUTSIDE
from pytest_cellcache.model.record import Entry, is_collection

ENTERED: Final = "entered"
"""Name of the blob in the body of a record."""
LENGTH: Final = 12
"""Of the names of records."""


class Footprints(Protocol):
    """Gives what a record rests on, as ``Verifier`` does."""

    def roots_of(self, entry: Entry) -> frozenset[Key]: ...

    def keys_of(self, entry: Entry) -> frozenset[Key]: ...


class Standing:
    """What modules enter in this run, and who may see where that differs from another one.

    Args:
        closure: gives what running code leads to in this run.
        read_blob: gives a blob of the store.
        footprints: gives what the test of a record ran and consulted.

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
        footprints: Footprints,
        turns: Sequence[str] = (),
    ) -> None:
        self.blob = encode(entered, turns)
        self.entered = entered
        self._turns = turns
        self._digester = digester
        self._closure = closure
        self._read_blob = read_blob
        self._footprints = footprints
        self._differences: dict[str, tuple[frozenset[Change], list[Sight]] | None] = {}
        self.clear: set[str] = set()
        self._upset: dict[str, Key | None] = {}
        self._weighed: set[str] = set()

    def weigh(self, entries: Iterable[Entry]) -> None:
        """Find out for many records at once whether they hold, which is faster."""
        by_blob: dict[str, list[Entry]] = {}
        for entry in entries:
            name = name_of(entry)
            self._weighed.add(name)
            if name not in self.clear and name not in self._upset:
                by_blob.setdefault(str(entry.body.get(ENTERED)), []).append(entry)
        for blob, found in by_blob.items():
            differences = self._differ(blob)
            if differences is None:  # it is not known what there was
                self._upset.update((name_of(entry), None) for entry in found)
            elif any(differences):
                self._judge(found, *differences)
        self._pass_on([entry for found in by_blob.values() for entry in found])

    def upsetting(self, entry: Entry) -> str | None:
        """Say what a record holds no more for: the name of a global; ``None`` where it holds."""
        name = name_of(entry)
        if name not in self._weighed:
            self.weigh([entry])
        if name not in self._upset:
            return None
        key = self._upset[name]
        if key is None:
            return ""
        return key.name if key.path == OUTSIDE else f"{key.path}::{key.name}"

    def _judge(
        self, entries: list[Entry], differences: frozenset[Change], sights: list[Sight]
    ) -> None:
        closure = self._closure()
        units = {unit_key(name_of(entry), entry.unit): entry for entry in entries}
        roots = {unit: self._rooted(entry) for unit, entry in units.items()}
        digester = self._digester
        readers = Readers(
            digester.project, digester.names, roots, closure.live_edges, closure.loaded_first
        )
        seeing: dict[Key, Key] = {}
        variables = {change for change in differences if is_variable(change)}
        for change in sorted(differences - variables, key=lambda each: (each.key, each.word)):
            for unit in units if is_for_all(change.key) else readers.of(change):
                seeing.setdefault(unit, change.key)
        for unit, entry in units.items() if variables else ():
            if (read_one := read_among(variables, self._footprints.keys_of(entry))) is not None:
                seeing.setdefault(unit, read_one)
        changes = {each: self._change(each) for sight in sights for each in sight.different}
        keys = Seeing(digester, closure).keys_seeing(sights, changes)
        for unit, entry in units.items() if keys else ():
            if unit not in seeing and (met := keys & self._footprints.keys_of(entry)):
                seeing[unit] = min(met)
        for unit in units:
            if unit in seeing:
                self._upset[unit.path] = seeing[unit]
            else:
                self.clear.add(unit.path)

    def _rooted(self, entry: Entry) -> frozenset[Key]:
        """Give what a test ran and consulted; of a collection, all that it evaluated."""
        footprints = self._footprints
        return (footprints.keys_of if is_collection(entry.unit) else footprints.roots_of)(entry)

    def _pass_on(self, entries: list[Entry]) -> None:
        """Take the records of tests as upset, too, that rest on what one of the upset ones leaves.

        Not where that is nothing but entries of its own in what differs, as of tests that define
        classes and count what a register holds: these are the same.
        """
        if not self._upset:
            return
        leaving = {
            entry.unit: key
            for entry in entries
            if (key := self._upset.get(name_of(entry))) is not None and _leaves_more(entry, key)
        }
        waiting = [entry for entry in entries if name_of(entry) not in self._upset]
        while leaving:
            found = [
                (e, key) for e in waiting for n in needed_in(e.body) if (key := leaving.get(n))
            ]
            leaving = {}
            for entry, key in found:
                self._upset[name_of(entry)] = key
                self.clear.discard(name_of(entry))
                leaving[entry.unit] = key
            waiting = [entry for entry in waiting if name_of(entry) not in self._upset]

    def _differ(self, blob: str) -> tuple[frozenset[Change], list[Sight]] | None:
        """Give what is entered now or was then, and not both, and who sees something else while
        modules are imported; ``None`` where that is not known."""
        if blob not in self._differences:
            data = self._read_blob(blob)
            then = decode(data)
            found = None if then is None else self._compare(then, decode_turns(data))
            self._differences[blob] = found
        return self._differences[blob]

    def _compare(self, then: ByFile, turns: Sequence[str]) -> tuple[frozenset[Change], list[Sight]]:
        found: set[Change] = set()
        for path in then.keys() | self.entered.keys():
            before, now = then.get(path, frozenset()), self.entered.get(path, frozenset())
            if before != now:
                definitions = self._definitions(path)
                different = (each for each in before ^ now if not is_look(each))
                found.update(change_of(each, definitions) for each in different)
        for each, files in out_of_turn(then, self.entered, turns, self._turns):
            found.add(change_of(each, frozenset[str]().union(*map(self._definitions, files))))
        return frozenset(found), [*out_of_sight(then, self.entered, turns, self._turns)]

    def _change(self, each: Entered) -> Change:
        files = [path for path, rows in self.entered.items() if each in rows]
        return change_of(each, frozenset[str]().union(*map(self._definitions, files)))

    def _definitions(self, path: str) -> frozenset[str]:
        return self._digester.project.index(path).definitions | words_of(path)


def name_of(entry: Entry) -> str:
    """Name a record, in few characters."""
    text = f"{entry.unit}\n{entry.created_s}\n{entry.body.get(ENTERED)}"
    return digest_bytes(text.encode())[:LENGTH]


def _leaves_more(entry: Entry, key: Key) -> bool:
    """Say whether a test leaves something behind elsewhere than in a global."""
    return any(
        not told.is_counter and (told.path, told.name) != (key.path, key.name)
        for told in read(entry.body.get("changes"))
    )
