"""Which changes of long-lived objects are noticed, under which name, and at which cost to them."""

from __future__ import annotations

import gc
import importlib
import itertools
import sys
import textwrap
import types
import weakref
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.model.observation import FIXTURE, OUTSIDE, StateChange
from pytest_cellcache.trace.layout import Files
from pytest_cellcache.trace.state import StateWatch

FIRST, SECOND = "/watched/first.py", "/watched/second.py"


class Watched:
    """Modules that only these tests know, and a watch over them."""

    def __init__(self) -> None:
        self.modules: dict[str, types.ModuleType] = {}
        self.aliases: set[tuple[str, str]] = set()
        files = Files(
            lambda filename: filename.startswith("/watched/"),
            lambda filename, name: (filename, name) in self.aliases,
        )
        self.watch = StateWatch(files)

    def define(self, text: str, filename: str = FIRST) -> Any:
        name = "watched_" + filename.rpartition("/")[2].removesuffix(".py")
        module = types.ModuleType(name)
        module.__file__ = filename
        module.__spec__ = ModuleSpec(name, None)
        self.modules[name] = sys.modules[name] = module
        exec(compile(textwrap.dedent(text), filename, "exec"), vars(module))
        return module

    def begin(self, text: str) -> Any:
        module = self.define(text)
        self.watch.begin()
        assert self.watch.take() == frozenset()
        return module

    def take(self) -> set[tuple[str, str, bool]]:
        """Give global, word and whether it is a key of changes in the first module."""
        return {(c.name, c.word, c.is_keyed) for c in self.watch.take() if c.filename == FIRST}


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    watched.watch.end()
    for name in watched.modules:
        del sys.modules[name]


CHANGES = {
    "rebound global": ("V = 1", "V = 2", {("V", "", False)}),
    "new global": ("V = 1", "W = 2", {("W", "", False)}),
    "deleted global": ("V = 1", "del V", {("V", "", False)}),
    "item": ("D = {}", "D['k'] = 1", {("D", "k", True)}),
    "replaced item": ("D = {'k': 1}", "D['k'] = 2", {("D", "k", True)}),
    "deleted item": ("D = {'k': 1, 'l': 1}", "del D['k']", {("D", "k", True)}),
    "two items": ("D = {}", "D.update(a=1, b=2)", {("D", "a", True), ("D", "b", True)}),
    "item without a name": ("D = {}", "D[1] = 1", {("D", "", True)}),
    "item of an inner dictionary": ("D = {'a': {}}", "D['a']['b'] = 1", {("D", "a", True)}),
    "item below an attribute": (
        "class O(dict): pass\no = O()\no.a = {}",
        "o.a['b'] = 1",
        {("o", "a", False)},
    ),
    "list": ("L = []", "L.append(1)", {("L", "", False)}),
    "replaced element": ("L = [1]", "L[0] = 2", {("L", "", False)}),
    "order": ("L = [[], {}]", "L.reverse()", {("L", "", False)}),
    "set": ("S = set()", "S.add(1)", {("S", "", False)}),
    "list in a tuple": ("T = ([],)", "T[0].append(1)", {("T", "", False)}),
    "deque": ("import collections\nQ = collections.deque()", "Q.append(1)", {("Q", "", False)}),
    "bytearray": ("B = bytearray(b'a')", "B[0] = 98", {("B", "", False)}),
    "default dictionary": (
        "import collections\nD = collections.defaultdict(list)",
        "D['k'].append(1)",
        {("D", "k", True)},
    ),
    "counter": ("import collections\nC = collections.Counter()", "C['k'] += 1", {("C", "k", True)}),
    "attribute": ("class K: pass\nO = K()", "O.a = 1", {("O", "a", False)}),
    "deleted attribute": (
        "class K: pass\nO = K()\nO.a = 1",
        "del O.a",
        {("O", "a", False)},
    ),
    "item of an attribute": (
        "class K:\n    def __init__(self): self.d = {}\nO = K()",
        "O.d['k'] = 1",
        {("O", "d", False)},
    ),
    "slot": (
        "class K:\n    __slots__ = ('a',)\nO = K()",
        "O.a = 1",
        {("O", "", False)},
    ),
    "class attribute": ("class K: pass", "K.a = 1", {("K", "a", False)}),
    "method of a class": ("class K:\n    def m(self): pass", "K.m = 1", {("K", "m", False)}),
    "list of a class": ("class K:\n    all = []", "K.all.append(1)", {("K", "all", False)}),
    "attribute of a function": ("def f(): pass", "f.calls = 1", None),
    "default": ("def f(a=[]): a.append(1)", "f()", {("f", "", False)}),
    "keyword default": ("def f(*, a=[]): a.append(1)", "f()", {("f", "", False)}),
    "closure": (
        "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n = n + 1\n"
        "    return f\nf = make()",
        "f()",
        {("f", "", False)},
    ),
    "list of a closure": (
        "def make():\n    found = []\n    def f(): found.append(1)\n    return f\nf = make()",
        "f()",
        {("f", "", False)},
    ),
    "lru_cache": (
        "import functools\n@functools.lru_cache\ndef f(k): return k",
        "f(1)",
        {("f", "", False)},
    ),
    "cleared lru_cache": (
        "import functools\n@functools.lru_cache\ndef f(k): return k\nf(1)",
        "f.cache_clear()",
        {("f", "", False)},
    ),
    "lru_cache of a method": (
        "import functools\nclass K:\n    @functools.lru_cache\n    def m(self): return 1\nO = K()",
        "O.m()",
        {("K", "m", False), ("O", "", False)},
    ),
    "generator": (
        "def steps():\n    yield 1\n    yield 2\ng = steps()",
        "next(g)",
        {("g", "", False)},
    ),
    "finished generator": (
        "def steps(): yield 1\ng = steps()\nnext(g)",
        "list(g)",
        {("g", "", False)},
    ),
    "iterator": ("i = iter([1, 2])", "next(i)", {("i", "", False)}),
    "count": ("import itertools\nn = itertools.count()", "next(n)", {("n", "", False)}),
    "partial": ("import functools\np = functools.partial(print, [])", "p.args[0].append(1)", None),
    "bound method": (
        "class K:\n    def __init__(self): self.n = 0\n    def m(self): self.n += 1\nm = K().m",
        "m()",
        {("m", "", False)},
    ),
    "context variable": (
        "import contextvars\nv = contextvars.ContextVar('v')",
        "v.set([])",
        {("v", "", False)},
    ),
    "subclass of dict": ("class D(dict): pass\nd = D()", "d['k'] = 1", {("d", "k", True)}),
    "subclass of list": ("class L(list): pass\nx = L()", "x.append(1)", {("x", "", False)}),
}


@pytest.mark.parametrize(("before", "change", "told"), CHANGES.values(), ids=CHANGES)
def test_changes_are_told_once_with_their_name(
    watched: Watched, before: str, change: str, told: set[tuple[str, str, bool]] | None
) -> None:
    module = watched.begin(before)
    names = list(vars(module))
    exec(change, vars(module))
    found = watched.take()
    if told is None:  # told, under whatever word
        assert {name for name, _, _ in found} == {max(name for name in names if name in change)}
    else:
        assert found == told
    assert watched.take() == set()


KINDS = {
    "generator that comes to the same yield": (
        "def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\n"
        "X = count()\nnext(X)",
        "next(X)",
    ),
    "list of a generator": (
        "def hold():\n    held = []\n    while True: yield held\nX = hold()\nnext(X)",
        "next(X).append(1)",
    ),
    "order of an OrderedDict": (
        "import collections\nX = collections.OrderedDict(a=1, b=2)",
        "X.move_to_end('a')",
    ),
    "simple namespace": ("import types\nX = types.SimpleNamespace()", "X.a = 1"),
    "event": ("import threading\nX = threading.Event()", "X.set()"),
    "queue": ("import queue\nX = queue.Queue()", "X.put(1)"),
    "enumerate": ("X = enumerate([1, 2])", "next(X)"),
    "zip": ("X = zip([1, 2])", "next(X)"),
    "defaults of a function": ("def X(a=1): pass", "X.__defaults__ = (2,)"),
    "text buffer": ("import io\nX = io.StringIO()", "X.write('a')"),
    "random numbers": ("import random\nX = random.Random(1)", "X.random()"),
    "cached property": (
        "import functools\nclass K:\n    @functools.cached_property\n    def p(self): return 1\n"
        "X = K()",
        "X.p",
    ),
    "dispatch": (
        "import functools\n@functools.singledispatch\ndef X(a): pass",
        "X.register(int, print)",
    ),
    "weak dictionary": (
        "import weakref\nclass K: pass\nk = K()\nX = weakref.WeakKeyDictionary()",
        "X[k] = 1",
    ),
    "dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass K:\n"
        "    a: list = dataclasses.field(default_factory=list)\nX = K()",
        "X.a.append(1)",
    ),
    "named tuple": (
        "import collections\nX = collections.namedtuple('P', 'a')([])",
        "X.a.append(1)",
    ),
    "instance of a class that a function defines": (
        "def make():\n    class K: pass\n    return K()\nX = make()",
        "X.a = 1",
    ),
    "member of an enumeration": (
        "import enum\nclass X(enum.Enum):\n    A = 1",
        "X.A.extra = 1",
    ),
    "instance in a frozen set": ("class K: pass\nX = frozenset([K()])", "list(X)[0].a = 1"),
}


@pytest.mark.parametrize(("before", "change"), KINDS.values(), ids=KINDS)
def test_each_kind_of_state_is_watched(watched: Watched, before: str, change: str) -> None:
    module = watched.begin(before)
    exec(change, vars(module))
    assert "X" in {name for name, _, _ in watched.take()}
    assert watched.take() == set()


QUIET = {
    "nothing": ("D = {'k': [1]}", "pass"),
    "read": ("D = {'k': 1}\nL = [1]", "D['k'], L[0], D.get('x'), list(D), len(L)"),
    "undone item": ("D = {}", "D['k'] = 1\ndel D['k']"),
    "undone append": ("L = []", "L.append(1)\nL.pop()"),
    "undone global": ("V = 1", "old = V\nV = 2\nV = old\ndel old"),
    "undone attribute": ("class K:\n    a = 1\nO = K()", "O.a = 1\ndel O.a"),
    "patched and put back": (
        "class K:\n    def m(self): pass",
        "old = K.__dict__['m']\nK.m = 1\nK.m = old\ndel old",
    ),
    "asked memo": (
        "import functools\n@functools.lru_cache\ndef f(k): return k\nf(1)",
        "f(1)",
    ),
    "memo of a pattern's method": (
        "import functools, re\nf = functools.lru_cache(re.compile('a').search)",
        "f('a')",
    ),
    "called function": ("def f(a=[]): return a", "f()"),
    "new object that is let go": ("class K: pass", "K().a = 1"),
    "import": ("V = 1", "import os\nimport os.path as path"),
    "another module's global": ("import os", "os.getcwd()"),
}


@pytest.mark.parametrize(("before", "done"), QUIET.values(), ids=QUIET)
def test_what_is_only_read_or_undone_is_no_change(watched: Watched, before: str, done: str) -> None:
    module = watched.begin(before)
    exec(done, vars(module))
    assert watched.take() == set()


def test_the_file_is_told(watched: Watched) -> None:
    watched.define("L = []", SECOND)
    module = watched.begin("V = 1")
    module.V = 2
    watched.modules["watched_second"].L.append(1)
    assert watched.watch.take() == {
        StateChange(FIRST, "V"),
        StateChange(SECOND, "L", is_below=True),
    }


def test_an_object_that_several_globals_lead_to(watched: Watched) -> None:
    module = watched.begin("A = []\nB = A\nC = {'x': A}\nD = ['other']")
    module.A.append(1)
    assert watched.take() == {("A", "", False), ("B", "", False), ("C", "x", True)}
    assert watched.take() == set()


def test_an_object_of_two_modules(watched: Watched) -> None:
    module = watched.begin("D = {}")
    other = watched.define("", SECOND)
    other.theirs = module.D
    watched.watch.take()
    module.D["k"] = 1
    assert watched.watch.take() == {
        StateChange(FIRST, "D", "k", True),
        StateChange(SECOND, "theirs", "k", True),
    }


def test_what_an_import_binds_is_told_where_it_is_defined(watched: Watched) -> None:
    module = watched.define("D = {}")
    other = watched.define("", SECOND)
    other.D = module.D
    watched.aliases.add((SECOND, "D"))
    watched.watch.begin()
    module.D["k"] = 1
    assert watched.watch.take() == {StateChange(FIRST, "D", "k", True)}


def test_a_module_imported_later_is_laid_out_only(watched: Watched) -> None:
    watched.begin("")
    module = watched.define("D = {}", SECOND)
    assert watched.watch.take() == frozenset()
    module.D["k"] = 1
    assert watched.watch.take() == {StateChange(SECOND, "D", "k", True)}


def test_what_was_put_in_later_is_watched_too(watched: Watched) -> None:
    module = watched.begin("D = {}\nclass K: pass")
    module.D["a"] = module.K()
    assert watched.take() == {("D", "a", True)}
    module.D["a"].items = []
    assert watched.take() == {("D", "a", True)}
    module.D["a"].items.append(1)
    assert watched.take() == {("D", "a", True)}
    module.late = []
    assert watched.take() == {("late", "", False)}
    module.late.append(1)
    assert watched.take() == {("late", "", False)}


def test_what_was_taken_out_is_nobody_s_any_more(watched: Watched) -> None:
    module = watched.begin("D = {'a': []}\nOTHER = []")
    taken = module.D.pop("a")
    assert watched.take() == {("D", "a", True)}
    module.OTHER.append(1)
    taken.append(1)  # may be told, for the identity of what it was
    assert watched.take() <= {("OTHER", "", False), ("D", "a", True)}


@pytest.mark.parametrize("holder", ["D['k']", "L[0]", "O.a", "V"])
@pytest.mark.parametrize("value", ["10**20 + n", "'text %d' % n", "n + 0.5", "b'%d' % n"])
def test_atoms_replaced_again_and_again(watched: Watched, holder: str, value: str) -> None:
    """A new atom must not take the identity of the one that it replaced."""
    module = watched.begin("D = {'k': 0}\nL = [0]\nclass K: pass\nO = K()\nO.a = 0\nV = 0")
    for n in range(1, 30):
        exec(f"n = {n}; {holder} = {value}", vars(module))
        del module.n
        assert {name for name, _, _ in watched.take()} == {holder[0]}


def test_instances_replaced_again_and_again(watched: Watched) -> None:
    module = watched.begin("class K: pass\nL = [K()]\nD = {'k': K()}")
    for _ in range(30):
        module.L[0] = module.K()
        module.D["k"] = module.K()
        assert {name for name, _, _ in watched.take()} == {"L", "D"}


def test_a_weak_place_whose_object_has_gone(watched: Watched) -> None:
    module = watched.begin("import weakref\nclass K: pass\nO = K()\nW = weakref.WeakSet([O])")
    del module.O
    gc.collect()
    assert ("O", "", False) in watched.take()
    assert watched.take() == set()


def test_functions_of_a_test_are_not_watched(watched: Watched) -> None:
    module = watched.begin("def make():\n    class K: n = 0\n    return K\n")
    kind = module.make()
    kind.n = 1
    assert watched.take() == set()


# -- nothing of the object's own is run ------------------------------------------------------------

HOSTILE = """
import collections
CALLS = collections.deque(maxlen=0)
class Hostile(BASE):
    __slots__ = SLOTS
    def __hash__(self): raise SystemExit("hash")
    def __eq__(self, other): raise SystemExit("eq")
    def __iter__(self): raise SystemExit("iter")
    def __len__(self): raise SystemExit("len")
    def __bool__(self): raise SystemExit("bool")
    def __contains__(self, item): raise SystemExit("contains")
    def __getitem__(self, item): raise SystemExit("getitem")
    def __repr__(self): raise SystemExit("repr")
    def __getattr__(self, name): raise SystemExit("getattr")
    def __getattribute__(self, name): raise SystemExit("getattribute")
    def values(self): raise SystemExit("values")
    def items(self): raise SystemExit("items")
    def keys(self): raise SystemExit("keys")
    def __length_hint__(self): raise SystemExit("length hint")
    def __next__(self): raise SystemExit("next")
    @property
    def __class__(self): raise SystemExit("class")
    PROPERTY
O = Hostile()
ALL = [O]
D = {'k': O}
T = (O,)
"""
_DICT = "__dict__ = property(lambda self: 1 / 0)"
BASES = {
    "object": ("object", "()", ""),
    "object with a dictionary": ("object", "('__dict__', '__weakref__')", ""),
    "object with slots": ("object", "('a', 'b')", ""),
    "object that hides its dictionary": ("object", "()", _DICT),
    "dict": ("dict", "()", ""),
    "list": ("list", "()", ""),
    "set": ("set", "()", ""),
    "tuple": ("tuple", "()", ""),
    "frozenset": ("frozenset", "()", ""),
    "deque": ("collections.deque", "()", ""),
    "int": ("int", "()", ""),
    "str": ("str", "()", ""),
}


@pytest.mark.parametrize(("base", "slots", "more"), BASES.values(), ids=BASES)
def test_no_code_of_an_object_is_run(watched: Watched, base: str, slots: str, more: str) -> None:
    text = HOSTILE.replace("BASE", base).replace("SLOTS", slots).replace("PROPERTY", more)
    module = watched.begin(text)
    module.ALL.append(module.Hostile())
    module.D["l"] = module.Hostile()
    assert watched.take() == {("ALL", "", False), ("D", "l", True)}
    module.D["k"] = module.Hostile()
    del module.ALL[0]
    assert watched.take() == {("ALL", "", False), ("D", "k", True)}
    assert watched.take() == set()


EQUAL = {
    "list": ("[f, g]", "C.x = BACKUP[:]"),
    "dictionary": ("{'a': f, 'b': g}", "C.x = dict(BACKUP)"),
    "key of a dictionary": ("[f, g]", "D['x'] = BACKUP[:]"),
}
HOLDERS = "def f(): pass\ndef g(): pass\nclass K: pass\nC = K()\nD = {}\nBACKUP = "


@pytest.mark.parametrize("name", EQUAL)
def test_an_equal_copy_is_no_change(watched: Watched, name: str) -> None:
    value, reset = EQUAL[name]
    module = watched.begin(f"{HOLDERS}{value}\n{reset}")
    for _ in range(3):
        exec(reset, vars(module))
        assert watched.take() == set()
    holder = module.D if name.startswith("key") else vars(module.C)
    if type(holder["x"]) is list:
        holder["x"].append(1)
    else:
        holder["x"]["c"] = 1
    owner = "D" if name.startswith("key") else "C"
    assert {told for told, _, _ in watched.take()} == {owner}
    exec(reset, vars(module))
    assert {told for told, _, _ in watched.take()} == {owner}


@pytest.mark.parametrize(
    "changes",
    [
        "ALIAS.append(C.x); C.x = C.x[:]",
        "C.x = C.x[:]; ALIAS.append(C.x)",
        "C.x = C.x[::-1]",
        "C.x = C.x + [f]",
        "C.x = tuple(C.x)",
        "C.x.append(f); C.x = C.x[:]",
    ],
)
def test_what_only_looks_like_a_copy_is_a_change(watched: Watched, changes: str) -> None:
    """Somebody else has it, or it is another one."""
    module = watched.begin(f"{HOLDERS}[f, g]\nC.x = BACKUP[:]\nALIAS = []\n")
    exec(changes, vars(module))
    assert "C" in {name for name, _, _ in watched.take()}
    assert watched.take() == set()


STUBBORN = {
    "io.StringIO": "X.write('a')",
    "io.BytesIO": "X.write(b'a')",
    "random.Random": "random.Random.random(X)",
    "random.SystemRandom": "",
    "enumerate": "next(X)",
    "itertools.count": "next(X)",
    "bytearray": "bytearray.append(X, 1)",
    "collections.OrderedDict": "collections.OrderedDict.__setitem__(X, 'k', 1)",
}


@pytest.mark.parametrize("base", STUBBORN)
def test_objects_are_looked_at_through_builtin_types(watched: Watched, base: str) -> None:
    """``SystemRandom`` says itself that it has no state; others may say so, too."""
    methods = "getstate setstate getvalue tell __reduce__ __repr__ __iter__ __len__".split()
    refusing = "".join(
        f"    def {name}(self, *args): raise NotImplementedError\n"
        for name in methods
        if base != "random.SystemRandom"
    )
    arguments = "[1, 2]" if base == "enumerate" else ""
    module = watched.begin(
        f"import collections, io, itertools, random\nclass K({base}):\n    a = 1\n{refusing}"
        f"X = K({arguments})\nCALL = K({arguments}).__class__\n"
    )
    assert watched.take() == set()
    exec(STUBBORN[base], vars(module))
    assert {name for name, _, _ in watched.take()} == ({"X"} if STUBBORN[base] else set())


HOSTILE_META = """
IS_ASKED = []
def refuse(name):
    def refused(cls, *args):
        if IS_ASKED: raise SystemExit(name)
        return getattr(type, name)(cls, *args)
    return refused
class Meta(type):
    for name in "__getattribute__ __instancecheck__ __subclasscheck__ __hash__ __eq__".split():
        locals()[name] = refuse(name)
    def __iter__(cls): raise SystemExit("iter")
    def __len__(cls): raise SystemExit("len")
    def __bool__(cls): raise SystemExit("bool")
class K(metaclass=Meta): pass
ALL = [K, K()]
D = {'k': K()}
O = K()
"""


def test_no_code_of_a_metaclass_is_run(watched: Watched) -> None:
    module = watched.define(HOSTILE_META)
    module.IS_ASKED.append(True)
    try:
        watched.watch.begin()
        module.ALL.append(module.K)
        module.D["l"] = object.__new__(module.K)
        vars(module.O)["a"] = 1
        assert watched.take() == {("ALL", "", False), ("D", "l", True), ("O", "a", False)}
        assert watched.take() == set()
    finally:
        module.IS_ASKED.clear()


def test_changes_of_hostile_objects_are_seen(watched: Watched) -> None:
    text = HOSTILE.replace("SLOTS", "()").replace("PROPERTY", "pass")
    module = watched.begin(text.replace("BASE", "dict"))
    dict.__setitem__(module.O, "k", 1)
    assert ("O", "k", True) in watched.take()
    assert watched.take() == set()


def test_descriptors_are_not_asked(watched: Watched) -> None:
    module = watched.begin(
        "class Asked:\n    def __get__(self, owner, kind=None): raise SystemExit\n"
        "class K:\n    a = Asked()\n    @property\n    def p(self): raise SystemExit\n"
        "O = K()\n"
    )
    module.O.b = 1
    assert watched.take() == {("O", "b", False)}


# -- nothing is kept alive -------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["L.append(K())", "D['k'] = K()", "O.a = K()", "K.last = K()"])
def test_an_instance_taken_out_again_dies(watched: Watched, place: str) -> None:
    module = watched.begin("class K: pass\nL = []\nD = {}\nO = K()\n")
    exec(place, vars(module))
    assert watched.take()
    held = {"L": lambda: module.L.pop(), "D": lambda: module.D.pop("k")}
    held |= {"O": lambda: vars(module.O).pop("a"), "K": lambda: module.K.last}
    thing = held[place[0]]()
    if place[0] == "K":
        del module.K.last
    reference = weakref.ref(thing)
    del thing
    watched.take()
    watched.take()
    gc.collect()
    assert reference() is None


def test_what_never_was_at_a_boundary_is_not_seen(watched: Watched) -> None:
    module = watched.begin("class K: pass\nL = []\n")
    thing = module.K()
    module.L.append(thing)
    module.L.pop()
    reference = weakref.ref(thing)
    del thing
    assert reference() is None
    assert watched.take() == set()


# -- keys of registers -----------------------------------------------------------------------------


def test_keys_of_mappings(watched: Watched) -> None:
    watched.begin("D = {'a': 1, 'b': 2}\nE = {}\nN = {1: 2, 'a': 1}\nL = ['a']\nV = 1")
    keys_of = watched.watch.mapping_keys
    assert keys_of(FIRST, "D") == ("a", "b")
    assert keys_of(FIRST, "E") == ()
    for name in ("N", "L", "V", "missing"):
        assert keys_of(FIRST, name) is None
    assert keys_of("/watched/none.py", "D") is None


def test_many_objects_of_many_batches(watched: Watched) -> None:
    module = watched.begin("ALL = {'n%d' % n: [n] for n in range(500)}")
    for name in itertools.islice(module.ALL, 0, 500, 99):
        module.ALL[name].append(1)
    assert watched.take() == {("ALL", f"n{n}", True) for n in range(0, 500, 99)}
    assert watched.take() == set()


def test_the_end_of_a_large_container_is_told_by_its_size(watched: Watched) -> None:
    module = watched.begin("D = dict.fromkeys(range(6_000))\nL = [0] * 6_000")
    module.D["k"] = 1
    module.L.append(1)
    assert watched.take() == {("D", "", True), ("L", "", False)}


def test_what_is_put_in_later_is_compared_whichever_batch_it_came_to(watched: Watched) -> None:
    module = watched.begin("D = {}\nMANY = [[] for _ in range(2000)]")
    module.D["k"] = []
    assert watched.take() == {("D", "k", True)}
    module.D["k"].append(1)
    assert watched.take() == {("D", "k", True)}


def test_a_change_before_something_is_added_is_told_afterwards(watched: Watched) -> None:
    module = watched.begin("D = {}\nclass K: pass\nO = K()")
    module.D["k"] = 1
    module.O.a = 1
    watched.watch.follow("value", [])
    assert watched.take() == {("D", "k", True), ("O", "a", False)}
    assert watched.take() == set()


def test_what_objects_that_have_gone_held_is_let_go(watched: Watched) -> None:
    module = watched.begin("class Kind: pass\nclass Part: pass\nD = {}\nL = [1]")
    parts = []
    for number in range(100):
        module.D[number] = made = module.Kind()
        made.part = module.Part()
        parts.append(weakref.ref(made.part))
    watched.take()
    module.D.clear()
    del made
    assert watched.take()
    assert sum(part() is not None for part in parts) < 16
    assert watched.take() == set()
    module.L.append(2)
    assert watched.take() == {("L", "", False)}


def test_what_is_kept_under_a_plain_key_is_not_kept_alive(watched: Watched) -> None:
    module = watched.begin("class Kind: pass\nD = {1: Kind()}\nE = {'a': Kind()}")
    found = [weakref.ref(module.D[1]), weakref.ref(module.E["a"])]
    module.D.clear()
    module.E.clear()
    assert [each() for each in found] == [None, None]


def test_what_takes_the_place_of_a_module_is_a_change_and_an_import_is_none(
    watched: Watched,
) -> None:
    watched.begin("V = 1")
    stub = types.ModuleType("stub")
    watched.modules["watched_stub"] = sys.modules["watched_stub"] = stub
    watched.define("D = {}", SECOND)
    changes = watched.watch.take()
    assert {(c.filename, c.name, c.word) for c in changes} == {
        (OUTSIDE, "sys.modules", "watched_stub")
    }
    assert watched.watch.take() == frozenset()
    memory = watched.watch.remember()
    sys.modules["watched_stub"] = types.ModuleType("other")
    assert memory.put_back()
    assert sys.modules["watched_stub"] is stub


@pytest.mark.parametrize("stays", [True, False])
def test_modules_that_may_go_at_once_are_watched_when_somebody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    (tmp_path / "late_module.py").write_text("class Box: pass\nBOX = Box()\n")
    monkeypatch.syspath_prepend(tmp_path)
    top = str(tmp_path)
    files = Files(lambda file: file.startswith(top), lambda *_: False, stays=lambda _: stays)
    watch = StateWatch(files)
    watch.begin()
    try:
        module = importlib.import_module("late_module")
        box = weakref.ref(module.BOX)
        del sys.modules["late_module"], module
        gc.collect()
        assert (box() is not None) == stays
        module = importlib.import_module("late_module")
        watch.take()
        module.BOX.size = 1
        (change,) = watch.take()
        assert (change.name, change.word) == ("BOX", "size")
    finally:
        watch.end()
        sys.modules.pop("late_module", None)


def test_entries_that_go_with_their_key_are_no_change(watched: Watched) -> None:
    module = watched.begin("""
        import weakref
        class Key: pass
        class Value: pass
        KEYS = {}
        W = weakref.WeakKeyDictionary()
        V = weakref.WeakValueDictionary()
        R = {}
        """)
    key, value = module.Key(), module.Value()
    module.W[key], module.V["v"], module.R[1] = module.Value(), value, weakref.ref(key)
    assert watched.take() == {("W", "", True), ("V", "v", True), ("R", "", True)}
    del key, value
    gc.collect()
    assert not module.W
    assert not module.V
    assert watched.take() == set()
    del module.R[1]
    assert watched.take() == set()


def test_entries_that_are_taken_out_of_a_weak_mapping_are_a_change(watched: Watched) -> None:
    module = watched.begin("""
        import weakref
        class Key: pass
        class Value: pass
        KEYS = [Key(), Key()]
        W = weakref.WeakKeyDictionary({key: Value() for key in KEYS})
        """)
    del module.W[module.KEYS[0]]
    assert ("W", "", True) in watched.take()
    module.W[module.KEYS[1]] = module.Value()
    assert ("W", "", True) in watched.take()
    module.W.pop(module.KEYS[1])
    module.W[module.KEYS[1]] = module.Value()
    assert ("W", "", True) in watched.take()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("made", ["open(os.devnull)", "random.Random(1)", "(n for n in R)"])
def test_what_ends_with_its_last_use_is_not_kept_alive(watched: Watched, made: str) -> None:
    module = watched.begin(f"import os, random\nR = [1]\nX = {made}")
    going = weakref.ref(module.X)
    module.X = None
    assert going() is None
    assert watched.take() == {("X", "", False)}
    assert watched.take() == set()


NUMBERS = {
    "closure": (
        "def made():\n    n = 1001\n    def count():\n        nonlocal n\n        n += 500\n"
        "    return count\ncount = made()\ncount()",
        "count()",
    ),
    "slot": ("class K:\n    __slots__ = ('n',)\nk = K()\nk.n = int('1001')", "k.n += 500"),
    "generator": (
        "def made():\n    n = 1001\n    while True:\n        yield\n        n += 500\n"
        "count = made()\nnext(count)\nnext(count)",
        "next(count)",
    ),
    "variable": (
        "import contextvars\nV = contextvars.ContextVar('V', default=1)\nV.set(int('1001'))",
        "V.set(V.get() + 500)",
    ),
}


@pytest.mark.parametrize(("before", "change"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_is_told_from_one_at_the_same_address(
    watched: Watched, before: str, change: str
) -> None:
    module = watched.begin(before)
    for _ in range(20):
        exec(f"{change}\n{change}", vars(module))
        assert watched.take()


def test_the_end_of_a_followed_value_is_no_change_but_that_of_a_part_is(watched: Watched) -> None:
    module = watched.begin(
        "class Kind: pass\ndef make():\n    k = Kind(); k.part = Kind(); return k"
    )
    value, other = module.make(), module.make()
    watched.watch.follow("value", value)
    watched.watch.follow("other", other)
    assert watched.watch.take() == frozenset()
    del value
    assert watched.watch.take() == frozenset()
    del other.part
    assert {(c.filename, c.name) for c in watched.watch.take()} == {(FIXTURE, "other")}
