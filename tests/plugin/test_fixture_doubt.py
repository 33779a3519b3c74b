"""Where a restored value could be told from a live one: outcomes are those of plain runs.

Small projects with one edit at a time; every run is compared with a plain one. What is said of
calls is what must, or must not, be called in it; in doubt a fixture runs.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Ran

Step = tuple[str, str, str, dict[str, int]]
"""File, old and new text, and calls of fixtures in the run after it; others are not looked at."""

# An edit that changes the body of one test and nothing that it says.
BODY: Step = ("test_a.py", "assert 1 == 1", "assert 2 == 2", {})


@dataclass(frozen=True)
class Case:
    """A project whose session fixture ``made`` is called once in the first run."""

    conftest: str
    tests: str
    steps: tuple[Step, ...]
    helper: str = ""


def after_body(**calls: int) -> Step:
    return (*BODY[:3], calls)


def made(body: str, *, uses: str = "", before: str = "") -> str:
    lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return f'{before}\n\n@pytest.fixture(scope="session")\ndef made({uses}):\n{lines}\n'


def low(body: str) -> str:
    return f'\n@pytest.fixture(scope="session")\ndef low():\n    {body}\n'


CHANGE = """
def test_a(made):
    {change}
    assert 1 == 1

def test_b(made):
    assert {state} == {after}
"""

CASES = {
    "shared with an attribute of a class": Case(
        made("return Register.items", before="class Register:\n    items = []"),
        "from conftest import Register\n"
        + CHANGE.format(change="made.append(1)", state="Register.items", after="[1]"),
        (after_body(made=1), ("test_a.py", "== [1]", "== []", {})),
    ),
    "shared with a memo": Case(
        made("return get()", before="import functools\n@functools.lru_cache\ndef get(): return {}"),
        "from conftest import get\n"
        + CHANGE.format(change="made['x'] = 1", state="get()", after="{'x': 1}"),
        (after_body(made=1), ("test_a.py", "== {'x': 1}", "== {}", {})),
    ),
    "shared with a default": Case(
        made("return get()", before="def get(kept={}): return kept"),
        "from conftest import get\n"
        + CHANGE.format(change="made['x'] = 1", state="get()", after="{'x': 1}"),
        (after_body(made=1), ("test_a.py", "== {'x': 1}", "== {}", {})),
    ),
    "shared with a closure": Case(
        made(
            "return get()",
            before="def make():\n    kept = []\n    def get(): return kept\n    return get\n"
            "get = make()",
        ),
        "from conftest import get\n"
        + CHANGE.format(change="made.append(1)", state="get()", after="[1]"),
        (after_body(made=1), ("test_a.py", "== [1]", "== []", {})),
    ),
    "shared with a foreign module": Case(
        made("return string.extra", before="import string\nstring.extra = []"),
        "import string\n"
        + CHANGE.format(change="made.append(1)", state="string.extra", after="[1]"),
        (after_body(made=1), ("test_a.py", "== [1]", "== []", {})),
    ),
    "what is the same object again": Case(
        made(
            "return {'log': log, 'kind': Kind.A}",
            before="import enum, logging\nlog = logging.getLogger('x')\n"
            "class Kind(enum.Enum):\n    A = 1",
        ),
        "import conftest, logging\n\ndef test_a(made):\n"
        "    assert made['log'] is logging.getLogger('x') and made['kind'] is conftest.Kind.A\n"
        "    assert 1 == 1\n",
        (after_body(made=0),),
    ),
    "an iterator that goes on": Case(
        low("return iter([1, 2, 3])") + made("return [next(low)]", uses="low"),
        "def test_a(made, low):\n    assert made == [1] and next(low) == 2\n    assert 1 == 1\n",
        (BODY,),
    ),
    "a counter that goes on": Case(
        low("return Kind()")
        + made("low.n += 1\nreturn [low.n]", uses="low", before="class Kind:\n    n = 0"),
        "def test_a(made, low):\n    assert low.n == 1\n    assert 1 == 1\n",
        (after_body(made=1),),
    ),
    "a function that it gives is edited": Case(
        made("def double(n):\n    return 2 * n\nreturn double"),
        "def test_a(made):\n    assert made(2) == 4\n    assert 1 == 1\n",
        (after_body(made=0), ("conftest.py", "2 * n", "3 * n", {"made": 1})),
    ),
    "a local class is edited": Case(
        made("class Local:\n    def get(self):\n        return 3\nreturn Local()"),
        "def test_a(made):\n    assert made.get() == 3\n    assert 1 == 1\n",
        (after_body(made=0), ("conftest.py", "return 3", "return 4", {"made": 1})),
    ),
    "what a function that it gives calls is edited": Case(
        made("def get():\n    return helper.get()\nreturn get", before="import helper"),
        "def test_a(made):\n    assert made() == 3\n    assert 1 == 1\n",
        (after_body(made=0), ("helper.py", "return 3", "return 4", {})),
        helper="def get():\n    return 3\n",
    ),
    "a function that remembers": Case(
        made("seen = []\ndef note(n):\n    seen.append(n)\n    return list(seen)\nreturn note"),
        "def test_a(made):\n    assert made(1) == [1]\n    assert 1 == 1\n\n"
        "def test_b(made):\n    assert made(2) == [1, 2]\n",
        (BODY, ("test_a.py", "== [1, 2]", "== [2]", {})),
    ),
    "an object that a test changes": Case(
        made(
            "return Bag()",
            before="class Bag:\n    def __init__(self): self.items = []\n"
            "    def add(self, x): self.items.append(x)",
        ),
        CHANGE.format(change="made.add(1)", state="made.items", after="[1]"),
        (BODY, ("test_a.py", "made.items == [1]", "made.items == []", {})),
    ),
    "a stub that a test keeps": Case(
        made("return {'lock': threading.Lock()}", before="import threading"),
        "KEPT = []\n\ndef test_a(made):\n    KEPT.append(made['lock'])\n    assert 1 == 1\n\n"
        "def test_b():\n    assert not KEPT[0].locked()\n",
        (BODY, ("test_a.py", "assert not KEPT", "assert 1 and not KEPT", {})),
    ),
    "a count in a module, and a touch": Case(
        made("return {'lock': threading.Lock()}", before="import threading\nCOUNT = [0]"),
        "import conftest\n\ndef test_a(made):\n    conftest.COUNT[0] += 1\n"
        "    made['lock'].locked()\n    assert conftest.COUNT == [1]\n    assert 1 == 1\n",
        (after_body(made=1),),
    ),
    "a count in a module, and a failure": Case(
        made("return [1]", before="COUNT = [0]"),
        "import conftest\n\ndef test_a(made):\n    conftest.COUNT[0] += 1\n"
        "    assert conftest.COUNT == [1]\n    assert 1 == 1\n",
        (("test_a.py", "COUNT == [1]", "COUNT == [2]", {"made": 1}),),
    ),
    "a variable of the environment, and a touch": Case(
        made("return {'lock': threading.Lock()}", before="import threading"),
        "import os\n\ndef test_a(made):\n    os.environ['N'] = os.environ.get('N', '') + 'x'\n"
        "    made['lock'].locked()\n    assert os.environ.pop('N') == 'x'\n    assert 1 == 1\n",
        (after_body(made=1),),
    ),
    "a stub that is not what it stands for": Case(
        made("return {'lock': threading.Lock()}", before="import threading"),
        "import threading\n\ndef test_a(made):\n"
        "    assert type(made['lock']) is type(threading.Lock())\n    assert 1 == 1\n",
        (after_body(made=1), ("test_a.py", ") is type", ") is not type", {})),
    ),
    "a failure that is expected": Case(
        made("return [1]"),
        "import pytest\n\n@pytest.mark.xfail(strict=True)\ndef test_a(made):\n"
        "    assert 1 == 1\n    assert made == [2]\n",
        (after_body(made=1),),
    ),
    "a process": Case(
        made(
            "return subprocess.check_output([sys.executable, '-c', 'print(1)'])",
            before="import subprocess, sys",
        ),
        "def test_a(made):\n    assert made\n    assert 1 == 1\n",
        (after_body(made=1),),
    ),
}


TREE = """
    import pytest

    @pytest.fixture(scope="session")
    def made(tmp_path_factory):
        folder = tmp_path_factory.mktemp("made")
        (folder / "text").write_text("old")
        return folder
"""


@pytest.mark.parametrize("second", ["old", "new"])
def test_what_an_earlier_test_did_unseen_is_there_when_a_failure_is_confirmed(
    counted: Counted, second: str
) -> None:
    counted.write(
        conftest=TREE,
        test_a=f"""
        import lib

        def test_a(made):
            assert lib.one() == 1
            (made / "text").write_text("new")

        def test_b(made):
            assert lib.one() == 1
            assert (made / "text").read_text() == "{second}"
        """,
    )
    counted.run()
    counted.edit()
    ran, _ = counted.run()
    assert ran.code == (second == "old")
    if ran.code:
        named = ran.decisions["test_a.py::test_b"]["requeued_for"]
        assert named == ["fixture made", "test_a.py::test_a"]


@pytest.mark.parametrize("name", CASES)
def test_outcomes_are_those_of_plain_runs(counted: Counted, name: str) -> None:
    case = CASES[name]
    counted.write(conftest="import pytest\n" + case.conftest, test_a=case.tests)
    counted.write(helper=case.helper)
    assert counted.run()[1]["made"] == 1
    assert counted.run()[1] == {}
    for file, old, new, calls in case.steps:
        counted.edit(file, old, new)
        ran, called = counted.run()
        assert {fixture: called.get(fixture, 0) for fixture in calls} == calls, ran.text


APART = """
import pytest
import helper

@pytest.fixture(scope="session")
def changing():
    helper.MODE = "fast"
    return [1]

@pytest.fixture(scope="session")
def made():
    return helper.{made}()
"""
HELPER = """
MODE = "slow"
def mode(): return [MODE]
def row(): return [2]
"""


def _run_apart(counted: Counted, *, made: str, value: str) -> tuple[Ran, dict[str, int]]:
    """Make a value while another fixture has changed something; edit what only its user runs."""
    counted.write(
        helper=HELPER,
        conftest=APART.format(made=made),
        test_a="def test_a(changing): assert changing\n",
        test_b=f"import lib\ndef test_b(made): assert made == {value} and lib.one() == 1\n",
    )
    assert counted.run()[1] == {"changing": 1, "made": 1}
    counted.edit()
    return counted.run()


def test_a_value_is_restored_without_who_changed_what_its_making_does_not_look_at(
    counted: Counted,
) -> None:
    ran, calls = _run_apart(counted, made="row", value="[2]")
    assert (set(ran.names), calls) == ({"test_b"}, {})
    assert ran.report["totals"]["requeued"] == 0


def test_a_value_is_not_restored_without_who_changed_what_its_making_looks_at(
    counted: Counted,
) -> None:
    ran, _ = _run_apart(counted, made="mode", value="['fast']")
    assert "passed" in ran.outcomes["test_b.py::test_b"]
    counted.edit("conftest.py", '"fast"', '"fast" + ""')
    ran, calls = counted.run()
    assert calls == {"changing": 1, "made": 1}
