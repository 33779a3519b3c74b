from __future__ import annotations

from types import CodeType
from typing import Any

from pytest_cellcache.graph.locate import Locator, locate, places_of
from pytest_cellcache.model.observation import CodeRef

TEXT = """
import functools
X = [n for n in (lambda: (1, 2))()]
if X:
    def f(): return [lambda: n for n in X]

@functools.lru_cache(
    maxsize=None
)
def g():
    class Inner:
        def m(self): return (n for n in X)
    return Inner

class K:
    a = (lambda: 1)()
    @property
    def p(self): return lambda: 1
    class L:
        def q(self): pass
"""


def codes(text: str, filename: str) -> dict[str, CodeType]:
    found = {}
    stack = [compile(text, filename, "exec")]
    while stack:
        code = stack.pop()
        found[f"{code.co_name}@{code.co_firstlineno}"] = code
        stack += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found


def where(world: Any, name: str) -> set[str]:
    world.write(a=TEXT)
    filename = str(world.root / "a.py")
    text = (world.root / "a.py").read_text(encoding="utf-8")
    nodes: set[str] = set()
    for label, code in codes(text, filename).items():
        if label.partition("@")[0] == name:
            ref = CodeRef(filename, code.co_firstlineno, code.co_name)
            nodes |= {str(key) for key in locate(world.project(), ref)}
    return nodes


def test_code_is_found_by_the_def_around_it(world: Any) -> None:
    assert where(world, "f") == {"body a.py::f"}
    assert where(world, "g") == {"body a.py::g"}
    assert where(world, "m") == {"body a.py::g.<locals>.Inner.m"}
    assert where(world, "<genexpr>") == {"body a.py::g.<locals>.Inner.m"}
    assert where(world, "p") == {"body a.py::K.p"}
    assert where(world, "q") == {"body a.py::K.L.q"}


def test_lambdas_outside_of_functions_belong_to_their_statement(world: Any) -> None:
    assert where(world, "<lambda>") >= {
        "name a.py::X",
        "name a.py::K",
        "body a.py::K.p",
        "body a.py::f",
    }


def test_module_and_class_bodies_are_no_bodies(world: Any) -> None:
    assert where(world, "<module>") == {"effects a.py"}
    assert where(world, "K") == set()


def test_code_that_no_cell_explains_is_the_whole_file(world: Any) -> None:
    world.write(a="X = 1")
    ref = CodeRef(str(world.root / "a.py"), 99, "made_up")
    assert [str(key) for key in locate(world.project(), ref)] == ["whole a.py"]


def test_only_bodies_are_places(world: Any) -> None:
    world.write(a="def f(): pass")
    filename = str(world.root / "a.py")
    nodes = {*locate(world.project(), CodeRef(filename, 1, "f"))}
    nodes |= {*locate(world.project(), CodeRef(filename, 1, "<module>"))}
    assert places_of(nodes) == {("a.py", "f")}


def test_what_a_unit_made_elsewhere_is_no_source_even_if_located_before(world: Any) -> None:
    world.write(a="def f(): pass")
    locator = Locator(world.project())
    inside = CodeRef(str(world.root / "a.py"), 1, "f")
    outside = CodeRef("/elsewhere/made.zip/part.py", 1, "f")
    assert {key.kind for key in locator.keys([inside, outside])} == {"body", "whole"}
    assert locator.exact([outside], ())
    locator.note_made({"/elsewhere/made.zip", str(world.root / "a.py")})
    assert [str(key) for key in locator.keys([inside, outside])] == ["body a.py::f"]
    assert not locator.exact([outside], ())
