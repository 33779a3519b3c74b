"""Values of fixtures are kept and restored; calls of fixture functions are counted."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted

TEST = """
    import lib

    def test_a({made}):
        assert lib.one() == 1
        {check}

    def test_b({made}):
        {check}
"""


@dataclass(frozen=True)
class Case:
    """A fixture ``made`` and those it uses.

    Attributes:
        check: what each of two tests says of it.
        first: calls in the first run; ``warm`` after an edit of one test; ``edited`` after
            ``edit`` (old and new text of the conftest).
        is_shared: each test may change unseen what the other one gets.
    """

    conftest: str
    check: str
    first: dict[str, int]
    warm: dict[str, int] = field(default_factory=dict)
    edit: tuple[str, str] = ("", "")
    edited: dict[str, int] = field(default_factory=dict)
    test: str = ""
    is_shared: bool = False


CASES = {
    "session": Case(
        """
        @pytest.fixture(scope="session")
        def made():
            return [1, 2]
        """,
        "assert made == [1, 2]",
        {"made": 1},
        edit=("[1, 2]", "[1, 1 + 1]"),
        edited={"made": 1},
    ),
    "function": Case(
        """
        @pytest.fixture
        def made():
            return [1, 2]
        """,
        "assert made == [1, 2]; made.append(3)",
        {"made": 2},
        edit=("[1, 2]", "[1, 1 + 1]"),
        edited={"made": 2},
    ),
    "module": Case(
        """
        @pytest.fixture(scope="module")
        def made():
            return {"a": (1, 2)}
        """,
        "assert made['a'] == (1, 2)",
        {"made": 1},
    ),
    "package": Case(
        """
        @pytest.fixture(scope="package")
        def made():
            return {"a": (1, 2)}
        """,
        "assert made['a'] == (1, 2)",
        {"made": 1},
    ),
    "parameters": Case(
        """
        @pytest.fixture(params=[1, 2], scope="session")
        def made(request):
            return [request.param]
        """,
        "assert made == [request.node.callspec.params['made']]",
        {"made": 2},
        edit=("[request.param]", "list([request.param])"),
        edited={"made": 2},
        test="made, request",
    ),
    "one more parameter": Case(
        """
        @pytest.fixture(params=[1, 2], scope="session")
        def made(request):
            return [request.param]
        """,
        "assert made in ([1], [2], [3])",
        {"made": 2},
        edit=("[1, 2]", "[1, 2, 3]"),
        edited={"made": 1},
    ),
    "direct parameters": Case(
        """
        @pytest.fixture
        def made(number):
            return [number]
        """,
        "assert made == [number]",
        {"made": 4, "number": 4},
        warm={"number": 2},
        test="PARAMETRIZE",
    ),
    "xunit state": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return [1]

        @pytest.fixture
        def made(low):
            return [STATE[-1]]

        STATE = [0]
        """,
        "assert made == [3]",
        {"low": 1, "made": 2},
        test="XUNIT",
    ),
    "chain": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return [1]

        @pytest.fixture(scope="session")
        def made(low):
            return [*low, 2]
        """,
        "assert made == [1, 2]",
        {"low": 1, "made": 1},
        edit=("[*low, 2]", "low + [2]"),
        edited={"made": 1},
    ),
    "low end of a chain": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return [1]

        @pytest.fixture(scope="session")
        def made(low):
            return [*low, 2]
        """,
        "assert made == [1, 2]",
        {"low": 1, "made": 1},
        edit=("return [1]", "return list([1])"),
        edited={"low": 1, "made": 1},
    ),
    "helper": Case(
        """
        def helper():
            return 1

        @pytest.fixture(scope="session")
        def other():
            return 5

        @pytest.fixture(scope="session")
        def made(other):
            return [helper(), 2]
        """,
        "assert made == [1, 2]",
        {"made": 1, "other": 1},
        edit=("    return 1", "    return 2 - 1"),
        edited={"made": 1},
    ),
    "class of the conftest": Case(
        """
        class Thing:
            def __init__(self, size):
                self.size = size

            def twice(self):
                return self.size * 2

        @pytest.fixture(scope="session")
        def kind():
            return Thing

        @pytest.fixture(scope="session")
        def made():
            return Thing(3)
        """,
        "assert type(made) is kind and made.twice() == 6",
        {"made": 1, "kind": 1},
        edit=("self.size = size", "self.size = size + 0"),
        edited={"made": 1},
        test="made, kind",
    ),
    "functions and local classes": Case(
        """
        @pytest.fixture(scope="session")
        def made():
            number = 4

            class Local:
                def get(self):
                    return number

            def inner():
                return len("x") + Local().get()

            return {"lambda": lambda: number, "local": Local, "inner": inner}
        """,
        "assert made['lambda']() == 4 and made['local']().get() == 4 and made['inner']() == 5",
        {"made": 1},
    ),
    "shared with upstream": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return {"inner": [1]}

        @pytest.fixture(scope="session")
        def made(low):
            return [low, low["inner"]]
        """,
        "assert made[0] is low and made[1] is low['inner']",
        {"low": 1, "made": 1},
        edit=("[low, low", "[low] + [low"),
        edited={"made": 1},
        test="made, low",
    ),
    "shared with a module": Case(
        """
        REGISTRY = {"names": ["a"]}
        NOTHING = object()

        @pytest.fixture
        def registry():
            return REGISTRY

        @pytest.fixture(scope="session")
        def made():
            return REGISTRY, REGISTRY["names"], NOTHING

        @pytest.fixture
        def nothing():
            return NOTHING
        """,
        "assert made[0] is registry and made[1] is registry['names'] and made[2] is nothing",
        {"made": 1, "registry": 2, "nothing": 2},
        test="made, registry, nothing",
    ),
    "override": Case(
        """
        @pytest.fixture(scope="session")
        def made():
            return [1]
        """,
        "assert made == [1, 2]",
        {"made": 2},
        edit=("return [1]", "return list([1])"),
        edited={"made": 2},
        test="OVERRIDE",
    ),
    "generator without teardown": Case(
        """
        @pytest.fixture(scope="session")
        def made():
            yield [1, 2]
        """,
        "assert made == [1, 2]",
        {"made": 1},
    ),
    "None has a purpose": Case(
        """
        @pytest.fixture(scope="session")
        def made():
            len("")
        """,
        "assert made is None",
        {"made": 1},
        warm={"made": 1},
    ),
    "large": Case(
        """
        import array

        @pytest.fixture(scope="session")
        def made():
            return array.array("d", [1.5]) * 300_000
        """,
        "assert len(made) == 300_000 and made[-1] == 1.5; made[0] = 2.5",
        {"made": 1},
        is_shared=True,
    ),
    "autouse": Case(
        """
        @pytest.fixture(scope="session", autouse=True)
        def low():
            return [1]

        @pytest.fixture(scope="session")
        def made(low):
            return [1, 2]
        """,
        "assert made == [1, 2]",
        {"low": 1, "made": 1},
    ),
    "a value that cannot be kept is left out": Case(
        """
        import sqlite3

        @pytest.fixture(scope="session")
        def low():
            found = sqlite3.connect(":memory:")
            found.execute("create table t (n)")
            yield found
            found.close()

        @pytest.fixture(scope="session")
        def made(low):
            low.execute("insert into t values (1)")
            return low.execute("select n from t").fetchall()
        """,
        "assert made == [(1,)]",
        {"low": 1, "made": 1},
        edit=("fetchall()", "fetchall()[:]"),
        edited={"low": 1, "made": 1},
    ),
    "what was made from a live one is live": Case(
        """
        import sqlite3

        @pytest.fixture(scope="session")
        def low():
            found = sqlite3.connect(":memory:")
            found.execute("create table t (n)")
            yield found
            found.close()

        @pytest.fixture(scope="session")
        def made(low):
            low.execute("insert into t values (1)")
            return [1]
        """,
        "assert made == [1] and low.execute('select n from t').fetchall() == [(1,)]",
        {"low": 1, "made": 1},
        warm={"low": 1, "made": 1},
        test="made, low",
    ),
    "mutated upstream": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return [1]

        @pytest.fixture(scope="session")
        def made(low):
            low.append(2)
            return len(low)
        """,
        "assert made == 2 and low == [1, 2]",
        {"low": 1, "made": 1},
        warm={"made": 1},
        test="made, low",
    ),
    "a class that keeps its cache out of pickles": Case(
        """
        class Table:
            def __init__(self):
                self.rows, self.cache = [1, 2], {"sum": 3}

            def __getstate__(self):
                return {"rows": self.rows}

            def __setstate__(self, state):
                self.rows, self.cache = state["rows"], {}

        @pytest.fixture(scope="session")
        def made():
            return {"table": Table()}
        """,
        "assert made['table'].cache.get('sum', 0) == 3",
        {"made": 1},
        warm={"made": 1},
    ),
    "a class that forgets an argument": Case(
        """
        class Row(list):
            def __init__(self, start=()):
                super().__init__(start)
                self.start = start

            def __reduce__(self):
                return Row, (), None, iter(self)

        @pytest.fixture(scope="session")
        def made():
            return [Row([1])]
        """,
        "assert made[0].start == [1]",
        {"made": 1},
        warm={"made": 1},
    ),
    "a class that makes its lock again": Case(
        """
        import threading

        class Table:
            def __init__(self):
                self.rows, self.lock = {"a": {1, 2}}, threading.Lock()

            def __getstate__(self):
                return {"rows": self.rows}

            def __setstate__(self, state):
                self.__init__()
                self.rows = state["rows"]

        @pytest.fixture(scope="session")
        def made():
            return Table()
        """,
        "assert made.rows['a'] == {1, 2}\n        with made.lock: pass",
        {"made": 1},
    ),
    "mutated upstream that nobody sees": Case(
        """
        @pytest.fixture(scope="session")
        def low():
            return [1]

        @pytest.fixture(scope="session")
        def made(low):
            low.append(2)
            return len(low)
        """,
        "assert made == 2",
        {"low": 1, "made": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_calls_of_fixture_functions(counted: Counted, name: str) -> None:
    case = CASES[name]
    text = "import pytest\nimport lib\n" + textwrap.dedent(case.conftest)
    test = TEST.format(made="made" if case.test.isupper() else case.test or "made",
                       check=case.check)  # fmt: skip
    if case.test == "PARAMETRIZE":
        test = test.replace("(made)", "(made, number)").replace(
            "def test_",
            "import pytest\n    @pytest.mark.parametrize('number', [1, 2])\n    def test_",
        )
    if case.test == "XUNIT":
        test += (
            "\n    def setup_module():\n        import conftest\n        conftest.STATE.append(3)\n"
        )
    if case.test == "OVERRIDE":
        test += """
    import pytest

    @pytest.fixture(scope="session")
    def made(made):
        return [*made, 2]
"""
    counted.write(conftest=text, test_a=test)
    assert counted.run()[1] == case.first
    assert counted.run()[1] == {}
    counted.edit()
    ran, calls = counted.run()
    live = {"test_a", "test_b"} if case.is_shared else {"test_a"}
    assert {name.partition("[")[0] for name in ran.names} == live
    assert calls == case.warm
    assert ran.report["totals"]["requeued"] == 0
    if case.edit[0]:
        counted.edit("conftest.py", *case.edit)
        assert counted.run()[1] == case.edited
        assert counted.run()[1] == {}


def test_what_is_made_while_its_upstream_is_left_out_is_kept(counted: Counted) -> None:
    """Nobody can have changed what was not there."""
    counted.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def first():
            return {"n": 1}

        @pytest.fixture(scope="session")
        def second(first):
            return {"n": first["n"]}

        @pytest.fixture(scope="session")
        def third(second):
            return [second["n"]]

        @pytest.fixture
        def fourth(third):
            return third[0]
        """,
        test_a="""
        def test_a(fourth): assert fourth == 1
        def test_b(first): assert first == {"n": 1}
        """,
    )
    assert counted.run()[1] == {"first": 1, "second": 1, "third": 1, "fourth": 1}
    counted.edit("conftest.py", '[second["n"]]', '[second["n"] + 0]')
    ran, calls = counted.run()
    assert (ran.names, calls) == (["test_a"], {"third": 1, "fourth": 1})
    counted.edit("test_a.py", "fourth == 1", "fourth > 0")
    ran, calls = counted.run()
    assert (ran.names, calls) == (["test_a"], {})
    # Beside all that is live, as well.
    counted.edit("test_a.py", "fourth > 0", "fourth != 0")
    counted.edit("conftest.py", 'return {"n": 1}', 'return {"n": 2 - 1}')
    ran, calls = counted.run()
    assert (ran.names, calls) == (
        ["test_a", "test_b"],
        {"first": 1, "second": 1, "third": 1, "fourth": 1},
    )
