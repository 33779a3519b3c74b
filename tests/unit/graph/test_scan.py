from __future__ import annotations

import ast

import pytest

from pytest_cellcache.graph.scan import Refs, scan, scan_function, scan_source
from pytest_cellcache.graph.watching import asks_for_modules


def module(text: str) -> Refs:
    return scan(ast.parse(text).body)


def functions(text: str, head: str = "def f(a, *b, c=1, **d):") -> dict[str, Refs]:
    """Scan a function; give its refs and those of the functions defined in it, by name."""
    body = "\n".join("    " + line for line in text.splitlines())
    node = ast.parse(f"{head}\n{body}\n").body[0]
    assert isinstance(node, ast.FunctionDef)
    return {qualname: refs for qualname, _, refs in scan_function(node, node.name)}


def function(text: str) -> Refs:
    return functions(text)["f"]


LOCAL = {
    "parameters": "a, b, c, d",
    "assignment": "x = 1; x",
    "assignment after use": "x; x = 1",
    "for": "for x in (): x",
    "with": "with a as x: x",
    "except": "try: pass\nexcept E as x: x",
    "walrus": "(x := 1); x",
    "walrus in a comprehension": "[(x := n) for n in ()]; x",
    "comprehension": "[x for x in ()]",
    "nested comprehension": "[y for x in () for y in x]",
    "match": "match a:\n    case [x, *y]: x, y\n    case {'k': z, **w}: z, w",
    "delete": "x = 1\ndel x",
    "inner def": "def x(): pass\nx",
    "inner class": "class x: pass\nx",
    "of the enclosing function": "x = 1\ndef g(): return x",
    "parameter of a lambda": "lambda x: x",
    "nonlocal": "x = 1\ndef g():\n    nonlocal x\n    x = 2",
}


@pytest.mark.parametrize("text", LOCAL.values(), ids=LOCAL)
def test_local_names_are_no_refs(text: str) -> None:
    for refs in functions(text).values():
        assert {"a", "b", "c", "d", "x", "y", "z", "w", "n"}.isdisjoint(refs.chains)


GLOBAL = {
    "plain": "X",
    "chain": "X.y.z",
    "default of an inner function": "def g(p=X): pass",
    "decorator of an inner function": "@X\ndef g(): pass",
    "base of an inner class": "class g(X): pass",
    "body of an inner class": "class g: y = X",
    "first iterable of a comprehension": "[p for p in X]",
    "condition of a comprehension": "[p for p in () if X]",
    "outside the comprehension that binds it": "[X for X in ()]; X",
    "lambda": "lambda: X",
    "declared global": "global X\nX = 1\nX",
    "f-string": "f'{X}'",
    "format of an f-string": "f'{a:{X}}'",
    "default of a lambda": "lambda p=X: p",
    "pattern": "match a:\n    case X(): pass",
    "value pattern": "match a:\n    case X.y: pass",
    "subscript": "a[X]",
    "handler": "try: pass\nexcept X: pass",
}


@pytest.mark.parametrize("text", GLOBAL.values(), ids=GLOBAL)
def test_globals_are_refs(text: str) -> None:
    assert "X" in {chain.partition(".")[0] for chain in function(text).chains}


INNER = {
    "function": ("def g(): return X", "f.<locals>.g"),
    "coroutine": ("async def g(): return X", "f.<locals>.g"),
    "method": ("class K:\n    def m(self): return X", "f.<locals>.K.m"),
    "in a compound statement": ("if a:\n    def g(): return X", "f.<locals>.g"),
    "decorated": ("@a\ndef g(): return X", "f.<locals>.g"),
    "further in": ("def g():\n    def h(): return X", "f.<locals>.g.<locals>.h"),
}


@pytest.mark.parametrize(("text", "owner"), INNER.values(), ids=INNER)
def test_refs_of_an_inner_function_are_its_own(text: str, owner: str) -> None:
    assert {name for name, refs in functions(text).items() if "X" in refs.chains} == {owner}


def test_the_function_comes_first_and_outer_ones_before_inner_ones() -> None:
    found = list(functions("def g():\n    def h(): pass\ndef i(): pass"))
    assert found == ["f", "f.<locals>.g", "f.<locals>.g.<locals>.h", "f.<locals>.i"]


def test_what_an_inner_def_evaluates_when_defined_is_the_outer_one_s() -> None:
    found = functions("@D\ndef g(p=X): return Y\nclass K(B):\n    z = C\n    def m(p=E): pass")
    assert {"D", "X", "B", "C", "E"} <= found["f"].chains
    assert found["f.<locals>.g"].chains == {"Y"}
    assert not found["f.<locals>.K.m"].chains


def test_a_lambda_belongs_to_the_body_around_it() -> None:
    found = functions("def g(): return lambda: X\nreturn lambda: Y")
    assert found["f"].chains == {"Y"}
    assert found["f.<locals>.g"].chains == {"X"}


def test_a_class_scope_hides_nothing_from_its_methods() -> None:
    found = functions("class K:\n    X = 1\n    def m(self): return X")
    assert "X" in found["f.<locals>.K.m"].chains


def test_a_global_declaration_is_a_store() -> None:
    refs = function("global X\nX = 1")
    assert refs.stores == {"X"}
    assert not function("X = 1").stores


def test_an_inner_global_declaration_is_a_store_of_the_inner_function() -> None:
    found = functions("def g():\n    global X\n    X = 1")
    assert found["f.<locals>.g"].stores == {"X"}
    assert not found["f"].stores


def test_what_an_enclosing_function_imports_is_seen_in_inner_ones() -> None:
    found = functions("import late\ndef g(): return late.V")
    assert "late:V" in found["f.<locals>.g"].imports


CHANGED = ("D[1] = 1", "D[1] += 1", "del D[1]", "D.add(1)", "D[1].append(2)", "setattr(D, 'a', 1)")


@pytest.mark.parametrize("text", CHANGED)
def test_changes_of_a_global_name_it(text: str) -> None:
    assert "D" in function(text).receivers
    assert "D" in module(text).receivers


def test_attributes_written_on_a_global_are_changes_of_both() -> None:
    assert function("mod.x = 1").receivers == {"mod", "mod.x"}


def test_changes_of_locals_name_no_global() -> None:
    assert not function("a[1] = 1\na.add(1)\nx = []\nx.append(1)").receivers


def test_attribute_names_are_known_whatever_the_receiver() -> None:
    refs = function("a.b().c[0].d")
    assert {"b", "c", "d"} <= refs.attrs
    assert {"e", "g", "h"} <= function("getattr(a, 'e'); attrgetter('g.h')").attrs


def test_attributes_written_on_objects_are_known() -> None:
    refs = function("a.x = 1\na.y.append(1)\na.z[0] = 1")
    assert "x" in refs.attr_stores
    assert {"y", "z"} <= refs.attr_changes


@pytest.mark.parametrize(
    "text",
    ["getattr(a, b)", "eval(a)", "exec(a)", "vars(a)", "a.__dict__", "importlib.import_module(a)"],
)
def test_computed_names_are_told(text: str) -> None:
    assert function(text).is_dynamic


@pytest.mark.parametrize("text", ["globals()", "vars()", "locals()", "dir()", "eval(a)", "exec(a)"])
def test_reading_the_namespace_is_told(text: str) -> None:
    assert function(text).reads_namespace


def test_explicit_namespaces_are_not_the_module() -> None:
    assert not function("eval(a, {})").reads_namespace


IMPORTS = {
    "import x.y": "x.y",
    "from .. import z": "..:z",
    "from .x import z as w": ".x:z",
    "import_module('x.y')": "x.y",
    "__import__('x')": "x",
}


@pytest.mark.parametrize(("text", "spec"), IMPORTS.items())
def test_imports_in_a_body_are_known(text: str, spec: str) -> None:
    found = {one.partition(":")[0] for one in function(text).imports}
    assert spec.partition(":")[0] in found


def test_what_a_body_takes_from_a_module_it_imports_is_known() -> None:
    refs = function("import late\nreturn late.V")
    assert {"late:V", "late:*"} & refs.imports


@pytest.mark.parametrize("text", ["pkg.mod", "pkg.mod:name", "a.b.c"])
def test_dotted_constants_are_known(text: str) -> None:
    assert text.replace(":", ".") in function(f"patch({text!r})").strings


@pytest.mark.parametrize("text", ["two words.x", "1.5", "a.", ".a", "", "x" * 300 + ".y"])
def test_other_constants_are_not(text: str) -> None:
    assert not function(f"f({text!r})").strings


def test_decorators_are_called() -> None:
    assert "deco" in module("@deco\ndef f(): pass").calls
    assert "deco.make" in module("@deco.make(1)\nclass K: pass").calls


def test_the_body_of_a_def_is_no_part_of_its_cell_s_own_calls_when_cut() -> None:
    assert module("def f(a=call()): pass").calls == {"call"}


def test_lazy_annotations_are_not_evaluated() -> None:
    tree = ast.parse("def f(a: X) -> Y: pass\nz: W = 1").body
    assert scan(tree, has_lazy_annotations=True).chains.isdisjoint({"X", "Y", "W"})
    assert {"X", "Y", "W"} <= scan(tree).chains


def test_names_assigned_in_a_class_body_are_no_globals() -> None:
    refs = module("class K:\n    a = 1\n    b = a")
    assert "a" not in refs.stores


def test_a_snippet_that_does_not_parse_may_read_anything() -> None:
    assert scan_source("1 +").reads_namespace
    assert scan_source("x.y").chains == {"x.y"}


def test_joining_keeps_both() -> None:
    refs = function("X")
    refs.join(function("Y; eval(a)"))
    assert {"X", "Y"} <= refs.chains
    assert refs.is_dynamic
    assert refs.reads_namespace


@pytest.mark.parametrize(
    "text",
    [
        "getattr(mod, 'x')",
        "hasattr(mod, 'x')",
        "patch.object(mod, 'x')",
        "mock.patch.object(mod, 'x', 1)",
        "patcher = 1\npatcher.setattr(mod, 'x', 1)",
    ],
)
def test_who_names_an_attribute_reads_that_one_only(text: str) -> None:
    refs = function(text)
    assert "mod.x" in refs.chains
    assert "mod" not in refs.chains


@pytest.mark.parametrize(
    "text", ["getattr(mod, x)", "getattr(mod, '__dict__')", "f(mod, 'x')", "mod2.setattr(mod, 'x')"]
)
def test_other_calls_may_read_all_of_what_they_are_given(text: str) -> None:
    assert "mod" in function(text).chains


OWN_CLASS = "class C: pass\nclass D(C): pass\n"


@pytest.mark.parametrize(
    ("text", "is_any"),
    [
        (OWN_CLASS + "C.__subclasses__()", False),
        (OWN_CLASS + "C = a\nC.__subclasses__()", True),
        ("class a: pass\na.__subclasses__()", True),
        ("C.__subclasses__()", True),
    ],
)
def test_only_the_function_knows_subclasses_of_a_class_it_defines(text: str, is_any: bool) -> None:
    assert ("__subclasses__" in function(text).attrs) == is_any


@pytest.mark.parametrize(
    ("text", "is_any"),
    [
        ("a.__globals__['__builtins__']", False),
        ("a.__globals__['__builtins__'] = c", True),
        ("a.__globals__['other']", True),
        ("a.__globals__[c]", True),
    ],
)
def test_the_builtins_of_a_function_are_those_of_all(text: str, is_any: bool) -> None:
    assert function(text).imports_computed == is_any


@pytest.mark.parametrize(
    ("text", "is_any"),
    [
        ("sys.modules[a.__module__]", False),
        ("a.__module__ in sys.modules", False),
        ("sys.modules[__name__]", False),
        ("'x' in sys.modules", False),
        ("sys.modules.get('x')", False),
        ("sys.modules[a]", True),
        ("a in sys.modules", True),
        ("sys.modules[a + '.b']", True),
        ("list(sys.modules)", True),
        ("len(sys.modules)", True),
        ("sys.modules.keys()", True),
    ],
)
def test_it_is_known_who_asks_for_modules_without_naming_them(text: str, is_any: bool) -> None:
    assert asks_for_modules(function(text)) == is_any
