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
