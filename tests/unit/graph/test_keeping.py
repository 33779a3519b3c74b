"""What a body leaves behind, and whether it matters who called it first."""

from __future__ import annotations

import textwrap

import pytest

from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.remembered import fills
from pytest_cellcache.graph.split import split_cells


def the_def(text: str, qualname: str = "f") -> Def:
    table = split_cells(textwrap.dedent(text).encode())
    (found,) = [found for found in table.defs if found.qualname == qualname]
    return found


def body(text: str, head: str = "def f(k, self, *rest, v=None):") -> Def:
    return the_def(f"{head}\n" + textwrap.indent(textwrap.dedent(text), "    "))


def _guarded(text: str) -> str:
    return f"if k not in D:\n    {text}"


FILLS = {
    "an item that is looked for": "if k not in D: D[k] = make(k)",
    "an item that is got": "if D.get(k) is None: D[k] = make(k)",
    "an item that is tried": "try: return D[k]\nexcept KeyError: D[k] = make(k)",
    "by setdefault": "D.setdefault(k, make(k))",
    "a constant": "if 'a' not in D: D['a'] = make()",
    "a key of several arguments": "if (k, v) not in D: D[k, v] = make(k, v)",
    "a key computed from an argument": "if k.n not in D: D[k.n] = make(k.n)",
    "a value computed in steps": "x = k + 1\nif k not in D: D[k] = x",
    "a lazy global": "global G\nif G is None: G = make()\nreturn G",
    "a lazy attribute of self": "if self.a is None: self.a = make()",
    "a lazy attribute with a default": "if getattr(self, 'a', None) is None: self.a = make()",
    "a lazy attribute asked for": "if not hasattr(self, 'a'): self.a = make()",
    "setattr of what is asked for": "if not hasattr(self, 'a'): setattr(self, 'a', make())",
    "a value made from self": "if self.a is None: self.a = make(self.b)",
    "a value made from its owner": "if k.a is None: k.a = make(k)",
    "an item of an attribute": "if k not in self.d: self.d[k] = make(k)",
    "an item of an alias": "d = D\nif k not in d: d[k] = make(k)",
    "two places": "if k not in D: D[k] = make(k)\nif k not in E: E[k] = make(k)",
    "what is looked at afterwards": "if k not in D: D[k] = make(k)\nif v: return [D[k]]",
    "what is told somebody": _guarded("made = make(k); log.debug(made, v); D[k] = made"),
    "a value made of parts": _guarded("made = []; made.append(k); D[k] = made"),
    "what is there, or a value made": "self.a = self.a or make()",
    "what is there, where it is": "self.a = make() if self.a is None else self.a",
    "what is got, or a value made": "D[k] = D.get(k) or make(k)",
    "what an attribute gives, or a value made": "self.a = getattr(self, 'a', None) or make()",
    "a local that was got, or made": "x = D.get(k)\nif x is None:\n    x = make(k)\n    D[k] = x",
    "a local wrapped before it is kept": (
        "x = D.get(k)\nif x is None:\n    x = make(k)\n    D[k] = Box(x)\nreturn D[k]"
    ),
    "two, one of the other": "if self.b is None:\n    self.a = make()\n    self.b = f(self.a)",
    "one of several": "if self.a is None: self.a = 1\nelif self.b is None: self.b = 2",
    "another item": "if 'b' not in D: D['b'] = D['a'] + 1",
    "what was there put back": "global G\nx = G\ntry: G = 1\nfinally: G = x",
    "a value by what the key is": _guarded("made = 1\n    if k.n: made = 2\n    D[k] = made"),
}


@pytest.mark.parametrize("text", FILLS.values(), ids=FILLS)
def test_who_looks_first_fills(text: str) -> None:
    found = body(text)
    assert fills(found)
    assert found.refs.kept
    assert found.refs.kept <= found.refs.looked_up
    assert not found.refs.accumulates
    assert not found.refs.keeps_arguments


ACCUMULATES = {
    "append": "len(L.x)\nL.append(k)",
    "augmented global": "global G\nG += 1",
    "augmented attribute": "self.n += 1",
    "augmented item": "D[k] += 1",
    "update": "if k in D: D.update({k: 1})",
    "add": "if k not in S: S.add(k)",
    "pop": "D.pop(k)",
    "clear": "D.clear()",
    "deleted item": "if k in D: del D[k]",
    "deleted attribute": "if self.a: del self.a",
    "deleted by delattr": "if self.a: delattr(self, 'a')",
    "target of a loop": "for D[0] in k: pass",
    "attribute as the target of a loop": "for self.a in k: pass",
    "in a list that an alias names": "x = D\nx.append(k)",
    "in a list of a list": "D[k].append(1)",
    "in an attribute of a parameter": "k.found.append(1)",
    "in a parameter": "k.append(1)",
    "in a list made elsewhere": "x = make()\nx.append(k)",
    "one more": "global G\nG = G + 1",
    "one more of an attribute": "self.n = self.n + 1",
    "one more of an item": "D['a'] = D['a'] + 1",
    "one more of what is got": "D[k] = D.get(k, 0) + 1",
    "one more by a local": "global G\nx = G\nx += 1\nG = x",
    "one more by setattr": "setattr(self, 'n', self.n + 1)",
    "one more of what getattr gives": "self.n = getattr(self, 'n', 0) + 1",
    "one more in a parameter": "k['n'] = k['n'] + 1",
    "longer": "global G\nG = (*G, 1)",
    "a longer text": "global G\nG = f'{G}x'",
    "the contrary": "global G\nG = not G",
    "the next of what is linked": "global G\nG = G.next",
    "what comes after in a table": "global G\nG = NEXT[G]",
    "the other one": "global G\nG = 1 if G == 2 else 2",
    "the other one by turns": "global G\nif G == 1: G = 2\nelse: G = 1",
    "the other one after a return": "global G\nif G == 1:\n    G = 2\n    return\nG = 1",
    "the other one by cases": ("global G\nmatch G:\n    case 1: G = 2\n    case 2: G = 3"),
    "exchanged": "global G, H\nG, H = H, G",
    "moved on": "global G, H\nG = H\nH = make()",
    "wrapped": "global G\nx = G\nG = lambda: x() + 1",
    "wrapped in a function": "x = K.f\ndef g(): return x() + 1\nK.f = g",
    "turned": "L[:] = L[1:] + L[:1]",
    "a key by how many there are": "D[len(D)] = 1",
    "a value by how many there are": "if k not in D: D[k] = len(D)",
    "a default by how many there are": "D.setdefault(k, len(D))",
    "bases that follow from bases": "K.__bases__ = (make(K.__bases__[0]),)",
    "beside what it fills": "if k not in D: D[k] = make(k)\nL.append(k)",
}


@pytest.mark.parametrize("text", ACCUMULATES.values(), ids=ACCUMULATES)
def test_what_depends_on_how_often_or_in_which_order_accumulates(text: str) -> None:
    found = body(text)
    assert found.refs.accumulates
    assert not fills(found)


KEEPS_ARGUMENTS = {
    "in something made before": _guarded("made = {}; made['x'] = v; D[k] = made"),
    "appended": _guarded("made = []; made.append(v); D[k] = made"),
    "appended afterwards": _guarded("D[k] = made = []\n    made.append(v)"),
    "appended to a part": _guarded("made = make(k); part = made.part; part.append(v); D[k] = made"),
    "added": _guarded("made = []; made += [v]; D[k] = made"),
    "handed over together": _guarded("made = make(k); put(made, v); D[k] = made"),
    "handed over by name": _guarded("made = make(k); put(made, other=v); D[k] = made"),
    "called with it": _guarded("made = make(k); made(v); D[k] = made"),
    "in a function": _guarded("def inner(): return v\n    D[k] = inner"),
    "by another name": _guarded("made = make(k); other = made; other.append(v); D[k] = made"),
    "by what it decides": _guarded("made = 1\n    if v: made = 2\n    D[k] = made"),
    "by a pattern": _guarded(
        "match v:\n        case 1: made = 1\n        case _: made = 2\n    D[k] = made"
    ),
    "by a part of a pattern": _guarded("match make(v):\n        case [made]: D[k] = made"),
    "by leaving early": _guarded("if v: return\n    D[k] = 1"),
    "by a loop": _guarded("for _ in v: made = make(k)\n    D[k] = made"),
    "by an error": _guarded("try: make(v)\n    except E as error: D[k] = error"),
    "by that there is an error": _guarded(
        "made = 1\n    try: make(v)\n    except E: made = 2\n    D[k] = made"
    ),
    "in many steps": _guarded("a = v; b = a; c = b; d = c; e = d; f = e; g = f; D[k] = g"),
    "as an item": "if 'a' not in D: D['a'] = k",
    "as a global": "global G\nif G is None: G = k",
    "as an attribute": "if self.a is None: self.a = k",
    "inside of a value": "if self.a is None: self.a = [make(k)]",
    "in steps": "x = k\ny = make(x)\nif 'a' not in D: D['a'] = y",
    "from a loop": "for x in k:\n    if 'a' not in D: D['a'] = x",
    "from a with": "with k as x:\n    if 'a' not in D: D['a'] = x",
    "from a walrus": "(x := k)\nif 'a' not in D: D['a'] = x",
    "beside the key": "if k not in D: D[k] = make(k, v)",
    "of any number": "if k not in D: D[k] = rest",
    "by setdefault": "D.setdefault(k, v)",
    "by setattr": "if not hasattr(self, 'a'): setattr(self, 'a', k)",
    "of self, where others look too": "if k not in D: D[k] = make(self.b)",
    "of self, as a global": "global G\nif G is None: G = self",
    "by unpacking": "if self.a is None: self.a, self.b = k, self.b",
}


@pytest.mark.parametrize("text", KEEPS_ARGUMENTS.values(), ids=KEEPS_ARGUMENTS)
def test_what_holds_an_argument_depends_on_who_called(text: str) -> None:
    found = body(text)
    assert found.refs.keeps_arguments
    assert not fills(found)


BLIND = {
    "an item": "D[k] = make(k)",
    "another container is looked at": "if k not in E: D[k] = make(k)",
    "a global": "global G\nG = make()",
    "an attribute": "self.a = make()",
    "another attribute is looked at": "if self.b is None: self.a = make()",
    "the container is looked at, not into": "if D: D[k] = make(k)",
    "by setattr": "setattr(self, 'a', make())",
    "by setattr, under a computed name": "if self.a: setattr(self, k, make())",
}


@pytest.mark.parametrize("text", BLIND.values(), ids=BLIND)
def test_who_does_not_look_at_the_place_does_not_fill(text: str) -> None:
    found = body(text)
    assert found.refs.kept
    assert not found.refs.kept <= found.refs.looked_up
    assert not fills(found)


KEPT = {
    "global M\nM = 1": {"M"},
    "D[k] = 1": {"D[]"},
    "mod.D[k] = 1": {"mod.D[]"},
    "mod.x = 1": {".x"},
    "self.a = 1": {".a"},
    "self.a[k] = 1": {".a[]"},
    "self.a.b = 1": {".b"},
    "D[k][v] = 1": {"D[]"},
    "D.get(k)[v] = 1": {"D[]"},
    "k[0] = 1": {"~k[]"},
    "x = D\nx[0] = 1": {"D[]"},
    "x = self.a\nx[0] = 1": {".a[]"},
    "setattr(k, 'a', 1)": {".a"},
    "setattr(k, v, 1)": {".__dict__[]"},
    "self.a, D[k] = 1, 2": {".a", "D[]"},
    "[self.a, x] = 1, 2": {".a"},
    "self.a: int = 1": {".a"},
    "L.append(1)": {"L[]"},
    "make().append(1)": {"make[]"},
    "x = D.copy()\nx['a'].append(1)": {"~x[]"},
    "x = copy.copy(k)\nx.a[0] = 1": {".a[]"},
    "x = D.copy() if v else D\nx[0] = 1": {"~x[]"},
    "x = D.copy()\nx = D\nx[0] = 1": {"D[]"},
}


@pytest.mark.parametrize(("text", "kept"), KEPT.items(), ids=KEPT)
def test_places_are_named(text: str, kept: set[str]) -> None:
    assert body(text).refs.kept == kept


def test_an_attribute_of_another_parameter_is_not_what_was_there() -> None:
    assert not body("if self.a is None: self.a = k.a + 1").refs.accumulates
    assert body("x = self\nif self.a is None: x.a = self.a + 1").refs.accumulates


NOTHING = {
    "nothing": "pass",
    "a local": "x = 1\nx += 1\nfor x in k: pass\ndel x",
    "a new list": "x = []\nx.append(k)\nx[0] = 1",
    "a new dictionary": "x = dict()\nx[k] = v",
    "a new instance": "x = Thing()\nx.a = k\nsetattr(x, 'b', v)",
    "an annotation": "self.a: int",
    "a method that changes nothing": "D.get(k), D.keys(), L.index(k)",
    "a new object in place": "[].append(k)\nlist(k).append(1)",
    "in a function of its own": "def g(): D[k] = 1",
    "a copy": "x = D.copy()\nx[k] = v\nx.update(k)",
    "a copy of an object": "x = copy.copy(k)\nx.a = 1\ny = deepcopy(k)\ny.b = 1",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_what_is_new_or_local_is_not_left_behind(text: str) -> None:
    found = body(text)
    assert not found.refs.kept
    assert not found.refs.accumulates
    assert not fills(found)  # nothing to vouch for


def test_an_inner_function_keeps_for_itself() -> None:
    text = "def f(k):\n    def g():\n        if k not in D: D[k] = make(k)\n    return g\n"
    assert not the_def(text).refs.kept
    assert the_def(text, "f.<locals>.g").refs.kept == {"D[]"}


@pytest.mark.parametrize("name", ["__init__", "__post_init__"])
def test_an_initialiser_fills_an_object_of_its_own(name: str) -> None:
    found = the_def(f"class K:\n    def {name}(self, a): self.a = a\n", f"K.{name}")
    assert not found.refs.kept
    assert fills(found)


def test_an_initialiser_that_leaves_something_elsewhere() -> None:
    text = "class K:\n    def __init__(self, a):\n        self.a = a\n        ALL.append(self)\n"
    found = the_def(text, "K.__init__")
    assert found.refs.kept == {"ALL[]"}
    assert not fills(found)
    other = "class K:\n    def __init__(self, other): other.a = 1\n"
    assert the_def(other, "K.__init__").refs.kept == {".a"}
    assert not fills(the_def(other, "K.__init__"))


def test_a_counter_of_instances_is_nobody_s_business_in_an_initialiser_only() -> None:
    text = "class K:\n    def {}(self): K.made += 1\n"
    assert not the_def(text.format("__init__"), "K.__init__").refs.accumulates
    assert the_def(text.format("make"), "K.make").refs.accumulates


@pytest.mark.parametrize("decorator", ["functools.lru_cache", "cached_property", "memoize(1)"])
def test_a_memo_fills_unless_its_body_leaves_more(decorator: str) -> None:
    assert fills(the_def(f"@{decorator}\ndef f(k): return make(k)"))
    assert not fills(the_def(f"@{decorator}\ndef f(k): L.append(k)"))
    assert not fills(the_def("@other\ndef f(k): return make(k)"))
