"""Notices which long-lived objects of first-party modules a unit has changed.

What the globals of modules lead to is laid out once, before the first test: every container among
it (dictionaries of modules and instances, lists, sets, classes, memos of ``lru_cache``, closures),
in batches. ``take`` compares the identities of all that a batch holds with what they were, in a few
passes in C, and looks closer only where they differ.
"""

from __future__ import annotations

import copy
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, CodeRef, StateChange
from pytest_cellcache.sources.loaded import loaded_modules
from pytest_cellcache.trace.addresses import identity
from pytest_cellcache.trace.copies import Copies
from pytest_cellcache.trace.held import (
    LOOKS,
    Batch,
    Held,
    Signature,
    iterator_ids,
    mapping_ids,
    namespace_ids,
    order_ids,
)
from pytest_cellcache.trace.limits import MAX_FOREIGN, MAX_GROWN, MAX_OBJECTS, MAX_PARENTS
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.outside import Outside, word_of
from pytest_cellcache.trace.parts import (
    LRU,
    MAX_ITEMS,
    SKIPPED_GLOBALS,
    code_of,
    has_state,
    is_opaque,
    is_own_class,
    module_of,
    namespace_of,
    origin_of,
    parts_of,
    results_of,
    way_to,
)
from pytest_cellcache.trace.slots import KnownSlots
from pytest_cellcache.trace.undone import Undone

_MODULE: Final = types.ModuleType
Owner = tuple[str, str]
"""File name and global."""


class StateWatch:
    """Lays out what first-party modules lead to, and says what changed.

    Args:
        is_first_party: answers for a file name.
        is_alias: says whether a global of a file is only bound by imports; such objects are
            walked in the module that defines them.
        writes: names, from the top-level module on, what code of a file may write to elsewhere.
    """

    def __init__(
        self,
        is_first_party: Callable[[str], bool],
        is_alias: Callable[[str, str], bool],
        writes: Callable[[str], Iterable[str]] = lambda _: (),
    ) -> None:
        self._is_first_party = is_first_party
        self._is_alias = is_alias
        self._batches: list[Batch] = []
        self._modules: dict[str, Held] = {}
        self._sources: frozenset[str] = frozenset()
        # Who leads to an object: other objects by identity and key, and globals.
        self._parents: dict[int, list[tuple[int, str]]] = {}
        self._owners: dict[int, list[Owner]] = {}
        self._classes: dict[int, tuple[str, str]] = {}
        self._kept: list[Any] = []
        self._slots = KnownSlots()
        self._foreign_left = 0
        self._known_modules = 0
        self._limit = MAX_OBJECTS
        self._memory: Memory | None = None
        self._left_out: dict[int, Callable[[], Any]] = {}
        self._copies = Copies(self._parents, self._owners)
        self._outside = Outside(self._owners, self._add, is_first_party, writes)
        self.undone = Undone()

    def begin(self) -> None:
        """Lay everything out."""
        self._outside.begin()
        self._batches.append(Batch())  # the rest changes more often
        self._find_modules()
        self._limit = min(MAX_OBJECTS, len(self._parents) + MAX_GROWN)

    def take(self) -> frozenset[StateChange]:
        """Say what changed since the last time; new modules are laid out only."""
        changes: set[StateChange] = set()
        touched = [batch for batch in self._batches if batch.has_changed()]
        if touched:
            self._memory = None
        for batch in touched:
            self._look_closer(batch, changes)
        for batch in touched:
            batch.settle()
        self._extend()
        if len(sys.modules) != self._known_modules:
            self._find_modules()
        return frozenset(changes)

    def looks(self) -> list[Signature | None]:
        """Give what tells states apart."""
        return [batch.signature() for batch in self._batches]

    def peek(self) -> frozenset[StateChange]:
        """Say what has changed since ``take``, which will say so, too, unless it is undone."""
        changes: set[StateChange] = set()
        for batch in self._batches:
            for held in batch.peek():
                for word in held.changed():
                    self._tell(held, word, changes)
        return frozenset(changes)

    def remember(self) -> Memory:
        """Take copies of everything watched, to be put back; right after ``take``."""
        if self._memory is None:
            self._memory = Memory(self._batches)
        memory = copy.copy(self._memory)  # with surroundings of its own
        memory.look_around()
        return memory

    def forget(self) -> None:
        """Let go of the copies, which keep alive what they hold."""
        self._memory = None

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
        owners = self._owners.setdefault(identity(value), [])
        if (FIXTURE, owner) not in owners:
            owners.append((FIXTURE, owner))
        self._memory = None
        self._walk(value, 0, None)
        self._extend()

    def mapping_keys(self, filename: str, name: str) -> tuple[str, ...] | None:
        """Give the keys of a global that is a mapping of texts; ``None`` of any other."""
        module = self._modules.get(filename)
        value: Any = module.thing.get(name) if module is not None else None
        if not issubclass(type(value), dict) or dict.__len__(value) > MAX_ITEMS:
            return None
        keys = list(dict.__iter__(value))
        return tuple(keys) if all(type(key) is str for key in keys) else None

    def _extend(self) -> None:
        for batch in self._batches:
            if not batch.is_settled:
                batch.extend()

    # -- comparing -------------------------------------------------------------------------------

    def _look_closer(self, batch: Batch, changes: set[StateChange]) -> None:
        for held in batch.changed():
            for word in held.changed():
                told = set[StateChange]()
                if not self._copies.is_copied(held, word):
                    self._tell(held, word, told)
                self.undone.note(held, word, told)
                changes |= told
            known, named = frozenset(held.saved), held.named
            held.save()
            self._walk_again(held, known, named)
        for ident in batch.take_gone():
            self.undone.lose(ident)
            for owner, _, word in self._leading_to(ident):
                changes.add(StateChange(*owner, word))
            self._parents.pop(ident, None)
            self._owners.pop(ident, None)

    def _tell(self, held: Held, word: str, changes: set[StateChange]) -> None:
        if held.is_foreign and (word.startswith("_") or type(held.thing.get(word)) is _MODULE):
            return  # what a library remembers in its own object
        if held.module:
            is_module = type(held.thing.get(word)) is _MODULE  # an import has set it
            if word and word not in SKIPPED_GLOBALS and not is_module:
                changes.add(StateChange(held.module, word))
            return
        home = self._home_of(held, word)
        for owner, is_top, below in self._leading_to(held.ident):
            if owner[0] == OUTSIDE:
                changes.add(StateChange(*owner, word_of(owner[1], word)))
                continue
            is_keyed = is_top and held.kind == "mapping"
            function = None if is_top or below else self._function_of(owner)
            changes.add(StateChange(*owner, word if is_top else below, is_keyed, home, function))

    def _function_of(self, owner: Owner) -> CodeRef | None:
        """Give the code of the function that a global is: the variables of its closure are its."""
        module = self._modules.get(owner[0])
        return code_of(module.thing.get(owner[1])) if module is not None else None

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

    def _leading_to(self, ident: int) -> set[tuple[Owner, bool, str]]:
        """Give the globals that lead to an object, whether directly, and the word below them."""
        found: set[tuple[Owner, bool, str]] = set()
        start = (ident, "", True)
        seen = {start}
        stack = [start]
        while stack:
            current, below, is_top = stack.pop()
            found.update((owner, is_top, below) for owner in self._owners.get(current, ()))
            for parent, key in self._parents.get(current, ()):
                step = (parent, key, False)
                if step not in seen and parent != ident:  # a method leads to its class again
                    seen.add(step)
                    stack.append(step)
        return found

    def _walk_again(self, held: Held, known: frozenset[int], named: dict[str, int]) -> None:
        """Lay out what a changed container holds and did not, by identity and by name."""
        if held.module:
            self._walk_globals(held.module, held.thing)
            return
        self._foreign_left = MAX_FOREIGN
        parts = list(parts_of(held.thing)) if held.kind == "other" else []
        if held.is_small:
            parts = [(value, key) for key, value in list(held.items())]
        for part, key in parts:
            ident = identity(part)
            is_known = ident in known and ident in self._parents
            if not is_known or (type(key) is str and named.get(key) != ident):
                self._walk(part, held.ident, key)

    # -- laying out ------------------------------------------------------------------------------

    def _find_modules(self) -> None:
        self._known_modules = len(sys.modules)
        found: dict[str, Any] = {}
        for module in loaded_modules():
            filename = vars(module).get("__file__")
            if not isinstance(filename, str) or filename in self._modules:
                continue
            if filename.endswith(".py") and self._is_first_party(filename):
                found.setdefault(filename, module)
        self._sources |= found.keys()
        self._memory = None
        for filename, module in found.items():
            namespace = vars(module)
            held = Held(identity(namespace), "namespace", namespace, namespace_ids, filename)
            self._modules[filename] = held
            self._add(held)
        for filename, module in found.items():
            self._walk_globals(filename, vars(module))
        self._outside.follow(found)
        self._extend()

    def _walk_globals(self, filename: str, namespace: dict[str, Any]) -> None:
        for name, value in list(namespace.items()):
            if name in SKIPPED_GLOBALS or is_opaque(value):
                continue
            if self._is_alias(filename, name):
                self._leave_out(value)
                continue
            self._foreign_left = MAX_FOREIGN
            owners = self._owners.setdefault(identity(value), [])
            if (filename, name) not in owners:
                owners.append((filename, name))
            self._walk(value, 0, None)

    def _walk(self, value: Any, parent: int, key: object) -> None:
        stack: list[tuple[Any, int, object]] = [(value, parent, key)]
        while stack:
            value, parent, key = stack.pop()
            if is_opaque(value):
                continue
            ident = identity(value)
            parents = self._parents.get(ident)
            if parent:
                edge = (parent, key if type(key) is str else "")
                if parents is not None and edge not in parents and len(parents) < MAX_PARENTS:
                    parents.append(edge)
            if parents is not None:
                continue
            if len(self._parents) >= self._limit or not self._is_walked(value):
                self._leave_out(value)
                continue
            self._parents[ident] = [edge] if parent else []
            self._hold_value(value, is_global=not parent)
            stack += [(part, ident, name) for part, name in parts_of(value)]

    def _leave_out(self, value: Any) -> None:
        if not issubclass(type(value), (type, types.FunctionType)):
            self._left_out[identity(value)] = way_to(value)

    def _is_walked(self, value: Any) -> bool:
        kind = type(value)
        if issubclass(kind, type):
            return is_own_class(value, self._sources)
        origin = origin_of(kind, self._sources)
        if origin == "foreign":
            self._foreign_left -= 1
            return self._foreign_left > 0
        return origin != "opaque"

    def _last_batch(self) -> Batch:
        if not self._batches or self._batches[-1].is_full:
            self._batches.append(Batch())
        return self._batches[-1]

    def _add(self, held: Held) -> None:
        batch = self._last_batch()
        batch.held.append(held)
        self._copies.note(held, batch)

    def _hold_value(self, value: Any, *, is_global: bool) -> None:
        kind, ident = type(value), identity(value)
        if issubclass(kind, type):
            module = sys.modules[module_of(value)]
            qualname = type.__getattribute__(value, "__qualname__")
            self._classes[ident] = (str(module.__file__), qualname)
            namespace = type.__getattribute__(value, "__dict__")
            held = Held(ident, "namespace", namespace, namespace_ids)
            held.owner = value
            self._add(held)
            return
        look = None
        if issubclass(kind, dict):
            self._add(Held(ident, "mapping", value, mapping_ids))
            if issubclass(kind, OrderedDict) and dict.__len__(value) <= MAX_ITEMS:
                self._add(Held(ident, "other", value, order_ids))
        else:
            look = next((ids for known, ids in LOOKS if issubclass(kind, known)), None)
            if kind is types.FunctionType and not is_global:
                look = None  # too many, and nobody changes their defaults
            is_builtin = module_of(kind) == "builtins" and hasattr(kind, "__next__")
            if look is None and is_builtin and hasattr(kind, "__length_hint__"):
                look = iterator_ids
            if look is not None:
                self._add(Held(ident, "other", value, look))
        namespace = namespace_of(value)
        is_function = kind is types.FunctionType
        if namespace is not None and (not is_function or is_global or has_state(namespace)):
            held = Held(ident, "namespace", namespace, namespace_ids)
            held.of = way_to(value)
            held.is_foreign = origin_of(kind, self._sources) == "foreign"
            self._add(held)
        slots = self._slots.of(kind)
        if slots.slots:
            self._add(Held(ident, "other", value, slots))
        elif look is None and not issubclass(kind, dict):
            self._refer(value)

    def _refer(self, value: Any) -> None:
        """Make sure that an object's identity stays its own: weakly if that is possible."""
        if type(value) is not types.FunctionType:
            try:
                self._last_batch().refer(value)
            except TypeError:
                pass
            else:
                return
        self._kept.append(value)
