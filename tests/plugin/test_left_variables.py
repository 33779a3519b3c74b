"""Variables that tests leave set concern who is given them, or rests on who has read them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Ran, Suite

SETTING = """
import os

def test_sets():
    os.environ["LEFT_VARIABLE"] = "1"

def test_unsets():
    os.environ.pop("GONE_VARIABLE", None)

def test_sets_another():
    os.environ["OTHER_VARIABLE"] = "1"
"""
READING = """
import os, subprocess, sys
import pytest

PRINTS = "import os; print(os.environ['LEFT_VARIABLE'])"

def python(text, **options):
    return said_by(sys.executable, "-c", f"import os; {text}", **options)

def said_by(*command, **options):
    run = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    return run.stdout.strip()

@pytest.fixture(scope="module")
def given():
    return python("print(os.environ['LEFT_VARIABLE'])")

def test_reads(request):
    assert """
ONE = "\"print(os.environ['LEFT_VARIABLE'])\""
ALL = {"test_sets", "test_unsets", "test_sets_another"}
WAYS = {
    "one": (f'python({ONE}) == "1"', {"test_sets"}),
    "removed": ("python(\"print('GONE_VARIABLE' in os.environ)\") == 'False'", {"test_unsets"}),
    "inner": ('python(f"import sys; os.execl(*[sys.executable] * 2, \'-c\', {PRINTS!r})") == "1"',
              {"test_sets"}),
    "fixture": ('request.getfixturevalue("given") == "1"', {"test_sets"}),
    "own": (f'python({ONE}, env={{**os.environ, "LEFT_VARIABLE": "2"}}) == "2"', ALL),
    "none": ("python('print(1)') == '1'", set[str]()),
    "shell": ('said_by("sh", "-c", "echo $LEFT_VARIABLE") == "1"', ALL),
}  # fmt: skip
"""What a test does, and which tests it needs for that; all where it is not known."""


@pytest.fixture
def each(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite each run of which begins with the same variables."""
    monkeypatch.setenv("GONE_VARIABLE", "1")
    real, before = suite._run, dict(os.environ)

    def run(*args: str) -> Any:
        try:
            return real(*args)
        finally:
            os.environ.clear()
            os.environ.update(before)

    monkeypatch.setattr(suite, "_run", run)
    return suite


@pytest.mark.parametrize("way", WAYS)
def test_a_child_is_given_what_tests_have_left(each: Suite, way: str) -> None:
    check, needed = WAYS[way]
    each.write("test_a.py", SETTING)
    each.write("test_b.py", f'{READING}{check}, "x"\n')
    assert set(each.both().names) == ALL | {"test_reads"}
    assert each.both().live == []
    each.edit("test_b.py", '"x"', '"y"')
    assert set(each.both().names) == {"test_reads"} | needed
    assert each.both().live == []


@pytest.mark.parametrize("way", WAYS)
def test_a_new_test_has_a_child_that_is_given_it(each: Suite, way: str) -> None:
    each.write("test_a.py", SETTING)
    each.write("test_b.py", "def test_before(): pass\n")
    each.both()
    each.write("test_b.py", f'{READING}{WAYS[way][0]}, "x"\n')
    each.both()
    _settle(each)


def test_what_was_read_before_it_was_set_holds(each: Suite) -> None:
    each.write("lib.py", "FOUND = []\n")
    each.write(
        "test_a.py",
        """
        import os, lib
        def test_reads_all():
            lib.FOUND.append(len(dict(os.environ)) > 0)
        def test_sets():
            os.environ["LEFT_VARIABLE"] = "1"
        def test_finds():
            assert lib.FOUND == [True], "x"
        """,
    )
    each.both()
    assert each.both().live == []
    each.edit("test_a.py", '"x"', '"y"')
    assert {"test_reads_all", "test_finds"} <= set(each.both().names)
    assert each.both().live == []


def test_what_a_fixture_gives_to_a_child_is_no_matter_of_others(each: Suite) -> None:
    each.write("test_a.py", SETTING)
    each.write(
        "test_b.py",
        f"""{READING.partition("def test_reads")[0]}
@pytest.fixture
def variable(monkeypatch):
    monkeypatch.setenv("LEFT_VARIABLE", "3")

def test_reads(variable):
    assert python({ONE}) == "3", "x"
""",
    )
    each.both()
    assert each.both().live == []
    each.edit("test_b.py", '"x"', '"y"')
    assert "test_reads" in each.both().names
    assert each.both().live == []


def _settle(each: Suite) -> Ran:
    """Run until nothing has to be found out any more."""
    each.both()
    ran = each.both()
    assert ran.live == []
    return ran
