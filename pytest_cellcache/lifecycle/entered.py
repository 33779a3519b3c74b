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
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from json import dumps, loads
from typing import Final

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import Entered, Entering, KeysOf
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.locate import Locator
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.lifecycle.assigned import (
    variables_entered,
    with_values,
)
from pytest_cellcache.lifecycle.enteredblob import decode, encode
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.sights import (
    is_look,
    places_entered,
)
from pytest_cellcache.lifecycle.standing import ENTERED, LENGTH, Footprints, Standing
from pytest_cellcache.lifecycle.surroundings import (
    Surroundings,
    applies,
    evaluations_of_imports,
)
from pytest_cellcache.lifecycle.turns import TurnsNow
from pytest_cellcache.model.digest import Digest, digest_bytes, digest_parts
from pytest_cellcache.model.record import Entry, collected_by
from pytest_cellcache.store.contract import Store

ENTERING: Final = "entering"
"""In that of a collection: the files among all that the module imports that enter something."""
_LAST_NOTE: Final = "entered by loaded modules"
_MOST_CLEAR: Final = 100_000
"""Records of which it is noted that they see nothing of what differs."""


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
    def kinds(self) -> tuple[list[str], set[str]]:
        """The files of modules that enter something, or look at it while they are imported; and of
        those that look."""
        files = {path: rows for path, rows in self.standing.entered.items() if rows}
        return [*files], {path for path, rows in files.items() if any(map(is_look, rows))}

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
        return found | self._entered_by_loaded(places_entered(found))

    def _entered_by_loaded(self, known: Collection[Place]) -> dict[str, frozenset[Entered]]:
        """Give what loaded modules enter; as it was found last, where nothing says otherwise.

        Args:
            known: globals that others enter something in.
        """
        relative = self._digester.project.snapshot.places.relative
        paths = sorted({*map(relative, self._around().loaded)})
        of = self._digest_of(paths, known)
        found = self._found_last(of)
        if found is None:
            asked: dict[Place, tuple[str, ...] | None] = {}

            def keys_of(place: Place) -> tuple[str, ...] | None:
                return asked.setdefault(place, self._keys_of(place))

            entering = Entering(self._digester, keys_of, self._evaluations)
            found = {path: entering.of(path) for path in paths}
            places = places_entered(found).union(known)
            found = {path: rows | entering.looks(path, places) for path, rows in found.items()}
            rows = [[*place, keys] for place, keys in sorted(asked.items())]
            self._store.put_note(_LAST_NOTE, dumps([of, rows, encode(found).decode()]).encode())
        found = with_values(found)
        assigned = variables_entered(self._around().assigned)
        return {path: found.get(path, frozenset()) | assigned.get(path, set()) for path in paths}

    def _found_last(self, of: Digest) -> dict[str, frozenset[Entered]] | None:
        try:
            then, rows, text = loads(self._store.get_note(_LAST_NOTE) or b"")
            is_same = then == of and all(
                self._keys_of((file, name)) == (None if keys is None else tuple(keys))
                for file, name, keys in rows
            )
            return decode(text.encode()) if is_same else None
        except (ValueError, TypeError, AttributeError):  # damaged
            return None

    def _digest_of(self, paths: Iterable[str], known: Iterable[Place]) -> Digest:
        """Digest what it follows from: the code of modules, and what ran in importing them."""
        snapshot, around = self._digester.project.snapshot, self._around()
        relative = functools.cache(snapshot.places.relative)
        seen = (around.imported, around.outside, *around.statements.values())
        codes = {(relative(c.filename), str(c.line), c.name) for each in seen for c in each.codes}
        rows = [*((path, snapshot.digest_file(path)) for path in paths), *sorted(codes)]
        rows += sorted(known)
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
