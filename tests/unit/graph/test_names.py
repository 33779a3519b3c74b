from __future__ import annotations

from typing import Any

from pytest_cellcache.graph.names import Names


def keys(world: Any, path: str, chain: str) -> set[str]:
    return {str(key) for key in Names(world.project()).resolve(path, chain).keys}


def imported(world: Any, path: str, spec: str) -> set[str]:
    return {str(key) for key in Names(world.project()).resolve_import(path, spec).keys}


def test_a_name_of_the_module_itself(world: Any) -> None:
    world.write(a="X = 1")
    assert keys(world, "a.py", "X.y") == {"name a.py::X"}


def test_a_name_that_nothing_binds_is_recorded_as_absent(world: Any) -> None:
    world.write(a="")
    assert keys(world, "a.py", "X") == {"name a.py::X"}


def test_from_import_leads_to_the_binding(world: Any) -> None:
    world.write(a="from b import X as Y", b="X = 1")
    assert {"name a.py::Y", "name b.py::X", "effects b.py", "module b"} <= keys(world, "a.py", "Y")


def test_an_attribute_of_a_module_leads_to_the_binding(world: Any) -> None:
    world.write(a="import b", b="X = 1\nY = 1")
    found = keys(world, "a.py", "b.X.z")
    assert "name b.py::X" in found
    assert "name b.py::Y" not in found


def test_import_of_a_submodule_binds_the_package(world: Any) -> None:
    world.write(a="import p.q.r", p____init__="", p__q____init__="", p__q__r="X = 1")
    found = keys(world, "a.py", "p.q.r.X")
    assert {"effects p/__init__.py", "effects p/q/__init__.py", "name p/q/r.py::X"} <= found


def test_import_as_binds_the_submodule(world: Any) -> None:
    world.write(a="import p.q as m", p____init__="", p__q="X = 1")
    assert "name p/q.py::X" in keys(world, "a.py", "m.X")


def test_relative_imports(world: Any) -> None:
    world.write(
        p____init__="",
        p__a="from .b import X\nfrom . import b\nfrom ..p.b import X as Z",
        p__b="X = 1",
    )
    for chain in ("X", "b.X", "Z"):
        assert "name p/b.py::X" in keys(world, "p/a.py", chain)


def test_reexports_are_followed(world: Any) -> None:
    world.write(
        a="from p import X", p____init__="from .b import X", p__b="from .c import X", p__c="X = 1"
    )
    found = keys(world, "a.py", "X")
    assert {"name p/__init__.py::X", "name p/b.py::X", "name p/c.py::X"} <= found


def test_every_binding_of_a_conditional_import_counts(world: Any) -> None:
    world.write(
        a="try:\n    from b import X\nexcept ImportError:\n    from c import X",
        b="X = 1",
        c="X = 2",
    )
    assert {"name b.py::X", "name c.py::X"} <= keys(world, "a.py", "X")


def test_star_imports_consult_the_list_of_exports(world: Any) -> None:
    world.write(a="from b import *", b="__all__ = ['X']\nX = 1")
    assert {"name b.py::X", "export b.py::X"} <= keys(world, "a.py", "X")
    world.write(b="__all__ = ['X']\n__all__ += ['Y']\nX = 1")
    assert {"name b.py::X", "name b.py::__all__"} <= keys(world, "a.py", "X")


def test_a_star_import_may_rebind_what_the_module_binds(world: Any) -> None:
    world.write(a="X = 0\nfrom b import *", b="X = 1")
    assert {"name a.py::X", "name b.py::X"} <= keys(world, "a.py", "X")


def test_a_name_may_appear_in_a_star_imported_module(world: Any) -> None:
    world.write(a="from b import *", b="")
    assert {"name a.py::len", "name b.py::len"} <= keys(world, "a.py", "len")


def test_annotations_of_a_module_are_those_of_all_its_statements(world: Any) -> None:
    world.write(a="import b", b="X: int")
    assert "surface b.py" in keys(world, "a.py", "b.__annotations__")
    assert "surface b.py" in keys(world, "b.py", "__annotations__")
    assert "surface b.py" not in keys(world, "b.py", "X")


def test_star_import_asks_getattr_what_there_is(world: Any) -> None:
    asked = "X = 1\ndef __getattr__(name): return [name]"
    world.write(a="from b import *", b=asked)
    assert {"whole b.py", "surface b.py"} <= keys(world, "a.py", "X")
    world.write(b=f"__all__ = ['X']\n{asked}")
    assert "whole b.py" not in keys(world, "a.py", "X")


def test_a_module_used_as_a_value_counts_with_all_that_it_evaluates(world: Any) -> None:
    world.write(a="import b", b="X = 1")
    assert {"surface b.py", "effects b.py"} <= keys(world, "a.py", "b")
    assert "surface b.py" not in keys(world, "a.py", "b.X")


def test_all_that_a_module_evaluates(world: Any) -> None:
    """Bodies count where they run: the surface is everything else, new names included."""
    text = "X = 1\ndef f(a=1): return 1\nclass K:\n    V = 1\n    def m(self): return 1\n"
    world.write(b=text)
    before = world.digest("surface", "b.py")
    for body in ("def f(a=1): return 2", "def m(self): return 2"):
        name = body.partition("return")[0]
        world.write(b=text.replace(name + "return 1", body))
        assert world.digest("surface", "b.py") == before
    for old, new in [("X = 1", "X = 2"), ("a=1", "a=2"), ("V = 1", "V = 2")]:
        world.write(b=text.replace(old, new))
        assert world.digest("surface", "b.py") != before
    for added in ("Y = 1", "import os", "print(1)", "from __future__ import annotations"):
        world.write(b=added + "\n" + text)
        assert world.digest("surface", "b.py") != before
    world.write(b="(")
    assert world.digest("surface", "b.py") != before


def test_a_module_that_serves_attributes_by_function(world: Any) -> None:
    world.write(a="import b", b="def __getattr__(name): return 1")
    assert {"name b.py::X", "name b.py::__getattr__"} <= keys(world, "a.py", "b.X")


def test_a_function_that_serves_attributes_may_appear(world: Any) -> None:
    world.write(a="import b", b="Y = 1")
    assert "name b.py::__getattr__" in keys(world, "a.py", "b.X")
    assert "name b.py::__getattr__" not in keys(world, "a.py", "b.Y")


def test_namespace_packages_need_no_file(world: Any) -> None:
    world.write(a="import n.m", n__m="X = 1")
    assert "name n/m.py::X" in keys(world, "a.py", "n.m.X")


def test_import_cycles_end(world: Any) -> None:
    world.write(a="from b import X", b="from a import X")
    assert {"name a.py::X", "name b.py::X"} <= keys(world, "a.py", "X")


def test_a_name_of_the_package_hides_the_submodule(world: Any) -> None:
    world.write(a="import p", p____init__="q = 1", p__q="X = 1")
    assert "name p/q.py::X" not in keys(world, "a.py", "p.q.X")


def test_a_submodule_imported_by_its_package_is_followed(world: Any) -> None:
    world.write(a="import p", p____init__="from . import q", p__q="X = 1")
    assert "name p/q.py::X" in keys(world, "a.py", "p.q.X")


def test_a_module_that_is_not_there_is_recorded_by_its_search(world: Any) -> None:
    world.write(a="import b")
    before = world.digest("module", "", "b")
    assert "module b" in keys(world, "a.py", "b.X")
    world.write(b="X = 1")
    assert world.digest("module", "", "b") != before


def test_a_package_takes_the_place_of_a_module(world: Any) -> None:
    world.write(b="X = 1")
    before = world.digest("module", "", "b")
    world.write(b____init__="X = 2")
    assert world.digest("module", "", "b") != before


def test_imports_in_functions(world: Any) -> None:
    world.write(a="", b="X = 1\nY = 2")
    assert "name b.py::X" in imported(world, "a.py", "b:X")
    assert "surface b.py" in imported(world, "a.py", "b:*")
    assert not {"name b.py::Y", "surface b.py"} & imported(world, "a.py", "b:X")


def test_dotted_constants(world: Any) -> None:
    world.write(a="", p____init__="", p__b="X = 1")
    found = Names(world.project()).resolve_dotted("p.b.X")
    assert "name p/b.py::X" in {str(key) for key in found.keys}
    assert not Names(world.project()).resolve_dotted("no.such.thing").bindings


def test_what_code_uses_of_a_module_that_it_imports_is_followed_part_by_part(world: Any) -> None:
    world.write(a="", p____init__="", p__q="X = 1\nY = 2")
    found = imported(world, "a.py", "p:q.X.real")
    assert "name p/q.py::X" in found
    assert not {"name p/q.py::Y", "surface p/q.py"} & found
    assert "surface p/q.py" not in imported(world, "a.py", "p:q")
    assert "surface p/q.py" in imported(world, "a.py", "p:q.*")
