"""One container whose content is compared, and how to tell what it holds."""

from __future__ import annotations

import gc
import types
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Beside, Look
from pytest_cellcache.trace.looks import function_ids, kept_for
from pytest_cellcache.trace.parts import (
    LRU,
    MAX_ITEMS,
    SKIPPED_MEMBERS,
    is_atom,
    is_ref,
    namespace_of,
    way_to,
)
from pytest_cellcache.trace.slots import Slots

_HEAP_TYPE: Final = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE``: made by a class statement; the collector sees slots of its instances."""


class Held:
    """One container, and how to tell what it holds.

    Attributes:
        ident: identity of the object whose container it is.
        module: file name, if it is the namespace of a module.
        is_foreign: it is the namespace of an object whose class is not the project's.
        owner: the class whose namespace it is.
        kind: ``namespace`` (of a module, class or instance), ``mapping`` or ``other``.
        of: gives the instance whose namespace it is, or that is not kept alive; ``None`` when it
            has gone.
        kind_of: gives the class that this instance had.
        atoms: what it held and nothing else keeps alive: another must not get its identity.
        refs: weak references among the keys and values of a mapping; kept, so that none of its
            own gets the identity of one.
        ids: gives identities of what it holds.
    """

    __slots__ = (
        "_thing",
        "atoms",
        "ident",
        "ids",
        "is_foreign",
        "kind",
        "kind_of",
        "module",
        "named",
        "of",
        "owner",
        "refs",
        "saved",
    )

    def __init__(
        self, ident: int, kind: str, thing: Any, ids: Callable[[Any], list[int]], module: str = ""
    ) -> None:
        self.ident = ident
        self.kind = kind
        self._thing = thing
        self.ids = ids
        self.module = module
        self.is_foreign = False
        self.of: Callable[[], Any] | None = None
        self.kind_of: Callable[[], Any] | None = None
        self.owner: Any = None
        self.save()

    def belong_to(self, instance: Any) -> None:
        """Be the namespace of an instance, which may be given another class."""
        self.of = way_to(instance)
        self.kind_of = weakref.ref(type(instance))

    @property
    def thing(self) -> Any:
        """The container; ``None`` once it has gone."""
        return self.of() if self._thing is None and self.of is not None else self._thing

    def let_go(self) -> bool:
        """Keep it alive no longer; say whether that is possible."""
        try:
            self.of = weakref.ref(self._thing)
        except TypeError:
            return False
        self._thing = None
        return True

    @property
    def has_gone(self) -> bool:
        """Whether the object has gone whose container it is."""
        return self.of is not None and self.of() is None

    def find_space(self) -> bool:
        """Be the namespace that its object has now; say whether that is another than before."""
        instance = self.of() if self.of is not None and self._thing is not None else None
        space = namespace_of(instance) if instance is not None else None
        if space is None or space is self._thing:
            return False
        self._thing = space
        return True

    def replace(self, thing: Any, ident: int) -> None:
        """Let it be another one that holds the same."""
        self._thing, self.ident = thing, ident

    def look(self) -> list[int]:
        """Give what tells its state apart now; nothing of what has gone."""
        thing = self.thing
        return [] if thing is None else self.ids(thing)

    def save(self) -> None:
        """Take what it holds now as the state to compare with."""
        if isinstance(self.ids, Look):
            self.ids.settle()
        self.saved = self.look()
        instance = self.of() if self.of is not None else None
        if instance is not None:
            self.kind_of = weakref.ref(type(instance))
        self.named: dict[str, int] = {}
        self.atoms: Sequence[Any] = ()
        self.refs: Sequence[weakref.ref[Any]] = ()
        if self.is_small:
            items = list(self.items())
            if self.kind == "mapping":
                self.refs = [each for item in items for each in item if is_ref(each)] or ()
            self.named = {name: identity(value) for name, value in items if type(name) is str}
            self.atoms = [each for item in items for each in item if is_atom(each)] or ()
        elif type(self.thing) in (list, set, deque) and len(self.thing) <= MAX_ITEMS:
            self.atoms = [value for value in self.thing.copy() if is_atom(value)] or ()
        elif self.kind == "other":
            self.atoms = kept_for(self.ids, self.thing)

    @property
    def is_small(self) -> bool:
        """Whether it has names for what it holds, few enough to look at each."""
        if self.kind == "mapping":
            return dict.__len__(self.thing) <= MAX_ITEMS
        return self.kind == "namespace" and len(self.thing) <= MAX_ITEMS

    @property
    def is_told(self) -> bool:
        """Whether it holds nothing but what its content tells (``trace.contents``)."""
        is_beside = self.ids is function_ids or isinstance(self.ids, Beside)
        return not is_beside and type(self.thing) is not LRU

    def is_doc(self, word: str) -> bool:
        """Say whether a key is the docstring of a class, which its content does not tell."""
        return self.owner is not None and word == "__doc__"

    def items(self) -> Any:
        return self.thing.items() if self.kind == "namespace" else dict.items(self.thing)

    def body(self) -> Any:
        """Give the object whose referents, as the collector finds them, are what this holds.

        ``None`` where that is not known to be all. More does no harm.
        """
        if self.kind == "namespace":
            if not self.is_small:
                return None
            # Of a class there is only a proxy, whose one referent is the dictionary itself.
            found = [self.thing] if type(self.thing) is dict else gc.get_referents(self.thing)
            return found[0] if len(found) == 1 and type(found[0]) is dict else None
        if isinstance(self.ids, Look):
            return None
        kind = type(self.thing)
        if self.kind == "mapping":
            is_known = self.is_small and kind in (dict, OrderedDict, defaultdict, Counter)
        elif isinstance(self.ids, Slots):
            is_known = bool(kind.__flags__ & _HEAP_TYPE) and gc.is_tracked(self.thing)
        elif kind in (list, set, deque):
            is_known = len(self.thing) <= MAX_ITEMS // 2
        else:
            is_known = kind in (types.FunctionType, types.CellType)
        return self.thing if is_known else None

    def differs_from(self, before: list[int]) -> bool:
        """Say whether it holds something else; not where entries have gone with their key.

        Nobody can look for these any more, and when they go is up to the collector.
        """
        if self.has_another_class:
            return True
        now = self.look()
        if now == before or not self.refs or not self.is_small:
            return now != before and not (self._thing is None and self.has_gone)
        dead = {identity(ref) for ref in self.refs if ref() is None}
        return not dead or _rows_without(dead, now) != _rows_without(dead, before)

    @property
    def has_another_class(self) -> bool:
        """Whether the instance has been given another class: ``obj.__class__ = Other``."""
        if self.of is None or self.kind_of is None:
            return False
        instance = self.of()
        return instance is not None and type(instance) is not self.kind_of()

    def take_class_back(self) -> None:
        """Give the instance the class that it had."""
        if self.has_another_class and self.of is not None and self.kind_of is not None:
            object.__setattr__(self.of(), "__class__", self.kind_of())

    def keys_changed(self) -> list[Any]:
        """Give the keys of a mapping that are new, or have another value than before."""
        if self.kind != "mapping" or not self.is_small:
            return []
        half = len(self.saved) // 2
        before = set(zip(self.saved[:half], self.saved[half:], strict=True))
        now = self.look()
        half = len(now) // 2
        rows = zip(list(dict.keys(self.thing)), now[:half], now[half:], strict=True)
        return [key for key, *row in rows if tuple(row) not in before]

    def has_only_more(self) -> bool:
        """Say whether all entries of a mapping are there that it had, but for those that have gone
        with their key."""
        if self.kind != "mapping" or not self.is_small:
            return False
        dead = {identity(ref) for ref in self.refs if ref() is None}
        now = set(_rows_without(set(), self.look()))
        return now.issuperset(_rows_without(dead, self.saved))

    def changed(self) -> list[str]:
        """Name what changed, by key or attribute; an empty name where there is none."""
        if self.has_another_class:
            return [""]
        if not self.is_small:
            return self.ids.words(self.saved) if isinstance(self.ids, Look) else [""]
        now = {name: identity(value) for name, value in list(self.items()) if type(name) is str}
        names = {name for name in now if self.named.get(name) != now[name]}
        names |= self.named.keys() - now.keys()
        if names and self.kind == "namespace":
            return sorted(names if self.module else names - SKIPPED_MEMBERS)
        return sorted(names) or [""]


def differing(
    every: list[Held], told_by: list[memoryview], before: bytes, now: bytes
) -> list[Held]:
    """Give those whose bytes are others; all if it is not known which bytes are whose."""
    if before == now:
        return []
    if not len(before) == len(now) == sum(each.nbytes for each in told_by):
        return every
    found, start = [], 0
    for held, told in zip(every, told_by, strict=True):
        end = start + told.nbytes
        if before[start:end] != now[start:end]:
            found.append(held)
        start = end
    return found


def _rows_without(gone: set[int], ids: list[int]) -> list[tuple[int, int]]:
    """Give the entries of a mapping that lead to none of some objects, as ``mapping_ids`` does."""
    half = len(ids) // 2
    rows = zip(ids[:half], ids[half:], strict=True)
    return [(value, key) for value, key in rows if value not in gone and key not in gone]
