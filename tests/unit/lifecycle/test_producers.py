"""Who rests on what a unit left behind: on the bodies that fill, or on the whole unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.lifecycle.change import Change
from pytest_cellcache.lifecycle.producers import Producers, unit_key
from pytest_cellcache.lifecycle.readers import Readers
from pytest_cellcache.model.keys import BODY, ENV, NAME, TREE, Key
from pytest_cellcache.model.observation import StateChange
from pytest_cellcache.store.memory import MemoryStore

UNIT = unit_key("t.py", "t.py::test")
READER = unit_key("t.py", "t.py::test2")
Place = tuple[str, str]

STATE = """
D = {}
L = []
V = None
def make(k): return helper(k)
def helper(k): return k
def other(): pass
def fill(k):
    if k not in D: D[k] = make(k)
    return D[k]
def put(k): D[k] = make(k)
def add(k): L.append(k)
def rebind():
    global V
    V = 1
class K:
    def __init__(self): self.a = make(1)
    def lazy(self):
        if self.a is None: self.a = make(1)
    def count(self): self.a += 1
    def other(self): self.b = 1
OBJ = K()
def remembering(f):
    memo = {}
    def inner(k):
        if k not in memo: memo[k] = f(k)
        return memo[k]
    return inner
@remembering
def kept(k): return make(k)
"""


class Left:
    """What one unit changed in ``a.py``, by which bodies."""

    def __init__(self, bench: Any, state: str = STATE, **files: str) -> None:
        bench.write(**{"a": state, "t": "import a\ndef test(): pass\n", **files})
        self.session = bench.open()
        project, digester = self.session.project, self.session.digester
        self.closure = Closure(project, digester, Evaluations(files=frozenset({"a.py", "t.py"})))
        self.producers = Producers(project, digester.names, self.closure.calls)

    def change(
        self,
        name: str,
        word: str = "",
        *,
        is_keyed: bool = False,
        ran: Iterable[str] = (),
        own: Iterable[Place] = (),
        inputs: Iterable[Key] = (),
        broad: Mapping[frozenset[Place] | None, frozenset[Key]] | None = None,
    ) -> Change:
        places = frozenset(own)
        self.producers.add(
            UNIT,
            [self.session.changed("a.py", name, word, is_keyed=is_keyed)],
            ran=Ran({("a.py", name) for name in ran} | places, places),
            own=places,
            inputs=frozenset(inputs),
            broad=broad or {},
        )
        return self.producers.changes[-1]

    def readers(self, change: Change, text: str, *ran: str) -> set[Key]:
        """Give the readers of a change if the second test has this body, and ran others."""
        (self.session.root / "t.py").write_text(f"import a\ndef test2():\n    {text}\n")
        session = type(self.session)(self.session.root, MemoryStore(), later_ns=10**12)
        closure = Closure(session.project, session.digester, Evaluations())
        roots = {
            READER: frozenset({Key(BODY, "t.py", "test2"), *bodies(*ran)}),
            UNIT: frozenset({Key(BODY, "a.py", "other")}),
        }
        names = session.digester.names
        return Readers(session.project, names, roots, closure.live_edges).of(change)


def bodies(*names: str) -> set[Key]:
    return {Key(BODY, "a.py", name) for name in names}


@pytest.fixture
def left(bench: Any) -> Left:
    return Left(bench)


FILLERS = ["fill", "make", "helper", "other"]


def test_readers_of_what_was_filled_rest_on_the_bodies_that_did_it(left: Left) -> None:
    variable = Key(ENV, "", "HOME")
    change = left.change("D", "x", is_keyed=True, ran=FILLERS, inputs=[variable])
    assert change.key == Key(NAME, "a.py", "D")
    assert (change.word, change.is_keyed, change.producer) == ("x", True, None)
    assert change.rests_on == bodies("fill", "make", "helper") | {variable}


CHILD_STARTED_BY = {
    "nobody knows": (None, "fill", True),
    "who fills": (frozenset({("a.py", "fill")}), "fill", True),
    "whom it called": (frozenset({("a.py", "make"), ("t.py", "test")}), "fill", True),
    "somebody else": (frozenset({("a.py", "other"), ("t.py", "test")}), "fill", False),
    "somebody else, while it waited": (frozenset({("a.py", "other")}), "wait_and_fill", True),
}


@pytest.mark.parametrize(
    ("on_stack", "filler", "counts"), CHILD_STARTED_BY.values(), ids=CHILD_STARTED_BY
)
def test_children_count_where_they_were_started_on_the_way(
    bench: Any, on_stack: frozenset[Place] | None, filler: str, *, counts: bool
) -> None:
    waits = (
        "async def wait_and_fill(k):\n    if k not in D: D[k] = await make(k)\n    return D[k]\n"
    )
    left = Left(bench, STATE + waits)
    tree = Key(TREE)
    ran = [filler, "make", "helper", "other"]
    broad = {on_stack: frozenset({tree})}
    change = left.change("D", "x", is_keyed=True, ran=ran, broad=broad)
    assert change.producer is None
    assert (tree in change.rests_on) == counts


def test_only_bodies_that_ran_count(left: Left) -> None:
    assert left.change("D", ran=["fill", "make"]).rests_on == bodies("fill", "make")


@pytest.mark.parametrize(
    ("name", "word", "ran"),
    [
        ("D", "x", ["put", "make"]),
        ("D", "x", ["fill", "put", "make"]),
        ("L", "", ["add"]),
        ("V", "", ["rebind"]),
        ("OBJ", "a", ["K.count"]),
        ("OBJ", "a", ["K.lazy", "K.count"]),
        ("D", "x", []),
        ("D", "x", ["other"]),
        ("OBJ", "", ["K.lazy"]),
    ],
)
def test_readers_of_anything_else_rest_on_the_unit(
    left: Left, name: str, word: str, ran: list[str]
) -> None:
    change = left.change(name, word, is_keyed=name == "D", ran=ran)
    assert change.producer == UNIT
    assert change.rests_on == {UNIT}


def test_an_attribute_is_filled_by_who_sets_it(left: Left) -> None:
    ran = ["K.__init__", "K.lazy", "K.other", "make", "helper"]
    change = left.change("OBJ", "a", ran=ran)
    assert change.producer is None
    assert change.rests_on == bodies("K.lazy", "make", "helper")


def test_the_test_itself_is_no_body_that_fills(left: Left, bench: Any) -> None:
    bench.write(t="import a\ndef test():\n    if 1 not in a.D: a.D[1] = a.make(1)\n")
    left = Left(bench, t=(bench.root / "t.py").read_text())
    change = left.change("D", ran=["fill", "make"], own=[("t.py", "test")])
    assert change.rests_on == {UNIT}


def test_a_closure_that_keeps_is_found_by_the_decorator(left: Left) -> None:
    change = left.change("kept", ran=["remembering.<locals>.inner", "kept", "make"])
    assert change.producer == UNIT  # ``kept`` is not known to fill


def test_a_change_is_kept_once(left: Left) -> None:
    for _ in range(3):
        left.change("L", ran=["add"])
    left.change("D", "x", is_keyed=True, ran=["put"])
    assert len(left.producers.changes) == 2


# -- readers -------------------------------------------------------------------------------------

READS_KEY = {
    "by the key": "a.D['x']",
    "by get": "a.D.get('x')",
    "by a longer text": "a.D['x_1']",
    "all values": "list(a.D)",
    "size": "len(a.D)",
    "iteration": "for k in a.D: pass",
    "handed over": "print(a.D)",
    "items": "a.D.items()",
    "method of all": "a.D.copy()",
}


@pytest.mark.parametrize("text", READS_KEY.values(), ids=READS_KEY)
def test_who_names_the_key_or_takes_all_reads_it(left: Left, text: str) -> None:
    change = left.change("D", "x", is_keyed=True, ran=["put"])
    assert left.readers(change, text) == {READER}


OTHER_KEY = {
    "another key": "a.D['y']",
    "another key by get": "a.D.get('y')",
    "membership": "'y' in a.D",
    "another global": "a.L, 'x'",
    "nothing": "'x'",
}


@pytest.mark.parametrize("text", OTHER_KEY.values(), ids=OTHER_KEY)
def test_who_names_another_key_does_not(left: Left, text: str) -> None:
    change = left.change("D", "x", is_keyed=True, ran=["put"])
    assert left.readers(change, text) == set()


COMPUTED_KEY = {
    "call": "a.D[chr(120)]",
    "name of a function": "a.D[a.make.__name__]",
    "got": "a.D.get(chr(120))",
    "looked for": "chr(120) in a.D",
}


@pytest.mark.parametrize("text", COMPUTED_KEY.values(), ids=COMPUTED_KEY)
def test_a_key_that_is_computed_may_be_any(left: Left, text: str) -> None:
    change = left.change("D", "some_key", is_keyed=True, ran=["put"])
    assert left.readers(change, text) == {READER}


def test_the_key_may_be_named_on_the_way(left: Left) -> None:
    change = left.change("D", "x", is_keyed=True, ran=["put"])
    assert left.readers(change, "a.fill('x')", "fill") == {READER}


READS_ATTRIBUTE = {
    "by name": "a.OBJ.a",
    "by getattr": "getattr(a.OBJ, 'a')",
    "by a computed name": "getattr(a.OBJ, chr(97))",
    "all attributes": "vars(a.OBJ)",
    "its dictionary": "a.OBJ.__dict__",
    "all by comparing": "a.OBJ == a.K()",
    "all by a function": "print(a.OBJ)",
}


@pytest.mark.parametrize("text", READS_ATTRIBUTE.values(), ids=READS_ATTRIBUTE)
def test_who_names_the_attribute_reads_it(left: Left, text: str) -> None:
    change = left.change("OBJ", "a", ran=["K.count"])
    assert left.readers(change, text) == {READER}


OTHER_ATTRIBUTE = {
    "another attribute": "a.OBJ.b",
    "another attribute of the object": "a.OBJ.b.c",
    "a call of a method": "a.OBJ.b()",
    "another object": "a.V.a",
}


@pytest.mark.parametrize("text", OTHER_ATTRIBUTE.values(), ids=OTHER_ATTRIBUTE)
def test_who_does_not_name_the_attribute_does_not(left: Left, text: str) -> None:
    change = left.change("OBJ", "a", ran=["K.count"])
    assert left.readers(change, text) == set()


def test_a_private_attribute_is_named_without_its_class(bench: Any) -> None:
    private = "class K:\n    def get(self): return self.__v\n    def set(self): self.__v += 1\n"
    left = Left(bench, private + "OBJ = K()\ndef other(): pass\n")
    change = left.change("OBJ", "_K__v", ran=["K.set"])
    assert left.readers(change, "a.OBJ.get()", "K.get") == {READER}


def test_any_reader_of_the_global_reads_a_change_without_a_word(left: Left) -> None:
    change = left.change("L", ran=["add"])
    for text in ("a.L", "a.L[0]", "a.L.x", "print(a.L)"):
        assert left.readers(change, text) == {READER}
    assert left.readers(change, "a.D, a.V") == set()


def test_a_state_change_names_a_global_of_one_file(bench: Any) -> None:
    left = Left(bench, b="L = []\n")
    change = left.change("L", ran=["add"])
    assert left.readers(change, "import b\n    b.L") == set()
    assert isinstance(left.session.changed("a.py", "L"), StateChange)


KEPT_BY_A_CLOSURE = {
    "not run": ("a.kept", [], "", False),
    "handed over": ("print(a.kept)", [], "", False),
    "run": ("a.kept(1)", ["remembering.<locals>.inner"], "", True),
    "another function run": ("a.kept", ["remembering", "make"], "", False),
    "variables asked for": ("a.kept.__closure__", [], "", True),
    "not run by an alias": ("b.kept", [], "from a import kept", False),
    "value computed at import": ("b.X", [], "from a import kept\nX = kept(1)", True),
}


@pytest.mark.parametrize(
    ("text", "ran", "other", "is_read"), KEPT_BY_A_CLOSURE.values(), ids=KEPT_BY_A_CLOSURE
)
def test_who_does_not_run_a_function_does_not_see_its_variables(
    bench: Any, text: str, ran: list[str], other: str, *, is_read: bool
) -> None:
    left = Left(bench, b=other)
    found = left.change("kept", ran=["remembering.<locals>.inner", "kept", "make"])
    change = found._replace(function=Key(BODY, "a.py", "remembering.<locals>.inner"))
    assert left.readers(change, f"import b; {text}", *ran) == ({READER} if is_read else set())


MODULE_AS_A_VALUE = {
    "put in a namespace": ("x = {}; x['a'] = a", False),
    "and named in a text": ("x = {}; x['a'] = a; y = 'a.D'", True),
    "and its attribute": ("x = a; x.D", True),
    "handed over": ("print(a)", True),
    "and names are computed": ("x = a; getattr(x, chr(68))", True),
    "with a filler run": ("x = a; x.fill(1)", True),
}


@pytest.mark.parametrize(("text", "is_read"), MODULE_AS_A_VALUE.values(), ids=MODULE_AS_A_VALUE)
def test_who_only_puts_a_module_somewhere_does_not_see_what_it_remembers(
    left: Left, text: str, *, is_read: bool
) -> None:
    ran = ["fill"] if "fill" in text else []
    filled = left.change("D", ran=FILLERS)
    assert left.readers(filled, text, *ran) == ({READER} if is_read else set())
    other = left.change("D", ran=["put"])
    assert left.readers(other, text, *ran) == {READER}
