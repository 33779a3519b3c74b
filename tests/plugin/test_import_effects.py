"""What evaluating a statement may change decides who runs when it is edited."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

_CONF = """
    import sys

    class Conf:
        @property
        def limit(self):
            sys.setrecursionlimit(4321)
            return 1

        def __or__(self, other):
            sys.setrecursionlimit(4321)
            return 1

    conf = Conf()
    """
_LIMIT = """
    import sys
    import conf

    def test_limit():
        assert sys.getrecursionlimit() != 4321
    """


@pytest.fixture
def _limit_put_back() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("_limit_put_back")
@pytest.mark.parametrize("statement", ["VALUE = conf.limit", "VALUE = conf | 1"])
def test_operators_and_properties_may_change_anything(suite: Suite, statement: str) -> None:
    suite.write("conf.py", _CONF)
    suite.write("test_a.py", _LIMIT)
    suite.both()
    with (suite.path / "conf.py").open("a") as file:
        file.write(f"\n{statement}\n")
    assert suite.both().code == 1


@pytest.mark.parametrize(
    "reading",
    [
        "(HERE / 'data.json').read_text()",
        "open(HERE / 'data.json').read()",
        "read('data.json')",
        "load('data.json')",
        "resources.files('pack').joinpath('data.json').read_text().strip()",
        "pkgutil.get_data('pack', 'data.json').decode()",
        "sorted(json.loads((HERE / 'data.json').read_bytes()), key=lambda key: key.lower())",
    ],
)
def test_reading_a_file_changes_nothing(suite: Suite, reading: str) -> None:
    head = """
import json, pkgutil
from importlib import resources
from pathlib import Path

HERE = Path(__file__).parent

def read(name):
    with open(HERE / name, encoding="utf-8") as file:
        return [line.strip() for line in file]

def load(name):
    with (HERE / name).open("rb") as file:
        return json.load(file)

def other():
    return 1

"""
    suite.write("pack/__init__.py", "")
    suite.write("pack/data.json", '{"a": 1}')
    suite.write("pack/core.py", f"{head}DATA = {reading}\n")
    suite.write(
        "test_a.py",
        """
        from pack import core

        def test_data():
            assert core.DATA

        def test_other():
            assert core.other() == 1
        """,
    )
    suite.both()
    suite.write("pack/core.py", f"{head}DATA = [{reading}]\n")
    assert suite.both().names == ["test_data"]
    suite.write("pack/data.json", '{"b": 1}')
    assert suite.both().names == ["test_data"]


def test_who_reads_what_a_call_set_rests_on_the_call_not_on_all_its_module_holds(
    suite: Suite,
) -> None:
    suite.write(
        "plugs.py",
        """
        LOADED = False

        def ensure():
            global LOADED
            LOADED = True
        """,
    )
    suite.write("tool.py", "import plugs\n\ndef other(a):\n    return 1\n\nplugs.ensure()\n")
    suite.write("test_tool.py", "import tool\n\ndef test_other():\n    assert tool.other(1)\n")
    suite.write("test_plugs.py", "import plugs\n\ndef test_plugs():\n    assert plugs.LOADED\n")
    suite.both()
    suite.edit("tool.py", "other(a)", "other(a, b=1)")
    assert suite.both().names == ["test_other"]
    suite.edit("tool.py", "plugs.ensure()", "if not plugs.LOADED:\n    plugs.ensure()")
    assert "test_plugs" in suite.both().names
    suite.edit("tool.py", "    plugs.ensure()", "    pass")
    assert suite.both().code == 1


def test_what_a_module_answers_counts_for_who_asks_it(suite: Suite) -> None:
    """``from core import new`` asks the ``__getattr__`` of ``core``, too: for ``__path__``."""
    suite.write("late.py", "def old():\n    return 3\n")
    suite.write(
        "core.py",
        """
        def new():
            return 1

        def __getattr__(name):
            if name in ("old", "older"):
                from late import old
                return old
            raise AttributeError(name)
        """,
    )
    suite.write("test_new.py", "from core import new\n\ndef test_new():\n    assert new()\n")
    suite.write("test_old.py", "from core import old\n\ndef test_old():\n    assert old()\n")
    suite.write("test_older.py", "import core\n\ndef test_older():\n    assert core.older()\n")
    suite.both()
    suite.edit("late.py", "def old():", "def old(a=1):")
    assert sorted(suite.both().names) == ["test_old", "test_older"]
    suite.edit("core.py", "return old", "result = old\n        return result")
    assert sorted(suite.both().names) == ["test_old", "test_older"]
    suite.edit("core.py", "raise AttributeError(name)", "raise TypeError(name)")
    assert suite.both().code == 2
    suite.edit(
        "core.py", "raise TypeError(name)", "new.asked = True\n    raise AttributeError(name)"
    )
    assert "test_new" in suite.both().names


def test_handing_something_over_changes_no_constant(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        LIMIT = 3

        def put(into, key):
            into[key] = 1

        def fill():
            found = {}
            put(found, LIMIT)
            return found

        FOUND = fill()
        """,
    )
    suite.write(
        "test_lib.py",
        """
        import lib

        def test_limit(): assert lib.LIMIT
        def test_found(): assert lib.FOUND
        """,
    )
    suite.both()
    suite.edit("lib.py", "FOUND = fill()", "FOUND = [fill()]")
    assert suite.both().names == ["test_found"]


NOT_BOUND: dict[str, str] = {
    "nothing": "",
    "annotated": "X: dict",
    "for type checkers": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from other import X"
    ),
    "sometimes": "import sys\nif sys.flags.debug:\n    X = 1",
}


@pytest.mark.parametrize("way", ["from lib import X", "import lib"])
@pytest.mark.parametrize("name", NOT_BOUND)
def test_a_module_is_asked_for_what_it_does_not_bind_for_sure(
    suite: Suite, name: str, way: str
) -> None:
    answer = "def __getattr__(name):\n    if name == 'X':\n        return 1\n"
    suite.write("other.py", "X = 1\n")
    suite.write(
        "lib.py",
        f"{NOT_BOUND[name]}\n{answer}    raise AttributeError(name)\n\ndef get(): pass\n",
    )
    used = "X" if way.endswith("X") else "lib.X"
    suite.write(
        "test_a.py",
        f"import lib\n{way}\n\ndef test_it(): assert {used} == 1\n\ndef test_other(): lib.get()\n",
    )
    suite.both()
    suite.edit("lib.py", "return 1", "return 2")
    again = suite.both()
    assert again.code == 1
    assert "test_it" in again.names


def test_what_comes_to_be_annotated_only_cannot_be_imported(suite: Suite) -> None:
    suite.write("lib.py", "X: int = 1\n\ndef get(): pass\n")
    suite.write("test_a.py", "from lib import X, get\n\ndef test_it(): get()\n")
    suite.both()
    suite.edit("lib.py", "X: int = 1", "X: int")
    assert suite.both().code != 0
