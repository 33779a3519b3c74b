"""Digests what long-lived objects hold, so that two runs can be asked whether it is the same.

By content, down to what cannot be taken apart: then it is not known. Equal digests mean that no
code can tell the two apart but by what was changed elsewhere, by identities of immutable objects,
by addresses and by lines of source. Different ones mean nothing: order counts, and so do names of
this run. No code of the objects runs, see ``parts``.

Of classes and functions that a module holds under their names, what evaluating their definition has
made counts, bodies and docstrings aside: who runs or reads one rests on it. Of others the code
counts, too.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import functools
import gc
import itertools
import pathlib
import re
import sys
import types
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.trace.atoms import ATOMS, text_of
from pytest_cellcache.trace.definitions import (
    NamedClass,
    NamedClasses,
    annotations_of,
    is_found,
    members_to_tell,
    qualified,
    text_of_code,
)
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import LRU, is_simple, namespace_of
from pytest_cellcache.trace.variables import typing_kinds

_MOST: Final = 10_000
"""Objects looked at for one digest."""
_DEEPEST: Final = 60
_collections: Final[Any] = sys.modules["_collections"]
_ITEM: Final = _collections._tuplegetter  # a field of a named tuple


class Untold(Exception):
    """What something holds cannot be told."""


class Contents:
    """Digests of what objects of one process hold.

    Args:
        is_traced: says whether who runs code of a file rests on it.
        names_of: gives the globals that an object with this identity is, if any.
    """

    def __init__(
        self, is_traced: Callable[[str], bool], names_of: Callable[[int], Sequence[str]]
    ) -> None:
        self._is_traced = is_traced
        self._names_of = names_of
        # What was met, by identity: its number.
        self._seen: dict[int, int] = {}
        self._is_inside = False
        # Definitions that modules hold under their names, by identity.
        self._named = NamedClasses()
        self._together: dict[frozenset[int], tuple[Digest | None, list[NamedClass]]] = {}
        self._out: list[str] = []
        self._met: set[int] = set()
        self._slots: dict[int, list[Any]] = {}  # of classes, by identity
        self._left = self._depth = 0

    def forget(self, names: Collection[tuple[str, str]]) -> None:
        """Look anew at classes that may have changed: by module and top-level name there."""
        self._named.forget(names)
        self._together.clear()

    def forget_others(self) -> None:
        """Look anew at all classes that are not the project's."""
        self._named.forget_others()
        self._together.clear()

    def digest(self, value: Any) -> tuple[Digest | None, dict[int, int]]:
        """Digest what a value holds.

        Returns:
            ``None`` where that cannot be told; and which objects were met, by identity.
        """
        found, met = self._told(value)
        named = None if found is None else self._digest_of_named(met)
        if found is None or named is None:
            return None, {}
        return digest_parts([found, named]), self._seen

    def _told(self, value: Any, *, is_inside: bool = False) -> tuple[Digest | None, frozenset[int]]:
        self._out, self._met, self._seen, self._slots = [], set(), {}, {}
        self._left, self._depth, self._is_inside = _MOST, 0, is_inside
        self.is_round = False  # something in it leads back to it
        try:
            (self._take_class if is_inside else self._take)(value)
        except (Untold, RecursionError, RuntimeError, TypeError, ValueError, AttributeError):
            return None, frozenset()
        return digest_parts(self._out), frozenset(self._met)

    # -- classes that have names -------------------------------------------------------------------

    def _digest_of_named(self, met: frozenset[int]) -> Digest | None:
        """Digest definitions and all others that they lead to."""
        digest, others = self._together.get(met, (None, None))
        if others is None or not all(named.is_as_told for named in others):
            reached = dict[int, NamedClass]()
            stack = [*met]
            while stack:
                ident = stack.pop()
                if ident not in reached:
                    reached[ident] = named = self._named[ident]
                    if not (named.is_told and named.is_as_told):
                        self._tell(named)
                    stack += named.inner
            told = [named.digest for named in reached.values() if named.digest is not None]
            digest = digest_parts(sorted(told)) if len(told) == len(reached) else None
            others = [named for named in reached.values() if not named.is_watched]
            self._together[met] = digest, others
        return digest

    def _tell(self, named: NamedClass) -> None:
        apart = Contents(self._is_traced, self._names_of)
        apart._named = self._named
        named.note()
        named.digest, named.inner = apart._told(named.reference(), is_inside=True)

    def _meet_named(self, kind: Any) -> bool:
        """Take a class by its name, if a module holds it under that."""
        ident, name = identity(kind), qualified(kind)
        is_standard = name[0].partition(".")[0] in sys.stdlib_module_names
        known = self._named.get(ident)
        if known is None or known.reference() is not kind:
            if not is_found(kind, name):
                return False
            if not is_standard:
                self._named[ident] = NamedClass(kind, is_watched=self._is_own(kind))
                self._together.clear()
        if not is_standard:
            self._met.add(ident)
        self._out += ("named", *name)
        return True

    # -- values ------------------------------------------------------------------------------------

    def _take(self, value: Any) -> None:
        self._left -= 1
        if self._left < 0 or self._depth > _DEEPEST:
            raise Untold
        kind = type(value)
        if identity(kind) in ATOMS:
            self._out += (kind.__name__, repr(value))
            return
        if issubclass(kind, type) and self._meet_named(value):
            return
        if kind is not tuple and kind is not frozenset:
            ident = identity(value)
            if ident in self._seen:
                self._out += ("again", str(self._seen[ident]))
                self.is_round |= not self._seen[ident]
                return
            self._seen[ident] = len(self._seen)
            for owner in self._names_of(ident):
                self._out += ("global", owner)
        self._depth += 1
        take = _WAYS.get(identity(kind))
        if take is not None:
            take(self, value)
        elif issubclass(kind, type):
            self._take_class(value)
        elif issubclass(kind, enum.Enum):
            self._take_all("member", kind, namespace_of(value))
        else:
            self._take_instance(value)
        self._depth -= 1

    def _take_all(self, word: str, *values: Any) -> None:
        self._out += (word, str(len(values)))
        for value in values:
            self._take(value)

    def _take_items(self, kind: type, value: Any) -> None:
        self._out += (kind.__name__, str(kind.__len__(value)))  # type: ignore[attr-defined]
        self._take_many([*kind.__iter__(value)])  # type: ignore[attr-defined]

    def _take_mapping(self, value: Any) -> None:
        kind = type(value)
        is_ordered = issubclass(kind, collections.OrderedDict)
        items = collections.OrderedDict.items(value) if is_ordered else dict.items(value)
        self._out += (type.__getattribute__(kind, "__name__"), str(dict.__len__(value)))
        self._take_many([*itertools.chain.from_iterable([*items])])

    def _take_many(self, values: list[Any]) -> None:
        self._left -= len(values)
        if self._left < 0:
            raise Untold
        text, others = text_of(values)  # most are atoms
        self._out.append(text)
        for other in others:
            self._take(other)

    def _take_set(self, kind: type, value: Any) -> None:
        members = list(kind.__iter__(value))  # type: ignore[attr-defined]
        out, self._out = self._out, []
        told = []
        for member in members:
            if not is_simple(member):
                raise Untold  # which of two is which cannot be told
            self._take(member)
            told.append(digest_parts(self._out))
            self._out = []
        self._out = out
        self._out += (kind.__name__, *sorted(told))

    def _take_function(self, function: Any) -> None:
        code = function.__code__
        module = str(function.__globals__.get("__name__"))
        self._out += ("function", *qualified(function), function.__name__, module)
        is_own = not (self._is_traced(code.co_filename) and is_found(function, qualified(function)))
        self._out += text_of_code(code, is_whole=is_own)
        for cell in function.__closure__ or ():
            self._take(cell)
        self._take_all(
            "made of", function.__defaults__, function.__kwdefaults__,
            function.__doc__ if is_own else None, namespace_of(function),
            annotations_of(function),
        )  # fmt: skip

    def _take_cell(self, cell: Any) -> None:
        try:
            content = cell.cell_contents
        except ValueError:
            self._out.append("empty cell")
        else:
            self._take_all("cell", content)

    def _take_builtin(self, value: Any) -> None:
        owner = getattr(value, "__objclass__", None) or value.__self__
        self._out += ("builtin", type(value).__name__, str(value.__name__))
        self._take(owner)

    def _take_memo(self, memo: Any) -> None:
        if LRU.cache_info(memo).currsize and not self._is_inside:
            raise Untold  # what it gives may have been changed
        self._take_all("memo", memo.__wrapped__, LRU.cache_info(memo).maxsize, namespace_of(memo))

    def _take_pattern(self, pattern: Any) -> None:
        self._take_all("pattern", pattern.pattern, int(pattern.flags))

    def _take_time(self, value: Any) -> None:
        plain = type(value).replace(value, tzinfo=None)
        self._take_all("time", repr(plain), value.fold, value.tzinfo)

    def _take_class(self, kind: Any) -> None:
        self._out += ("class", *qualified(kind))
        self._take(type(kind))
        self._take(type.__getattribute__(kind, "__bases__"))
        has_doc = "<locals>" in qualified(kind)[1] or not self._is_own(kind)
        for name, member in members_to_tell(kind):
            if name != "__doc__" or has_doc:
                self._out.append(name)
                self._take(member)

    def _is_own(self, kind: Any) -> bool:
        file = attribute_of(sys.modules.get(qualified(kind)[0]), "__file__")
        return type(file) is str and self._is_traced(file)

    def _take_module(self, module: Any) -> None:
        members = vars(module)
        name = members.get("__name__")
        self._out += ("module", str(name))
        if sys.modules.get(name) is not module or members.get("__spec__") is None:
            self._take_mapping({k: v for k, v in members.items() if k != "__builtins__"})

    def _take_instance(self, value: Any) -> None:
        kind = type(value)
        slots = self._slots.get(identity(kind))
        if slots is None:
            bases = type.__getattribute__(kind, "__mro__")
            slots = [slot for base in bases for slot in self._named.own_slots_of(base)]
            self._slots[identity(kind)] = slots
        self._out.append("instance")
        self._take(kind)
        for base, take in _CONTAINERS:
            if issubclass(kind, base):
                take(self, value)
                break
        namespace = namespace_of(value)
        if namespace is not None:
            self._take_mapping(namespace)
        for slot in slots:
            self._out.append(slot.__name__)
            try:
                content = slot.__get__(value)
            except AttributeError:
                self._out.append("unset")
            else:
                self._take(content)


def _by_text(word: str, text: Callable[[Any], str]) -> Callable[[Contents, Any], None]:
    def take(contents: Contents, value: Any) -> None:
        contents._out += (word, text(value))

    return take


def _by_parts(word: str, parts: Callable[[Any], Iterable[Any]]) -> Callable[[Contents, Any], None]:
    def take(contents: Contents, value: Any) -> None:
        contents._take_all(word, *parts(value))

    return take


def _take_deque(contents: Contents, value: Any) -> None:
    contents._take_all("deque", collections.deque.maxlen.__get__(value))
    contents._take_items(collections.deque, value)


def _ways() -> Iterator[tuple[type, Callable[[Contents, Any], None]]]:
    take = Contents
    kind: Any
    for kind in (list, tuple):
        yield kind, functools.partial(_call, take._take_items, kind)
    for kind in (set, frozenset):
        yield kind, functools.partial(_call, take._take_set, kind)
    for kind in (dict, collections.OrderedDict, collections.Counter):
        yield kind, take._take_mapping
    for kind in (
        types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType,
        types.MethodWrapperType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
        types.MemberDescriptorType,
    ):  # fmt: skip
        yield kind, take._take_builtin
    for kind in (pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath):
        yield kind, _by_text(kind.__name__, str)
    yield from ((kind, _by_parts(word, parts)) for kind, word, parts in typing_kinds())
    for kind in (datetime.date, datetime.timedelta, bytearray, array.array, itertools.count):
        yield kind, _by_text(kind.__name__, repr)
    yield from (
        (collections.deque, _take_deque),
        (_ITEM, _by_parts("item", lambda made: made.__reduce__()[1])),
        (functools.cached_property, _by_parts("cached", lambda made: (made.func, made.attrname))),
        (types.FunctionType, take._take_function),
        (types.CellType, take._take_cell),
        (LRU, take._take_memo),
        (re.Pattern, take._take_pattern),
        (datetime.datetime, take._take_time),
        (datetime.time, take._take_time),
        (types.GenericAlias, _by_parts("alias", lambda made: (made.__origin__, made.__args__))),
        (types.ModuleType, take._take_module),
        (datetime.timezone, _by_text("timezone", repr)),
        (decimal.Decimal, _by_text("decimal", repr)),
        (uuid.UUID, _by_text("uuid", str)),
        (object, _by_text("object", lambda _: "")),
        (collections.defaultdict, lambda c, v: (c._take(v.default_factory), c._take_mapping(v))[1]),
        (types.MappingProxyType, _by_parts("proxy", gc.get_referents)),
        (types.SimpleNamespace, _by_parts("namespace", lambda value: [vars(value)])),
        (types.MethodType, _by_parts("method", lambda made: (made.__func__, made.__self__))),
        (staticmethod, _by_parts("static", lambda made: (made.__func__,))),
        (classmethod, _by_parts("classmethod", lambda made: (made.__func__,))),
        (slice, _by_parts("slice", lambda made: (made.start, made.stop, made.step))),
        (types.UnionType, _by_parts("union", lambda made: made.__args__)),
        (
            property,
            _by_parts("property", lambda made: (made.fget, made.fset, made.fdel, made.__doc__)),
        ),
        (functools.partial, _by_parts("partial", lambda p: (p.func, p.args, p.keywords, vars(p)))),
    )


def _call(take: Any, kind: type, contents: Contents, value: Any) -> None:
    take(contents, kind, value)


_WAYS: Final[dict[int, Callable[[Contents, Any], None]]] = {
    identity(kind): take for kind, take in _ways()
}
_CONTAINERS: Final[tuple[tuple[type, Callable[[Contents, Any], None]], ...]] = (
    *((kind, _WAYS[identity(kind)]) for kind in (dict, list, tuple, set, frozenset)),
    (collections.deque, _WAYS[identity(collections.deque)]),
    (int, _by_text("int", int.__repr__)),
    (float, _by_text("float", float.__repr__)),
    (str, _by_text("str", str.__str__)),
    (bytes, _by_text("bytes", bytes.__repr__)),
)
"""Builtin types that classes may have for a base."""
