"""What importing modules sets for the whole process: variables, the working directory, a seed."""

from __future__ import annotations

import builtins
import gc
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

READING: Final = """
import app
import os
import sys
import gc
def test_variable(): assert os.environ.get("XV") != "bad"
def test_variable_of_app(): assert app.variable() != "bad"
def test_all_variables(): assert "bad" not in dict(os.environ).values()
def test_folder(): assert os.getcwd()
def test_drawing(): assert app.drawn() >= 0
def test_name():
    try:
        some_name
    except NameError:
        pass
def test_hook(): assert sys.excepthook
def test_collector(): assert gc.isenabled() in (True, False)
def test_nothing(): assert 1
"""
APP: Final = """
import os
import random
def variable(): return os.environ.get("XV")
def drawn(): return random.random()
"""
VARIABLE: Final = ("test_variable", "test_variable_of_app", "test_all_variables")
EVERY: Final = tuple(
    line.partition("(")[0].removeprefix("def ")
    for line in READING.splitlines()
    if line.startswith("def ")
)


class New(NamedTuple):
    """What a module of tests comes to do when it is imported, and which tests see it."""

    text: str
    seen_by: tuple[str, ...]


NEW: Final = {
    "a variable": New("import os\nos.environ['XV'] = 'bad'", VARIABLE),
    "a default": New("import os\nos.environ.setdefault('XV', 'bad')", VARIABLE),
    "a variable, by a function": New("import helper\nhelper.set_it()", VARIABLE),
    "a variable, for good": New(
        "import pytest\npytest.MonkeyPatch().setenv('XV', 'bad')", VARIABLE
    ),
    "a variable, for a moment": New(
        "import os\nfrom unittest import mock\n"
        "with mock.patch.dict(os.environ, {'XV': 'bad'}):\n    import app",
        (),
    ),
    "a seed": New("import random\nrandom.seed(1)", ("test_drawing",)),
    "a builtin": New("import builtins\nbuiltins.some_name = 1", ("test_name",)),
    "a hook": New("import sys\nsys.excepthook = print", ("test_hook",)),
    "the collector": New("import gc\ngc.disable()", ("test_collector",)),
    "the mask of new files": New("import os\nos.umask(0o077)", EVERY),
    "a limit": New("import sys\nsys.setrecursionlimit(2500)", EVERY),
    "the search path": New("import os, sys\nsys.path.append(os.path.abspath('more'))", ()),
}


def write(suite: Suite, more: str = "") -> None:
    suite.write("app.py", APP)
    suite.write("helper.py", "import os\ndef set_it(): os.environ['XV'] = 'bad'\n")
    suite.write("test_a.py", READING)
    suite.write("test_b.py", f"{more}\ndef test_b(): pass\n")
    suite.warm()


def names(live: list[str], file: str = "test_a.py") -> set[str]:
    return {name for at, _, name in (each.partition("::") for each in live) if at == file}


@contextmanager
def put_back() -> Iterator[None]:
    """Undo what a suite sets that runs in this process."""
    mask = os.umask(0o022)
    os.umask(mask)
    limit, state, hook = sys.getrecursionlimit(), random.getstate(), sys.excepthook
    variables, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        os.umask(mask)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)
        os.chdir(folder)
        vars(builtins).pop("some_name", None)
        sys.setrecursionlimit(limit)
        random.setstate(state)
        sys.excepthook = hook
        gc.enable()


@pytest.fixture
def suite(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    run = suite._run
    monkeypatch.setattr(suite, "_run", lambda *args: put_back()(run)(*args))
    return suite


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "edited"])
@pytest.mark.parametrize("new", NEW.values(), ids=NEW)
def test_who_sees_what_another_module_comes_to_set_runs(
    suite: Suite, new: New, is_new: bool
) -> None:
    write(suite)
    file = "test_c.py" if is_new else "test_b.py"
    suite.write(file, f"{new.text}\ndef test_b(): pass\n")
    ran = suite.both()
    assert names(ran.live) == set(new.seen_by)
    (suite.path / file).unlink()  # as it was before, or without
    suite.write("test_b.py", "def test_b(): pass\n")
    assert suite.both().live == []


def test_why_it_runs_is_said(suite: Suite) -> None:
    write(suite)
    suite.write("test_c.py", "import os\nos.environ['XV'] = '1'\n")
    ran = suite.cached("--cell-cache-explain")
    assert ran.decisions["test_a.py::test_variable"]["reason"] | {"text": ""} == {
        "text": "",
        "slug": "entered-elsewhere",
        "subject": "os.environ['XV']",
    }


SETTING: Final = "import os\nos.environ['XV'] = '1'"


def test_another_value_counts(suite: Suite) -> None:
    write(suite, SETTING)
    suite.write("test_b.py", f"{SETTING[:-3]}'bad'\ndef test_b(): pass\n")
    assert names(suite.both().live) == set(VARIABLE)


def test_a_part_of_the_suite_finds_what_its_modules_set(suite: Suite) -> None:
    write(suite, SETTING)
    assert names(suite.both("test_a.py").live) == set(VARIABLE)
    assert names(suite.both("test_a.py").live) == set()
    assert names(suite.both().live) == set()


def test_what_a_conftest_sets_is_there_for_each_part(suite: Suite) -> None:
    suite.write("conftest.py", SETTING)
    write(suite)
    assert suite.both("test_a.py").live == []
    suite.write("test_c.py", "def test_c(): pass\n")
    assert suite.both().live == ["test_c.py::test_c"]


def test_what_two_modules_import_is_set_by_either(suite: Suite) -> None:
    suite.write("early.py", "import helper\nhelper.set_it()\n")
    suite.write("helper.py", "import os\ndef set_it(): os.environ['XV'] = '1'\n")
    suite.write("test_b.py", "import early, os\ndef test_b(): assert os.environ['XV']\n")
    suite.write("test_c.py", "import early, os\ndef test_c(): assert os.environ['XV']\n")
    suite.warm()
    assert suite.both("test_c.py").live == []
    assert suite.both("test_b.py").live == []


def test_a_module_reads_on_import_what_another_one_comes_to_set(suite: Suite) -> None:
    suite.write("settings.py", "import os\nMODE = os.environ.get('XV')\nLEVEL = 1\n")
    suite.write("test_b.py", "def test_b(): pass\n")
    suite.write(
        "test_c.py",
        "import settings\n"
        "def test_mode(): assert settings.MODE is None\n"
        "def test_level(): assert settings.LEVEL\n",
    )
    suite.warm()
    suite.write("test_a.py", "import os\nos.environ['XV'] = 'bad'\ndef test_a(): pass\n")
    assert names(suite.both().live, "test_c.py") == {"test_mode"}
    suite.write("test_a.py", "import os\nos.environ['XV'] = 'worse'\ndef test_a(): pass\n")
    assert names(suite.both().live, "test_c.py") == {"test_mode"}


def test_another_folder(suite: Suite) -> None:
    write(suite)
    suite.write("below/data.txt", "")
    suite.write("test_c.py", "import os\nos.chdir('below')\ndef test_c(): pass\n")
    assert "test_folder" in names(suite.both().live)
