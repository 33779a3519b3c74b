"""Asks at the end of collection what the modules of a run have entered in registers of others.

Of modules that are left out it is known from the records of their collections, which hold.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Final

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.entering import Entered, Entering
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.locate import Locator
from pytest_cellcache.graph.remembered import Place
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.lifecycle.entered import ENTERED, ENTERING, LENGTH, Standing, decode
from pytest_cellcache.lifecycle.precedence import texts
from pytest_cellcache.lifecycle.surroundings import Surroundings, evaluations_of_imports
from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.model.record import Entry
from pytest_cellcache.sources.loaded import loaded_modules, members_of
from pytest_cellcache.store.contract import Store

_MOST_KEYS: Final = 5_000
"""Larger mappings are taken for such as may have any key."""
_MOST_CLEAR: Final = 100_000
"""Records of which it is noted that they see nothing of what differs."""


class EnteredNow:
    """What the modules of this run have entered before its first test.

    Args:
        around: gives what imports ran.
        left_out: records of the collections of the modules that are not imported.
        concerns: says whether a loaded module is one of this run's project.
    """

    def __init__(
        self,
        basis: Basis,
        store: Store,
        around: Callable[[], Surroundings],
        left_out: Iterable[Entry],
        concerns: Callable[[str], bool],
    ) -> None:
        self._basis = basis
        self._store = store
        self._around = functools.cache(around)
        self._left_out = list(left_out)
        self._keys = self._mapping_keys(concerns)
        self._evaluated: Evaluations | None = None
        self._closed: Closure | None = None
        self._standing: Standing | None = None
        self._name: str | None = None

    @property
    def standing(self) -> Standing:
        """What records are held against."""
        if self._standing is None:
            basis, store = self._basis, self._store
            self._standing = Standing(
                self._entered(),
                basis.digester,
                self._closure,
                store.get_blob,
                basis.verifier.roots_of,
            )
            note = (store.get_note(self._note) or b"").decode("ascii", "replace")
            names = (note[at : at + LENGTH] for at in range(0, len(note), LENGTH))
            self._standing.clear.update(names)
        return self._standing

    @property
    def files(self) -> list[str]:
        """The files of modules that enter something."""
        return [path for path, found in self.standing.entered.items() if found]

    def weigh(self, entries: Iterable[Entry]) -> Standing:
        """Find out whether many records hold, and note for other runs which do."""
        clear = self.standing.clear
        before = len(clear)
        self.standing.weigh(entries)
        if before < len(clear) <= _MOST_CLEAR:
            self._store.put_note(self._note, "".join(sorted(clear)).encode())
        return self.standing

    def keep(self) -> str:
        """Keep what is entered as a blob, and give its name."""
        if self._name is None:
            self._name = self._store.put_blob(self.standing.blob) or ""
        return self._name

    @property
    def _note(self) -> str:
        return f"entered/{digest_bytes(self.standing.blob)}"

    def _entered(self) -> dict[str, frozenset[Entered]]:
        found: dict[str, frozenset[Entered]] = {}
        for entry in self._left_out:
            then = decode(self._store.get_blob(str(entry.body.get(ENTERED)))) or {}
            found.update(
                (path, then.get(path, frozenset())) for path in texts(entry.body.get(ENTERING))
            )
        entering = Entering(self._basis.digester, self._keys.get, self._evaluations)
        relative = self._basis.snapshot.places.relative
        found.update((path, entering.of(path)) for path in map(relative, self._around().loaded))
        return found

    def _evaluations(self) -> Evaluations:
        if self._evaluated is None:
            keys_of_code = Locator(self._basis.project).keys
            self._evaluated, _ = evaluations_of_imports(
                self._basis.digester, self._around(), keys_of_code
            )
        return self._evaluated

    def _closure(self) -> Closure:
        if self._closed is None:
            basis = self._basis
            self._closed = Closure(basis.project, basis.digester, self._evaluations())
        return self._closed

    def _mapping_keys(self, concerns: Callable[[str], bool]) -> dict[Place, tuple[str, ...]]:
        """Copy the keys of mappings that are globals: tests may enter more."""
        found: dict[Place, tuple[str, ...]] = {}
        relative = self._basis.snapshot.places.relative
        for module in loaded_modules():
            held = members_of(module) or {}
            filename = held.get("__file__")
            if type(filename) is not str or not concerns(filename):
                continue
            for name, value in list(held.items()):
                if not issubclass(type(value), dict) or name.startswith("__"):
                    continue
                if dict.__len__(value) <= _MOST_KEYS:
                    keys = list(dict.__iter__(value))
                    if all(type(key) is str for key in keys):
                        found[relative(filename), name] = tuple(keys)
        return found
