"""Modules that tests import first: an import in them that fails then is the test's failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
import os
from other import used, also
def f(): return used()
"""
OTHER: Final = """
def used(): return 1
def also(): return 2
def more(): return 3
"""
IMPORTING: Final = {
    "statement": "import lib",
    "name": "from lib import f",
    "by another module": "import outer",
    "computed": "__import__('importlib').import_module('l' + 'ib')",
}


class Edit(NamedTuple):
    """An edit of a file, and whether the test fails then."""

    file: str
    old: str
    new: str
    fails: bool


EDITS: Final = {
    "a name that a standard module lacks": Edit("lib.py", "import os", "from os import no", True),
    "the same beside others": Edit(
        "lib.py", "import os", "import os\nfrom json import dumps, no", True
    ),
    "a submodule that is not there": Edit("lib.py", "import os", "import os, xml.no", True),
    "a name that an installed module lacks": Edit(
        "lib.py", "import os", "import os\nfrom packaging import no", True
    ),
    "a name of the project that goes": Edit("other.py", "def also", "def other", True),
    "a name of the project that is bound elsewhere": Edit(
        "other.py", "def also(): return 2", "from os import sep as also", False
    ),
    "another name that goes": Edit("other.py", "def more", "def other", False),
    "an import that closes a circle": Edit(
        "other.py", "def more", "from lib import f\ndef more", True
    ),
    "an import of a module that fails": Edit("lib.py", "import os", "import os, failing", True),
    "an import of another module": Edit("lib.py", "import os", "import os, binding", False),
}


CASES: Final = [(how, "a name that a standard module lacks") for how in IMPORTING] + [
    ("statement", edit) for edit in list(EDITS)[1:]
]


@pytest.mark.parametrize(("how", "edit"), CASES)
def test_an_import_that_comes_to_fail_fails_who_is_the_first_to_import(
    suite: Suite, how: str, edit: str
) -> None:
    statement, (file, old, new, fails) = IMPORTING[how], EDITS[edit]
    suite.write("lib.py", LIB)
    suite.write("other.py", OTHER)
    suite.write("outer.py", "import lib\n")
    suite.write("failing.py", "V = W\n")
    suite.write("binding.py", "V = 1\n")
    suite.write("test_a.py", f"def test_a():\n    {statement}\ndef test_b():\n    {statement}\n")
    suite.warm()
    suite.edit(file, old, new)
    ran = suite.both()
    assert {"call:failed" in outcome for outcome in ran.outcomes.values()} == {fails}
    suite.edit(file, new, old)
    assert suite.both().code == 0


HALF: Final = {
    "statement": ("", "    import lib.core as core"),
    "computed": ("", "    core = __import__('importlib').import_module('lib.' + 'core')"),
    "told in other words": (
        "",
        "    try: import lib.core as core\n    except NameError: pytest.fail('no core')",
    ),
    "fixture": ("core", ""),
}


@pytest.mark.parametrize("how", HALF)
def test_a_package_that_comes_to_fail_is_not_half_there_when_a_failure_is_confirmed(
    suite: Suite, how: str
) -> None:
    """The part that the first attempt has imported stays: a second one would find that."""
    asked, imports = HALF[how]
    suite.write("lib/__init__.py", "from lib import core\nfrom lib import other\n")
    suite.write("lib/core.py", "def f(): return 1\n")
    suite.write("lib/other.py", "N = 1\n")
    suite.write(
        "conftest.py",
        """
        import importlib, pytest
        @pytest.fixture
        def core(): return importlib.import_module("lib." + "core")
        """,
    )
    suite.write(
        "test_a.py",
        f"import pytest\ndef test_mate(): pass\ndef test_uses({asked}):\n{imports}\n"
        f"    assert core.f() == 1\ndef test_uses_too({asked}):\n{imports}\n    assert core.f()\n",
    )
    suite.warm()
    suite.edit("lib/other.py", "N = 1", "N = undefined")
    assert suite.both().code == 1
    suite.edit("lib/other.py", "N = undefined", "N = 1")
    assert suite.both().code == 0


GONE: Final = {
    "module and folder": "sys.path.remove(FOLDER); del sys.modules['plug']",
    "folder": "sys.path.remove(FOLDER)",
    "module": "del sys.modules['plug']",
}


@pytest.mark.parametrize("what", GONE)
@pytest.mark.parametrize("use", ["import plug; assert plug.N == 1", "from plug import N as n"])
def test_a_module_counts_that_is_not_found_by_its_name_any_more(
    suite: Suite, what: str, use: str
) -> None:
    suite.write("extra/plug.py", "N = 1\ndef unused(): return 1\n")
    suite.write(
        "test_a.py",
        f"""
        import pytest, sys, os
        FOLDER = os.path.join(os.path.dirname(__file__), "extra")

        @pytest.fixture
        def extra():
            sys.path.insert(0, FOLDER)
            yield
            {GONE[what]}

        def test_uses(extra):
            {use}
            assert sys.modules["plug"].N == 1
        def test_free(): pass
        """,
    )
    suite.both()
    suite.edit("extra/plug.py", "return 1", "return 2")
    ran = suite.both()
    assert "test_free" not in ran.names
    suite.edit("extra/plug.py", "N = 1", "N = 2")
    ran = suite.both()
    assert ran.names == ["test_uses"]
    assert ran.code == 1


class First(NamedTuple):
    """What the first importer of a module does to it or for it, and what others find then."""

    first: str
    """Body of the test that imports it first."""
    then: str
    """What another test asserts that comes later."""
    edited: str
    """The same in other words."""


FIRST: Final = {
    "a change of its state": First(
        "import mod; mod.ITEMS.append(1)", "import mod; assert mod.ITEMS == [1]", "[1] == mod.ITEMS"
    ),
    "another value of a global": First(
        "import mod; mod.MODE = 'b'", "import mod; assert mod.MODE == 'b'", "'b' == mod.MODE"
    ),
    "a variable that does not last": First(
        "monkeypatch.setenv('MOD_MODE', 'b'); import mod",
        "import mod; assert mod.MODE == 'b'",
        "'b' == mod.MODE",
    ),
    "a function that does not last": First(
        "monkeypatch.setattr(base, 'value', lambda: 'b'); import mod",
        "import mod; assert mod.VALUE == 'b'",
        "'b' == mod.VALUE",
    ),
    "a module that does not last": First(
        "monkeypatch.setitem(sys.modules, 'base', STUB); import mod",
        "import mod; assert mod.VALUE == 'b'",
        "'b' == mod.VALUE",
    ),
    "a module that is left": First(
        "sys.modules['fake'] = STUB",
        "import fake; assert fake.value() == 'b'",
        "'b' == fake.value()",
    ),
    "a module in the place of another": First(
        "sys.modules['mod'] = STUB",
        "import mod; assert mod.value() == 'b'",
        "'b' == mod.value()",
    ),
    "a part of a package": First(
        "pkg.part = STUB",
        "import pkg; assert pkg.part.value() == 'b'",
        "'b' == pkg.part.value()",
    ),
}


@pytest.fixture
def late(suite: Suite) -> Suite:
    suite.write("base.py", "def value(): return 'a'\n")
    suite.write(
        "mod.py",
        """
        import os
        import base
        MODE = os.environ.get("MOD_MODE", "a")
        VALUE = base.value()
        ITEMS = []
        """,
    )
    suite.write("pkg/__init__.py", "from pkg import part\n")
    suite.write("pkg/part.py", "def value(): return 'a'\n")
    suite.write(
        "test_a.py",
        """
        import sys, types
        import base, pkg
        STUB = types.ModuleType("stub")
        STUB.value = lambda: 'b'
        def test_first(monkeypatch): FIRST
        def test_other(): assert True
        """,
    )
    suite.write("test_b.py", "def test_then(): THEN\ndef test_free(): assert True\n")
    return suite


@pytest.mark.parametrize("what", FIRST)
def test_who_imports_a_module_first_counts_for_who_imports_it_then(late: Suite, what: str) -> None:
    first, then, edited = FIRST[what]
    late.edit("test_a.py", "FIRST", first)
    late.edit("test_b.py", "THEN", then)
    late.warm()
    late.edit("test_b.py", then.partition("assert ")[2], edited)
    ran = late.both()
    assert ran.code == 0
    assert ran.names == ["test_first", "test_then"]


@pytest.mark.parametrize("what", FIRST)
def test_a_test_that_comes_to_import_a_module_finds_it_as_the_first_left_it(
    late: Suite, what: str
) -> None:
    first, then, _ = FIRST[what]
    late.edit("test_a.py", "FIRST", first)
    late.edit("test_b.py", "THEN", "pass")
    late.warm()
    late.edit("test_b.py", "pass", then)
    ran = late.both()
    assert ran.code == 0
    assert "test_free" not in ran.names


ASKING: Final = {
    "the module of a class": ("cls.__module__ in sys.modules and sys.modules[cls.__module__]", 0),
    "a module by its name": ("'base' in sys.modules and sys.modules['base']", 0),
    "the module whose code runs": ("sys.modules[__name__]", 0),
    "a module by any name": ("sys.modules[cls.name]", 1),
    "whether there is one of any name": ("cls.name in sys.modules", 1),
    "all modules": ("list(sys.modules)", 1),
    "one that is taken out": ("sys.modules.pop('m' 'od', None)", 1),
}


@pytest.mark.parametrize("asked", ASKING)
def test_who_asks_for_the_module_of_what_is_there_needs_nobody(late: Suite, asked: str) -> None:
    expression, needed = ASKING[asked]
    late.write("asking.py", f"import sys\ndef ask(cls):\n    return {expression}\n")
    late.edit("test_a.py", "FIRST", "base.count = 1; import mod; assert mod.MODE == 'a'")
    late.write(
        "test_b.py",
        """
        import asking
        class Here: name = 'mod'
        def test_then(): asking.ask(Here)
        """,
    )
    late.warm()
    late.edit("test_a.py", "assert mod.MODE == 'a'", "assert 'a' == mod.MODE")
    assert late.both().names == ["test_first", "test_then"][: 1 + needed]


def test_who_imports_a_module_that_finds_nothing_special_needs_nobody(late: Suite) -> None:
    late.edit("test_a.py", "FIRST", "import mod; assert mod.MODE == 'a'")
    late.edit("test_b.py", "THEN", "import mod; assert mod.MODE == 'a'")
    late.warm()
    late.edit("test_b.py", "assert mod.MODE == 'a'", "assert 'a' == mod.MODE")
    assert late.both().names == ["test_then"]
    late.edit("test_a.py", "assert mod.MODE == 'a'", "assert 'a' == mod.MODE")
    assert late.both().names == ["test_first"]


def test_a_module_stays_a_part_of_its_package_that_a_cancelled_attempt_has_imported(
    late: Suite,
) -> None:
    late.write("pkg/late.py", "SEEN = []\ndef see(): SEEN.append(1); return len(SEEN)\n")
    late.edit("test_a.py", "FIRST", "pkg.MARK = 1")
    late.edit("test_b.py", "THEN", "import pkg.late; assert pkg.late.see() == 1")
    late.warm()
    late.edit("test_b.py", "see() == 1", "see() == 1; assert pkg.MARK == 1")
    ran = late.both()
    assert ran.code == 0
    assert ran.decisions["test_b.py::test_then"]["attempts"] == 2


def test_what_a_module_of_tests_puts_among_the_loaded_ones_counts_for_who_imports_it(
    suite: Suite,
) -> None:
    suite.write(
        "test_a.py",
        """
        import sys, types
        fake = types.ModuleType("fake")
        fake.VALUE = 1
        sys.modules["fake"] = fake
        def test_a(): assert True
        """,
    )
    suite.write("lib.py", "def value():\n    import fake\n    return fake.VALUE\n")
    suite.write("test_b.py", "import lib\ndef test_b(): assert lib.value()\ndef test_c(): pass\n")
    suite.warm()
    suite.edit("test_a.py", "fake.VALUE = 1", "fake.VALUE = 0")
    ran = suite.both()
    assert ran.code == 1
    assert "test_b" in ran.names
    assert "test_c" not in ran.names


ENTERED: Final = {
    "of a mapping": ("base.TABLE['mod'] = 1", "len(base.TABLE)"),
    "of a list": ("base.NAMES.append('mod')", "len(base.NAMES)"),
    "of a class": ("class Mine(base.Kind): pass", "len(base.Kind.known)"),
    "of subclasses": ("class Mine(base.Kind): pass", "len(base.Kind.__subclasses__())"),
    "of a global": ("base.count += 1", "base.count"),
}


@pytest.fixture(params=ENTERED)
def entering(request: pytest.FixtureRequest, suite: Suite) -> Suite:
    deed, shown = ENTERED[request.param]
    suite.write(
        "base.py",
        """
        TABLE, NAMES, count = {}, [], 0
        class Kind:
            known = {}
            def __init_subclass__(cls): Kind.known[cls.__name__] = cls
        """,
    )
    suite.write("mod.py", f"import base\n{deed}\n")
    suite.write("other.py", f"import base\n{deed.replace('mod', 'mod2')}\n")
    suite.write(
        "lib.py",
        f"""
        import base
        def load():
            import mod
            return {shown}
        """,
    )
    suite.write(
        "test_a.py",
        """
        import base, lib
        def test_free(): assert True
        def test_first(): FIRST; assert lib.load() == 1
        def test_then(): assert lib.load()
        """,
    )
    return suite


def test_what_an_import_enters_that_a_cancelled_attempt_has_made_stays(entering: Suite) -> None:
    entering.edit("test_a.py", "FIRST", "pass")
    entering.warm()
    entering.edit("test_a.py", "lib.load() == 1", "lib.load() == 2")
    for _ in range(2):
        assert entering.both().code == 1
    entering.edit("test_a.py", "lib.load() == 2", "1 == lib.load()")
    assert entering.both().code == 0


@pytest.mark.parametrize(
    "first", ["base.TABLE['own'] = base.count = 1; base.NAMES.append('own')", "import other"]
)
def test_what_an_import_enters_stays_beside_what_the_test_does(entering: Suite, first: str) -> None:
    entering.edit("test_a.py", "FIRST", first)
    entering.edit("test_a.py", "lib.load() == 1", "lib.load() in (1, 2)")
    entering.warm()
    entering.edit("test_a.py", "lib.load() in (1, 2)", "lib.load() == 3")
    for _ in range(2):
        assert entering.both().code == 1


@pytest.mark.parametrize("left", ["state", "file", "mate"])
def test_a_cancelled_attempt_imports_nothing_for_the_next_one(suite: Suite, left: str) -> None:
    """What a module looked at when it was imported is what others leave, in a plain run."""
    suite.write("lib.py", "N = [3]\ndef get(): return N[0]\n")
    suite.write("data.txt", "3")
    looks = "int(open('data.txt').read())" if left == "file" else "lib.get()"
    suite.write("late.py", f"import lib\nSEEN = {looks}\n")
    does = "open('data.txt', 'w').write('5')" if left == "file" else "lib.N[0] = 5"
    imports = "; import late" if left == "mate" else ""
    suite.write(
        "test_a.py",
        f"import lib\ndef test_leaves(): {does}{imports}\n"
        "def test_fails():\n    import late\n    assert late.SEEN != 5\n",
    )
    for _ in range(3):
        assert suite.both().code == 1
        suite.write("data.txt", "3")
