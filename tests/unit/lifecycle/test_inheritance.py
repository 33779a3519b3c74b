from __future__ import annotations

import json
import os
import random
import re
from typing import Any

import pytest

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.inheritance import (
    ANY,
    Present,
    Told,
    are_told,
    digest_of_changes,
    read,
    tell,
)
from pytest_cellcache.model.keys import BODY, NAME, Key
from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.trace.outside import MODULES

UNIT = Key("unit", "t.py", "t.py::test")


def change(
    name: str,
    word: str = "",
    *,
    path: str = "a.py",
    fillers: tuple[Key, ...] = (),
    function: Key | None = None,
) -> Change:
    key, made = Key(NAME, path, name), frozenset({UNIT})
    change = Change(key, word, bool(word), made, UNIT, frozenset(fillers), UNIT)
    return change._replace(function=function)


def test_changes_come_back_as_they_were_told() -> None:
    fills = Key(BODY, "a.py", "get")
    told = tell([change("D", "x"), change("D", "x"), change("L", fillers=(fills,), function=fills)])
    assert len(told) == 2
    assert told[-1].function == ("a.py", "get")
    assert read(json.loads(json.dumps(told))) == told


def test_values_of_fixtures_are_told_otherwise() -> None:
    assert tell([change("made", path=FIXTURE)]) == []


def test_too_many_to_name_may_be_any() -> None:
    assert tell(change(f"N{number}") for number in range(100)) == [ANY]


def test_what_is_not_understood_may_be_any() -> None:
    assert read([["*"], [1, 2], "x", None]) == [ANY, ANY, ANY, ANY]
    assert read(None) == read("ab") == read(3) == []


STATE = """
L = []
D = {}
def add(): L.append(1)
def get(k):
    if k not in D: D[k] = k
    return D[k]
def size(): return len(L)
def other(): return 1
"""


def test_who_sees_a_change_is_told_before_anything_is_written(bench: Any) -> None:
    bench.write(a=STATE, t="import a\ndef test(): a.add()\ndef test2(): a.size()\n")
    session = bench.open()
    changed = session.changed("a.py", "L")
    seen = session.seen("t.py::test", "a.py::add")
    told = session.recording.changes_of(session.attempt(seen, changes=[changed]), session.around)
    assert [(each.path, each.name) for each in told] == [("a.py", "L")]

    def seen_by(*names: str) -> set[Any]:
        found = session.seen("t.py::test2", *(f"a.py::{name}" for name in names))
        result: set[Any] = session.recording.seen_by([found], told, session.around)
        return result

    assert seen_by("size") == set(told)
    assert seen_by("other") == set()


REGISTER = """
found = {}
class Named: pass
def keep(thing): found.update({thing.__name__: thing})
def get(name): return found[name]
def ask(): return get(Named.__name__)
"""


def test_who_asks_by_names_of_definitions_sees_only_those_it_can_name(bench: Any) -> None:
    made = "import a\ndef test():\n    class Local: pass\n    a.keep(Local)\n"
    bench.write(a=REGISTER, t=made + "def test2(): a.ask()\n")
    session = bench.open()
    changed = [session.changed("a.py", "found", w, is_keyed=True) for w in ("Local", "Other")]
    seen = session.seen("t.py::test", "a.py::keep")
    told = session.recording.changes_of(session.attempt(seen, changes=changed), session.around)
    assert {each.word: each.defined for each in told} == {"Local": ("Local",), "Other": ()}
    asking = session.seen("t.py::test2", "a.py::ask", "a.py::get")
    found = session.recording.seen_by([asking], told, session.around)
    # Nothing of the project has the other name: something foreign may have it.
    assert [each.word for each in found] == ["Other"]


def test_who_makes_the_same_change_need_not_find_it_made(bench: Any) -> None:
    bench.write(a=STATE, t="import a\ndef test(): a.get('x')\ndef test2(): a.get('x')\n")
    session = bench.open()
    changed = session.changed("a.py", "D", "x", is_keyed=True)
    seen = session.seen("t.py::test", "a.py::get")
    attempt = session.attempt(seen, changes=[changed])
    told = session.recording.changes_of(attempt, session.around)
    assert [each.fillers for each in told] == [(("a.py", "get"),)]
    again = session.seen("t.py::test2", "a.py::get")
    assert session.recording.seen_by([again], told, session.around) == set()
    roots = {Key(BODY, "t.py", "test2"), Key(BODY, "a.py", "get")}
    assert session.recording.sees(roots, told, session.around) == set()


def test_what_was_told_before_is_not_looked_into_again(bench: Any) -> None:
    bench.write(a=STATE, t="import a\ndef test(): a.add()\n")
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::add")
    listed, keyed = session.changed("a.py", "L"), session.changed("a.py", "D", "x", is_keyed=True)
    first = session.attempt(seen, changes=[listed])
    told = session.recording.changes_of(first, session.around)
    assert session.recording.is_told(first, {"changes": told})
    both = session.attempt(seen, changes=[listed, keyed])
    assert not session.recording.is_told(both, {"changes": told})
    assert session.recording.is_told(both, {"changes": [ANY]})
    assert not session.recording.is_told(first, {})


def test_who_changes_the_same_by_the_same_functions_did_so_before(bench: Any) -> None:
    bench.write(a=STATE, t="import a\ndef test(): a.add()\n")
    session = bench.open()
    adding, reading = (session.seen("t.py::test", f"a.py::{name}") for name in ("add", "size"))
    listed, keyed = session.changed("a.py", "L"), session.changed("a.py", "D", "x", is_keyed=True)

    def digest(*changes: Any, seen: Any = adding) -> str:
        return digest_of_changes(session.attempt(seen, changes=changes), os.path.basename)

    last = {"changed": digest(listed)}
    assert are_told(session.attempt(adding, changes=[listed]), last, os.path.basename)
    assert digest(listed, keyed) != last["changed"]
    assert digest(listed, seen=reading) != last["changed"]


MANY = """
L, D, M, S = [], {}, {}, None
class Thing:
    kept = {}
thing = Thing()
def add(): L.append(1)
def get(k):
    if k not in D: D[k] = k
    return D[k]
def size(): return len(L)
def first(): return size()
def name_x(): return M["x"]
def name_y(): return M["y"]
def listing(): return list(M)
def put(): M["x"] = 1
def field(): return thing.kept
def setter(): thing.kept = {}
def dynamic(n): return getattr(thing, n)
def load(n):
    import importlib
    return importlib.import_module(n)
def other(): return 1
"""
BODIES = re.findall(r"def (\w+)", MANY)
CHANGED = [("L", ""), ("D", "x"), ("M", "x"), ("M", "y"), ("thing", "kept"), ("Thing", "kept")]


@pytest.mark.parametrize("seed", range(25))
def test_whom_else_was_asked_about_makes_no_difference(bench: Any, seed: int) -> None:
    draw = random.Random(seed)
    tests = [draw.sample(BODIES, draw.randint(0, 3)) for _ in range(5)]
    calls = ("; ".join(f"a.{name}" for name in ran) or "1" for ran in tests)
    lines = (f"def test{number}(): {text}\n" for number, text in enumerate(calls))
    bench.write(a=MANY, t="import a\n" + "".join(lines))
    told = {Told("a.py", name, word, name in "DM") for name, word in CHANGED}
    told |= {Told(OUTSIDE, MODULES, "a"), Told(OUTSIDE, MODULES, "b"), Told(OUTSIDE, "locale")}
    told.add(Told("a.py", "D", "x", is_keyed=True, fillers=(("a.py", "get"),)))
    shared = present(bench)
    found = set()
    for number, ran in enumerate(tests):
        own = {Key(BODY, "t.py", f"test{number}"), *(Key(BODY, "a.py", name) for name in ran)}
        seen = shared.seen(told, frozenset(own))
        assert seen == present(bench).seen(told, frozenset(own))
        found |= seen
    assert found < told


def present(bench: Any) -> Present:
    session = bench.open()
    closure = Closure(session.project, session.digester, Evaluations())
    return Present(session.project, session.digester.names, closure)


def test_addresses_are_no_part_of_what_is_told(bench: Any) -> None:
    bench.write(a=STATE, t="import a\ndef test(): a.add()\n")
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::add")

    def run(name: str) -> Any:
        return session.attempt(seen, changes=[StateChange(OUTSIDE, MODULES, name)])

    told = session.recording.changes_of(run("made_7f05110fba50"), session.around)
    assert [each.word for each in told] == ["made_#"]
    assert session.recording.is_told(run("made_7fffaa0fba51"), {"changes": told})
    assert not session.recording.is_told(run("made_2023"), {"changes": told})
    assert not session.recording.is_told(run("other_7f05110fba50"), {"changes": told})
