"""What a statement of a module saw in a register when it was evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

REGISTER: Final = """
R = {}
def register(name):
    def decorate(f):
        R[name] = f
        return f
    return decorate
def names(): return list(R)
"""
LOOKS: Final = {
    "all": "NAMES = list(reg.R)",
    "loop": "NAMES = []\nfor name in reg.R: NAMES.append(name)",
    "function": "NAMES = reg.names()",
    "class": "class K:\n    found = tuple(reg.R)\nNAMES = list(K.found)",
    "default": "def get(found=tuple(reg.R)): return found\nNAMES = list(get())",
}
EDITS: Final = {
    "the order of what is entered": ("app/__init__.py", "reg, a, b, look", "reg, b, a, look"),
    "what is entered before": ("app/__init__.py", "reg, a, b, look", "reg, a, look, b"),
    "whether it is entered before": ("app/__init__.py", "reg, a, b, look", "reg, a, look"),
    "what is entered": ("app/b.py", '("b")', '("c")'),
}


@pytest.fixture
def registering(suite: Suite) -> Suite:
    suite.write("app/__init__.py", "from app import reg, a, b, look\n")
    suite.write("app/reg.py", REGISTER)
    for name in "ab":
        suite.write(
            f"app/{name}.py",
            f'from app.reg import register\n@register("{name}")\ndef f(): return 1\n',
        )
    suite.write(
        "test_it.py",
        """
        from app import a, b, look

        def test_names(): assert look.NAMES == ["a", "b"]
        def test_other(): assert look.OTHER == 3
        def test_a(): assert a.f() == 1
        """,
    )
    return suite


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_who_uses_what_it_made_of_it_runs(
    registering: Suite, look: str, edit: tuple[str, str, str]
) -> None:
    suite = registering
    suite.write("app/look.py", f"from app import reg\n{look}\nOTHER = 3\n")
    suite.warm()
    suite.edit(*edit)
    for _ in range(2):  # the second time nothing but what failed is imported
        ran = suite.both()
        assert ran.names == ["test_names"]
        assert "failed" in ran.outcomes["test_it.py::test_names"]
    suite.edit(edit[0], edit[2], edit[1])
    assert suite.both().live == []


def test_what_is_entered_later_concerns_nobody_who_looked_before(registering: Suite) -> None:
    suite = registering
    suite.write("app/look.py", "from app import reg\nNAMES = reg.names()\nOTHER = 3\n")
    suite.warm()
    new = 'from app.reg import register\n@register("z")\ndef f(): return 1\n'
    suite.write("test_late.py", new + "def test_late(): assert f() == 1\n")
    assert suite.both().names == ["test_late"]


def test_who_enters_something_does_not_rest_on_what_others_have_entered(suite: Suite) -> None:
    suite.write("reg.py", "L = []\ndef add(f):\n    if f not in L: L.append(f)\n    return f\n")
    for name in "ab":
        suite.write(f"{name}.py", "from reg import add\n@add\ndef f(x=1): return x\n")
    suite.write("test_a.py", "import a\ndef test_a(): assert a.f()\n")
    suite.write("test_b.py", "import b\ndef test_b(): assert b.f()\n")
    suite.warm()
    suite.edit("a.py", "x=1", "x=2")
    assert suite.both().names == ["test_a"]


def test_modules_that_run_for_it_are_imported_in_their_order(registering: Suite) -> None:
    suite = registering
    suite.write("app/__init__.py", "")
    suite.write("app/look.py", "from app import reg, a\nNAMES = reg.names()\n")
    suite.write("test_0.py", "from app import b\ndef test_0(): assert b.f() == 1\n")
    suite.write(
        "test_it.py",
        'from app import look\ndef test_names(): assert look.NAMES == ["b", "a"]\n',
    )
    suite.warm()
    suite.edit("test_0.py", "from app import b", "from app import a, b")
    assert "failed" in suite.both().outcomes["test_it.py::test_names"]
    suite.edit("test_0.py", "from app import a, b", "from app import b")
    assert suite.both().live == []
    suite.edit("test_it.py", '["b", "a"]', '["b"] + ["a"]')
    assert suite.both().names == ["test_names"]
