"""Lays out what the globals of first-party modules lead to: containers, and who leads to them.

In large projects each module has batches of its own, so that some can be compared without others.
"""

from __future__ import annotations

import sys
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from pytest_cellcache.sources.loaded import attribute_of, loaded_modules
from pytest_cellcache.trace.batch import Batch
from pytest_cellcache.trace.caches import is_cache, is_part_of_cache
from pytest_cellcache.trace.copies import Copies
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.limits import MAX_FOREIGN, MAX_OBJECTS, MAX_PARENTS
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.looks import (
    iterator_ids,
    look_of,
    mapping_ids,
    namespace_ids,
    order_ids,
)
from pytest_cellcache.trace.nearness import Nearness
from pytest_cellcache.trace.outside import Outside
from pytest_cellcache.trace.parts import (
    MAX_ITEMS,
    bases_with_memos,
    has_state,
    is_opaque,
    is_own_class,
    module_of,
    namespace_of,
    origin_of,
    parts_of,
    way_to,
)
from pytest_cellcache.trace.progress import is_in_memory
from pytest_cellcache.trace.slots import KnownSlots
from pytest_cellcache.trace.special import Special
from pytest_cellcache.trace.ways import Owner, Ways

_FEW_MODULES: Final = 64
"""So many share their batches."""
_WITH_ITERATORS: Final = frozenset({"builtins", "collections", "_collections"})
_KEPT: Final = (list, set, deque, types.FunctionType, types.CellType)
"""Kept alive while they are watched; other objects end when the program lets go of them."""


class Files(NamedTuple):
    """What is known of files by their names.

    Attributes:
        is_first_party: says whether modules of a file are watched.
        is_alias: says whether a global of a file is only bound by imports; such objects are
            walked in the module that defines them.
        imports_of: gives the files that code of a file may import; ``None`` if it may be any.
        writes: names, from the top-level module on, what code of a file may write to elsewhere.
        stays: says whether a file lies where modules of the project do. Modules that a test has
            made elsewhere may go: they are watched if they are still loaded when it ends.
        lists_subclasses, sets: see ``Special``.
    """

    is_first_party: Callable[[str], bool]
    is_alias: Callable[[str, str], bool]
    imports_of: Callable[[str], Iterable[str] | None] = lambda _: None
    writes: Callable[[str], Iterable[str]] = lambda _: ()
    stays: Callable[[str], bool] = lambda _: True
    lists_subclasses: Callable[[Iterable[str]], bool] = lambda _: False
    sets: Callable[[Iterable[str]], frozenset[str]] = lambda _: frozenset()


class Layout:
    """What is watched.

    Attributes:
        ways: who leads to it.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._batches: list[Batch] = []
        # By group and nearness: what is added to it next; the group that is laid out now.
        self._open: dict[tuple[str, bool], Batch] = {}
        self._by_group: dict[str, list[Batch]] = {}
        # Those that something was added to; that have lost an object; compared at this time.
        self._grown: list[Batch] = []
        self._bereft: list[Batch] = []
        self._recent: list[Batch] = []
        self._group = ""
        self._is_near = True
        self._nearness = Nearness()
        self._is_grouped = False
        self.time = 0
        # In a large project: the group of each object, by identity; the groups that one leads to.
        self._homes: dict[int, str] = {}
        self._edges: dict[str, set[str]] = {}
        self._near: dict[frozenset[str], frozenset[str] | None] = {}
        self._modules: dict[str, Held] = {}
        self._sources: frozenset[str] = frozenset()
        self.ways = Ways(self.global_of, self.module_name)
        self._parents = self.ways.parents
        self._classes = self.ways.classes
        self._memoized: dict[int, list[type]] = {}
        # Mappings with weak references among their keys or values.
        self._weakly: set[int] = set()
        self._cached: set[int] = set()  # in what is known for a cache
        self._slots = KnownSlots()
        self._foreign_left = 0
        self._known_modules = 0
        # What is laid out now, where somebody wants to know.
        self._new: list[Held] | None = None
        self._limit = MAX_OBJECTS
        self._left_out: dict[int, Callable[[], Any]] = {}
        self._outside = Outside(self.ways, self._add, files.is_first_party, files.writes)
        self._copies = Copies(self.ways, self._homes)
        self._special = Special(files.lists_subclasses, files.sets)

    def _walk_again(self, held: Held, known: frozenset[int], named: dict[str, int]) -> None:
        """Lay out what a changed container holds and did not, by identity and by name."""
        if held.module:
            self._walk_globals(held.module, held.thing)
            return
        self._foreign_left = MAX_FOREIGN
        parts = list(parts_of(held.thing)) if held.kind == "other" else []
        if held.is_small:
            parts = [(value, key) for key, value in list(held.items())]
        owner = held.thing if held.of is None else held.of()
        for part, key in parts:
            self._note_cache(part, owner, key)
            ident = identity(part)
            is_known = ident in known and ident in self._parents
            if not is_known or (type(key) is str and named.get(key) != ident):
                self._walk(part, held.ident, key)

    def _find_modules(self, *, at_once: bool = False, is_fresh: bool = False) -> None:
        """Lay out the modules that are not known yet.

        Args:
            at_once: they have just been loaded; only those that stay.
            is_fresh: no unit has run since any of them was loaded.
        """
        self._known_modules = self._outside.modules.latest
        found: dict[str, Any] = {}
        present: set[str] = set()
        for module in loaded_modules():
            filename = vars(module).get("__file__")
            if not isinstance(filename, str) or filename in present:
                continue
            known = self._modules.get(filename)
            if known is not None and known.thing is vars(module):
                present.add(filename)
                found.pop(filename, None)
            elif filename.endswith(".py") and self._files.is_first_party(filename):
                if at_once and not self._files.stays(filename):
                    self._known_modules = 0
                else:
                    found.setdefault(filename, module)  # or anew: the known one has gone
        self._sources |= found.keys()
        self._near.clear()
        self._is_grouped |= len(self._modules) + len(found) > _FEW_MODULES
        for filename, module in found.items():
            namespace = vars(module)
            held = Held(identity(namespace), "namespace", namespace, namespace_ids, filename)
            self._turn_to(filename)
            self._modules[filename] = held
            self._add(held)
        for filename, module in found.items():
            self._walk_globals(filename, vars(module), fresh=is_fresh)
        self._turn_to("")
        self._outside.follow(found)
        self._extend()

    def _extend(self) -> None:
        grown, self._grown = self._grown, []
        for batch in (each for each in grown if not each.is_settled):
            batch.extend()

    def _turn_to(self, filename: str) -> None:
        """Lay out for a module from now on; ``""`` for what belongs to none."""
        self._group = filename if self._is_grouped else ""

    def _walk_globals(self, filename: str, space: dict[str, Any], *, fresh: bool = False) -> None:
        self._turn_to(filename)
        self.ways.forget_names()
        for name, value in list(space.items()):
            if self._special.is_skipped(name, self._sources) or is_opaque(value):
                continue
            if self._files.is_alias(filename, name):
                self._leave_out(value)
                continue
            self._foreign_left = MAX_FOREIGN
            ident = identity(value)
            self.ways.own(ident, (filename, name))
            self._walk(value, 0, None)
            if fresh and ident in self._parents:
                self.ways.bind(ident, (filename, name))

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
                    self.ways.forget(ident)
            if parents is not None:
                self._meet(ident)
                continue
            if len(self._parents) >= self._limit or not self._is_walked(value):
                self._leave_out(value)
                continue
            self._parents[ident] = [edge] if parent else []
            self.ways.forget(ident)
            if self._is_grouped:
                self._homes[ident] = self._group
            self._is_near = self._nearness.comes_near(value, parent)
            self._hold_value(value, is_global=not parent)
            for part, name in parts_of(value):
                stack.append((part, ident, name))
                self._note_cache(part, value, name)
            stack += [(base, ident, None) for base in self._bases_with_memos(type(value))]
        self._is_near = True

    def _note_cache(self, part: Any, owner: Any, key: object) -> None:
        is_inside = identity(owner) in self._cached and is_part_of_cache(part)
        if is_inside or is_cache(type(owner), key):
            self._cached.add(identity(part))

    def _bases_with_memos(self, kind: type) -> list[type]:
        """Give the classes whose memos count for an instance: no body runs when they are asked."""
        if (ident := identity(kind)) not in self._classes:  # it may go
            return bases_with_memos(kind)
        if ident not in self._memoized:
            self._memoized[ident] = bases_with_memos(kind)
        return self._memoized[ident]

    def _meet(self, ident: int) -> None:
        """Take down that the group which is laid out now leads to an object of another."""
        home = self._homes.get(ident, "")
        if home and home != self._group and home not in self._edges.setdefault(self._group, set()):
            self._edges[self._group].add(home)
            self._near.clear()

    def _note_refs(self, held: Held) -> None:
        if held.refs:
            self._weakly.add(held.ident)

    def _goes_unseen(self, ident: int) -> bool:
        """Say whether an object went as its key did, or was one of which there is no other way."""
        parents = {parent for parent, _ in self._parents.get(ident, ())}
        return bool(parents) and not self.ways.owners.get(ident) and parents <= self._weakly

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

    def global_of(self, owner: Owner) -> Any:
        """Give the value of a global now; ``None`` where it or its module is not there."""
        module = self._modules.get(owner[0])
        return module.thing.get(owner[1]) if module is not None else None

    def module_name(self, filename: str) -> str:
        """Give the name of a watched module."""
        module = self._modules.get(filename)
        return str(module.thing.get("__name__")) if module is not None else ""

    def near(self, files: frozenset[str]) -> frozenset[str] | None:
        """Give the modules whose objects code of some modules may come by; ``None`` for all.

        It may through whatever they import, and whatever else their objects lead to; not what
        others do on its behalf.
        """
        if not self._is_grouped:
            return None
        if files not in self._near:
            found: set[str] = set()
            stack = [file for file in files if file in self._modules]
            while stack:
                file = stack.pop()
                if file in found:
                    continue
                found.add(file)
                imported = self._files.imports_of(file)
                if imported is None or len(found) > len(self._modules) // 2:
                    self._near[files] = None
                    break
                stack += [each for each in imported if each in self._modules]
                stack += self._edges.get(file, ())
            else:
                self._near[files] = frozenset(found)
        return self._near[files]

    def _last_batch(self) -> Batch:
        place = (self._group, self._is_near)
        batch = self._open.get(place)
        if batch is None or batch.is_full:
            batch = Batch(self._group, self.time, self._bereft.append, is_near=self._is_near)
            self._open[place] = batch
            self._batches.append(batch)
            self._by_group.setdefault(self._group, []).append(batch)
            self._recent.append(batch)
        # Whoever asks adds something.
        if not self._grown or self._grown[-1] is not batch:
            self._grown.append(batch)
        return batch

    def _add(self, held: Held) -> None:
        batch = self._last_batch()
        batch.held.append(held)
        self._copies.note(held, batch)
        if self._new is not None:
            self._new.append(held)

    def _hold_value(self, value: Any, *, is_global: bool) -> None:
        kind, ident = type(value), identity(value)
        if issubclass(kind, type):
            module = sys.modules[module_of(value)]
            qualname = type.__getattribute__(value, "__qualname__")
            self._classes[ident] = (str(attribute_of(module, "__file__")), qualname)
            namespace = type.__getattribute__(value, "__dict__")
            held = Held(ident, "namespace", namespace, namespace_ids)
            held.owner = value
            self._add(held)
            return
        look = None
        if issubclass(kind, dict):
            held = Held(ident, "mapping", value, mapping_ids)
            self._note_refs(held)
            self._add(held)
            if issubclass(kind, OrderedDict) and dict.__len__(value) <= MAX_ITEMS:
                self._add(Held(ident, "other", value, order_ids))
        else:
            look = None if is_in_memory(value) else look_of(kind)
            if kind is types.FunctionType and not is_global:
                look = None  # too many, and nobody changes their defaults
            may_be_one = look is None and module_of(kind) in _WITH_ITERATORS
            if may_be_one and hasattr(kind, "__next__") and hasattr(kind, "__length_hint__"):
                look = iterator_ids
            if look is not None:
                look = look() if isinstance(look, type) else look
                held = Held(ident, "other", value, look)
                if not isinstance(look, Look) and not issubclass(kind, _KEPT) and held.let_go():
                    self._last_batch().refer(value)
                self._add(held)
        namespace = namespace_of(value)
        is_function = kind is types.FunctionType
        if namespace is not None and (is_global or self._has_state(value, namespace)):
            held = Held(ident, "namespace", namespace, namespace_ids)
            if not is_function or look is None:  # else it is held as a whole, too
                held.belong_to(value)
            held.is_foreign = origin_of(kind, self._sources) == "foreign"
            self._add(held)
        slots = self._slots.of(kind)
        if slots.slots:
            self._add(Held(ident, "other", value, slots))
        elif look is None and not issubclass(kind, dict):
            self._last_batch().refer(value)

    def _has_state(self, value: Any, namespace: dict[str, Any]) -> bool:
        if type(value) is not types.FunctionType or has_state(namespace):
            return True
        return self._special.may_get(value, self._sources)
