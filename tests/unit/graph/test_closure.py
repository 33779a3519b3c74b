from __future__ import annotations

from typing import Any

TEST = ("t.py", "test")


def test_a_body_rests_on_what_it_names(world: Any) -> None:
    world.write(
        t="import a\ndef test(): a.f()", a="X = 1\nY = 1\ndef f(): return X\ndef g(): return Y"
    )
    found = world.shown(TEST)
    assert {
        "body t.py::test",
        "name t.py::a",
        "name a.py::f",
        "effects a.py",
        "frame t.py",
    } <= found
    # ``f`` itself did not run; had it run, it would be a root of its own.
    assert "body a.py::f" not in found
    assert not {"name a.py::X", "name a.py::g", "body a.py::g"} & found


def test_a_module_used_as_a_value_holds_what_it_takes_by_star_imports(world: Any) -> None:
    world.write(t="import a\ndef test(): vars(a)", a="from b import *", b="from c import *", c="")
    assert {"surface a.py", "surface b.py", "surface c.py"} <= world.shown(TEST)


def test_a_value_rests_on_what_ran_to_make_it(world: Any) -> None:
    world.write(
        t="import a\ndef test(): a.X",
        a="def helper(): return 1\ndef make(): return helper()\ndef other(): pass\nX = make()",
    )
    found = world.shown(TEST, imported=[("a.py", "make"), ("a.py", "helper"), ("a.py", "other")])
    assert {"name a.py::X", "body a.py::make", "body a.py::helper"} <= found
    assert "body a.py::other" not in found
    assert "body a.py::make" not in world.shown(TEST)


def test_a_class_rests_on_its_bases(world: Any) -> None:
    world.write(
        t="import a\ndef test(): a.B()",
        a="class M(type):\n    def __new__(m, *a): return type.__new__(m, *a)\n"
        "class A(metaclass=M): pass\nclass B(A): pass\nclass C: pass",
    )
    found = world.shown(TEST, imported=[("a.py", "M.__new__")])
    assert {"name a.py::B", "name a.py::A", "name a.py::M", "body a.py::M.__new__"} <= found
    assert "name a.py::C" not in found


def test_a_decorator_that_ran_counts_for_what_it_decorates(world: Any) -> None:
    world.write(t="import a\ndef test(): a.f()", a="def deco(f): return f\n@deco\ndef f(): pass")
    assert "body a.py::deco" in world.shown(TEST, imported=[("a.py", "deco")])


def test_operators_of_values_count(world: Any) -> None:
    world.write(
        t="import b\ndef test(): b.X",
        a="class K:\n    def __add__(self, o): return 1\nk = K()",
        b="from a import k\nX = k + k",
    )
    assert "body a.py::K.__add__" in world.shown(TEST, imported=[("a.py", "K.__add__")])


def test_a_nested_function_rests_on_its_definer(world: Any) -> None:
    world.write(a="def deco(f):\n    def inner(): return f()\n    return inner\n")
    found = world.shown(("a.py", "deco.<locals>.inner"))
    assert {"body a.py::deco", "name a.py::deco"} <= found
    assert "body a.py::deco.<locals>.inner" not in world.shown(("a.py", "deco"))


def test_what_a_memo_kept_at_import_counts_for_who_asks_it(world: Any) -> None:
    world.write(
        t="import a\ndef test(): a.get()",
        a="import functools\ndef make(): return 1\n@functools.lru_cache\ndef get(): return make()\n"
        "X = get()",
    )
    ran = [("a.py", "get"), ("a.py", "make")]
    assert "body a.py::make" in world.shown(TEST, imported=ran)
    assert "body a.py::make" not in world.shown(TEST)


def test_reading_the_namespace_takes_the_whole_module(world: Any) -> None:
    world.write(t="def test(): return globals()['a']", a="")
    assert "surface t.py" in world.shown(TEST)


def test_the_effects_of_packages_on_the_way_count(world: Any) -> None:
    world.write(
        t="import p.q.m\ndef test(): p.q.m.X", p____init__="", p__q____init__="", p__q__m="X = 1"
    )
    found = world.shown(TEST)
    assert {"effects p/__init__.py", "effects p/q/__init__.py", "effects p/q/m.py"} <= found


def test_what_a_module_imports_is_run_with_it(world: Any) -> None:
    world.write(t="import a\ndef test(): a.X", a="import b\nX = 1", b="import c\nY = 1", c="Z = 1")
    found = world.shown(TEST)
    assert {"effects b.py", "effects c.py"} <= found
    assert not {"name b.py::Y", "name c.py::Z", "whole b.py"} & found


def test_dotted_constants_count(world: Any) -> None:
    world.write(t="def test(mp): mp.setattr('a.V', 1)", a="V = 0")
    assert "name a.py::V" in world.shown(TEST)


def test_footprints_do_not_depend_on_the_order_of_questions(world: Any) -> None:
    world.write(
        t="import a\ndef test(): a.f()\ndef test2(): a.g()", a="X = 1\ndef f(): X\ndef g(): f()"
    )
    assert world.shown(TEST) == world.shown(TEST)
