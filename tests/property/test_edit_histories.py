"""Whatever is edited, in whatever order: a warm run reports what plain pytest reports."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import textwrap
import time
import warnings
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Kept loaded: pytester drops what an inner run imports, and importing it all again is slow.
import pytest_cellcache.session  # noqa: F401  # only to be loaded

SETTLED_NS = 30_000_000
"""What was written this shortly before a run began counts as written during it."""

FILES = {
    "lib/__init__.py": "from .core import add, Square as Exported\n",
    "lib/core.py": """
        BASE = {base}
        def add(x):
            return x + {add}
        def twice(x):
            return add(add(x))
        def only_one_test_calls_this():
            return {only}
        class Shape:
            sides = {sides}
            def area(self):
                return self.sides * {area}
            def show(self, prefix={default}):
                return prefix + self.area()
        class Square(Shape):
            sides = 4
            {override}
    """,
    "lib/registry.py": """
        HANDLERS = {{}}
        def register(name, weight={weight}):
            def keep(function):
                HANDLERS[name] = (function, weight)
                return function
            return keep
        class Plugin:
            known = []
            def __init_subclass__(cls, rank=0):
                cls.known.append(rank + {rank})
    """,
    "lib/plugins.py": """
        from .registry import Plugin, register
        @register("alpha")
        def alpha():
            return {alpha}
        {beta}
        class One(Plugin, rank={rank_of_one}):
            pass
    """,
    "lib/memo.py": """
        import functools
        def slow(n):
            return n * {slow}
        @functools.lru_cache(maxsize=None)
        def table():
            return [slow(n) for n in range(3)]
        _lazy = None
        class Amount:
            def __add__(self, other):
                return other + {added}
        AMOUNT = Amount()
        def handle(n):
            return n * {handled}
        HANDLERS = {{"one": handle}}
        @functools.lru_cache(maxsize=None)
        def remembered():
            return AMOUNT + HANDLERS["one"](2)
        def part():
            return {lazy} + HANDLERS["one"](4) + (AMOUNT + 2)
        def lazy():
            global _lazy
            if _lazy is None:
                _lazy = part()
            return _lazy
        class Settings:
            loaded = None
            def get(self):
                if self.loaded is None:
                    self.loaded = read()
                return self.loaded
        def read():
            with open("data.txt") as file:
                return int(file.read())
        SETTINGS = Settings()
    """,
    "lib/computed.py": """
        from . import core
        from .core import BASE, twice
        LIMIT = twice(BASE)
        TABLE = {{name: core.add(n) for n, name in enumerate("abc")}}
        LATE = [LIMIT]
        LATE.append({late})
        def logged(function):
            def inner(*args):
                return function(*args) + {logged}
            return inner
        @logged
        def wrapped(x):
            return x + LATE[-1]
    """,
    "data.txt": "{data}",
    "conftest.py": """
        import pytest
        from lib import core
        @pytest.fixture(scope="session")
        def shape():
            shape = core.Square()
            shape.extra = core.add({fixture})
            return shape
        @pytest.fixture(params=[1, {parameter}])
        def number(request):
            return request.param
        {autouse}
    """,
    "tests/test_core.py": """
        from lib import core, add, Exported
        def test_add():
            assert add(0) % 2 == 0
        def test_twice():
            assert core.twice(0) % 2 == 0
        def test_only():
            assert core.only_one_test_calls_this() % 2 == 0
        class TestShape:
            def test_area(self):
                assert Exported().area() % 2 == 0
            def test_show(self):
                assert core.Square().show() % 2 == 0
        def test_alone():
            assert True
    """,
    "tests/test_registry.py": """
        from lib import plugins, registry
        def test_sum():
            assert sum(f() * w for f, w in registry.HANDLERS.values()) % 2 == 0
        def test_names():
            assert len(registry.HANDLERS) == 1
        def test_ranks():
            assert sum(registry.Plugin.known) % 2 == 0
    """,
    "tests/test_memo.py": """
        from lib import memo
        def test_table_first():
            assert sum(memo.table()) % 2 == 0
        def test_table_second():
            assert memo.table()[1] % 2 == 0
        def test_remembered_first():
            assert memo.remembered() is not None
        def test_remembered_second():
            assert memo.remembered() % 2 == 0
        def test_lazy_first():
            assert memo.lazy() % 2 == 0
        def test_lazy_second():
            assert memo.lazy() % 2 == 0
        def test_settings_first():
            assert memo.SETTINGS.get() % 2 == 0
        def test_settings_second():
            assert memo.SETTINGS.get() % 2 == 0
    """,
    "tests/test_computed.py": """
        import pytest
        from lib import computed
        CASES = [0, {case}]
        def test_limit():
            assert computed.LIMIT % 2 == 0
        @pytest.mark.parametrize("name", "abc")
        def test_table(name):
            assert computed.TABLE[name] % 2 == "abc".index(name) % 2
        @pytest.mark.parametrize("case", CASES)
        def test_case(case):
            assert computed.wrapped(case) % 2 == case % 2
        @pytest.mark.skipif(computed.LIMIT == 2, reason="two")
        def test_conditional():
            assert True
    """,
    "tests/test_fixtures.py": """
        def test_extra(shape):
            assert shape.extra % 2 == 0
        def test_again(shape):
            assert (shape.extra + shape.sides) % 2 == 0
        def test_number(number):
            assert number < 5
        def test_environment():
            import os
            assert os.environ.get("FROM_FIXTURE", "0") != "3"
    """,
}

TEXTS = {
    "override": ("pass", "def area(self):\n        return 7", "def __init__(self): self.sides = 3"),
    "beta": ("", "@register('beta')\ndef beta():\n    return 1"),
    "autouse": (
        "",
        "@pytest.fixture(autouse=True)\ndef env(monkeypatch):\n"
        "    monkeypatch.setenv('FROM_FIXTURE', '3')",
    ),
}
NUMBERS = (
    "base add only sides area default weight rank alpha rank_of_one slow lazy late logged data "
    "added handled fixture parameter case".split()
)

edits = st.one_of(
    st.tuples(st.sampled_from(NUMBERS), st.integers(0, 4)),
    st.tuples(st.sampled_from(sorted(TEXTS)), st.integers(0, 2)),
)


@dataclass(frozen=True)
class Ran:
    outcomes: dict[str, str]
    live: list[str]


class Bench:
    """A project that is written anew for every state."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self._path = pytester.path
        for path in self._path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        (self._path / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")

    def write(self, state: dict[str, int]) -> None:
        values: dict[str, object] = dict(state)
        for name, choices in TEXTS.items():
            values[name] = choices[state[name] % len(choices)]
        for name, template in FILES.items():
            text = _fill(textwrap.dedent(template).lstrip(), values)
            path = self._path / name
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")

    def plain(self) -> Ran:
        return self._run("-p", "no:cacheprovider")

    def cached(self, *options: str) -> Ran:
        newest = max(os.lstat(self._path / name).st_ctime_ns for name in FILES)
        while time.time_ns() < newest + SETTLED_NS:
            pass
        return self._run("--cell-cache", *options)

    def _run(self, *options: str) -> Ran:
        importlib.invalidate_caches()
        with warnings.catch_warnings():
            warnings.resetwarnings()  # ours make errors of warnings
            done = self._pytester.inline_run("-p", "pytest_cellcache.plugin", *options)
        outcomes: dict[str, list[str]] = {}
        for call in done.getcalls("pytest_runtest_logreport"):
            report = call.report
            outcomes.setdefault(report.nodeid, []).append(f"{report.when}:{report.outcome}")
        live = [call.item.nodeid for call in done.getcalls("pytest_runtest_setup")]
        done.finish_recording()
        # Pytester keeps it, and with it all objects of the run, until the test ends. The next run
        # would start by looking at them all.
        vars(done).update(calls=[], _pluginmanager=None, _undo_wrapping=lambda: None)
        return Ran({nodeid: " ".join(words) for nodeid, words in outcomes.items()}, live)


def _fill(template: str, values: dict[str, object]) -> str:
    """Fill a template; a text of several lines is indented as its place is."""
    lines = []
    for line in template.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += [indent + part for part in line.strip().format(**values).split("\n")]
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    # To find and load what is installed takes longer than a run.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # Two edits of one size within a second would meet the bytecode of the first.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


BEGIN = dict.fromkeys((*NUMBERS, *TEXTS), 0) | {"weight": 1, "parameter": 2, "case": 1}


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(st.tuples(edits, st.booleans()), min_size=1, max_size=3))
def test_warm_runs_report_what_plain_runs_report(
    pytester: pytest.Pytester, history: list[tuple[tuple[str, int], bool]]
) -> None:
    bench = Bench(pytester)
    states = [BEGIN]
    bench.write(BEGIN)
    assert bench.plain().outcomes == bench.cached().outcomes
    for (name, value), goes_back in history:
        if goes_back and len(states) > 1:
            states.append(states[0])
        else:
            states.append({**states[-1], name: value})
        bench.write(states[-1])
        plain = bench.plain()
        warm = bench.cached()
        assert warm.outcomes == plain.outcomes, (states[-2], states[-1])


NARROW: dict[str, set[str]] = {
    "only": {"tests/test_core.py::test_only"},
    "lazy": {"tests/test_memo.py::test_lazy_first", "tests/test_memo.py::test_lazy_second"},
    "slow": {"tests/test_memo.py::test_table_first", "tests/test_memo.py::test_table_second"},
    "data": {"tests/test_memo.py::test_settings_first", "tests/test_memo.py::test_settings_second"},
    "alpha": {"tests/test_registry.py::test_sum"},
    "fixture": {"tests/test_fixtures.py::test_extra", "tests/test_fixtures.py::test_again"},
    # A parameter's value is part of the test's id.
    "parameter": set(),
    "case": set(),
}
"""Edits and whom they concern at BEGIN, where every test passes; new tests run besides."""


def test_every_single_edit(pytester: pytest.Pytester) -> None:
    """Each edit alone, on a full cache, is told as in a plain run."""
    bench = Bench(pytester)
    bench.write(BEGIN)
    first = bench.cached()
    assert all("failed" not in words for words in first.outcomes.values())
    assert bench.cached().live == []
    for name in BEGIN:
        bench.write({**BEGIN, name: BEGIN[name] + 1})
        plain = bench.plain()
        warm = bench.cached("--cell-cache-mode=read")
        assert warm.outcomes == plain.outcomes, name
        assert plain.outcomes != first.outcomes or name not in NARROW, name


def test_an_edit_runs_only_whom_it_concerns(pytester: pytest.Pytester) -> None:
    """The edits keep every test passing: a failure would run what came before it too."""
    bench = Bench(pytester)
    bench.write(BEGIN)
    first = bench.cached()
    ran = {}
    for name in NARROW:
        bench.write({**BEGIN, name: BEGIN[name] + 2})
        warm = bench.cached("--cell-cache-mode=read")
        assert all("failed" not in words for words in warm.outcomes.values()), name
        ran[name] = set(warm.live) - (warm.outcomes.keys() - first.outcomes.keys())
    assert ran == NARROW


def test_going_back_runs_nothing(pytester: pytest.Pytester) -> None:
    bench = Bench(pytester)
    bench.write(BEGIN)
    bench.cached()
    bench.write({**BEGIN, "only": 1, "alpha": 1, "late": 1, "data": 1})
    assert bench.cached().live
    bench.write(BEGIN)
    assert bench.cached().live == []
