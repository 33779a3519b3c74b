"""What fixtures set in the environment is there for tests that do not use them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Ran, Suite

FIXTURE: Final = """
import os, sys, pytest

@pytest.fixture(scope="{scope}")
def sets(tmp_path_factory):
    before = os.getcwd(), os.environ.get("SET")
    {set}
    yield 1
    {undo}
"""
SETS: Final = {
    "variable": (
        'os.environ["SET"] = "1"',
        'os.environ.pop("SET")',
        'os.environ.get("SET") == "1"',
    ),
    "folder": (
        'os.chdir(tmp_path_factory.mktemp("x"))',
        "os.chdir(before[0])",
        'not os.path.exists("conftest.py")',
    ),
    "search path": ('sys.path.append("/set")', 'sys.path.remove("/set")', '"/set" in sys.path'),
}


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the runs of a test leave in the environment of this process ends with the test."""
    monkeypatch.setenv("SET", "")
    monkeypatch.delenv("SET")


def write(suite: Suite, scope: str, undo: str, what: str, elsewhere: str = "pass") -> str:
    sets, undoing, is_set = SETS[what]
    text = textwrap.dedent(FIXTURE).format(scope=scope, set=sets, undo=undo or undoing)
    suite.write("conftest.py", text)
    suite.write(
        "test_a.py",
        f"""
        import os, sys
        def test_free(): pass
        def test_uses(sets): assert sets == 1
        def test_reads(): assert ({is_set})
        def test_last(): pass
        """,
    )
    suite.write("test_b.py", f"import os, sys\ndef test_elsewhere(): {elsewhere}\n")
    return is_set


def check(suite: Suite, *args: str) -> Ran:
    """Run until nothing is left to learn; outcomes are those of plain runs each time."""
    for _ in range(2):
        suite.both(*args)
    return suite.both(*args)


@pytest.mark.parametrize("what", SETS)
@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_reader_that_changes_finds_it(suite: Suite, scope: str, what: str) -> None:
    is_set = write(suite, scope, "", what)
    assert check(suite).live == []
    suite.edit("test_a.py", f"({is_set})", f"not ({is_set})")
    ran = check(suite)
    assert ran.code == 1
    assert {"test_reads"} <= set(ran.names)
    suite.edit("test_a.py", f"not ({is_set})", f"({is_set}) is True")
    assert check(suite).live == []


@pytest.mark.parametrize("what", SETS)
def test_what_is_left_for_all_is_found(suite: Suite, what: str) -> None:
    is_set = SETS[what][2]
    write(suite, "module", "pass", what, elsewhere=f"assert not ({is_set})")
    assert check(suite).code == 1
    write(suite, "module", "", what, elsewhere=f"assert not ({is_set})")
    assert check(suite).code == 0
    # It comes to be left.
    write(suite, "module", "pass", what, elsewhere=f"assert not ({is_set})")
    assert check(suite).code == 1


@pytest.mark.parametrize("what", SETS)
def test_who_comes_before_or_alone_does_not_find_it(suite: Suite, what: str) -> None:
    write(suite, "module", "", what)
    check(suite)
    assert check(suite, "test_a.py::test_reads").code == 1
    assert check(suite, "test_a.py::test_reads", "test_a.py::test_uses").code == 1
    assert check(suite, "test_a.py::test_uses", "test_a.py::test_reads").code == 0


def test_monkeypatch_leaves_nothing(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest
        @pytest.fixture
        def sets(monkeypatch): monkeypatch.setenv("SET", "1")
        """,
    )
    suite.write(
        "test_a.py",
        """
        import os
        def test_uses(sets): assert os.environ["SET"] == "1"
        def test_reads(): assert "SET" not in os.environ
        """,
    )
    suite.warm()
    suite.edit("test_a.py", '"SET" not in', 'not "SET" in')
    assert suite.both().names == ["test_reads"]


def test_what_a_wider_fixture_patches_is_there_until_it_ends(suite: Suite) -> None:
    suite.write("lib.py", "URL = 'real'\ndef url(): return URL\n")
    suite.write(
        "test_a.py",
        """
        import lib, pytest

        @pytest.fixture(scope="module")
        def fake():
            lib.URL = "fake"
            yield 1
            lib.URL = "real"

        def test_before(): assert lib.url() == "real"
        def test_uses(fake): assert fake == 1
        def test_reads(): assert lib.url() == "fake"
        def test_free(): assert 1
        """,
    )
    suite.write("test_b.py", "import lib\ndef test_after(): assert lib.url() == 'real'\n")
    suite.warm()
    suite.edit("test_a.py", 'url() == "fake"', 'url() in ("fake",)')
    assert suite.both().names == ["test_uses", "test_reads"]
    suite.edit("test_b.py", "== 'real'", "in ('real',)")
    assert suite.both().names == ["test_after"]
    suite.edit("test_a.py", "assert 1", "assert lib.url() == 'real'")  # comes to read it
    assert suite.both().code == 1
    assert suite.both("test_a.py::test_reads").code == 1
    assert suite.both("test_a.py::test_reads", "test_a.py::test_uses").code == 1
    suite.edit("test_a.py", "test_uses(fake): assert fake == 1", "test_uses(): assert 1")
    assert suite.both().code == 1


RESTORING: Final = """
import os, sys
START = os.getcwd()

def pytest_unconfigure():
    os.chdir(START)
    os.environ.pop("SET", None)
    sys.path[:] = [path for path in sys.path if path not in ("/set", "/set2")]
"""
TESTS: Final = {
    "variable": (
        'os.environ["SET"] = "1"',
        'os.environ["SET"] += "2"',
        'del os.environ["SET"]',
        'os.environ.get("SET", "")',
        ("", "1", "12", ""),
    ),
    "folder": (
        'os.chdir(tmp_path); os.mkdir("sub"); open("f", "w").close()',
        'os.chdir("sub")',
        "os.chdir(START)",
        '[os.path.exists("f"), os.path.exists("../f")]',
        ("[False, False]", "[True, False]", "[False, True]", "[False, False]"),
    ),
    "search path": (
        'sys.path.append("/set")',
        'sys.path.append("/set2")',
        'sys.path.remove("/set"); sys.path.remove("/set2")',
        '["/set" in sys.path, "/set2" in sys.path]',
        ("[False, False]", "[True, False]", "[True, True]", "[False, False]"),
    ),
}


def write_tests(suite: Suite, what: str) -> tuple[str, tuple[str, ...]]:
    """Write tests that set something, change it and put it back, each in a module of its own."""
    suite.write("conftest.py", RESTORING)
    one, two, back, look, found = TESTS[what]
    doing = {"b": one, "d": two, "f": back}
    looking = dict(zip("aceg", found, strict=True))
    for letter, text in doing.items():
        head = "import os, sys\nSTART = os.getcwd()\n"
        suite.write(f"test_{letter}.py", f"{head}def test_{letter}(tmp_path):\n    {text}\n")
    for letter, value in looking.items():
        expected = repr(value) if what == "variable" else value
        suite.write(
            f"test_{letter}.py",
            f"import os, sys\ndef test_{letter}(): assert {look} == {expected}\n",
        )
    return look, found


@pytest.mark.parametrize("what", TESTS)
def test_who_leaves_something_is_stored_and_runs_for_who_finds_it(suite: Suite, what: str) -> None:
    write_tests(suite, what)
    suite.warm()
    producers = {"a": "", "c": "b", "e": "bd", "g": ""}
    for letter, needed in producers.items():
        suite.edit(f"test_{letter}.py", "(): assert", "(): assert 1 and")
        ran = suite.both()
        names = {f"test_{each}" for each in (letter, *needed)}
        # What runs is put back before others come.
        assert names <= set(ran.names)
        assert f"test_{'g' if letter != 'g' else 'e'}" not in ran.names
        assert suite.both().live == []


@pytest.mark.parametrize("what", TESTS)
def test_one_that_no_longer_puts_it_back(suite: Suite, what: str) -> None:
    write_tests(suite, what)
    suite.warm()
    suite.edit("test_f.py", TESTS[what][2], "pass")
    assert suite.both().code == 1
    suite.edit("test_f.py", "pass", TESTS[what][2])
    assert suite.both().code == 0


@pytest.mark.parametrize("what", TESTS)
def test_parts_of_them_in_any_order(suite: Suite, what: str) -> None:
    write_tests(suite, what)
    files = [f"test_{letter}.py" for letter in "abcdefg"]
    for some in (
        files[::-1],
        files[1:],
        files[::2],
        files,
        files[3:] + files[:3],
        files[::3],
        files,
    ):
        suite.both(*some)


def test_monkeypatch_in_a_folder_that_another_test_left_leaves_nothing(suite: Suite) -> None:
    suite.write("test_a.py", "import os\ndef test_leaves(tmp_path): os.chdir(tmp_path)\n")
    text = "def test_moves(monkeypatch, tmp_path): monkeypatch.chdir(tmp_path)\n"
    suite.write("test_b.py", f"{text}def test_other(): pass\n")
    suite.warm()
    suite.edit("test_b.py", "test_other(): pass", "test_other(): assert 1")
    assert "test_moves" not in suite.both().names


USING: Final = """
import os, sys
def test_first({uses}): {does}
def test_second(sets): assert ({claim}) in (True, 1)
"""


@pytest.mark.parametrize("undo", ["", "pass"])
@pytest.mark.parametrize("what", SETS)
def test_who_sets_it_up_needs_nobody_else_that_does(suite: Suite, what: str, undo: str) -> None:
    claim = SETS[what][2]
    suite.write("conftest.py", textwrap.dedent(FIXTURE).format(
        scope="session", set=SETS[what][0], undo=undo or SETS[what][1]
    ))  # fmt: skip
    suite.write("test_a.py", USING.format(uses="sets", does="pass", claim=claim))
    suite.warm()
    suite.edit("test_a.py", "(True, 1)", "(True, 2)")
    ran = suite.both()
    assert ran.live == ["test_a.py::test_second"]
    assert ran.report["totals"]["unstored"] == 0
    assert suite.both().live == []


@pytest.mark.parametrize(
    ("uses", "does"),
    [
        ("sets", "os.environ['SET'] = '2'"),
        ("sets, other", "pass"),
        ("other, sets", "pass"),
    ],
)
def test_unless_it_is_set_again(suite: Suite, uses: str, does: str) -> None:
    other = """
@pytest.fixture(scope="session")
def other():
    os.environ["SET"] = "2"
    yield
"""
    fixture = textwrap.dedent(FIXTURE).format(
        scope="session", set=SETS["variable"][0], undo='os.environ.pop("SET")'
    )
    suite.write("conftest.py", fixture + other)
    claim = "os.environ['SET'] in '12'"
    suite.write("test_a.py", USING.format(uses=uses, does=does, claim=claim))
    suite.warm()
    suite.edit("test_a.py", "in '12'", f"== '{2 if uses != 'other, sets' else 1}'")
    ran = suite.both()
    assert ran.outcomes["test_a.py::test_second"].endswith("teardown:passed")
    assert "failed" not in str(ran.outcomes)


@pytest.mark.parametrize("what", SETS)
def test_a_reader_needs_one_of_those_that_set_it_up(suite: Suite, what: str) -> None:
    sets, undo, claim = SETS[what]
    fixture = textwrap.dedent(FIXTURE).format(scope="session", set=sets, undo=undo)
    suite.write("conftest.py", fixture)
    suite.write("test_a.py", "def test_first(sets): pass\ndef test_second(sets): pass\n")
    suite.write("test_b.py", f"import os, sys\ndef test_reads(): assert ({claim}) in (True, 1)\n")
    suite.warm()
    suite.edit("test_b.py", "(True, 1)", "(True, 2)")
    ran = suite.both()
    assert ran.live == ["test_a.py::test_first", "test_b.py::test_reads"]
    assert ran.report["totals"]["unstored"] == 0
    # The other one has set nothing this time, and still is the test that it was.
    assert suite.both().live == []


def test_unless_that_has_ended_since(suite: Suite) -> None:
    fixture = textwrap.dedent(FIXTURE).format(
        scope="module", set=SETS["variable"][0], undo='os.environ["SET"] = "0"'
    )
    suite.write("conftest.py", fixture)
    suite.write("test_a.py", "def test_first(sets): pass\n")
    suite.write(
        "test_b.py",
        """
        import os

        def test_second(sets): pass

        def test_reads(): assert os.environ["SET"] == "1"
        """,
    )
    suite.write("test_c.py", 'import os\ndef test_last(): assert os.environ["SET"] == "0"\n')
    suite.warm()
    suite.edit("test_b.py", "def test_reads(): assert", "def test_reads():\n    assert")
    suite.edit("test_c.py", "def test_last(): assert", "def test_last():\n    assert")
    suite.edit("test_a.py", "(sets): pass", "(sets): assert 1")
    assert suite.both().code == 0
    assert suite.both().code == 0
    assert suite.both().live == []
