"""Notices which long-lived objects of first-party modules a unit has changed.

What the globals of modules lead to is laid out once, before the first test: every container among
it (dictionaries of modules and instances, lists, sets, classes, memos of ``lru_cache``, closures),
in batches. ``take`` compares the identities of all that a batch holds with what they were, in a few
passes in C, and looks closer only where they differ.
"""

from __future__ import annotations

import copy
import os
import sys
from collections import UserDict
from collections.abc import Container, Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from pytest_cellcache.model.observation import ALL_VARIABLES, FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.trace import unit
from pytest_cellcache.trace.batch import Batch, Signature
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.holding import MAPPINGS, Content, Holding
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.layout import Files, Layout
from pytest_cellcache.trace.limits import HUGE, MAX_FOREIGN, MAX_GROWN, MAX_OBJECTS
from pytest_cellcache.trace.loading import LoadWatch
from pytest_cellcache.trace.lookups import (
    Computed,
    is_asked_by_name,
    is_fleeting,
    is_lone,
    is_named_by_others,
    variable_of,
)
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.modules import is_imported
from pytest_cellcache.trace.nearness import may_wait
from pytest_cellcache.trace.outside import MODULES, word_of
from pytest_cellcache.trace.parts import (
    LRU,
    code_of,
    is_opaque,
    keys_of_mapping,
    results_of,
)
from pytest_cellcache.trace.staying import Staying
from pytest_cellcache.trace.surrounding import SET_BY_PYTEST, Surrounding, surrounding_now
from pytest_cellcache.trace.undone import Undone
from pytest_cellcache.trace.ways import Owner

_WRAPPERS: Final = (WeakKeyDictionary, WeakValueDictionary, UserDict)
"""Mappings that keep what they hold in ``data``."""


class StateWatch(Layout):
    """Says what changed of all that first-party modules lead to; see ``Layout``.

    Attributes:
        time: number of the item that runs now. What is compared only now and then may have been
            changed by earlier ones, see ``take_late``.
        is_huge: there is so much that what stays the same is to be compared now and then only.
    """

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self._memory: Memory | None = None
        self._late: list[tuple[int, frozenset[StateChange]]] = []
        # What others than the code near it change.
        self._lively: dict[Batch, None] = {}
        # Those of what lies outside the project from the start.
        self._apart: list[Batch] = []
        self.is_huge = False
        self.undone = Undone()
        self._loading = LoadWatch(self._before_loading, self._after_loading)
        self._first: Surrounding | None = None
        self._is_disturbed = False
        # Names that were asked for and not loaded: many ask again and again in vain.
        self._asked: set[str] = set()
        self._loaded: set[StateChange] = set()
        self._given: list[Memory] = []
        self._staying = Staying()
        self._holding = Holding(self, files.is_first_party)
        # What others than memos have changed, since the last time and ever.
        self._altered: set[StateChange] = set()
        self._tellable: set[StateChange] = set()
        self._computed = Computed()
        self._over: set[str] = set()
        # Owners of values that are no globals, whose attributes code of the project names.
        self._named: set[str] = set()

    def begin(self) -> None:
        """Lay everything out."""
        self._first = surrounding_now()
        self._outside.begin()
        self._apart = self._batches[:]
        self._open.clear()  # the rest changes more often
        self._find_modules(is_fresh=True)
        self._limit = min(MAX_OBJECTS, len(self._parents) + MAX_GROWN)
        self.is_huge = len(self._parents) > HUGE
        self._loading.install()

    def end(self) -> None:
        """Watch no longer."""
        self._loading.uninstall()

    def take(
        self,
        ran: frozenset[str] | None = None,
        *,
        keep: bool = False,
        is_patient: bool = False,
    ) -> frozenset[StateChange]:
        """Say what changed since the last time; new modules are laid out only.

        Args:
            ran: files whose code has run; compare only what it may have changed. ``None`` for any.
            keep: ``remember`` is called next.
            is_patient: leave what has stayed the same so far for later, if there is very much.
        """
        # What was compared before something else of the item ran is not up to date any more.
        self._recent.clear()
        changes = {change for change in self._loaded if change.word in sys.modules}
        self._loaded.clear()
        self._altered |= changes
        files = None if ran is None else self.near(ran)
        keep = keep and self._memory is None
        due = self._batches[:] if files is None else self._due(files)
        if is_patient and self.is_huge:
            restless = {*self._lively, *self._bereft}
            due = [batch for batch in due if not may_wait(batch) or batch in restless]
        self._bereft.clear()
        touched = [batch for batch in due if batch.has_changed(keep=keep)]
        for batch in due:
            batch.calm += 1
        if touched:
            self._memory = None
        self._over = self.ways.values_among(ident for batch in touched for ident in batch.gone)
        for batch in touched:
            batch.calm = 0
            found: set[StateChange] = set()
            self._look_closer(batch, found)
            changes |= found
            if batch.settled_at < self.time and not (ran and batch.group in ran):
                self._lively[batch] = None
                self._late.append((batch.settled_at, frozenset(found)))
        for batch in touched:
            batch.settle(keep=keep)
        for batch in due:
            batch.settled_at = self.time
        self._recent += due
        self._extend()
        if self._outside.modules.latest != self._known_modules:
            self._memory = None
            self._find_modules()
        self._holding.note(self._altered)
        self._tellable |= self._altered
        self._altered.clear()
        return frozenset(changes)

    def pass_on(self) -> None:
        """Let the time of another item begin; what has just been compared is up to date."""
        now, self.time = self.time, self.time + 1
        for batch in self._recent:
            if batch.settled_at == now:
                batch.settled_at = self.time
        self._recent.clear()

    def _due(self, files: Iterable[str]) -> list[Batch]:
        """Give what code near some modules may have changed, what belongs to none included."""
        batches = dict.fromkeys((*self._lively, *self._bereft))
        for group in ("", *files):
            batches |= dict.fromkeys(self._by_group.get(group, ()))
        return list(batches)

    def take_late(self) -> list[tuple[int, frozenset[StateChange]]]:
        """Give those among the changes told that are of any time since one, and that time."""
        late, self._late = self._late, []
        return late

    def looks(self) -> list[Signature | None]:
        """Give what tells states apart."""
        return [batch.signature() for batch in self._batches]

    def peek(self, *, is_all: bool = True) -> frozenset[StateChange]:
        """Say what has changed since ``take``, which will say so, too, unless it is undone.

        Args:
            is_all: not only outside the project.
        """
        changes: set[StateChange] = set()
        for batch in self._batches if is_all else self._apart:
            for held in batch.peek():
                for word in held.changed():
                    self._tell(held, word, changes)
        return frozenset(changes)

    def remember(self) -> Memory:
        """Take copies of everything watched, to be put back; right after ``take``."""
        if self._memory is None:
            calm = dict.fromkeys(b for b in self._batches if self.is_huge and may_wait(b))
            self._memory = Memory((b for b in self._batches if b not in calm), calm)
        memory = copy.copy(self._memory)  # with surroundings of its own
        memory.look_around()
        self._given.append(memory)
        return memory

    def forget(self) -> None:
        """Let go of the copies, which keep alive what they hold."""
        self._memory = None
        self._given.clear()

    def knows(self, value: Any) -> bool:
        """Say whether an object is among those that are watched."""
        return identity(value) in self._parents

    def left_out(self) -> list[Any]:
        """Give the objects that modules lead to and that are not walked, classes and such aside.

        They are imported from elsewhere, of types that are no containers, or were too many.
        """
        found = (way() for way in self._left_out.values())
        return [value for value in found if value is not None and not self.knows(value)]

    def remembered(self) -> list[Any]:
        """Give what the memos of ``lru_cache`` among the watched objects have remembered."""
        memos = [h.thing for b in self._batches for h in b.held if issubclass(type(h.thing), LRU)]
        return [each for memo in memos for each in results_of(memo)]

    def follow(self, owner: str, value: Any) -> None:
        """Watch an object that something else than a global keeps, e.g. a fixture's value.

        Changes of it name ``FIXTURE`` as the file and ``owner`` as the global.
        """
        if is_opaque(value):
            return
        self._foreign_left = MAX_FOREIGN
        self._turn_to("")
        self.ways.own(identity(value), (FIXTURE, owner))
        if is_asked_by_name(value, self._sources):
            self._named.add(owner)
        self._memory = None
        self._walk(value, 0, None)
        self._extend()

    def is_below(self, held: Held, names: Container[str]) -> bool:
        """Say whether nothing but the values of some fixtures leads to a container."""
        owners = {owner for owner, _, _ in self.ways.leading_to(held.ident)}
        return bool(owners) and all(file == FIXTURE and name in names for file, name in owners)

    def mapping_keys(self, filename: str, name: str) -> tuple[str, ...] | None:
        """Give the keys of a global that is a mapping of texts; ``None`` of any other."""
        return keys_of_mapping(self.global_of((filename, name)))

    def holds(self, changes: Iterable[StateChange]) -> dict[StateChange, Content]:
        """Digest what is in changed places, where that can be told: not what memos remember."""
        return self._holding.contents(self._tellable.intersection(changes))

    # -- modules that are loaded later ------------------------------------------------------------

    def _before_loading(self, name: str) -> None:
        """Find out whether what a module finds when it is imported now may not be there for good.

        Where it may not, who imports it first makes a difference.
        """
        self._is_disturbed = name in self._asked or bool(
            self._is_elsewhere() or self.undone.is_pending or self.peek()
        )
        self._asked.add(name)
        self._staying.begin(self._given, self._batches)
        for each in unit.innermost_units():
            each.met.clear()

    def _is_elsewhere(self) -> bool:
        now, first = surrounding_now(), self._first
        return first is not None and (now.folder, now.search) != (first.folder, first.search)

    def _after_loading(self) -> None:
        """Lay out what has been loaded, before anybody changes it."""
        (look,) = self._outside.modules(None)
        if look == self._known_modules:
            return
        self._staying.end(self._given, self._batches)
        known = dict(self._modules)
        self._new = []
        self._find_modules(at_once=True, is_fresh=not self._is_disturbed)
        for memory in self._given:
            memory.add(self._new)
        self._new = None
        is_disturbed = self._is_disturbed or self._has_met_others()
        for filename, held in self._modules.items() if is_disturbed else ():
            if known.get(filename) is not held:
                name = str(held.thing.get("__name__"))
                self._loaded.add(StateChange(OUTSIDE, MODULES, name))

    def _has_met_others(self) -> bool:
        """Say whether a module that was loaded has met variables with values of their own."""
        first = self._first.variables if self._first is not None else {}
        return any(
            self._has_others() if name == ALL_VARIABLES else first.get(os.fsencode(name)) != value
            for each in unit.innermost_units()
            for name, value in each.met.items()
        )

    def _has_others(self) -> bool:
        first, now = self._first.variables if self._first else {}, surrounding_now().variables
        names = {name for name in {*first, *now} if first.get(name) != now.get(name)}
        return not names <= SET_BY_PYTEST

    def _hold_value(self, value: Any, *, is_global: bool) -> None:
        super()._hold_value(value, is_global=is_global)
        for look in self._special.looks_at(value, self._sources, is_global=is_global):
            self._add(Held(identity(value), "other", value, look))

    # -- comparing -------------------------------------------------------------------------------

    def _look_closer(self, batch: Batch, changes: set[StateChange]) -> None:
        self._turn_to(batch.group)
        for held in batch.changed():
            words = held.changed()
            computed = self._computed.among(held, words, is_cached=held.ident in self._cached)
            for word in words:
                told = set[StateChange]()
                if not self._copies.is_copied(held, word):
                    self._tell(held, word, told, computed.get(word, ""))
                self.undone.note(held, word, told)
                changes |= told
                if held.is_told and word not in computed and not held.is_doc(word):
                    self._altered |= told
            known, named = frozenset(held.saved), held.named
            held.save()
            self._note_refs(held)
            self._walk_again(held, known, named)
        for ident in batch.take_gone():
            self.undone.lose(ident)
            leading = set() if self._goes_unseen(ident) else self.ways.leading_to(ident)
            for owner, is_top, word in leading:
                if owner[0] == FIXTURE and owner[1] in self._over:
                    continue  # its fixture has ended: what was done to it before has been told
                is_keyed = self._is_mapping(owner)
                gone = StateChange(*owner, word, is_keyed, is_below=not is_top)
                changes.add(gone)
                self._altered.add(gone)
            self.ways.lose(ident)
            self._homes.pop(ident, None)
            self._cached.discard(ident)

    def _tell(self, held: Held, word: str, changes: set[StateChange], computed: str = "") -> None:
        if held.is_foreign and (word.startswith("_") or is_imported(held.thing.get(word))):
            return  # what a library remembers in its own object
        if held.module:
            is_skipped = not word or self._special.is_skipped(word, self._sources)
            if not is_skipped and not is_imported(held.thing.get(word)):
                changes.add(StateChange(held.module, word))
            return
        home = self._home_of(held, word)
        goes = is_fleeting(held, self.knows)
        for owner, is_top, below in self.ways.leading_to(held.ident):
            if owner[0] == OUTSIDE:
                changes.add(StateChange(*owner, word_of(owner[1], word)))
                continue
            if not is_top and self._is_wrapped(owner, below):
                word_within = word if held.kind == "mapping" else ""
                changes.add(StateChange(*owner, word_within, is_keyed=True, home=home))
                continue
            name = word if is_top else below
            name = name if self._has_words(owner, name) else ""
            is_keyed = held.kind == "mapping" if is_top else self._is_mapping(owner)
            function = None if is_top or below else code_of(self.global_of(owner), self._sources)
            is_inside = not is_top or held.kind == "other"
            change = StateChange(*owner, name, is_keyed, home, function, is_inside)
            if function is not None and (variable := variable_of(self.global_of(owner), held)):
                change = change._replace(variable=variable, is_lone=goes and is_lone(held))
            changes.add(change._replace(is_fleeting=goes, computed=computed))

    def _has_words(self, owner: Owner, name: str) -> bool:
        if owner[0] == FIXTURE:
            return owner[1] in self._named
        value = self.global_of(owner)
        is_asked = is_asked_by_name(value, self._sources)
        return is_asked and not is_named_by_others(value, name, self._sources)

    def _is_mapping(self, owner: Owner) -> bool:
        """Say whether a global is a mapping without attributes: what is below it has a key."""
        return type(self.global_of(owner)) in MAPPINGS

    def _is_wrapped(self, owner: Owner, below: str) -> bool:
        """Say whether what is below a global is all that it holds: it stands for that."""
        return below == "data" and type(self.global_of(owner)) in _WRAPPERS

    def _home_of(self, held: Held, word: str) -> tuple[str, str, str] | None:
        """Give the class that a changed object is, or is an attribute of."""
        if held.ident in self._classes:
            return (*self._classes[held.ident], word)
        homes = {
            (*self._classes[parent], key)
            for parent, key in self._parents.get(held.ident, ())
            if parent in self._classes
        }
        return homes.pop() if len(homes) == 1 else None
