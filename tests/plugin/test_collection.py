"""A module whose tests all hit is not imported, and nobody can tell."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Ran, Suite

TESTS = """
    import pytest
    import lib

    pytestmark = pytest.mark.whole

    @pytest.fixture(params=["x", "y"], scope="module")
    def thing(request):
        return request.param

    @pytest.mark.parametrize("n", lib.CASES)
    def test_n(n, thing):
        assert lib.one()

    @pytest.mark.of_class(1)
    class TestIt:
        '''About it.'''
        @pytest.mark.slow(why=[1, "two"])
        def test_two(self, tmp_path):
            assert lib.two()
        @pytest.mark.xfail(raises=ValueError, reason="r")
        def test_xfail(self):
            raise ValueError
        class TestInner:
            @pytest.mark.parametrize("text", ["[", "é", ",", "a::b"])
            def test_odd(self, text): pass

    @pytest.mark.skipif("sys.platform", reason="always")
    def test_skip(): pass

    def test_last(): pass
    test_last.flavour = "vanilla"
"""
UNITTEST = """
    import unittest
    import lib

    class TestUnit(unittest.TestCase):
        @classmethod
        def setUpClass(cls): cls.value = lib.two()
        def test_unit(self): self.assertEqual(self.value, 2)
        @unittest.skip("not now")
        def test_skipped(self): pass

    def test_plain(): assert lib.one()
"""


@pytest.fixture
def stored(suite: Suite) -> Suite:
    suite.write("pytest.ini", "[pytest]\nmarkers = slow\n  whole\n  of_class\n")
    suite.write("lib.py", "CASES = [1, 2]\ndef one(): return 1\ndef two(): return 2\n")
    suite.write("test_a.py", TESTS)
    suite.write("test_b.py", UNITTEST)
    first = suite.both()
    assert first.imported == {"lib.py", "test_a.py", "test_b.py"}
    return suite


def shown(ran: Ran) -> list[str]:
    """What the terminal says, without times and what the cache says of itself."""
    text = re.sub(r"(?m)^=+ cell cache =+\n(.*\n)*?(?=\n|=)", "", ran.text)
    text = re.sub(r" ?\(cached\)|=+| +\[ *\d+%\]|[\d.]+s|0x[0-9a-f]+", "", text)
    ours = ("cell-cache:", "plugins:")
    return [line.strip() for line in text.splitlines() if line and not line.startswith(ours)]


def test_nothing_is_imported_when_nothing_changed(stored: Suite) -> None:
    again = stored.both()
    assert again.live == []
    assert again.imported == frozenset()


@pytest.mark.parametrize(
    "args",
    [
        ("-v",),
        ("-k", "n and not x"),
        ("-k", "vanilla or flavour"),
        ("-k", "whole and TestIt"),
        ("-k", "slow"),
        ("-m", "slow"),
        ("-m", "not whole"),
        ("-m", "of_class"),
        ("-m", "slow(why=3)"),
        ("--deselect", "test_a.py::TestIt"),
        ("test_a.py::TestIt::test_two",),
        ("test_a.py::test_n[x-2]", "test_b.py::TestUnit"),
        ("test_a.py::TestIt::TestInner", "-v"),
        ("test_b.py", "test_a.py"),
        ("-x",),
        ("-rA",),
        ("--tb=short",),
    ],
    ids=" ".join,
)
def test_it_looks_as_if_everything_had_been_imported(stored: Suite, args: tuple[str, ...]) -> None:
    plain = stored.plain(*args)
    cached = stored.cached(*args)
    assert cached.imported == frozenset()
    assert list(cached.outcomes.items()) == list(plain.outcomes.items())
    assert cached.code == plain.code
    assert shown(cached) == shown(plain)


@pytest.mark.parametrize("option", ["--lf", "--ff", "--nf", "--sw"])
def test_options_that_remember(stored: Suite, option: str) -> None:
    stored.edit("lib.py", "return 2", "return 0")
    results = []
    for run in (stored.plain, stored.cached):
        shutil.rmtree(stored.path / ".pytest_cache" / "v", ignore_errors=True)
        run()
        found = run(option)
        results.append((list(found.outcomes.items()), found.code))
    assert results[0] == results[1]


def test_junit_is_the_same_but_for_times(stored: Suite) -> None:
    stored.plain("--junitxml=a.xml")
    assert stored.cached("--junitxml=b.xml").imported == frozenset()
    texts = [
        re.sub(r'(time|timestamp|hostname)="[^"]*"', "", (stored.path / name).read_text())
        for name in ("a.xml", "b.xml")
    ]
    assert texts[0] == texts[1]


def test_a_module_with_a_miss_is_imported_and_the_others_are_not(stored: Suite) -> None:
    stored.write("test_c.py", "import lib\ndef test_c(): assert lib.two() == 2\n")
    stored.both()
    stored.edit("lib.py", "def one(): return 1", "def one(): return 10")
    part = stored.both()
    assert part.imported == {"lib.py", "test_a.py", "test_b.py"}
    assert set(part.names) == {
        "test_plain",
        *(f"test_n[{x}-{n}]" for x in "xy" for n in (1, 2)),
    }
    assert stored.both().imported == frozenset()


def test_a_comment_in_a_test_file_collects_it_and_runs_nothing(stored: Suite) -> None:
    path = stored.path / "test_b.py"
    path.write_text("# moved\n\n" + path.read_text(), encoding="utf-8")
    again = stored.both()
    assert again.live == []
    assert again.imported == {"test_b.py", "lib.py"}
    assert stored.both().imported == frozenset()


def test_a_new_case_in_another_module_is_found(stored: Suite) -> None:
    stored.edit("lib.py", "CASES = [1, 2]", "CASES = [1, 2, 3]")
    ran = stored.both()
    assert set(ran.names) == {"test_n[x-3]", "test_n[y-3]"}


CASES = {
    "a base class of another module gains a test": (
        {
            "base.py": "class Base:\n    def test_one(self): pass\n",
            "test_a.py": "from base import Base\nclass TestIt(Base): pass\n",
        },
        ("base.py", "pass\n", "pass\n    def test_more(self): pass\n"),
    ),
    "a module of which all names are taken gains a test": (
        {"cases.py": "def test_one(): pass\n", "test_a.py": "from cases import *\n"},
        ("cases.py", "pass\n", "pass\ndef test_more(): pass\n"),
    ),
    "a conftest gains an automatic fixture with parameters": (
        {"conftest.py": "import pytest\n", "test_a.py": "def test_one(): pass\n"},
        (
            "conftest.py",
            "import pytest\n",
            "import pytest\n@pytest.fixture(autouse=True, params=[1, 2])\ndef f(): pass\n",
        ),
    ),
    "parameters of a fixture of a conftest": (
        {
            "conftest.py": "import pytest\n@pytest.fixture(params=[1])\ndef f(request): pass\n",
            "test_a.py": "def test_one(f): pass\n",
        },
        ("conftest.py", "[1]", "[1, 2]"),
    ),
    "parameters of a fixture that was imported": (
        {
            "fix.py": "import pytest\n@pytest.fixture(params=[1])\ndef f(request): pass\n",
            "test_a.py": "from fix import f\ndef test_one(f): pass\n",
        },
        ("fix.py", "[1]", "[1, 2]"),
    ),
    "a hook that makes parameters": (
        {
            "conftest.py": """
                from helper import numbers
                def pytest_generate_tests(metafunc):
                    if "n" in metafunc.fixturenames:
                        metafunc.parametrize("n", numbers())
            """,
            "helper.py": "def numbers(): return [1]\n",
            "test_a.py": "def test_one(n): pass\n",
        },
        ("helper.py", "[1]", "[1, 2]"),
    ),
    "a file that parameters are read from": (
        {
            "data.txt": "1",
            "test_a.py": """
                import pathlib, pytest
                here = pathlib.Path(__file__).parent
                @pytest.mark.parametrize("n", (here / "data.txt").read_text().split())
                def test_one(n): pass
            """,
        },
        ("data.txt", "1", "1 2"),
    ),
    "an ini value that says what a test is called": (
        {
            "pytest.ini": "[pytest]\npython_functions = test_*\n",
            "test_a.py": "def test_one(): pass\ndef check_two(): pass\n",
        },
        ("pytest.ini", "test_*", "test_* check_*"),
    ),
    "a function that makes tests at import": (
        {
            "make.py": """
                def make(names):
                    for n in 'a':
                        names["test_" + n] = eval("lambda: None")
            """,
            "test_a.py": "from make import make\nmake(globals())\n",
        },
        ("make.py", "'a'", "'ab'"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_decides_which_tests_there_are_is_noticed(suite: Suite, case: str) -> None:
    files, edit = CASES[case]
    for name, text in files.items():
        suite.write(name, text)
    suite.both()
    assert suite.both().live == []
    suite.edit(*edit)
    changed = suite.both()
    assert len(changed.outcomes) >= 1
    suite.both()


def test_directories_and_variables_that_parameters_come_from(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write("cases/one.txt", "")
    suite.write(
        "test_a.py",
        """
        import os, pathlib, pytest
        folder = pathlib.Path(__file__).parent / "cases"
        @pytest.mark.parametrize("name", sorted(os.listdir(folder)))
        @pytest.mark.parametrize("count", range(int(os.environ.get("COUNT", "1"))))
        def test_one(name, count): pass
        """,
    )
    suite.both()
    assert suite.both().imported == frozenset()
    suite.write("cases/two.txt", "")
    assert len(suite.both().outcomes) == 2
    monkeypatch.setenv("COUNT", "2")
    assert len(suite.both().outcomes) == 4


@pytest.mark.parametrize(
    "value",
    [
        "datetime.datetime.now().isoformat()",
        "time.time()",
        "random.random()",
        "str(uuid.uuid4())",
        "clock()",
    ],
)
def test_parameters_of_the_moment_are_made_anew_each_time(suite: Suite, value: str) -> None:
    suite.write("helper.py", "import time\ndef clock(): return time.time()\n")
    suite.write(
        "test_a.py",
        f"""
        import datetime, random, time, uuid
        import pytest
        from helper import clock
        @pytest.mark.parametrize("v", [{value}])
        def test_one(v): pass
        """,
    )
    first, second = suite.cached(), suite.cached()
    assert "test_a.py" in second.imported
    assert first.outcomes.keys() != second.outcomes.keys()


def test_tests_that_are_never_asked_for_keep_nothing_from_being_left_out(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\nmarkers = slow\naddopts = -m 'not slow'\n")
    suite.write(
        "test_a.py",
        """
        import pytest
        @pytest.mark.slow
        @pytest.mark.parametrize("n", range(3))
        def test_slow(n): assert n < 3
        def test_quick(): pass
        class TestIt:
            @pytest.mark.slow
            def test_slow(self): pass
        """,
    )
    suite.both()
    again = suite.both()
    assert again.imported == frozenset()
    assert list(again.outcomes) == ["test_a.py::test_quick"]
    slow = suite.both("-m", "slow")
    assert slow.imported == {"test_a.py"}
    assert len(slow.outcomes) == 4
    assert suite.both("-m", "slow").names == []
    assert suite.both().imported == frozenset()


def test_a_clock_in_the_marks_of_one_module_concerns_no_other(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import tempfile
        import pytest
        def may_write():
            with tempfile.TemporaryDirectory() as folder:
                return bool(open(folder + "/x", "w"))
        @pytest.mark.skipif(not may_write(), reason="read-only")
        def test_one(): pass
        """,
    )
    suite.write("test_b.py", "def test(): pass")
    suite.both()
    assert suite.both().imported == {"test_a.py"}


def test_markers_are_still_checked(suite: Suite) -> None:
    suite.write("test_a.py", "import pytest\n@pytest.mark.nobody_knows_it\ndef test(): pass\n")
    assert "PytestUnknownMarkWarning" in suite.both().text
    again = suite.both()
    assert again.imported == frozenset()
    assert "PytestUnknownMarkWarning" in again.text
    assert suite.both("--strict-markers").code == pytest.ExitCode.INTERRUPTED


def test_duplicates_are_collected_for_real(stored: Suite) -> None:
    args = ("test_a.py", "test_a.py::test_last", "--keep-duplicates", "-v")
    assert shown(stored.cached(*args)) == shown(stored.plain(*args))


def test_warnings_of_collection_are_given_again(suite: Suite) -> None:
    suite.write("old.py", "import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    suite.write(
        "test_a.py", "import old\nclass TestA:\n    def __init__(self): pass\ndef test(): pass"
    )
    suite.write("test_b.py", "import old\ndef test(): pass\n")
    first = suite.both()
    again = suite.both()
    assert again.imported == frozenset()
    for ran in (first, again):
        assert ran.text.count("DeprecationWarning: old") == 1
        assert ran.text.count("cannot collect test class 'TestA'") == 1
        assert "2 warnings" in ran.text


def test_hooks_see_marks_and_names_and_may_add_marks(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\nmarkers = slow\n  added\n")
    suite.write(
        "conftest.py",
        """
        import pytest
        def pytest_itemcollected(item):
            item.user_properties.append(("seen", item.name))
        def pytest_collection_modifyitems(config, items):
            for item in items:
                mark = item.get_closest_marker("slow")
                if mark and mark.kwargs["level"] > 1 and "tmp_path" in item.fixturenames:
                    item.add_marker(pytest.mark.skip(reason="slow"))
                if item.originalname == "test_b" or "flavour" in item.keywords:
                    item.add_marker("added")
                print(item.function.__name__, item.module.__name__, item.cls and item.cls.__name__)
            items.reverse()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import pytest
        @pytest.mark.slow(level=2)
        def test_a(tmp_path): pass
        class TestIt:
            @pytest.mark.slow(level=1)
            def test_b(self): pass
        def test_c(): pass
        test_c.flavour = 1
        """,
    )
    suite.both()
    again = suite.both("-s")
    assert again.imported == {"conftest.py"}
    for args in (("-m", "added"), ("-v",)):
        assert shown(suite.cached(*args)) == shown(suite.plain(*args))


def test_a_mark_that_a_hook_adds_later_runs_the_test_for_real(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import os, pytest
        def pytest_collection_modifyitems(items):
            if os.environ.get("SKIP"):
                items[0].add_marker(pytest.mark.skip(reason="s"))
        """,
    )
    suite.write("test_a.py", "def test_one(): pass\ndef test_two(): pass\n")
    suite.both()
    suite.edit("conftest.py", 'os.environ.get("SKIP")', "True")
    ran = suite.both()
    assert ran.outcomes["test_a.py::test_one"].startswith("setup:skipped")


@pytest.mark.parametrize(
    "look",
    [
        "item.function.__code__.co_varnames",
        "item.obj.__globals__['lib']",
        "item.cls.__mro__",
        "item.module.lib",
        "item.instance.value",
        "item.callspec.params['n'] + 1",
        "item.get_closest_marker('parametrize').args",
        "item._fixtureinfo.name2fixturedefs",
        "item.function.__dict__['made'].append",
    ],
)
def test_whoever_asks_for_more_gets_the_real_thing(suite: Suite, look: str) -> None:
    suite.write("lib.py", "")
    suite.write(
        "test_a.py",
        """
        import pytest, lib
        class TestIt:
            value = 1
            @pytest.mark.parametrize("n", [1, 2])
            def test_one(self, n): assert n
            test_one.made = [object()]
        """,
    )
    suite.both()
    assert suite.both().imported == frozenset()
    suite.write(
        "look.py",
        f"""
        def pytest_collection_modifyitems(items):
            for item in items:
                print(type({look}).__name__, len(items))
        """,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(suite.path)
        plain, cached = suite.plain("-p", "look", "-s"), suite.cached("-p", "look", "-s")
        again = suite.cached("-p", "look", "-s")
    assert "test_a.py" in again.imported
    assert again.outcomes == cached.outcomes == plain.outcomes
    assert again.live == []
    assert shown(again) == shown(plain)


def test_bodies_run_after_they_were_looked_at(suite: Suite) -> None:
    """An item that became real runs as one that always was."""
    suite.write("lib.py", "def one(): return 1\n")
    suite.write(
        "test_a.py",
        """
        import pytest, lib
        @pytest.fixture(scope="module", params=[1, 2], autouse=True)
        def up(request): return request.param
        class TestIt:
            def test_one(self, request, up, tmp_path):
                assert request.getfixturevalue("other") == 3 and request.node.name
        @pytest.fixture
        def other(): return 3
        def test_two(other): assert other
        """,
    )
    suite.write(
        "conftest.py",
        """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                if FLAG:
                    item.add_marker(pytest.mark.usefixtures("tmp_path"))
        FLAG = False
        """,
    )
    suite.both()
    assert suite.both().imported == {"conftest.py"}
    suite.edit("conftest.py", "FLAG = False", "FLAG = True")
    assert len(suite.both().live) == 4


LEFT_OUT = {
    "a register": (
        {
            "lib.py": "KNOWN = []\ndef add(x): KNOWN.append(x)\ndef one(): return 1\n",
            "test_a.py": "import lib\nlib.add('a')\ndef test_a(): pass\n",
            "test_b.py": "import lib\ndef test_b(): assert lib.one() and lib.KNOWN == ['a']\n",
        },
    ),
    "a register that a helper fills": (
        {
            "lib.py": "KNOWN = []\ndef one(): return 1\n",
            "helper.py": "import lib\nlib.KNOWN.append('a')\n",
            "test_a.py": "import helper\ndef test_a(): pass\n",
            "test_b.py": "import lib\ndef test_b(): assert lib.one() and lib.KNOWN == ['a']\n",
        },
    ),
    "a register that parameters come from": (
        {
            "lib.py": "KNOWN = []\ndef one(): return 1\n",
            "test_a.py": "import lib\nlib.KNOWN.append('a')\ndef test_a(): pass\n",
            "test_b.py": """
                import lib, pytest
                @pytest.mark.parametrize("k", lib.KNOWN)
                def test_b(k): assert lib.one() and k
            """,
        },
    ),
    "a variable of the environment": (
        {
            "lib.py": "def one(): return 1\n",
            "test_a.py": "import os\nos.environ['LEFT'] = '1'\ndef test_a(): pass\n",
            "test_b.py": """
                import lib, os
                def test_b(): assert lib.one() and os.environ["LEFT"] == "1"
            """,
        },
    ),
    "a patch": (
        {
            "lib.py": "def one(): return 1\ndef two(): return 2\n",
            "test_a.py": "import lib\nlib.two = lambda: 3\ndef test_a(): pass\n",
            "test_b.py": "import lib\ndef test_b(): assert lib.one() and lib.two() == 3\n",
        },
    ),
    "subclasses": (
        {
            "lib.py": "class Base: pass\ndef one(): return 1\n",
            "test_a.py": "import lib\nclass Derived(lib.Base): pass\ndef test_a(): pass\n",
            "test_b.py": """
                import lib
                def test_b(): assert lib.one() and len(lib.Base.__subclasses__()) == 1
            """,
        },
    ),
    "a hook of a base class": (
        {
            "lib.py": """
                class Base:
                    known = []
                    def __init_subclass__(cls): Base.known.append(cls.__name__)
                def one(): return 1
            """,
            "test_a.py": "import lib\nclass Derived(lib.Base): pass\ndef test_a(): pass\n",
            "test_b.py": "import lib\ndef test_b(): assert lib.one() and lib.Base.known\n",
        },
    ),
    "a submodule": (
        {
            "lib/__init__.py": "def one(): return 1\n",
            "lib/sub.py": "two = 2\n",
            "test_a.py": "import lib.sub\ndef test_a(): pass\n",
            "test_b.py": "import lib\ndef test_b(): assert lib.one() and lib.sub.two == 2\n",
        },
    ),
    "a submodule of the standard library": (
        {
            "lib.py": "def one(): return 1\n",
            "test_a.py": "import xml.dom.pulldom\ndef test_a(): pass\n",
            "test_b.py": """
                import lib, xml.dom
                def test_b(): assert lib.one() and xml.dom.pulldom.START_DOCUMENT
            """,
        },
    ),
    "the folder of the tests on the path": (
        {
            "lib.py": "def one(): return 1\n",
            "a/test_a.py": "def test_a(): pass\n",
            "a/helper.py": "two = 2\n",
            "test_b.py": """
                import lib
                def test_b():
                    import helper
                    assert lib.one() and helper.two
            """,
        },
    ),
    "two modules of one name": (
        {
            "lib.py": "def one(): return 1\n",
            "a/test_x.py": "def test_a(): pass\n",
            "b/test_y.py": "import lib\ndef test_b(): assert lib.one()\n",
        },
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_runs_finds_what_modules_that_are_replayed_have_done(suite: Suite, case: str) -> None:
    """What importing ``test_a`` changes is there for ``test_b``, which alone runs."""
    (files,) = LEFT_OUT[case]
    for name, text in files.items():
        suite.write(name, text)
    suite.pytester.syspathinsert()
    suite.both()
    assert suite.both().live == []
    edited = "lib/__init__.py" if "lib/__init__.py" in files else "lib.py"
    suite.edit(edited, "def one(): return 1", "def one(): return 10")
    again = suite.both()
    assert again.code == 0
    assert [name.partition("[")[0] for name in again.names] == ["test_b"]
    if case == "two modules of one name":
        suite.write("b/test_x.py", "def test_c(): pass\n")
        assert suite.both().code == pytest.ExitCode.INTERRUPTED
        assert suite.both().code == pytest.ExitCode.INTERRUPTED


def test_a_failure_is_seen_with_nothing_left_out(suite: Suite) -> None:
    """Where nothing could tell that a module matters, a failure brings it back."""
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", "import lib\ndef test_a(): pass\n")
    suite.write(
        "test_b.py",
        """
        import lib, sys
        def test_b():
            names = vars(sys)["mod" + "ules"]
            assert lib.one() and "test_a" in names
        """,
    )
    suite.both()
    suite.edit("lib.py", "return 1", "return 2")
    again = suite.both()
    assert again.code == 0
    assert again.decisions["test_b.py::test_b"]["requeued_for"] == ["test_a.py"]
    assert again.decisions["test_b.py::test_b"]["attempts"] == 2


@pytest.mark.parametrize(
    "args",
    [
        ("--co",),
        ("--co", "-q"),
        ("--co", "-k", "TestIt"),
        ("--co", "-m", "slow"),
        ("--co", "test_b.py"),
    ],
    ids=" ".join,
)
def test_tests_are_listed_without_importing_them(stored: Suite, args: tuple[str, ...]) -> None:
    stored.edit("lib.py", "return 2", "return 0")  # what would run is listed all the same
    before = sorted((str(p), p.stat().st_mtime_ns) for p in stored.store.rglob("*"))
    plain, listed = stored.plain(*args), stored.idle("--cell-cache", *args)
    assert listed.imported == frozenset()
    assert listed.code == plain.code
    assert shown(listed) == shown(plain)
    assert sorted((str(p), p.stat().st_mtime_ns) for p in stored.store.rglob("*")) == before


def test_listing_shows_docstrings_and_what_is_new(stored: Suite) -> None:
    stored.write("test_c.py", "def test_c(): pass\n")
    plain, listed = stored.plain("--co", "-v"), stored.idle("--cell-cache", "--co", "-v")
    assert "About it." in listed.text
    assert shown(listed) == shown(plain)
    stored.edit("lib.py", "[1, 2]", "[1, 2, 3]")
    assert "test_n[x-3]" in stored.idle("--cell-cache", "--co").text
