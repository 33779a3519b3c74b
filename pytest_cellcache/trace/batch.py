"""Containers whose content is compared many in one go.

An identity is not that of another object meanwhile: containers and atoms are kept alive, and an
instance is referred to weakly where that is possible: one that has gone is a change.
"""

from __future__ import annotations

import gc
import types
import weakref
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from pytest_cellcache.trace.addresses import addresses_of
from pytest_cellcache.trace.fields import fields_of
from pytest_cellcache.trace.held import Held, differing
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.inline import inline_of, may_be_moved
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.slots import Slots
from pytest_cellcache.trace.subclasses import Registered, registrations
from pytest_cellcache.trace.versions import ARE_NUMBERED, COUNT_ATTRIBUTES, number_of

_BATCH: Final = 256
"""Containers compared at once."""
_MANY_LOST: Final = 16
"""Objects of a batch that have gone before what they held is dropped."""

Signature = tuple[bytes, bytes, list[int], bytes]
"""Identities of what is held, bytes that tell some apart, what else tells states apart, and the
attributes that objects hold themselves; empty where these have been moved."""
Row = tuple["Held", list[int], dict[str, int]]
"""A container, the identities of what it held, and those of its names."""


class Reference(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that still tells whose it was."""

    __slots__ = ("ident",)

    ident: int


class Batch:
    """Some containers that are compared in one go.

    Attributes:
        group: the module that led to them, or ``""``.
        settled_at: time at which they were compared last.
        calm: how often they were found unchanged since they last had changed.
        is_near: globals and what is right below those; see ``Layout``.

    Args:
        mourn: told of the batch when an object has gone.
    """

    def __init__(
        self,
        group: str = "",
        settled_at: int = 0,
        mourn: Callable[[Batch], None] = lambda _: None,
        *,
        is_near: bool = False,
    ) -> None:
        self.group = group
        self.is_near = is_near
        self.settled_at = settled_at
        self.calm = 0
        self._mourn = mourn
        self._on_loss = self._lose
        self.held: list[Held] = []
        self._weak: list[Reference] = []
        self._gone: list[Reference] = []
        self._kept: list[Any] = []
        self._bodies: list[Any] = []
        self._whose: list[Held] = []
        self._instances: list[Callable[[], Any]] = []
        self._spaces: list[Any] = []
        self._in: list[Held] = []
        self._mappings: list[Held] = []
        self._keys: list[Any] = []
        # Told by a few bytes each: numbers of dictionaries, fields of functions and closures.
        self._numbered: list[Held] = []
        self._sources: list[Any] = []
        self._numbers: list[memoryview] = []
        # Objects that hold their attributes themselves, and where they did when that was saved.
        self._inner: list[Held] = []
        self._heads: list[memoryview] = []
        self._values: list[memoryview] = []
        self._places = b""
        self._others: list[Held] = []
        self._registered: list[Held] = []
        self._slotted: list[Held] = []
        self._laid_out = 0
        self._is_stale = False  # some are laid out as they are no more
        self._fresh: list[Any] | None = None
        self._saved: Signature | None = None
        self._now: Signature | None = None
        self._rows: list[Row] | None = None
        self._pending: list[Held] = []

    @property
    def is_full(self) -> bool:
        return len(self.held) + len(self._weak) >= _BATCH

    @property
    def is_settled(self) -> bool:
        """Whether everything is compared; what was added last may not be."""
        return self._laid_out == len(self.held) and self._saved is not None

    def refer(self, value: Any) -> None:
        """Notice when an object goes, as another may take its identity; else it has to stay."""
        if type(value) is not types.FunctionType:
            try:
                reference = Reference(value, self._on_loss)
            except TypeError:  # there are no weak references to it
                pass
            else:
                reference.ident = identity(value)
                self._weak.append(reference)
                return
        self._kept.append(value)

    def _lose(self, reference: Reference) -> None:
        self._gone.append(reference)
        self._mourn(self)

    @property
    def gone(self) -> list[int]:
        """The identities of the objects that have gone since ``take_gone``."""
        return [reference.ident for reference in self._gone]

    def take_gone(self) -> list[int]:
        """Give the identities of the objects that have gone since."""
        if not self._gone:
            return []
        gone = self.gone
        self._gone.clear()
        self._weak = [reference for reference in self._weak if reference() is not None]
        return gone

    def _drop_lost(self) -> None:
        """Let go of what the objects that have gone held; the rest is laid out anew."""
        self.held = [held for held in self.held if not held.has_gone]
        every: tuple[list[Any], ...] = (
            self._bodies, self._whose, self._instances, self._spaces, self._in, self._slotted,
            self._mappings, self._keys, self._numbered, self._sources, self._numbers, self._others,
            self._registered, self._inner, self._heads, self._values,
        )  # fmt: skip
        for each in every:
            each.clear()
        self._laid_out = 0
        self._is_stale = False

    def extend(self) -> None:
        """Compare what was added, too; a change that nobody has asked for yet is kept."""
        if self._saved is not None and self.has_changed():
            self._pending += self._suspects()
        self.settle()

    def settle(self, *, keep: bool = False) -> None:
        """Take everything as it is now as the state to compare with.

        Args:
            keep: ``contents`` will be asked for next.
        """
        if self._is_stale or sum(held.has_gone for held in self.held) >= _MANY_LOST:
            self._drop_lost()
        self._lay_out()
        self._find_inner()
        self._rows = None
        self._saved = self.signature(keep=keep)

    def _lay_out(self) -> None:
        for held in self.held[self._laid_out :]:
            body = held.body()
            if views := held.ids.views(held.thing) if isinstance(held.ids, Look) else ():
                for thing, view in views:
                    self._take_numbered(held, thing, view)
                continue
            if body is None:
                is_registered = isinstance(held.ids, Registered)
                (self._registered if is_registered else self._others).append(held)
                continue
            if held.of is not None:
                self._take_instance(held, held.of, body)
                continue
            if (number := _number_of(body)) is not None:
                self._take_numbered(held, body, number)
                continue
            self._bodies += (body, _BETWEEN)
            self._whose.append(held)
            if isinstance(held.ids, Slots):
                self._slotted.append(held)
            if held.kind == "mapping":  # keys that are texts are no referents
                self._mappings.append(held)
                self._keys += (held.thing, _BETWEEN)
        self._laid_out = len(self.held)

    def _take_numbered(self, held: Held, body: Any, number: memoryview) -> None:
        self._numbered.append(held)
        self._sources.append(body)
        self._numbers.append(number)

    def _take_instance(self, held: Held, of: Callable[[], Any], body: dict[str, Any]) -> None:
        inline = inline_of(body)
        if inline is not None:
            self._inner.append(held)
            self._heads.append(inline.head)
            self._values.append(inline.values)
            return
        self._instances.append(of)
        self._in.append(held)
        if COUNT_ATTRIBUTES:
            self._take_numbered(held, body, number_of(body))
            self._spaces += (None, None, _BETWEEN)
            return
        # Either of the two leads to the values; which one does, depends on the version.
        self._spaces += (None, body, _BETWEEN)

    def _find_inner(self) -> None:
        """Find the attributes again where objects have been moved since."""
        if b"".join(self._heads) == self._places:
            return
        inner, self._inner, self._heads, self._values = self._inner, [], [], []
        for held in inner:
            self._take_instance(held, held.of or _nothing, held.thing)
        self._places = b"".join(self._heads)

    def _holders(self) -> list[Any]:
        """Give what leads to attributes that objects hold themselves, and did while they lived."""
        objects = [held.of() for held in self._inner if held.of is not None]
        return [*objects, *(held.thing for held in self._inner)]

    def _inside(self) -> bytes:
        """Read the attributes that objects hold themselves; nothing where some have been moved."""
        if not self._inner:
            return b""
        if may_be_moved():
            return addresses_of(gc.get_referents(*self._holders()))
        return b"".join(self._values) if b"".join(self._heads) == self._places else b""

    def has_changed(self, *, keep: bool = False) -> bool:
        """Compare; ``keep`` as for ``settle``."""
        self._now = self.signature(keep=keep) if self._saved is not None else None
        is_other = self._now != self._saved and not self._is_put_back()
        return self._now is None or is_other or bool(self._gone or self._pending)

    def _is_put_back(self) -> bool:
        """Say whether all that differs are dictionaries that hold again what they held."""
        before, now = self._saved, self._now
        if before is None or now is None:
            return False
        if before[0] != now[0] or before[2:] != now[2:]:
            return False
        try:
            is_same = not any(held.differs_from(held.saved) for held in self._renumbered())
        except RuntimeError:  # changed by a thread
            return False
        if is_same:
            self._saved = now
        return is_same

    def _renumbered(self) -> list[Held]:
        """Give those with another number than before."""
        if self._saved is None or self._now is None:
            return self._numbered
        before, now = self._saved[1], self._now[1]
        return differing(self._numbered, self._numbers, before, now)

    def changed(self) -> list[Held]:
        """Give the containers that are not what they were, after ``has_changed``."""
        suspects = {identity(held): held for held in (*self._pending, *self._suspects())}
        self._pending.clear()
        found = []
        for held in suspects.values():
            # What its bytes are part of may be another thing now.
            self._is_stale |= held.find_space() or getattr(held.ids, "has_views", False)
            if held.differs_from(held.saved):
                found.append(held)
            elif held.refs:
                held.save()
        return found

    def replace(self, held: Held, thing: Any, ident: int) -> None:
        """Let a container be another one that holds the same."""
        if (place := _place_of(held, self._whose)) is not None:
            self._bodies[2 * place] = thing
            self._keys = [thing if each is held.thing else each for each in self._keys]
        elif (place := _place_of(held, self._numbered)) is not None:
            self._sources[place], self._numbers[place] = thing, number_of(thing)
        held.replace(thing, ident)

    def peek(self) -> list[Held]:
        """Give the containers that are not what they were, and leave it at that."""
        if not self.has_changed():
            return []
        pending = self._pending[:]
        found = self.changed()
        self._pending = pending
        return found

    def _suspects(self) -> list[Held]:
        """Give the containers whose part of the signature differs; all where that is not known."""
        if self._saved is None or self._now is None:
            return list(self.held)
        parts, parts_now = self._saved[0].split(_MARK), self._now[0].split(_MARK)
        laid_out = [*self._whose, *self._in, *self._mappings]
        if not len(parts) == len(parts_now) == len(laid_out) + 1:
            return list(self.held)
        found = [
            whose
            for whose, part, part_now in zip(laid_out, parts, parts_now, strict=False)
            if part != part_now
        ]
        found += self._renumbered()
        found += self._changed_inside(self._saved[3], self._now[3])
        return [*found, *self._others, *self._registered, *self.held[self._laid_out :]]

    def _changed_inside(self, before: bytes, now: bytes) -> list[Held]:
        """Give the objects that hold other attributes themselves, or no longer do."""
        if now or len(before) != sum(values.nbytes for values in self._values):
            return differing(self._inner, self._values, before, now)
        heads = b"".join(self._heads)
        moved = {identity(h) for h in differing(self._inner, self._heads, self._places, heads)}
        found, start = [], 0
        for held, values in zip(self._inner, self._values, strict=True):
            end = start + values.nbytes
            # Those that have not been moved can be read where they were.
            if identity(held) in moved or bytes(values) != before[start:end]:
                found.append(held)
            start = end
        return found

    def contents(self) -> tuple[list[Row], list[Any]]:
        """Give the containers that the collector tells of, and all that they hold.

        Raises:
            RuntimeError: a thread changed one meanwhile.
        """
        things, self._fresh = self._fresh, None
        things = self._things() if things is None else things
        things += gc.get_referents(*self._sources, *self._holders())
        things += chain.from_iterable(h.thing for h in self._numbered if h.kind == "mapping")
        if self._rows is None:
            laid_out = chain(self._whose, self._in, self._numbered, self._inner)
            self._rows = [(held, held.saved, held.named) for held in laid_out]
        return self._rows, things

    @property
    def uncopied(self) -> list[Held]:
        """The containers that ``contents`` does not tell how to put back."""
        unlike = *self._others, *self._registered, *self._slotted
        return [*unlike, *self.held[self._laid_out :]]

    def _things(self) -> list[Any]:
        self._spaces[::3] = [instance() for instance in self._instances]
        things = gc.get_referents(*self._bodies, *self._spaces)
        self._spaces[::3] = [None] * len(self._instances)
        things += chain.from_iterable(self._keys)
        return things

    def signature(self, *, keep: bool = False) -> Signature | None:
        """Identify everything that is held; ``None`` if something cannot be looked at just now."""
        self._fresh = None
        try:
            things = self._things()
        except RuntimeError:  # changed by a thread
            return None
        if keep:
            self._fresh = things
        rest = [registrations()] if self._registered else []
        for held in self._others:
            rest += held.look()
        return addresses_of(things), b"".join(self._numbers), rest, self._inside()


def _nothing() -> None:
    """Stand for an object that has gone."""


def _number_of(body: Any) -> memoryview | None:
    if ARE_NUMBERED and issubclass(type(body), dict):
        return number_of(body)
    return fields_of(body)


def _place_of(held: Held, among: list[Held]) -> int | None:
    return next((place for place, each in enumerate(among) if each is held), None)


_MARKER: Final = object()
_BETWEEN: Final = [_MARKER]
"""Stands between two bodies, so that nothing passes from one to the next unseen."""
_MARK: Final = addresses_of([_MARKER])
