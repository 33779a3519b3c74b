"""Notices when code resets something long-lived, and what that is: by identity, as it happens.

Only lines of functions with a statement that may do so are watched (``graph.resetting``). Just
before such a line runs, the object is looked up that it is about to empty, or one name of which it
is about to bind anew; what leads there is told by who watches objects (``trace.state``).
"""

from __future__ import annotations

import collections
import dis
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any, Final

from pytest_cellcache.graph.resetting import ANYWHERE, CONTENT, Site
from pytest_cellcache.model.observation import CodeRef, Reset
from pytest_cellcache.trace.holding import MAPPINGS
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import namespace_of
from pytest_cellcache.trace.ways import Ways

_CLEAR: Final = "clear"
_RESETTING: Final = frozenset("DELETE_SUBSCR STORE_SLICE STORE_GLOBAL STORE_ATTR".split())
_OPCODES: Final = frozenset(dis.opmap[name] for name in _RESETTING & dis.opmap.keys())
_CONTAINERS: Final = (
    *(dict, list, set, collections.OrderedDict, collections.defaultdict),
    *(collections.Counter, collections.deque),
)
_MAKING: Final = frozenset(("__init__", "__new__", "__post_init__", "__init_subclass__"))
_MOST: Final = 50
"""Times that one line of a unit is looked at."""
_NOTHING: Final = object()

Place = tuple[str, str, str]
"""File name, global, and what is below it: empty for the global itself."""
PlacesOf = Callable[[Any], Iterable[Place]]


def may_reset(code: CodeType) -> bool:
    """Say whether code may have a statement that resets something, as far as is seen at once."""
    if code.co_name[0] == "<" or code.co_name in _MAKING:
        return False
    return _CLEAR in code.co_names or not _OPCODES.isdisjoint(code.co_code[::2])


class ResetProbe:
    """What a tracer asks; does nothing until somebody answers.

    Attributes:
        sites_of: gives the sites of a code object; ``None`` as long as nobody can tell.
        places_of: gives the places where an object is found: globals, and what is right below.
    """

    def __init__(self) -> None:
        self.sites_of: Callable[[CodeRef], Sequence[Site] | None] = lambda _: None
        self.places_of: PlacesOf = lambda _: ()
        self._known: dict[CodeRef, dict[int, list[Site]]] = {}

    def sites_in(self, ref: CodeRef) -> Mapping[int, list[Site]]:
        """Give the sites of a code object by their lines."""
        known = self._known.get(ref)
        if known is None:
            found = self.sites_of(ref)
            if found is None:
                return {}
            known = self._known[ref] = {}
            for site in found:
                known.setdefault(site.line, []).append(site)
        return known


class Passage:
    """The lines that one unit passes, and what it has reset so far."""

    def __init__(self, probe: ResetProbe) -> None:
        self._probe = probe
        self._lines: set[tuple[CodeRef, int]] = set()
        self._found: list[tuple[CodeRef, Site, frozenset[Place]]] = []
        self._times: collections.Counter[tuple[CodeRef, int]] = collections.Counter()

    def pass_line(self, ref: CodeRef, line: int, frame: FrameType) -> bool:
        """Take a line that is about to run; say whether to tell of it again in this unit."""
        self._lines.add((ref, line))
        sites = self._probe.sites_in(ref).get(line, ())
        for site in sites:
            places = frozenset(_places_at(site, frame, self._probe.places_of))
            if places:
                self._found.append((ref, site, places))
        self._times[ref, line] += 1
        return bool(sites) and self._times[ref, line] < _MOST

    def resets(self) -> frozenset[Reset]:
        """Give what has been reset, by bodies that have not looked at it otherwise."""
        return frozenset(
            Reset(ref, site.way, *place, site.way.endswith(CONTENT))
            for ref, site, places in self._found
            if self._holds(ref, site)
            for place in places
        )

    def _holds(self, ref: CodeRef, site: Site) -> bool:
        if ANYWHERE in site.others or any((ref, line) in self._lines for line in site.others):
            return False
        return site.done == ANYWHERE or (ref, site.done) in self._lines


def places_of(value: Any, ways: Ways) -> Iterator[Place]:
    """Give the globals that an object is now, and where it is right below one."""
    ident = identity(value)
    for owner in ways.owners.get(ident, ()):
        if owner[0][:1] != "<" and ways.global_of(owner) is value:
            yield (*owner, "")
    for parent, word in ways.parents.get(ident, ()):
        for owner in ways.owners.get(parent, ()):
            holder = ways.global_of(owner) if owner[0][:1] != "<" else None
            if identity(holder) == parent and word and _is_below(holder, word, value):
                yield (*owner, word)


def _is_below(holder: Any, word: str, value: Any) -> bool:
    if type(holder) in MAPPINGS:
        return dict.get(holder, word) is value
    return _member(holder, word) is value


def _places_at(site: Site, frame: FrameType, places_of: PlacesOf) -> Iterator[Place]:
    """Give the places that a statement is about to reset."""
    way = site.way.removesuffix(CONTENT)
    if way[0] == ".":
        code = frame.f_code
        holder = frame.f_locals.get(code.co_varnames[0], _NOTHING) if code.co_argcount else _NOTHING
        name = way[1:]
    else:
        *owners, name = way.split(".")
        holder = _Module(frame.f_globals)
        for owner in owners:
            holder = _member(holder, owner)
    if holder is _NOTHING:
        return
    if site.way.endswith(CONTENT):
        content = _member(holder, name)
        if type(content) in _CONTAINERS:
            yield from places_of(content)
    elif isinstance(holder, _Module) or type(holder) is types.ModuleType:
        space = holder.space if isinstance(holder, _Module) else vars(holder)
        file = space.get("__file__")
        if type(file) is str:
            yield file, name, ""
    elif _is_set_plainly(holder, name):
        for file, owner, below in places_of(holder):
            if not below:
                yield file, owner, name


class _Module:
    """The globals of running code."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space


def _member(holder: Any, name: str) -> Any:
    """Give an attribute that is simply there; no code of the object runs for it."""
    if isinstance(holder, _Module):
        return holder.space.get(name, _NOTHING)
    if type(holder) is types.ModuleType:
        return vars(holder).get(name, _NOTHING)
    if isinstance(holder, type):
        return _in_classes(holder, name)
    if not _is_looked_up_plainly(type(holder)):
        return _NOTHING
    found = _in_classes(type(holder), name)
    if isinstance(found, types.MemberDescriptorType):
        try:
            return found.__get__(holder)
        except AttributeError:
            return _NOTHING
    space = namespace_of(holder)
    if found is not _NOTHING and hasattr(type(found), "__get__"):
        return _NOTHING
    return found if space is None else space.get(name, found)


def _in_classes(kind: type, name: str) -> Any:
    for base in type.__getattribute__(kind, "__mro__"):
        space = type.__getattribute__(base, "__dict__")
        if name in space:
            return space[name]
    return _NOTHING


def _is_looked_up_plainly(kind: type) -> bool:
    return _in_classes(kind, "__getattribute__") is object.__getattribute__


def _is_set_plainly(holder: Any, name: str) -> bool:
    """Say whether setting an attribute does just that."""
    if isinstance(holder, type):
        return _in_classes(type(holder), "__setattr__") is type.__setattr__
    if _in_classes(type(holder), "__setattr__") is not object.__setattr__:
        return False
    found = _in_classes(type(holder), name)
    is_slot = type(found) is types.MemberDescriptorType
    return found is _NOTHING or is_slot or not hasattr(type(found), "__set__")
