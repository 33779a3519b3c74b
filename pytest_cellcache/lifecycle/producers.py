"""Finds what tests rest on because earlier tests and fixtures left it behind.

A unit that changed a long-lived object is a *producer* for the tests that read it. Where every
body that may have made the change fills (``graph.keeping``), readers rest on these bodies and what
they called; otherwise they rest on the unit as a whole, and when one of them must run, so must the
producer before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pytest_cellcache.graph.calls import Calls
from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.enclosed import is_keyed_for
from pytest_cellcache.graph.entering import KeysOf, words_entered
from pytest_cellcache.graph.evaluated import CellPlace
from pytest_cellcache.graph.locate import locate
from pytest_cellcache.graph.meanwhile import Meanwhile
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import words_of
from pytest_cellcache.graph.remembered import Place, Ran, Writers, Written, attribute_of, fills
from pytest_cellcache.graph.scopes import initialises
from pytest_cellcache.lifecycle.change import Change, without_address
from pytest_cellcache.lifecycle.contents import Row, keys_of, row_of, where_of
from pytest_cellcache.lifecycle.counting import all_count, all_only_rank, are_counting, sets
from pytest_cellcache.lifecycle.library import Library
from pytest_cellcache.model.keys import BODY, EFFECTS, LEFT, NAME, SURFACE, UNIT, Key
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, CodeRef, StateChange
from pytest_cellcache.trace.chance import DRAWN
from pytest_cellcache.trace.holding import Content
from pytest_cellcache.trace.outside import MODULES

COUNTED: Final = "cache_info"
"""Attribute of a memo that says how often it was asked, and for how much."""
_UNTOLD: Final[Mapping[StateChange, Content]] = MappingProxyType({})
_NO_INPUTS: Final[Mapping[frozenset[Place] | None, frozenset[Key]]] = MappingProxyType({})


class Producers:
    """What units of a run left behind.

    Attributes:
        left: what others rest on no more than by content.
        entering: the statements that imports ran and that entered something in a global.
    """

    def __init__(self, project: Project, names: Names, calls: Calls) -> None:
        self._project = project
        self._names = names
        self._calls = calls
        self._meanwhile = Meanwhile(project)
        self._library = Library(project)
        self.changes: list[Change] = []
        self.left: dict[Key, list[Row]] = {}
        self.entering: dict[Place, set[CellPlace]] = {}
        self._known: set[Change] = set()
        self._written: dict[Place, Written] = {}
        # What is bound to a global; by files: the words that they define, or are named by.
        self._named: dict[Place, set[Place]] = {}
        self._definitions: dict[frozenset[str], frozenset[str]] = {}
        self._sets: dict[Place, tuple[frozenset[str], bool]] = {}
        self._setting: tuple[Ran, dict[str, set[Place]], set[Place]] | None = None
        self._given: tuple[Ran | None, set[str]] = None, set()

    def add(
        self,
        unit: Key,
        changes: Iterable[StateChange],
        *,
        ran: Ran,
        own: frozenset[Place],
        inputs: frozenset[Key],
        broad: Mapping[frozenset[Place] | None, frozenset[Key]] = _NO_INPUTS,
        leaving: Mapping[StateChange, Content] = _UNTOLD,
    ) -> None:
        """Take what a unit changed.

        Args:
            ran: bodies that it ran.
            own: those that only pytest calls: the test itself and its fixtures.
            inputs: files, variables and the like that it consulted.
            broad: those of child processes that nobody traced, all variables, and files, by the
                bodies that were running when they were consulted; ``None`` for any.
            leaving: what was in the changed places in the end, where that can be told.
        """
        relative = self._project.snapshot.places.relative
        places, alone = ran.places | own, frozenset({unit})
        writers, paths = None, frozenset[str]()
        told: dict[str, list[StateChange]] = {}
        for change in changes:
            if change.filename == OUTSIDE:
                key = Key(NAME, OUTSIDE, change.name)
                self._keep(Change(key, without_address(change.word), False, alone, unit, unit=unit))
                continue
            is_fixture = change.filename == FIXTURE
            path = FIXTURE if is_fixture else relative(change.filename)
            key = Key(UNIT if is_fixture else NAME, path, change.name)
            if change.computed and not self._library.is_set(change.computed, places):
                called = self._library.callable_among(ran.places - own)
                rests_on = inputs.union(*broad.values(), (Key(BODY, *place) for place in called))
                self._keep(Change(key, change.word, change.is_keyed, rests_on, None))
                continue
            is_open = change.variable != "" and self._is_open(change)
            if change.is_lone and not is_open:  # only who has the object finds its entry
                continue
            if writers is None:
                writers = Writers(self._project, self._names, places, self._written)
            # Whoever leads to a class, what changed its attribute is looked for there.
            home = change
            if change.home is not None:
                home = StateChange(relative(change.home[0]), *change.home[1:])
            elif change.is_below:
                home = change._replace(is_keyed=False)  # whoever set it need not name the key
            where = path if change.home is None else home.filename
            exact, found = self._makers(where, home, ran, writers)
            fillers: frozenset[Key] = frozenset()
            clearing = self._clearing(found)
            if clearing:
                # Who clears it, too, finds nothing of what others have left in it.
                bodies = self._calls.reach(found - own - clearing, ran)
                rests_on = frozenset(Key(BODY, *place) for place in bodies) | inputs
                rests_on |= self._of_broad(broad, bodies, found)
                fillers = frozenset(Key(BODY, *place) for place in clearing)
                producer = unit
            elif found and not found & own and all(self._fills(place) for place in found):
                bodies = self._calls.reach(found | self._wrapped(where, home.name, ran), ran)
                rests_on = frozenset(Key(BODY, *place) for place in bodies) | inputs
                rests_on |= self._of_broad(broad, bodies, found)
                producer = None
                differs = is_open or self._changes_results(found, ran, own)
                if differs or (not change.is_fleeting and self.may_differ(bodies, places)):
                    rests_on, producer = alone, unit  # which leads to all of these
                elif not any(self._is_memo(place) for place in found):
                    fillers = frozenset(Key(BODY, *place) for place in found)
            else:
                rests_on, producer = alone, unit
            made = Change(key, change.word, change.is_keyed, rests_on, producer, fillers, unit)
            made = made._replace(is_below=change.is_below)
            if change.function is not None:
                made = made._replace(function=self._body_of(change.function))
            if exact and found == exact and all_count(self._project, found):
                is_rank = all_only_rank(self._project, found, change.word)
                made = made._replace(is_counter=is_rank and change.word != "")
                made = made._replace(rests_on=alone, producer=unit, fillers=frozenset())
            if change in leaving and _is_left_by(made, unit):
                place = f"{path}::{change.name}"
                made = made._replace(rests_on=frozenset({left_by(unit, place)}))
                told.setdefault(place, []).append(change)
            if change.word:
                paths = paths or frozenset(place[0] for place in places)
                made = made._replace(defined=self._defined(change.word, paths))
            self._keep(made)
            if any(map(self._is_memo, found)):
                self._keep(Change(key, COUNTED, False, alone, unit, unit=unit, is_counter=True))

        self._tell(unit, told, leaving)

    def may_differ(self, bodies: Iterable[Place], ran: frozenset[Place]) -> bool:
        """Say whether what else ran may have changed something that bodies read (``meanwhile``)."""
        return self._meanwhile.may_differ(bodies, ran)

    def _tell(
        self,
        unit: Key,
        told: Mapping[str, list[StateChange]],
        leaving: Mapping[StateChange, Content],
    ) -> None:
        """Take by content what a unit left, by place."""
        order = {change: number for number, change in enumerate(leaving)}
        where = {
            change: where_of(place, change.word)
            for place, those in told.items()
            for change in those
        }
        for place, those in told.items():
            rows = []
            for change in sorted(those, key=lambda change: order[change]):
                content = leaving[change]
                links = [(where[o], link) for o, link in content.links if o in where]
                rows.append(row_of(change.word, content.digest, links))
            self.left[left_by(unit, place)] = rows

    def _of_broad(
        self,
        broad: Mapping[frozenset[Place] | None, frozenset[Key]],
        bodies: set[Place],
        found: set[Place],
    ) -> frozenset[Key]:
        """Give what was consulted while some bodies ran."""
        stacks = (on for on in broad if on is None or on & bodies or self._is_resumed(found))
        return frozenset[Key]().union(*(broad[on] for on in stacks))

    def _keep(self, made: Change) -> None:
        if made not in self._known:
            self._known.add(made)
            self.changes.append(made)

    def add_imports(self, closure: Closure, keys_of: KeysOf) -> None:
        """Take what imports changed: registers that decorators fill, and the like."""
        for path, modules in sorted(closure.sets_modules.items()):
            needs = frozenset({Key(EFFECTS, path), Key(SURFACE, path)})
            self.changes += [
                Change(Key(NAME, OUTSIDE, MODULES), name, False, needs, None, is_first=True)
                for name in modules
            ]
        for changed in sorted(closure.changed_at_import):
            place, attribute = attribute_of(changed)
            writers = closure.writers.of(*changed)
            is_counter = are_counting(self._project, writers, attribute)
            for (path, position), rests_on in closure.written_at_import(changed).items():
                self.entering.setdefault(place, set()).add((path, position))
                cell = self._project.index(path).table.cells[position]
                words, is_keyed = words_entered(path, cell, changed, keys_of)
                for word in words:
                    made = Change(Key(NAME, *place), word, is_keyed, rests_on, None)
                    made = made._replace(is_counter=is_counter and not sets(cell, attribute))
                    is_first = path in closure.loaded_first
                    self.changes.append(made._replace(is_first=is_first))

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

    def _defined(self, word: str, paths: frozenset[str]) -> frozenset[str]:
        """Give the words that files define, or are named by."""
        known = self._definitions.get(paths)
        if known is None:
            every = (self._project.index(path).definitions | words_of(path) for path in paths)
            known = self._definitions[paths] = frozenset[str]().union(*every)
        return words_of(word) & known

    def _fills(self, place: Place) -> bool:
        return all(fills(found) for found in self._project.index(place[0]).defs[place[1]])

    def _is_resumed(self, places: Iterable[Place]) -> bool:
        """Say whether a body may wait for what others do, who do not stand above it then."""
        return any(
            found.is_generator for p in places for found in self._project.index(p[0]).defs[p[1]]
        )

    def _is_open(self, change: StateChange) -> bool:
        """Say whether who has a mapping in a closure may look at all of it."""
        body = self._body_of(change.function) if change.function is not None else None
        defs = self._project.index(body.path).defs if body else {}
        return not (body and is_keyed_for(body.name, change.variable, defs))

    def _body_of(self, code: CodeRef) -> Key | None:
        """Give the body of a code object; ``None`` where there are several of its name."""
        keys = locate(self._project, code)
        if len(keys) != 1 or keys[0].kind != BODY:
            return None
        namesakes = self._project.index(keys[0].path).defs[keys[0].name]
        return keys[0] if len(namesakes) == 1 else None

    def _clearing(self, places: set[Place]) -> set[Place]:
        """Give those that make a memo forget, where all that others do is to ask it."""
        clearing = {
            place
            for place in places
            for found in self._project.index(place[0]).defs[place[1]]
            if "cache_clear" in found.refs.attrs
        }
        return clearing if all(map(self._is_memo, places - clearing)) else set()

    def _is_memo(self, place: Place) -> bool:
        """Say whether a body is run by what remembers for it, so that readers need not run it."""
        return any(found.is_memo for found in self._project.index(place[0]).defs[place[1]])

    def _changes_results(self, found: set[Place], ran: Ran, own: frozenset[Place]) -> bool:
        """Say whether a body may change what a memo gave it: others are given the same object."""
        names = {place[1].rpartition(".")[2] for place in found if self._is_memo(place)}
        if names and self._given[0] is not ran:
            defs = (d for p in ran.places | own for d in self._project.index(p[0]).defs[p[1]])
            self._given = ran, {chain.rpartition(".")[2] for d in defs for chain in d.refs.given}
        return not names.isdisjoint(self._given[1])

    def _wrapped(self, path: str, name: str, ran: Ran) -> set[Place]:
        """Give the bodies that a remembering value was made of: ``g`` in ``f = memo(g)``."""
        known = self._named.get((path, name))
        if known is None:
            known = self._named[path, name] = {(path, name)} | {
                (file, ".".join((bound, *rest)))
                for _, cell in self._project.index(path).binders.get(name, ())
                for chain in cell.refs.chains
                for file, bound, rest in self._names.resolve(path, chain).bindings
            }
        return known & ran.places

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
                    found |= ran.inside(file, inner)
        for _, cell in self._project.index(path).binders.get(change.name, ()):
            # ``f = remembering(g)``: what keeps is a closure.
            for chain in cell.refs.chains if cell.kind == "value" else ():
                for file, name, rest in self._names.resolve(path, chain).bindings:
                    inner = ".".join((name, *rest, "<locals>", ""))
                    found |= ran.inside(file, inner)
        if change.word and not change.is_keyed:
            words, computing = self._set_in(ran)
            found |= words.get(change.word, _NONE)
            found |= computing if computed else _NONE
        return found

    def _set_in(self, ran: Ran) -> tuple[dict[str, set[Place]], set[Place]]:
        """Give the bodies among some by the words that they set, and those that compute any."""
        if self._setting is None or self._setting[0] is not ran:
            by_word: dict[str, set[Place]] = {}
            computing = set()
            for place in ran.places:
                words, may_compute = self._set_by(place)
                for word in words:
                    by_word.setdefault(word, set()).add(place)
                if may_compute:
                    computing.add(place)
            self._setting = ran, by_word, computing
        return self._setting[1:]

    def _set_by(self, place: Place) -> tuple[frozenset[str], bool]:
        """Name the attributes that a body sets, or is the memo of; say whether it computes any."""
        known = self._sets.get(place)
        if known is None:
            words, may_compute = frozenset[str](), False
            for found in self._project.index(place[0]).defs.get(place[1], ()):
                if found.is_memo and "." in place[1]:
                    words |= {place[1].rpartition(".")[2]}
                if not initialises(place[1]):
                    words |= found.refs.attr_stores | found.refs.attr_changes
                    may_compute |= "__dict__" in found.refs.attr_changes
            known = self._sets[place] = words, may_compute
        return known


def draws(changes: Iterable[StateChange]) -> frozenset[Key]:
    """Give ``DRAWS`` if some change is that random numbers were drawn that follow from a seed."""
    is_drawn = StateChange(OUTSIDE, DRAWS.name, DRAWN) in changes
    return frozenset({DRAWS} if is_drawn else ())


def unit_key(group: str, name: str) -> Key:
    """Name a unit in the graph: a node id, or a fixture instance of a run."""
    return Key(UNIT, group, name)


def left_by(unit: Key, place: str) -> Key:
    """Name what a unit has left below a global, as far as its content is known."""
    return Key(LEFT, unit.path, f"{unit.name}\n{place}")


def unit_of(key: Key) -> Key:
    """Give the unit that left something; any other key as it is."""
    return unit_key(key.path, key.name.rpartition("\n")[0]) if key.kind == LEFT else key


def keys_left(key: Key) -> Key:
    """Give what stands for the keys alone that a unit left in a mapping; any other key as it is."""
    return key._replace(name=keys_of(key.name)) if key.kind == LEFT else key


def place_left(key: Key) -> str:
    """Give the place where something was left."""
    return key.name.rpartition("\n")[2]


def _is_left_by(made: Change, unit: Key) -> bool:
    """Say whether readers of a change rest on the unit that made it, and on nothing else of it."""
    return made.rests_on == {unit} and not (made.fillers or made.is_counter)


_NONE: Final[frozenset[Place]] = frozenset()
DRAWS: Final = unit_key(OUTSIDE, "random")
"""Root of units that draw from the generator that all share as others have left it."""
