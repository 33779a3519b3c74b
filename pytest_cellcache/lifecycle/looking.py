"""Tells what a unit must lead to so that it may see what others left behind (``producers``).

A change has several *conditions*, all of which a reader meets: it leads to the global, and to code
that names the word below it, ... They hold of keys, whoever asks: the graph grows as units come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from pytest_cellcache.graph.entering import SEEDED
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import KEYED, SIZED, Refs, words_of
from pytest_cellcache.graph.remembered import Place, attribute_of
from pytest_cellcache.graph.watching import asks_for_modules
from pytest_cellcache.lifecycle.attributes import Attributes
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.producers import DRAWS
from pytest_cellcache.model.keys import BODY, MARKERS, MODULE, NAME, SURFACE, UNIT, Key
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE
from pytest_cellcache.trace.outside import MODULES, READ_THROUGH

_MANGLED: Final = re.compile(r"^_[A-Z]\w*?__(?=\w)")
"""What the compiler puts before ``__name`` in a class body."""

_VARIABLES: Final = (
    "__closure__ cell_contents getclosurevars get_referents __defaults__ __kwdefaults__ signature "
    "getfullargspec"
).split()
"""Attributes that give variables and defaults of a function that does not run."""
_NONE: Final[frozenset[Key]] = frozenset()

Edges = Callable[[Key], frozenset[Key]]


class Condition(NamedTuple):
    """What a unit must lead to.

    Attributes:
        ends: keys one of which a root leads to,
        starts: or keys one of which is a root,
        word: or a word in the id of a test: its parameters may name it.
    """

    ends: frozenset[Key] = _NONE
    starts: frozenset[Key] = _NONE
    word: str = ""


def is_start(root: Key) -> bool:
    """Say whether a root of a unit leads to what it may see."""
    is_hub = root.kind == UNIT and not root.path
    is_value = root.path in (FIXTURE, OUTSIDE)
    return root.kind in (BODY, NAME, MARKERS, SURFACE) or is_value or is_hub


class Looking:
    """The keys that units lead to, and what code behind them looks at.

    Args:
        edges: ``Closure.live_edges``.
        first: files that were loaded as modules before the first test.
    """

    def __init__(
        self, project: Project, names: Names, edges: Edges, first: Collection[str] = ()
    ) -> None:
        self._project = project
        self._names = names
        self._edges = edges
        self._first = first
        self._keys: set[Key] = set()
        self._back: dict[Key, list[Key]] = {}
        self._refs: list[tuple[Key, Refs]] = []
        self._indexed = 0
        self._by_word: dict[str, set[Key]] = {}
        self._by_name: dict[str, set[Key]] = {}
        self._attributes = Attributes()
        self._by_attribute_word: dict[str, set[Key]] = {}
        self._dynamic: set[Key] = set()
        self._naming_names: set[Key] = set()
        self._wholes: dict[Place, list[tuple[Key, str]]] = {}
        self._sized: set[Place] = set()
        self._asking_for_any: set[Key] = set()
        self._importing: set[Key] = set()
        # By a part of a dotted name, and its first part; empty where it is relative.
        self._asking_for: dict[tuple[str, str], set[Key]] = {}
        # What follows from all this, as long as nothing is added.
        self._reading: dict[Key, Condition] = {}
        self._computed: dict[Key, tuple[frozenset[Key], frozenset[Key]]] = {}
        self._by_its_name: dict[Key, frozenset[Key]] = {}
        self._naming: dict[tuple[str, Key, bool, bool, bool], frozenset[Key]] = {}
        self._outside: dict[tuple[str, str], Condition] = {}
        self._conditions: dict[tuple[object, ...], list[Condition]] = {}

    def add(self, starts: Iterable[Key]) -> bool:
        """Take keys that a unit begins with, and all they lead to; say whether any is new."""
        stack = [key for key in starts if key not in self._keys]
        if not stack:
            return False
        memos: list[dict[Any, Any]] = [self._reading, self._computed, self._by_its_name]
        for memo in (*memos, self._naming, self._outside, self._conditions):
            memo.clear()
        self._keys.update(stack)
        while stack:
            key = stack.pop()
            if key.kind == MODULE:
                continue
            self._refs += [(key, refs) for refs in self._project.refs_of(key)]
            for target in self._edges(key):
                self._back.setdefault(target, []).append(key)
                if target not in self._keys:
                    self._keys.add(target)
                    stack.append(target)
        return True

    def sources_of(self, key: Key) -> Collection[Key]:
        """Give the keys that lead to a key directly."""
        return self._back.get(key, ())

    def reached(self, starts: Iterable[Key]) -> set[Key]:
        """Give all that keys lead to, themselves included."""
        found = {*starts}
        stack = [*found]
        while stack:
            key = stack.pop()
            if key.kind != MODULE:
                new = self._edges(key) - found
                found |= new
                stack += new
        return found

    # -- conditions ------------------------------------------------------------------------------

    def conditions_of(self, change: Change, *, by_size: bool = True) -> Iterator[Condition]:
        """Give all that a unit must meet to see a change, ``by_size`` as who only counts keys."""
        key = change.key
        if key.path == OUTSIDE:
            yield self._using(key.name, change.word)
            return
        yield self.reading(key)
        memo = (*change.place, change.defined, by_size)
        if memo not in self._conditions:
            self._conditions[memo] = [*self._below(change, by_size)]
        yield from self._conditions[memo]

    def is_sized(self, key: Key) -> bool:
        """Say whether somebody asks how many keys a global has."""
        self._index()
        return (key.path, key.name) in self._sized

    def _below(self, change: Change, by_size: bool) -> Iterator[Condition]:
        """Give the conditions beside that of reading the global."""
        key = change.key
        self._index()
        if change.function is not None:
            ends, starts = self._asking(key)
            yield Condition(ends, starts | {change.function})
        if change.fillers:
            yield Condition(frozenset(change.fillers), self._naming_it(key))
        if change.is_counter:
            yield Condition(self._attributes.asking(change.word))
            return
        plain = _MANGLED.sub("", change.word)
        for word in sorted(words_of(plain)):
            memo = (word, key, change.is_keyed, word in change.defined, by_size)
            if memo not in self._naming:
                self._naming[memo] = frozenset(self._mentions(*memo))
            yield Condition(self._naming[memo], word=word)

    def registers(self, register: Place) -> Iterator[Condition]:
        """Give what a unit must meet to see what statements come to enter in a global, or in one
        attribute of what it stands for."""
        place, attribute = attribute_of(register)
        key = Key(NAME, *place)
        if attribute:
            yield from self.conditions_of(Change(key, attribute, False, frozenset(), None))
        else:
            yield self.reading(key)

    def reading(self, key: Key) -> Condition:
        """Give what a unit must meet to read a global, otherwise than in silence."""
        if key not in self._reading:
            silent = self._silent_about(key)
            self._reading[key] = (
                Condition(starts=self._before(key, lambda source, _: source not in silent))
                if silent
                else Condition(frozenset({key}))
            )
        return self._reading[key]

    def _before(self, key: Key, is_way: Callable[[Key, Key], bool]) -> frozenset[Key]:
        """Give the keys that lead to one, itself included.

        Args:
            is_way: says of a key and one that it leads to directly whether that counts.
        """
        seen, stack = {key}, [key]
        while stack:
            target = stack.pop()
            for source in self._back.get(target, ()):
                if source not in seen and is_way(source, target):
                    seen.add(source)
                    stack.append(source)
        return frozenset(seen)

    def _using(self, name: str, word: str) -> Condition:
        """Give the code that uses what is watched outside the project (``trace.outside``)."""
        if name == DRAWS.name:
            return Condition(starts=frozenset({DRAWS}))
        if (name, word) not in self._outside:
            if name == MODULES:
                self._index()
                used = self._asking_for_any | self._asking_for_module(word)
            else:
                tops = READ_THROUGH.get(name, (name.partition(".")[0],))
                used = {k for k in self._back if k.kind == MODULE and k.name.split(".")[0] in tops}
            if name == "builtins":  # a name that no module binds
                used |= {key for key in self._back if key.kind == NAME and key.name == word}
            drawn = {DRAWS} if name == SEEDED else set()
            self._outside[name, word] = Condition(frozenset(used), frozenset(drawn))
        return self._outside[name, word]

    def _asking_for_module(self, name: str) -> set[Key]:
        """Give the code that runs when tests do and asks which module has a name."""
        if not name:
            return self._importing
        first, _, rest = name.partition(".")
        last = rest.rpartition(".")[2] or first
        asking = self._asking_for
        return asking.get((last, first), set()) | asking.get((last, ""), set())

    def _asking(self, key: Key) -> tuple[frozenset[Key], frozenset[Key]]:
        """Give the code that may see variables of the function that a global is.

        It reads a value that was computed with it when a module was imported, or asks functions
        for their variables; or units that have a root among others. Bodies that name the global
        and do not run it see nothing.
        """
        if key not in self._computed:
            names = self._before(key, lambda source, _: self._passes_on(source))
            sources = {source for name in names for source in self._back.get(name, ())} - names
            ends = {source for source in sources if source.kind != BODY}
            ends |= {k for attr in _VARIABLES for k in self._attributes.reading(attr)}
            self._computed[key] = frozenset(ends), names
        return self._computed[key]

    def _naming_it(self, key: Key) -> frozenset[Key]:
        """Give what leads to a global otherwise than by a module that is a mere value."""
        if key not in self._by_its_name:
            surface = Key(SURFACE, key.path)
            self._by_its_name[key] = self._before(
                key, lambda source, target: target != surface or self._may_ask(source, key)
            )
        return self._by_its_name[key]

    def _may_ask(self, source: Key, key: Key) -> bool:
        """Say whether code that has a module as a value may be after a global in it.

        Not a body that puts the module somewhere, neither names the global nor computes names,
        and hands the module to nobody.
        """
        return source.kind != BODY or any(
            refs.is_dynamic
            or self._names.imports_any(source.path, refs)
            or key.name in refs.attrs
            or words_of(key.name) <= refs.words
            or any(
                Key(SURFACE, key.path) in self._names.resolve(source.path, chain).keys
                for chain in refs.arguments
            )
            for refs in self._project.refs_of(source)
        )

    def _passes_on(self, key: Key) -> bool:
        """Say whether a key is only another way to what it leads to: nothing was computed."""
        return key.kind == SURFACE or (key.kind == NAME and self._is_import(key))

    def _is_import(self, key: Key) -> bool:
        cells = self._project.index(key.path).bound_by(key.name)
        return bool(cells) and all(cell.kind == "import" for cell in cells)

    def _silent_about(self, key: Key) -> set[Key]:
        """Give the bodies that use a global and tell nobody what is in it."""
        return {
            source
            for source in self._back.get(key, ())
            if source.kind == BODY and self._is_silent(source, key)
        }

    def _is_silent(self, source: Key, key: Key) -> bool:
        every = list(self._project.refs_of(source))
        if source.path == key.path and all(
            not refs.tells
            and refs.kept == {key.name + "[]"}
            and refs.wholes.isdisjoint({key.name, f"{key.name}.{SIZED}"})  # ``D[k] = len(D)``
            for refs in every
        ):
            return True
        chains = {
            chain for refs in every for chain in refs.chains if self._is_way_to(key, source, chain)
        }
        if all("cache_clear" in refs.attrs for refs in every):
            return bool(chains) and all(chain.endswith(".cache_clear") for chain in chains)
        return bool(chains) and all(self._is_set_only(key, source, chain) for chain in chains)

    def _is_way_to(self, key: Key, source: Key, chain: str) -> bool:
        return key in self._names.resolve(source.path, chain).keys

    def _is_set_only(self, key: Key, source: Key, chain: str) -> bool:
        """Say whether all that code does with a global is to set an attribute of it."""
        owner, _, attr = chain.rpartition(".")
        return self._is_way_to(key, source, owner) and all(
            chain not in refs.chains
            or (chain in refs.receivers and attr not in refs.attrs and not refs.accumulates)
            for refs in self._project.refs_of(source)
        )

    def _mentions(
        self, word: str, changed: Key, is_keyed: bool, is_defined: bool, by_size: bool
    ) -> set[Key]:
        """Give the keys whose code names a word, or looks at all of them.

        Args:
            is_keyed: the word is a key of the mapping that ``changed`` is, else an attribute.
            is_defined: something is defined under that name, also where no unit leads to it.
        """
        found = set(self._by_word.get(word, ()))
        if is_keyed and changed.path == FIXTURE:
            # Which name a fixture has in a test is not known.
            return found | {key for key, _ in self._refs}
        if is_keyed:
            found |= self._by_name.get(word, set())
            if not (is_defined or word in self._by_name):
                # The name of a function or class may be the key, of another distribution's.
                found |= self._naming_names
        else:
            found |= self._by_attribute_word.get(word, set())
            found |= self._dynamic
        if is_keyed or self._is_value(changed):
            found |= self.taking_whole(changed, is_keyed=is_keyed, by_size=by_size)
        return found

    def _index(self) -> None:
        """Index what code names, once there is somebody to ask about."""
        for key, refs in self._refs[self._indexed :]:
            for word in refs.defines | words_of(key.name) | words_of(key.path):
                self._by_name.setdefault(word, set()).add(key)
            for word in refs.words:
                self._by_word.setdefault(word, set()).add(key)
            self._attributes.add(key, refs)
            for attr in refs.attrs:
                for word in words_of(attr):
                    self._by_attribute_word.setdefault(word, set()).add(key)
            if refs.is_dynamic:
                self._dynamic.add(key)
            if "__name__" in refs.attrs:
                self._naming_names.add(key)
            for chain in refs.wholes:
                for file, name, rest in self._names.resolve(key.path, chain).bindings:
                    method = rest[0] if rest else ""
                    if method == SIZED:  # of the builtin ``len``
                        method = (self._names.resolve(key.path, "len").bindings and "") or SIZED
                        self._sized.add((file, name))
                    self._wholes.setdefault((file, name), []).append((key, method))
            if key.kind == BODY or key.path not in self._first:
                self._index_imports(key, refs)  # else what it imports was there before any test
        self._indexed = len(self._refs)

    def _index_imports(self, key: Key, refs: Refs) -> None:
        is_any = refs.imports_asked or self._names.imports_any(key.path, refs)
        if is_any or asks_for_modules(refs):
            self._asking_for_any.add(key)
            return
        if refs.imports:
            self._importing.add(key)
        for spec in refs.imports | refs.strings:
            parts = spec.replace(":", ".").split(".")
            for part in parts:
                self._asking_for.setdefault((part, parts[0]), set()).add(key)

    def taking_whole(self, changed: Key, *, is_keyed: bool, by_size: bool) -> set[Key]:
        """Give the keys whose code uses a global otherwise than by a key, or by attributes."""
        self._index()
        return {
            key
            for key, method in self._wholes.get((changed.path, changed.name), ())
            if (by_size or method != SIZED)
            if method in ("", SIZED) or (is_keyed and method not in KEYED)
        }

    def _is_value(self, changed: Key) -> bool:
        """Say whether a global is an object, not a class or function: it may be used as a whole."""
        if changed.path in (FIXTURE, OUTSIDE):
            return False
        bound = self._project.index(changed.path).bound_by
        return any(cell.kind == "value" for cell in bound(changed.name))
