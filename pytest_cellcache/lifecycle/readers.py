"""Finds the units that read what others left behind (``producers``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import KEYED, Refs, words_of
from pytest_cellcache.graph.remembered import Place, attribute_of
from pytest_cellcache.graph.watching import asks_for_modules
from pytest_cellcache.lifecycle.gathering import Gathered
from pytest_cellcache.lifecycle.producers import DRAWS, Change
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

Edges = Callable[[Key], frozenset[Key]]


class Readers:
    """Tells which units read what was left behind.

    Args:
        roots: of the units, by their keys; bodies that ran, and names, count.
        edges: ``Closure.live_edges``.
        first: files that were loaded as modules before the first test.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        roots: Mapping[Key, frozenset[Key]],
        edges: Edges,
        first: Collection[str] = (),
    ) -> None:
        self._project = project
        self._first = first
        self._names = names
        # Sets of units are the bits of numbers, in the order of ``roots``.
        self._order = list(roots)
        self._places = {unit: place for place, unit in enumerate(self._order)}
        self._sets: dict[int, frozenset[Key]] = {}
        self._units: dict[Key, int] = {}
        for place, own in enumerate(roots.values()):
            for root in own:
                is_hub = root.kind == UNIT and not root.path
                is_value = root.path in (FIXTURE, OUTSIDE)
                if root.kind in (BODY, NAME, MARKERS, SURFACE) or is_value or is_hub:
                    self._units[root] = self._units.get(root, 0) | 1 << place
        self._back: dict[Key, list[Key]] = {}
        self._refs: list[tuple[Key, Refs]] = []
        seen = set(self._units)
        stack = list(seen)
        while stack:
            key = stack.pop()
            if key.kind == MODULE:
                continue
            self._refs += [(key, refs) for refs in self._project.refs_of(key)]
            for target in edges(key):
                self._back.setdefault(target, []).append(key)
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        self._gathered = Gathered(
            lambda key: self._units.get(key, 0), lambda key: self._back.get(key, ())
        )
        self._ids: dict[str, int] | None = None
        self._by_word: dict[str, set[Key]] = {}
        self._by_name: dict[str, set[Key]] = {}
        self._by_attribute: dict[str, set[Key]] = {}
        self._by_attribute_word: dict[str, set[Key]] = {}
        self._dynamic: set[Key] = set()
        self._naming_names: set[Key] = set()
        self._wholes: dict[Place, list[tuple[Key, str]]] = {}
        self._is_indexed = False
        self._reading: dict[Key, int] = {}
        self._computed: dict[Key, int] = {}
        self._by_its_name: dict[Key, int] = {}
        self._naming: dict[tuple[str, Key, bool, bool], int] = {}
        self._outside: dict[tuple[str, str], int] = {}

    def of(self, change: Change) -> frozenset[Key]:
        """Give the units that may see a change."""
        return self.units_in(self.bits_of(change))

    def of_register(self, register: Place) -> frozenset[Key]:
        """Give the units that may see what statements come to enter in a global, or in one
        attribute of what it stands for."""
        place, attribute = attribute_of(register)
        key = Key(NAME, *place)
        if not attribute:
            return self.units_in(self.reaching(key))
        return self.of(Change(key, attribute, False, frozenset(), None))

    def units_in(self, bits: int) -> frozenset[Key]:
        """Give the units that bits stand for."""
        if bits not in self._sets:
            places = (place for place, bit in enumerate(reversed(f"{bits:b}")) if bit == "1")
            self._sets[bits] = frozenset(self._order[place] for place in places)
        return self._sets[bits]

    def bits_for(self, units: Iterable[Key]) -> int:
        """Give the bits that stand for units: the same for the same ``roots`` in their order."""
        return sum(1 << self._places[unit] for unit in units)

    def bits_of(self, change: Change) -> int:
        """Give the units that may see a change as bits: by their places among ``roots``."""
        key = change.key
        if key.path == OUTSIDE:
            return self._using(key.name, change.word)
        found = self.reaching(key)
        if not found:
            return found
        self._index()
        if change.function is not None:
            found = found & self._asking(key, change.function)
        if change.fillers:
            found = found & (self._naming_it(key) | self._leading_to(set(change.fillers)))
        if change.is_counter:
            return found & self._leading_to(self._by_attribute.get(change.word, set()))
        plain = _MANGLED.sub("", change.word)
        for word in words_of(plain):
            memo = (word, key, change.is_keyed, word in change.defined)
            if memo not in self._naming:
                self._naming[memo] = self._leading_to(self._mentions(*memo))
            found = found & (self._naming[memo] | self._naming_in_ids(word))
        return found

    def _naming_in_ids(self, word: str) -> int:
        """Give the units whose parameters, as far as their ids show them, name a word."""
        if self._ids is None:
            self._ids = {}
            for place, unit in enumerate(self._order):
                for found in words_of(unit.name.partition("[")[2]):
                    self._ids[found] = self._ids.get(found, 0) | 1 << place
        return self._ids.get(word, 0)

    def reaching(self, key: Key) -> int:
        """Give the units with a root that leads to a key, as bits."""
        if key not in self._reading:
            self._reading[key] = self._leading_to({key}, self._silent_about(key))
        return self._reading[key]

    def _using(self, name: str, word: str) -> int:
        """Give the units that use what is watched outside the project (``trace.outside``)."""
        if name == DRAWS.name:
            return self._units.get(DRAWS, 0)
        if name == MODULES and (name, word) not in self._outside:
            asking = {key for key, refs in self._refs if self._may_import(key, refs, word)}
            self._outside[name, word] = self._leading_to(asking)
        if (name, word) not in self._outside:
            tops = READ_THROUGH.get(name, (name,))
            used = {k for k in self._back if k.kind == MODULE and k.name.split(".")[0] in tops}
            if name == "builtins":  # a name that no module binds
                used |= {key for key in self._back if key.kind == NAME and key.name == word}
            self._outside[name, word] = self._leading_to(used)
        return self._outside[name, word]

    def _may_import(self, key: Key, refs: Refs, name: str) -> bool:
        """Say whether code that runs when tests do may ask which module has a name."""
        if key.kind != BODY and key.path in self._first:
            return False  # what it imports was there before the first test
        if refs.imports_computed or refs.imports_asked or asks_for_modules(refs):
            return True
        first, _, rest = name.partition(".")
        last = rest.rpartition(".")[2] or first
        if not name:
            return bool(refs.imports)
        for spec in refs.imports | refs.strings:
            parts = spec.replace(":", ".").split(".")
            if last in parts and (not parts[0] or parts[0] == first):
                return True
        return False

    def _asking(self, key: Key, function: Key) -> int:
        """Give the units that may see variables of the function that a global is.

        They run it, or read a value that was computed with it when a module was imported, or ask
        functions for their variables. Bodies that name the global and do not run it see nothing.
        """
        if key not in self._computed:
            names, stack = {key}, [key]
            while stack:
                for source in self._back.get(stack.pop(), ()):
                    if source not in names and self._passes_on(source):
                        names.add(source)
                        stack.append(source)
            sources = {source for name in names for source in self._back.get(name, ())} - names
            starts = {source for source in sources if source.kind != BODY}
            starts |= {k for attr in _VARIABLES for k in self._by_attribute.get(attr, ())}
            found = self._leading_to(starts)
            for name in names:
                found |= self._units.get(name, 0)
            self._computed[key] = found
        return self._computed[key] | self._units.get(function, 0)

    def _naming_it(self, key: Key) -> int:
        """Give the units that lead to a global otherwise than by a module that is a mere value."""
        if key not in self._by_its_name:
            surface = Key(SURFACE, key.path)
            units, seen, stack = 0, {key}, [key]
            while stack:
                target = stack.pop()
                units |= self._units.get(target, 0)
                for source in self._back.get(target, ()):
                    if source not in seen and (target != surface or self._may_ask(source, key)):
                        seen.add(source)
                        stack.append(source)
            self._by_its_name[key] = units
        return self._by_its_name[key]

    def _may_ask(self, source: Key, key: Key) -> bool:
        """Say whether code that has a module as a value may be after a global in it.

        Not a body that puts the module somewhere, neither names the global nor computes names,
        and hands the module to nobody.
        """
        return source.kind != BODY or any(
            refs.is_dynamic
            or refs.imports_computed
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
            not refs.tells and refs.kept == {key.name + "[]"} for refs in every
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

    def _leading_to(self, targets: set[Key], passed_over: Collection[Key] = frozenset()) -> int:
        """Give the units with a root that leads to one of some keys, as bits."""
        if not passed_over:
            return self._gathered.of(targets)
        seen = set(targets)
        stack = list(seen)
        units = 0
        while stack:
            key = stack.pop()
            units |= self._units.get(key, 0)
            for source in self._back.get(key, ()):
                if source not in seen and source not in passed_over:
                    seen.add(source)
                    stack.append(source)
        return units

    def _mentions(self, word: str, changed: Key, is_keyed: bool, is_defined: bool) -> set[Key]:
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
            found |= self._taking_whole(changed, is_keyed=is_keyed)
        return found

    def _index(self) -> None:
        """Index what code names, once there is somebody to ask about."""
        if self._is_indexed:
            return
        self._is_indexed = True
        for key, refs in self._refs:
            for word in refs.defines | words_of(key.name) | words_of(key.path):
                self._by_name.setdefault(word, set()).add(key)
            for word in refs.words:
                self._by_word.setdefault(word, set()).add(key)
            for attr in refs.attrs - refs.ranks:
                self._by_attribute.setdefault(attr, set()).add(key)
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
                    self._wholes.setdefault((file, name), []).append((key, method))

    def _taking_whole(self, changed: Key, *, is_keyed: bool) -> set[Key]:
        """Give the keys whose code uses a global otherwise than by a key, or by attributes."""
        return {
            key
            for key, method in self._wholes.get((changed.path, changed.name), ())
            if not method or (is_keyed and method not in KEYED)
        }

    def _is_value(self, changed: Key) -> bool:
        """Say whether a global is an object, not a class or function: it may be used as a whole."""
        if changed.path in (FIXTURE, OUTSIDE):
            return False
        cells = self._project.index(changed.path).bound_by(changed.name)
        return any(cell.kind == "value" for cell in cells)
