"""What is remembered of who leads to an object never outlives a change of that."""

from __future__ import annotations

from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.ways import Ways

FILE = "/m.py"
TOP, MIDDLE, LOW, OTHER = 1, 2, 3, 4


class Globals:
    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.ways = Ways(lambda owner: self.values.get(owner[1]), lambda _: "m")

    def lead(self, parent: int, key: str, ident: int) -> None:
        self.ways.parents.setdefault(ident, []).append((parent, key))
        self.ways.forget(ident)

    def owners_of(self, ident: int) -> set[tuple[str, str]]:
        return {(name, below) for (_, name), _, below in self.ways.leading_to(ident)}


def chain() -> Globals:
    made = Globals()
    made.ways.own(TOP, (FILE, "top"))
    made.lead(TOP, "a", MIDDLE)
    made.lead(MIDDLE, "b", LOW)
    assert made.owners_of(LOW) == {("top", "a")}
    assert made.ways.ways_to([LOW], {LOW}) == {LOW: ["m.top False False.a.b"]}
    return made


def test_another_way_is_found() -> None:
    made = chain()
    made.ways.own(OTHER, (FILE, "other"))
    made.lead(OTHER, "c", MIDDLE)
    assert made.owners_of(LOW) == {("top", "a"), ("other", "c")}
    assert len(made.ways.ways_to([LOW], {LOW})[LOW]) == 2


def test_another_name_on_the_way_is_found() -> None:
    made = chain()
    made.ways.own(MIDDLE, (FILE, "middle"))
    assert ("middle", "b") in made.owners_of(LOW)
    assert made.ways.ways_to([LOW], {LOW}) == {LOW: ["m.middle False False.b"]}


def test_what_has_gone_leads_nowhere() -> None:
    made = chain()
    made.ways.lose(TOP)
    assert made.owners_of(LOW) == set()
    assert made.ways.ways_to([LOW], {LOW}) == {}


def test_another_object_in_its_place_leads_on() -> None:
    made = chain()
    made.ways.rename(TOP, OTHER, [MIDDLE])
    assert made.owners_of(LOW) == {("top", "a")}
    assert made.ways.parents[MIDDLE] == [(OTHER, "a")]
    made.ways.lose(OTHER)
    assert made.owners_of(LOW) == set()


def test_ways_that_are_known_already_are_not_told() -> None:
    made = chain()
    assert made.ways.ways_to([LOW], {LOW, MIDDLE}) == {}
    assert made.ways.ways_to([LOW], {LOW}) != {}


def test_a_global_that_is_set_to_something_else_says_so() -> None:
    made = Globals()
    thing = object()
    made.values["x"] = thing
    made.ways.own(identity(thing), (FILE, "x"))
    assert made.ways.names_of(identity(thing)) == ["m.x False True"]
    made.ways.bind(identity(thing), (FILE, "x"))
    assert made.ways.names_of(identity(thing)) == ["m.x True True"]
    made.values["x"] = object()
    made.ways.forget_names()
    assert made.ways.names_of(identity(thing)) == ["m.x True False"]
