"""Finds what tests rest on because earlier tests and fixtures left it behind.

A unit that changed a long-lived object is a *producer* for the tests that read it. Where every
body that may have made the change fills (``graph.keeping``), readers rest on these bodies and what
they called; otherwise they rest on the unit as a whole, and when one of them must run, so must the
producer before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import KEYED, Refs, words_of
from pytest_cellcache.graph.remembered import Place, Ran, Writers, fills, initialises
from pytest_cellcache.model.keys import BODY, MARKERS, NAME, UNIT, Key
from pytest_cellcache.model.observation import FIXTURE, StateChange

_MANGLED: Final = re.compile(r"^_[A-Z]\w*?__(?=\w)")
"""What the compiler puts before ``__name`` in a class body."""

Edges = Callable[[Key], frozenset[Key]]


class Change(NamedTuple):
    """What one unit changed.

    Attributes:
        key: the global that leads to it.
        word: key or attribute below the global; empty if it may be any.
        is_keyed: ``word`` is a key of the mapping that the global is.
        rests_on: what readers rest on.
        producer: key of the unit, if readers need it to run before them.
        fillers: where the change is the same whoever makes it: bodies that make it. Who ran none
            of them rests on the unit all the same.
        unit: key of the unit; ``None`` for what imports changed.
        is_counter: it counts new objects to tell their order, and only code that names it can ask
            for how many there were.
    """

    key: Key
    word: str
    is_keyed: bool
    rests_on: frozenset[Key]
    producer: Key | None
    fillers: frozenset[Key] = frozenset()
    unit: Key | None = None
    is_counter: bool = False

    @property
    def place(self) -> tuple[Key, str, bool, frozenset[Key]]:
        """What decides who reads it: changes of one place have the same readers."""
        return self.key, self.word, self.is_keyed, self.fillers


class Producers:
    """What units of a run left behind."""

    def __init__(self, project: Project, names: Names, calls: Calls) -> None:
        self._project = project
        self._names = names
        self._calls = calls
        self.changes: list[Change] = []
        self._known: set[Change] = set()

    def add(
        self,
        unit: Key,
        changes: Iterable[StateChange],
        *,
        ran: Ran,
        own: frozenset[Place],
        inputs: frozenset[Key],
    ) -> None:
        """Take what a unit changed.

        Args:
            ran: bodies that it ran.
            own: those that only pytest calls: the test itself and its fixtures.
            inputs: files, variables and the like that it consulted.
        """
        relative = self._project.snapshot.places.relative
        writers = None
        for change in changes:
            path = FIXTURE if change.filename == FIXTURE else relative(change.filename)
            writers = writers or Writers(self._project, self._names, ran.places | own)
            # Whoever leads to a class, what changed its attribute is looked for there.
            home = change
            if change.home is not None:
                home = StateChange(relative(change.home[0]), *change.home[1:])
            where = path if change.home is None else home.filename
            exact, found = self._makers(where, home, ran, writers)
            fillers: frozenset[Key] = frozenset()
            if found and not found & own and all(self._fills(place) for place in found):
                bodies = self._calls.reach(found | self._wrapped(where, home.name, ran), ran)
                rests_on = frozenset(Key(BODY, *place) for place in bodies) | inputs
                producer = None
                if not any(self._is_memo(place) for place in found):
                    fillers = frozenset(Key(BODY, *place) for place in found)
            else:
                rests_on, producer = frozenset({unit}), unit
            key = Key(NAME, path, change.name)
            if change.filename == FIXTURE:
                key = unit_key(FIXTURE, change.name)
            made = Change(key, change.word, change.is_keyed, rests_on, producer, fillers, unit)
            if exact and found == exact and all(self._counts(place) for place in found):
                made = made._replace(is_counter=True, rests_on=made.rests_on - inputs)
            if made not in self._known:
                self._known.add(made)
                self.changes.append(made)

    def add_imports(
        self, closure: Closure, keys_of: Callable[[Place], tuple[str, ...] | None]
    ) -> None:
        """Take what imports changed: registers that decorators fill, and the like.

        Args:
            keys_of: gives the keys of a global that is a mapping, as far as they are texts;
                ``None`` for any other, and for one with other keys.
        """
        for changed in sorted(closure.changed_at_import):
            keys = keys_of(changed)
            for (path, position), rests_on in closure.written_at_import(changed).items():
                cell = self._project.index(path).table.cells[position]
                named = cell.refs.words | {word for name in cell.binds for word in words_of(name)}
                named |= words_of(path)
                words = [key for key in keys or () if words_of(key) <= named]
                for word in words or [""]:
                    key = Key(NAME, *changed)
                    self.changes.append(Change(key, word, bool(word), rests_on, None))

    def _makers(
        self, path: str, change: StateChange, ran: Ran, writers: Writers
    ) -> tuple[set[Place], set[Place]]:
        """Give the bodies that may have made a change.

        Returns:
            Those known to write just that attribute by the name of its class, and all.
        """
        exact: set[Place] = set()
        memos: set[Place] = set()
        if change.word and not change.is_keyed:
            exact = writers.of_attribute(path, change.name, change.word)
            memos = {p for p in ran.by_name.get(change.word, ()) if self._is_memo(p)}
        known = exact | memos
        others = self._by_word(path, change, ran, computed=not known)
        return exact, others | (known or writers.of(path, change.name))

    def _fills(self, place: Place) -> bool:
        return all(fills(found) for found in self._project.index(place[0]).defs[place[1]])

    def _counts(self, place: Place) -> bool:
        """Say whether all that a body keeps is how many objects there have been (``keeping``)."""
        found = self._project.index(place[0]).defs[place[1]]
        return initialises(place[1]) and not any(each.refs.kept for each in found)

    def _is_memo(self, place: Place) -> bool:
        """Say whether a body is run by what remembers for it, so that readers need not run it."""
        return any(found.is_memo for found in self._project.index(place[0]).defs[place[1]])

    def _wrapped(self, path: str, name: str, ran: Ran) -> set[Place]:
        """Give the bodies that a remembering value was made of: ``g`` in ``f = memo(g)``."""
        return {
            (file, ".".join((bound, *rest)))
            for _, cell in self._project.index(path).binders.get(name, ())
            for chain in cell.refs.chains
            for file, bound, rest in self._names.resolve(path, chain).bindings
        } & ran.places | ({(path, name)} & ran.places)

    def _by_word(self, path: str, change: StateChange, ran: Ran, *, computed: bool) -> set[Place]:
        """Give the bodies that may have set an attribute, or kept results below a global.

        Args:
            computed: those count, too, that set attributes whose names they compute.
        """
        found: set[Place] = set()
        if (path, change.name) in ran.places:  # a memo, or a function with a closure
            found.add((path, change.name))
        for definition in self._project.index(path).defs.get(change.name, ()):
            for chain in definition.decorators:
                for file, name, rest in self._names.resolve(path, chain).bindings if chain else ():
                    inner = ".".join((name, *rest)) + "."
                    found |= {p for p in ran.places if p[0] == file and p[1].startswith(inner)}
        for _, cell in self._project.index(path).binders.get(change.name, ()):
            # ``f = remembering(g)``: what keeps is a closure.
            for chain in cell.refs.chains if cell.kind == "value" else ():
                for file, name, rest in self._names.resolve(path, chain).bindings:
                    inner = ".".join((name, *rest, "<locals>", ""))
                    found |= {p for p in ran.places if p[0] == file and p[1].startswith(inner)}
        if change.word and not change.is_keyed:
            for place in ran.places:
                for definition in self._project.index(place[0]).defs.get(place[1], ()):
                    refs = definition.refs
                    written = refs.attr_stores | refs.attr_changes
                    is_memo = definition.is_memo and place[1].endswith("." + change.word)
                    if is_memo or (
                        (change.word in written or (computed and "__dict__" in refs.attr_changes))
                        and not initialises(place[1])
                    ):
                        found.add(place)
        return found


class Readers:
    """Tells which units read what was left behind.

    Args:
        roots: of the units, by their keys; bodies that ran, and names, count.
        edges: ``Closure.live_edges``.
    """

    def __init__(
        self,
        project: Project,
        names: Names,
        roots: Mapping[Key, frozenset[Key]],
        edges: Edges,
    ) -> None:
        self._project = project
        self._names = names
        self._units: dict[Key, set[Key]] = {}
        for unit, own in roots.items():
            for root in own:
                is_hub = root.kind == UNIT and not root.path
                if root.kind in (BODY, NAME, MARKERS) or root.path == FIXTURE or is_hub:
                    self._units.setdefault(root, set()).add(unit)
        self._back: dict[Key, list[Key]] = {}
        self._refs: list[tuple[Key, Refs]] = []
        seen = set(self._units)
        stack = list(seen)
        while stack:
            key = stack.pop()
            self._refs += [(key, refs) for refs in self._project.refs_of(key)]
            for target in edges(key):
                self._back.setdefault(target, []).append(key)
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        self._ids: dict[str, set[Key]] | None = None
        self._by_word: dict[str, set[Key]] = {}
        self._by_name: dict[str, set[Key]] = {}
        self._by_attribute: dict[str, set[Key]] = {}
        self._by_attribute_word: dict[str, set[Key]] = {}
        self._dynamic: set[Key] = set()
        self._naming_names: set[Key] = set()
        self._wholes: dict[Place, list[tuple[Key, str]]] = {}
        self._index()
        self._reading: dict[Key, set[Key]] = {}
        self._naming: dict[tuple[str, Key, bool], set[Key]] = {}

    def of(self, change: Change) -> set[Key]:
        """Give the units that may see a change."""
        key = change.key
        found = self.reaching(key)
        if change.is_counter:
            return found & self._leading_to(self._by_attribute.get(change.word, set()))
        plain = _MANGLED.sub("", change.word)
        for word in words_of(plain) if found else ():
            memo = (word, key, change.is_keyed)
            if memo not in self._naming:
                self._naming[memo] = self._leading_to(self._mentions(*memo))
            found = found & (self._naming[memo] | self._naming_in_ids(word))
        return found

    def _naming_in_ids(self, word: str) -> set[Key]:
        """Give the units whose parameters, as far as their ids show them, name a word."""
        if self._ids is None:
            self._ids = {}
            for unit in {unit for units in self._units.values() for unit in units}:
                for found in words_of(unit.name.partition("[")[2]):
                    self._ids.setdefault(found, set()).add(unit)
        return self._ids.get(word, set())

    def reaching(self, key: Key) -> set[Key]:
        """Give the units with a root that leads to a key."""
        if key not in self._reading:
            self._reading[key] = self._leading_to({key}, self._silent_about(key))
        return self._reading[key]

    def _silent_about(self, key: Key) -> set[Key]:
        """Give the bodies that use a global and tell nobody what is in it."""
        return {
            source
            for source in self._back.get(key, ())
            if source.kind == BODY
            and source.path == key.path
            and all(
                not refs.tells and refs.kept == {key.name + "[]"}
                for refs in self._project.refs_of(source)
            )
        }

    def _leading_to(
        self, targets: set[Key], passed_over: Collection[Key] = frozenset()
    ) -> set[Key]:
        """Give the units with a root that leads to one of some keys."""
        seen = set(targets)
        stack = list(seen)
        units: set[Key] = set()
        while stack:
            key = stack.pop()
            units |= self._units.get(key, set())
            for source in self._back.get(key, ()):
                if source not in seen and source not in passed_over:
                    seen.add(source)
                    stack.append(source)
        return units

    def _mentions(self, word: str, changed: Key, is_keyed: bool) -> set[Key]:
        """Give the keys whose code names a word, or looks at all of them.

        Args:
            is_keyed: the word is a key of the mapping that ``changed`` is, else an attribute.
        """
        found = set(self._by_word.get(word, ()))
        if is_keyed and changed.path == FIXTURE:
            # Which name a fixture has in a test is not known.
            return found | {key for key, _ in self._refs}
        if is_keyed:
            found |= self._by_name.get(word, set())
            if word not in self._by_name:
                # The name of a function or class may be the key, of another distribution's.
                found |= self._naming_names
        else:
            found |= self._by_attribute_word.get(word, set())
            found |= self._dynamic
        if is_keyed or self._is_value(changed):
            found |= self._taking_whole(changed, is_keyed=is_keyed)
        return found

    def _index(self) -> None:
        for key, refs in self._refs:
            for word in refs.defines | words_of(key.name) | words_of(key.path):
                self._by_name.setdefault(word, set()).add(key)
            for word in refs.words:
                self._by_word.setdefault(word, set()).add(key)
            for attr in refs.attrs:
                self._by_attribute.setdefault(attr, set()).add(key)
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
        if changed.path == FIXTURE:
            return False
        cells = self._project.index(changed.path).bound_by(changed.name)
        return any(cell.kind == "value" for cell in cells)


def unit_key(group: str, name: str) -> Key:
    """Name a unit in the graph: a node id, or a fixture instance of a run."""
    return Key(UNIT, group, name)
