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

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import Entered, Entering, KeysOf
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.locate import Locator
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.lifecycle.assigned import (
    is_for_all,
    is_variable,
    read_among,
    variables_entered,
    with_values,
)
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.enteredblob import ByFile, decode, decode_turns, encode
from pytest_cellcache.lifecycle.inheritance import read
from pytest_cellcache.lifecycle.precedence import needed_in, texts
from pytest_cellcache.lifecycle.producers import unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.lifecycle.surroundings import (
    Surroundings,
    applies,
    evaluations_of_imports,
)
from pytest_cellcache.lifecycle.turns import TurnsNow, out_of_turn
from pytest_cellcache.model.digest import Digest, digest_bytes, digest_parts
from pytest_cellcache.model.keys import NAME, Key
from pytest_cellcache.model.observation import OUTSIDE
from pytest_cellcache.model.record import Entry, collected_by, is_collection
from pytest_cellcache.store.contract import Store

ENTERED: Final = "entered"
"""Name of the blob in the body of a record."""
ENTERING: Final = "entering"
"""In that of a collection: the files among all that the module imports that enter something."""
LENGTH: Final = 12
"""Of the names of records."""
_LAST_NOTE: Final = "entered by loaded modules"
_MOST_CLEAR: Final = 100_000
"""Records of which it is noted that they see nothing of what differs."""


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
        self._differences: dict[str, frozenset[Change] | None] = {}
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
            elif differences:
                self._judge(found, differences)
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

    def _judge(self, entries: list[Entry], differences: frozenset[Change]) -> None:
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

    def _differ(self, blob: str) -> frozenset[Change] | None:
        """Give what is entered now or was then, and not both; ``None`` where that is not known."""
        if blob not in self._differences:
            data = self._read_blob(blob)
            then = decode(data)
            found = None if then is None else self._compare(then, decode_turns(data))
            self._differences[blob] = found
        return self._differences[blob]

    def _compare(self, then: ByFile, turns: Sequence[str]) -> frozenset[Change]:
        found: set[Change] = set()
        for path in then.keys() | self.entered.keys():
            before, now = then.get(path, frozenset()), self.entered.get(path, frozenset())
            if before != now:
                definitions = self._definitions(path)
                found.update(_change(each, definitions) for each in before ^ now)
        for each, files in out_of_turn(then, self.entered, turns, self._turns):
            found.add(_change(each, frozenset[str]().union(*map(self._definitions, files))))
        return frozenset(found)

    def _definitions(self, path: str) -> frozenset[str]:
        return self._digester.project.index(path).definitions | words_of(path)


class EnteredNow:
    """What the modules of this run have entered before its first test.

    Args:
        around: gives what imports ran.
        left_out: records of the collections of the modules that are not imported, which hold.
        keys_of: gives the keys of mappings as they are then; tests may enter more.
        footprints: gives what the test of a record ran and consulted.
        groups: files of modules of tests, in the order in which they are collected.
    """

    def __init__(
        self,
        digester: Digester,
        store: Store,
        around: Callable[[], Surroundings],
        left_out: Iterable[Entry],
        keys_of: KeysOf,
        footprints: Footprints,
        groups: Sequence[str] = (),
    ) -> None:
        self._digester = digester
        self._groups = groups
        self._store = store
        self._footprints = footprints
        self._around = functools.cache(around)
        self._left_out = list(left_out)
        self._keys_of = keys_of
        self._evaluated: Evaluations | None = None
        self._closed: Closure | None = None
        self._standing: Standing | None = None
        self._name: str | None = None

    @property
    def standing(self) -> Standing:
        """What records are held against."""
        if self._standing is None:
            store, entered = self._store, self._entered()
            turns = TurnsNow(self._digester, store, self._roots()).of(entered)
            known = self._digester, self._closure, store.get_blob, self._footprints
            self._standing = Standing(entered, *known, turns)
            note = (store.get_note(self._note) or b"").decode("ascii", "replace")
            names = (note[at : at + LENGTH] for at in range(0, len(note), LENGTH))
            self._standing.clear.update(names)
        return self._standing

    @property
    def files(self) -> list[str]:
        """The files of modules that enter something."""
        return [path for path, found in self.standing.entered.items() if found]

    def weigh(self, entries: Iterable[Entry]) -> None:
        """Find out whether many records hold, and note for other runs which do."""
        clear = self.standing.clear
        before = len(clear)
        self.standing.weigh(entries)
        if before < len(clear) <= _MOST_CLEAR:
            self._store.put_note(self._note, "".join(sorted(clear)).encode())

    def upsetting(self, entry: Entry) -> str | None:
        """Say what a record holds no more for; ``None`` where it holds."""
        return self.standing.upsetting(entry)

    def holds(self, entry: Entry) -> bool:
        """Say whether a record still holds; of a collection, whether its items may be others."""
        return self.standing.upsetting(entry) is None

    def keep(self) -> str:
        """Keep what is entered as a blob, and give its name."""
        if self._name is None:
            self._name = self._store.put_blob(self.standing.blob) or ""
        return self._name

    @property
    def _note(self) -> str:
        return f"entered/{digest_bytes(self.standing.blob)}"

    def _roots(self) -> Iterator[str]:
        """Give the modules of tests that are imported, or are left out, each after its plugins."""
        around = self._around()
        there = {*map(self._digester.project.snapshot.places.relative, around.loaded)}
        there.update(collected_by(entry.unit) for entry in self._left_out)
        for group in self._groups:
            if group in there:
                yield from (path for path in around.plugins if applies(path, group))
                yield group

    def _entered(self) -> dict[str, frozenset[Entered]]:
        found: dict[str, frozenset[Entered]] = {}
        for entry in self._left_out:
            then = decode(self._store.get_blob(str(entry.body.get(ENTERED)))) or {}
            found.update(
                (path, then.get(path, frozenset())) for path in texts(entry.body.get(ENTERING))
            )
        return found | self._entered_by_loaded()

    def _entered_by_loaded(self) -> dict[str, frozenset[Entered]]:
        """Give what loaded modules enter; as it was found last, where nothing says otherwise."""
        relative = self._digester.project.snapshot.places.relative
        paths = sorted({*map(relative, self._around().loaded)})
        of = self._digest_of(paths)
        found = self._found_last(of)
        if found is None:
            asked: dict[Place, tuple[str, ...] | None] = {}

            def keys_of(place: Place) -> tuple[str, ...] | None:
                return asked.setdefault(place, self._keys_of(place))

            entering = Entering(self._digester, keys_of, self._evaluations)
            found = {path: entering.of(path) for path in paths}
            rows = [[*place, keys] for place, keys in sorted(asked.items())]
            self._store.put_note(
                _LAST_NOTE, json.dumps([of, rows, encode(found).decode()]).encode()
            )
        found = with_values(found)
        assigned = variables_entered(self._around().assigned)
        return {path: found.get(path, frozenset()) | assigned.get(path, set()) for path in paths}

    def _found_last(self, of: Digest) -> dict[str, frozenset[Entered]] | None:
        try:
            then, rows, text = json.loads(self._store.get_note(_LAST_NOTE) or b"")
            is_same = then == of and all(
                self._keys_of((file, name)) == (None if keys is None else tuple(keys))
                for file, name, keys in rows
            )
            return decode(text.encode()) if is_same else None
        except (ValueError, TypeError, AttributeError):  # damaged
            return None

    def _digest_of(self, paths: Iterable[str]) -> Digest:
        """Digest what it follows from: the code of modules, and what ran in importing them."""
        snapshot, around = self._digester.project.snapshot, self._around()
        relative = functools.cache(snapshot.places.relative)
        seen = (around.imported, around.outside, *around.statements.values())
        codes = {(relative(c.filename), str(c.line), c.name) for each in seen for c in each.codes}
        rows = [*((path, snapshot.digest_file(path)) for path in paths), *sorted(codes)]
        parts = (part for row in rows for part in ("", *row))
        return digest_parts([sys.version, *sorted(map(relative, around.modules)), *parts])

    def _evaluations(self) -> Evaluations:
        if self._evaluated is None:
            keys_of_code = Locator(self._digester.project).keys
            self._evaluated, _ = evaluations_of_imports(
                self._digester, self._around(), keys_of_code
            )
        return self._evaluated

    def _closure(self) -> Closure:
        if self._closed is None:
            digester = self._digester
            self._closed = Closure(digester.project, digester, self._evaluations())
        return self._closed


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


def _change(each: Entered, definitions: frozenset[str]) -> Change:
    key = Key(NAME, each.path, each.name)
    defined = words_of(each.word) & definitions
    return Change(key, each.word, each.is_keyed, frozenset(), None, defined=defined)
