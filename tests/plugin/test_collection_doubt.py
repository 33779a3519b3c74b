"""Leaving out an import hides neither that it would fail now nor that it would give other tests."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

Act = Callable[["Suite"], None]


def edit(name: str, old: str, new: str) -> Act:
    return lambda suite: suite.edit(name, old, new)


def write(name: str, text: str) -> Act:
    return lambda suite: str(suite.write(name, text)) and None


def remove(name: str) -> Act:
    return lambda suite: (suite.path / name).unlink()


USES_LIB: Final = "import lib\ndef test_a(): assert lib.one()\n"
ONE: Final = "def one(): return 1\n"

UNIMPORTABLE: Final[dict[str, tuple[dict[str, str], Act]]] = {
    "a constant that nobody uses": (
        {"lib.py": "A = 1\nB = 1 / A\n" + ONE, "test_a.py": USES_LIB},
        edit("lib.py", "A = 1", "A = 0"),
    ),
    "a constant three imports away": (
        {
            "deep.py": "A = 1\nB = {1: 2}[A]\n",
            "mid.py": "import deep\n",
            "lib.py": "import mid\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "A = 1", "A = 3"),
    ),
    "a body that a constant is computed with": (
        {"lib.py": "def size(): return 1\nSIZE = 1 / size()\n" + ONE, "test_a.py": USES_LIB},
        edit("lib.py", "def size(): return 1", "def size(): return 0"),
    ),
    "a decorator of a function that nobody calls": (
        {
            "deco.py": "def known(f): return f\n",
            "lib.py": "from deco import known\n@known\ndef other(): pass\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deco.py", "return f", "raise ValueError(f)"),
    ),
    "a base class that nobody uses": (
        {
            "base.py": "class Base:\n    pass\n",
            "lib.py": "from base import Base\nclass Other(Base, dict): pass\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("base.py", "class Base:", "class Base(int):"),
    ),
    "a hook of a base class": (
        {
            "base.py": "class Base:\n    def __init_subclass__(cls): pass\n",
            "lib.py": "from base import Base\nclass Other(Base): pass\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("base.py", "(cls): pass", "(cls): raise TypeError"),
    ),
    "a name that is imported and not used": (
        {
            "deep.py": "X = 1\nY = 2\n",
            "lib.py": "from deep import X\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "X = 1\n", ""),
    ),
    "an attribute of a module that is looked up": (
        {
            "deep.py": "X = 1\nY = 2\n",
            "lib.py": "import deep\nZ = deep.X\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "X = 1\n", ""),
    ),
    "a member of a class": (
        {
            "deep.py": "class K:\n    X = 1\n    Y = 2\n",
            "lib.py": "import deep\nZ = deep.K.X\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "    X = 1\n", ""),
    ),
    "a module that goes": (
        {"deep.py": "X = 1\n", "lib.py": "import deep\n" + ONE, "test_a.py": USES_LIB},
        remove("deep.py"),
    ),
    "a module that is imported by its name": (
        {
            "deep.py": "X = 1\n",
            "lib.py": "import importlib\nM = importlib.import_module('deep')\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "X = 1", "X = 1 / 0"),
    ),
    "a module under a name that is computed": (
        {
            "deep.py": "X = 1\n",
            "lib.py": "import importlib\nM = importlib.import_module('de' + 'ep')\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "X = 1", "X = 1 / 0"),
    ),
    "a module that a function imports at import": (
        {
            "deep.py": "X = 1\n",
            "lib.py": "def load():\n    import deep\n    return 1\nload()\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "X = 1", "X = 1 / 0"),
    ),
    "a package on the way": (
        {
            "pkg/__init__.py": "X = 1\n",
            "pkg/sub.py": ONE,
            "test_a.py": "import pkg.sub\ndef test_a(): assert pkg.sub.one()\n",
        },
        edit("pkg/__init__.py", "X = 1", "X = 1 / 0"),
    ),
    "the package that the tests are in": (
        {"inner/__init__.py": "X = 1\n", "inner/test_a.py": "def test_a(): pass\n"},
        edit("inner/__init__.py", "X = 1", "X = 1 / 0"),
    ),
    "an assertion about the environment": (
        {
            "lib.py": "import os\nassert os.environ.get('MODE', '') != 'bad'\n" + ONE,
            "test_a.py": USES_LIB,
        },
        lambda suite: suite.pytester._monkeypatch.setenv("MODE", "bad"),
    ),
    "a file that is read": (
        {
            "data.txt": "1",
            "lib.py": """
                import pathlib
                N = 1 / int((pathlib.Path(__file__).parent / "data.txt").read_text())
                def one(): return 1
            """,
            "test_a.py": USES_LIB,
        },
        write("data.txt", "0"),
    ),
    "a file that is not there any more": (
        {
            "data.txt": "1",
            "lib.py": """
                import os
                assert os.path.exists(os.path.join(os.path.dirname(__file__), "data.txt"))
                def one(): return 1
            """,
            "test_a.py": USES_LIB,
        },
        remove("data.txt"),
    ),
    "a default of a function that nobody calls": (
        {
            "lib.py": "D = {'a': 1}\ndef other(x=D['a']): pass\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("lib.py", "'a': 1", "'b': 1"),
    ),
    "an annotation": (
        {
            "deep.py": "class K: pass\nclass L: pass\n",
            "lib.py": "import deep\ndef other(x: deep.K): pass\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("deep.py", "class K: pass\n", ""),
    ),
    "a syntax error": (
        {"deep.py": "X = 1\n", "lib.py": "import deep\n" + ONE, "test_a.py": USES_LIB},
        edit("deep.py", "X = 1", "X = ("),
    ),
    "a class that gains an initialiser": (
        {
            "lib.py": "def test_helper(): pass\n" + ONE,
            "test_a.py": "import lib\ndef test_a(): assert lib.one()\n",
        },
        edit("lib.py", "def one(): return 1", "one = None"),
    ),
    "what a register holds when it is looked up": (
        {
            "reg.py": "KNOWN = {}\ndef add(name): KNOWN[name] = 1\n",
            "fill.py": "import reg\nreg.add('a')\n",
            "lib.py": "import reg, fill\nX = reg.KNOWN['a']\n" + ONE,
            "test_a.py": USES_LIB,
        },
        edit("fill.py", "'a'", "'b'"),
    ),
    "the folder that another module put on the path": (
        {
            "a/test_x.py": "def test_x(): pass\n",
            "a/helper.py": "two = 2\n",
            "b/test_y.py": "import helper\ndef test_y(): assert helper.two\n",
        },
        remove("a/test_x.py"),
    ),
}

OTHERWISE: Final[dict[str, tuple[dict[str, str], Act]]] = {
    "a condition of skipif": (
        {
            "flags.py": "SLOW = False\n",
            "test_a.py": """
                import flags, pytest
                @pytest.mark.skipif(flags.SLOW, reason="slow")
                def test_a(): pass
            """,
        },
        edit("flags.py", "False", "True"),
    ),
    "a condition of skipif given as text": (
        {
            "flags.py": "SLOW = False\n",
            "test_a.py": """
                import flags, pytest
                @pytest.mark.skipif("flags.SLOW", reason="slow")
                def test_a(): pass
            """,
        },
        edit("flags.py", "False", "True"),
    ),
    "marks of a module": (
        {
            "flags.py": "import pytest\nMARKS = []\n",
            "test_a.py": "import flags\npytestmark = flags.MARKS\ndef test_a(): pass\n",
        },
        edit("flags.py", "[]", "[pytest.mark.skip]"),
    ),
    "a module that skips itself": (
        {
            "flags.py": "SKIP = False\n",
            "test_a.py": """
                import flags, pytest
                if flags.SKIP:
                    pytest.skip("all", allow_module_level=True)
                def test_a(): pass
            """,
        },
        edit("flags.py", "False", "True"),
    ),
    "a function that makes ids": (
        {
            "names.py": "def name_of(value): return 'a%s' % value\n",
            "test_a.py": """
                import names, pytest
                @pytest.mark.parametrize("n", [1, 2], ids=names.name_of)
                def test_a(n): pass
            """,
        },
        edit("names.py", "a%s", "b%s"),
    ),
    "what a function that makes ids calls": (
        {
            "names.py": "def start(): return 'a'\ndef name_of(n): return start() + str(n)\n",
            "test_a.py": """
                from names import name_of
                import pytest
                @pytest.mark.parametrize("n", [1, 2], ids=lambda n: name_of(n))
                def test_a(n): pass
            """,
        },
        edit("names.py", "'a'", "'b'"),
    ),
    "a name of a class that ids are made of": (
        {
            "names.py": "class Old: pass\nKIND = Old\nclass New: pass\n",
            "test_a.py": """
                import names, pytest
                @pytest.mark.parametrize("kind", [names.KIND])
                def test_a(kind): pass
            """,
        },
        edit("names.py", "KIND = Old", "KIND = type('Newer', (Old,), {})"),
    ),
    "a hook that makes parameters of a test module": (
        {
            "numbers_.py": "def some(): return [1]\n",
            "test_a.py": """
                import numbers_
                def pytest_generate_tests(metafunc):
                    metafunc.parametrize("n", numbers_.some())
                def test_a(n): pass
            """,
        },
        edit("numbers_.py", "[1]", "[1, 2]"),
    ),
    "a register that parameters come from": (
        {
            "reg.py": "KNOWN = []\ndef add(name): KNOWN.append(name)\n",
            "fill.py": "import reg\nreg.add('a')\n",
            "test_a.py": """
                import reg, fill, pytest
                @pytest.mark.parametrize("name", reg.KNOWN)
                def test_a(name): pass
            """,
        },
        edit("fill.py", "reg.add('a')", "reg.add('a')\nreg.add('b')"),
    ),
    "a conftest that appears": (
        {"sub/test_a.py": "def test_a(): pass\n"},
        write(
            "sub/conftest.py",
            """
            def pytest_collection_modifyitems(items):
                items[:] = [item for item in items if item.name != "test_a"]
            """,
        ),
    ),
    "a conftest that goes": (
        {
            "sub/conftest.py": "import pytest\n@pytest.fixture\ndef thing(): return 1\n",
            "sub/test_a.py": "def test_a(thing): pass\n",
        },
        remove("sub/conftest.py"),
    ),
    "a fixture that a conftest overrides": (
        {
            "conftest.py": "import pytest\n@pytest.fixture\ndef thing(): return 1\n",
            "sub/conftest.py": "",
            "sub/test_a.py": "def test_a(thing): assert thing == 1\n",
        },
        write("sub/conftest.py", "import pytest\n@pytest.fixture\ndef thing(): return 2\n"),
    ),
    "a module that becomes a package": (
        {
            "lib.py": "CASES = [1]\n",
            "test_a.py": """
                import lib, pytest
                @pytest.mark.parametrize("n", lib.CASES)
                def test_a(n): pass
            """,
        },
        write("lib/__init__.py", "CASES = [1, 2]\n"),
    ),
    "a test that goes": (
        {"test_a.py": "def test_a(): pass\ndef test_b(): pass\n"},
        edit("test_a.py", "def test_b(): pass\n", ""),
    ),
    "a test file that goes": (
        {"test_a.py": "def test_a(): pass\n", "test_b.py": "def test_b(): pass\n"},
        remove("test_b.py"),
    ),
    "a test that is not called one any more": (
        {
            "lib.py": "class Thing:\n    pass\n",
            "test_a.py": "from lib import Thing as TestThing\ndef test_a(): pass\n",
        },
        edit("lib.py", "    pass", "    def test_more(self): pass"),
    ),
    "an attribute that hides a class from collection": (
        {
            "lib.py": "class Base:\n    X = 1\n    def test_one(self): pass\n",
            "test_a.py": "import lib\nclass TestIt(lib.Base): pass\ndef test_a(): pass\n",
        },
        edit("lib.py", "X = 1", "__test__ = False"),
    ),
    "a variable that parameters come from": (
        {
            "test_a.py": """
                import os, pytest
                @pytest.mark.parametrize("n", os.environ.get("CASES", "1").split())
                def test_a(n): pass
            """,
        },
        lambda suite: suite.pytester._monkeypatch.setenv("CASES", "1 2"),
    ),
}


def _begin(suite: Suite, files: dict[str, str]) -> None:
    for name, text in files.items():
        suite.write(name, text)
    suite.pytester.syspathinsert()
    suite.both()
    again = suite.both()
    assert again.live == []
    assert not [name for name in again.imported if "test_" in name]


@pytest.mark.parametrize("case", UNIMPORTABLE)
def test_a_module_that_cannot_be_imported_any_more_is_an_error(suite: Suite, case: str) -> None:
    files, act = UNIMPORTABLE[case]
    suite.write("test_z.py", "def test_z(): pass\n")
    _begin(suite, files)
    act(suite)
    plain, cached = suite.plain(), suite.cached()
    assert plain.code != 0
    assert (cached.code, cached.outcomes) == (plain.code, plain.outcomes)
    again = suite.cached()
    assert (again.code, again.outcomes) == (plain.code, plain.outcomes)
    on = suite.both("--continue-on-collection-errors")
    assert "test_z.py::test_z" in on.outcomes


@pytest.mark.parametrize("live", [False, True], ids=["nothing else runs", "another runs, too"])
def test_what_could_not_be_foreseen_is_an_error_of_collection(suite: Suite, live: bool) -> None:
    """The record says that it can be imported, and it cannot: no trace of us in what is said."""
    suite.write("lib.py", ONE)
    suite.write("test_a.py", 'import lib, os\nos.environ["A"] = "1"\ndef test_a(): pass\n')
    suite.write("test_b.py", "import lib\ndef test_b(): assert lib.one()\n")
    suite.pytester.syspathinsert()
    suite.write("plugin.py", "")
    suite.both()
    assert suite.both().live == []
    if live:
        suite.edit("lib.py", "return 1", "return 2")
    # Beyond what can be seen: the interpreter does not find it any more.
    with pytest.MonkeyPatch.context() as patch:
        real = importlib.import_module

        def refuse(name: str, package: str | None = None) -> object:
            if name == "test_a":
                raise ImportError(name)
            return real(name, package)

        patch.setattr(importlib, "import_module", refuse)
        plain, cached = suite.plain(), suite.cached()
    assert "INTERNALERROR" not in cached.text
    if live:
        assert (plain.code, plain.outcomes) == (cached.code, cached.outcomes)


@pytest.mark.parametrize("case", OTHERWISE)
def test_other_tests_than_before_are_found(suite: Suite, case: str) -> None:
    files, act = OTHERWISE[case]
    suite.write("test_z.py", "def test_z(): pass\n")
    _begin(suite, files)
    before = suite.plain().outcomes
    act(suite)
    changed = suite.both()
    assert changed.outcomes != before
    assert suite.both().outcomes == changed.outcomes


def test_a_module_without_those_that_put_its_folders_on_the_path(suite: Suite) -> None:
    suite.write("a/test_x.py", "def test_x(): pass\n")
    suite.write("a/helper.py", "two = 2\n")
    suite.write("b/test_y.py", "import helper\ndef test_y(): assert helper.two\n")
    suite.both()
    assert suite.both().live == []
    for args in (("b/test_y.py",), ("--co", "b/test_y.py"), ("b", "a"), ()):
        plain, cached = suite.plain(*args), suite.cached(*args)
        assert (plain.code, plain.outcomes) == (cached.code, cached.outcomes)
        assert ("error" in plain.text.lower()) is ("error" in cached.text.lower())


LEFT_BEHIND: Final = {
    "what a decorator of pytest's does": """
        import lib, pytest
        @pytest.mark.parametrize("n", [lib.add("a")])
        def test_a(n): pass
    """,
    "what a function that makes ids does": """
        import lib, pytest
        def name_of(value):
            lib.add("a")
            return "one"
        @pytest.mark.parametrize("n", [1], ids=name_of)
        def test_a(n): pass
    """,
    "what its own hook does": """
        import lib
        def pytest_generate_tests(metafunc):
            lib.add("a")
        def test_a(): pass
    """,
    "what a function does that it calls": """
        import lib
        def fill():
            for name in "a":
                lib.add(name)
            return 1
        X = fill()
        def test_a(): pass
    """,
    "what a class body does": """
        import lib
        class TestIt:
            lib.add("a")
            def test_a(self): pass
    """,
    "what it imports by name": """
        import importlib
        M = importlib.import_module("fill")
        def test_a(): pass
    """,
    "what it imports under a computed name": """
        import importlib
        M = importlib.import_module("fi" + "ll")
        def test_a(): pass
    """,
    "what it imports in a function": """
        def load():
            import fill
            return fill
        M = load()
        def test_a(): pass
    """,
    "what pytest imports for it": """
        import pytest
        fill = pytest.importorskip("fill")
        def test_a(): pass
    """,
    "what a decorator that it uses does": """
        import lib
        @lib.known
        def helper(): pass
        def test_a(): pass
    """,
    "what a dictionary of the module is for": """
        import lib
        vars(lib)["KNOWN"].append("a")
        def test_a(): pass
    """,
    "what setattr does": """
        import lib
        setattr(lib, "KNOWN", ["a"])
        def test_a(): pass
    """,
    "what an alias does": """
        from lib import KNOWN as mine
        mine += ["a"]
        def test_a(): pass
    """,
    "what a loop does": """
        from lib import KNOWN
        for name in "a":
            KNOWN.append(name)
        def test_a(): pass
    """,
    "what a metaclass does": """
        import lib
        class Thing(metaclass=lib.Meta): pass
        def test_a(): pass
    """,
}


@pytest.mark.parametrize("case", LEFT_BEHIND)
@pytest.mark.parametrize("how", ["asserts", "expects to fail", "skips itself"])
def test_what_an_import_leaves_behind_is_there_for_who_runs(
    suite: Suite, case: str, how: str
) -> None:
    """Also where who runs without it would not fail, but skip itself, or fail as is expected."""
    body = {
        "asserts": "def test_b(): assert lib.one() and lib.KNOWN\n",
        "expects to fail": """
            @pytest.mark.xfail
            def test_b(): assert lib.one() and not lib.KNOWN
        """,
        "skips itself": """
            def test_b():
                if lib.one() and not lib.KNOWN:
                    pytest.skip("nothing known")
        """,
    }[how]
    suite.write(
        "lib.py",
        """
        KNOWN = []
        def add(name): KNOWN.append(name)
        def known(f):
            KNOWN.append(f.__name__)
            return f
        class Meta(type):
            def __init__(cls, *args):
                KNOWN.append(cls.__name__)
        def one(): return 1
        """,
    )
    suite.write("fill.py", "import lib\nlib.add('a')\n")
    suite.write("test_a.py", LEFT_BEHIND[case])
    suite.write("test_b.py", "import lib, pytest\n" + textwrap.dedent(body))
    suite.pytester.syspathinsert()
    suite.both()
    assert suite.both().live == []
    suite.edit("lib.py", "def one(): return 1", "def one(): return 10")
    again = suite.both()
    assert again.live == ["test_b.py::test_b"]


@pytest.mark.parametrize(
    "text",
    [
        "if 'test_a' not in sys.modules: pytest.skip('alone')",
        "assert 'test_a' not in sys.modules",
        "names = vars(sys)['mod' + 'ules']\n    if 'test_a' not in names: pytest.skip('alone')",
        "pytest.importorskip('not_there')",
    ],
    ids=["skips itself", "fails", "skips itself by ways that cannot be seen", "is skipped anyway"],
)
@pytest.mark.parametrize("mark", ["", "@pytest.mark.xfail(strict=True)"], ids=["", "xfail"])
def test_who_looks_for_modules_finds_them(suite: Suite, text: str, mark: str) -> None:
    """Who is skipped or fails as expected runs again with everything imported."""
    suite.write("lib.py", ONE)
    suite.write("test_a.py", "import lib\ndef test_a(): pass\n")
    suite.write(
        "test_b.py",
        f"import lib, pytest, sys\n{mark}\ndef test_b():\n    assert lib.one()\n    {text}\n",
    )
    suite.pytester.syspathinsert()
    suite.both()
    suite.edit("lib.py", "return 1", "return 2")
    assert "test_b.py::test_b" in suite.both().live


def test_a_test_that_fails_for_good_is_reported_with_everything_imported(suite: Suite) -> None:
    suite.write("lib.py", ONE)
    suite.write("test_a.py", "import lib\ndef test_a(): pass\n")
    suite.write("test_b.py", "import lib\ndef test_b(): assert lib.one() == 1\n")
    suite.pytester.syspathinsert()
    suite.both()
    suite.edit("lib.py", "return 1", "return 2")
    for _ in range(2):
        failed = suite.both()
        assert failed.code == 1
        assert failed.decisions["test_a.py::test_a"]["source"] == "cached"


@pytest.mark.parametrize(
    ("test", "init"),
    [
        ('assert __name__ == "test_it"', "checks/__init__.py"),
        ('assert __import__("beside_it")', "checks/__init__.py"),
        ('assert __name__ == "checks.deep.test_it"', "__init__.py"),
    ],
    ids=["name", "what is beside", "package above"],
)
def test_a_package_that_appears_gives_test_modules_another_name(
    suite: Suite, test: str, init: str
) -> None:
    folder = "checks" if init != "__init__.py" else "checks/deep"
    if folder != "checks":
        suite.write("checks/__init__.py", "")
        suite.write("checks/deep/__init__.py", "")
    suite.write(f"{folder}/beside_it.py", "")
    suite.write(f"{folder}/test_it.py", f"def test_it(): {test}\n")
    suite.warm()
    suite.write(init, "")
    assert suite.both().code == 1
