"""Whatever fixtures do and whatever is edited: a warm run reports what plain pytest reports."""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points

import _pytest.fixtures
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Kept loaded: pytester drops what an inner run imports, and importing it all again is slow.
import pytest_cellcache.session
import pytest_cellcache.store.pickler  # noqa: F401  # only to be loaded

SETTLED_NS = 30_000_000
_INSTALLED = any(found.name == "cellcache" for found in entry_points(group="pytest11"))
_LOAD = () if _INSTALLED else ("-p", "pytest_cellcache.plugin")
_QUIET = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest", "-p", "no:xdist")

LIB = """
import os
import threading

STATE = []

class Box:
    def __init__(self, *held):
        self.held = list(held)

def weigh(value):
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, (list, tuple)):
        return sum(weigh(each) for each in value)
    if isinstance(value, dict):
        return sum(weigh(each) for name, each in value.items() if name != "part")
    if isinstance(value, Box):
        return weigh(value.held)
    with open(value) as file:
        return int(file.read())
"""

KINDS = {
    "value": "return [{c}, lib.weigh([{up}])]",
    "object": "return lib.Box({c}, lib.weigh([{up}]))",
    "share": "return [{c}, {up}]",
    "closure": "return {{'n': {c}, 'part': (lambda: lib.weigh([{c}, {up}]))}}",
    "stub": "return {{'n': {c} + lib.weigh([{up}]), 'part': threading.Lock()}}",
    "stub of all": "return threading.Lock()",
    "yield": "yield [{c}, lib.weigh([{up}])]",
    "teardown": "yield lib.Box({c}, lib.weigh([{up}])); lib.STATE.append(0)",
    "global": "lib.STATE.append({c}); return [lib.weigh([{up}])]",
    "reads global": "return [{c}, lib.weigh(lib.STATE)]",
    "environment": "monkeypatch.setenv('CELL_X', '{c}'); return [lib.weigh([{up}])]",
    "reads environment": "return [int(os.environ.get('CELL_X', 0)), {c}]",
    "mutate": "[v.append({c}) for v in [{up}] if type(v) is list]; return {c}",
    "none": "lib.weigh([{up}])",
    "file": "p = tmp_path_factory.mktemp('d') / 'n'; p.write_text(str({c})); return p",
    "fails": "assert ({c} + lib.weigh([{up}])) % 5; return {c}",
}
STORABLE = frozenset({"value", "object", "share", "closure", "yield", "file"})
LOCKS = frozenset({"stub of all"})
SCOPES = ("function", "module", "session")


@dataclass(frozen=True)
class Fixture:
    kind: str
    scope: int
    upstream: tuple[int, ...]
    constant: int
    is_autouse: bool

    def text(self, number: int, all_of: tuple[Fixture, ...]) -> str:
        names = [f"f{each}" for each in self.upstream]
        weighed = [f"f{n}" for n in self.upstream if all_of[n].kind not in LOCKS]
        body = KINDS[self.kind].format(c=self.constant, up=", ".join(weighed))
        if self.kind == "environment":
            names.append("monkeypatch")
        if self.kind == "file":
            names.append("tmp_path_factory")
        options = f"scope={SCOPES[self.scope]!r}, autouse={self.is_autouse}"
        return f"@pytest.fixture({options})\ndef f{number}({', '.join(names)}):\n    {body}\n"


@dataclass(frozen=True)
class Case:
    uses: tuple[int, ...]
    constant: int
    touches: bool

    def text(self, number: int, fixtures: tuple[Fixture, ...]) -> str:
        names = [f"f{each}" for each in self.uses]
        weighed = [f"f{n}" for n in self.uses if fixtures[n].kind not in LOCKS]
        touch = "".join(f"    touch(f{n})\n" for n in self.uses) if self.touches else ""
        return (
            f"def test_{number}({', '.join(names)}):\n{touch}"
            f"    assert (lib.weigh([{', '.join(weighed)}]) + {self.constant}) % 4\n"
        )


@dataclass(frozen=True)
class World:
    fixtures: tuple[Fixture, ...]
    cases: tuple[Case, ...]

    def files(self) -> dict[str, str]:
        head = "import os\nimport threading\nimport pytest\nimport lib\n\n"
        touch = (
            "def touch(value):\n"
            "    part = value.get('part') if type(value) is dict else value\n"
            "    if callable(part):\n        part()\n"
            "    elif hasattr(part, 'acquire'):\n        part.acquire(); part.release()\n\n"
        )
        made = "\n".join(f.text(n, self.fixtures) for n, f in enumerate(self.fixtures))
        texts = [case.text(n, self.fixtures) for n, case in enumerate(self.cases)]
        half = (len(texts) + 1) // 2
        return {
            "pytest.ini": "[pytest]\ncell_cache_min_seconds = 0\n",
            "lib.py": LIB,
            "conftest.py": head + made,
            "test_a.py": head + touch + "\n".join(texts[:half]),
            "test_b.py": head + touch + "\n".join(texts[half:]),
        }

    def instances(self) -> dict[str, tuple[object, ...]]:
        """Give by name what makes the value of a fixture."""
        found: dict[str, tuple[object, ...]] = {}
        for number, fixture in enumerate(self.fixtures):
            upstream = tuple(found[f"f{each}"] for each in fixture.upstream)
            found[f"f{number}"] = (number, fixture, *upstream)
        return found


@st.composite
def worlds(draw: st.DrawFn, kinds: frozenset[str] = frozenset(KINDS)) -> World:
    fixtures: list[Fixture] = []
    for number in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(sorted(kinds)))
        scope = 0 if kind == "environment" else draw(st.integers(0, 2))
        known = [n for n in range(number) if fixtures[n].scope >= scope]
        chosen = draw(st.lists(st.sampled_from(known), max_size=2, unique=True)) if known else []
        is_autouse = draw(st.integers(0, 6)) == 0
        fixtures.append(Fixture(kind, scope, tuple(chosen), draw(st.integers(1, 9)), is_autouse))
    numbers = list(range(len(fixtures)))
    cases = [
        Case(
            tuple(draw(st.lists(st.sampled_from(numbers), max_size=3, unique=True))),
            draw(st.integers(0, 3)),
            draw(st.booleans()),
        )
        for _ in range(draw(st.integers(2, 4)))
    ]
    return World(tuple(fixtures), tuple(cases))


edits = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=3)


def edited(world: World, edit: tuple[bool, int, int]) -> World:
    of_case, which, constant = edit
    if of_case:
        cases = list(world.cases)
        cases[which % len(cases)] = replace(cases[which % len(cases)], constant=constant % 4)
        return replace(world, cases=tuple(cases))
    fixtures = list(world.fixtures)
    number = which % len(fixtures)
    fixtures[number] = replace(fixtures[number], constant=constant + 1)
    return replace(world, fixtures=tuple(fixtures))


@dataclass
class Bench:
    pytester: pytest.Pytester
    calls: Counter[str] = field(default_factory=Counter)

    def write(self, world: World) -> None:
        for name, text in world.files().items():
            (self.pytester.path / name).write_text(text)
        newest = max(os.lstat(p).st_ctime_ns for p in self.pytester.path.iterdir())
        while time.time_ns() < newest + SETTLED_NS:
            pass

    def run(self, *args: str) -> tuple[dict[str, str], int]:
        """Give outcomes, and how many live tests began a set-up."""
        self.calls.clear()
        with warnings.catch_warnings():
            warnings.resetwarnings()
            result = self.pytester.runpytest_inprocess(*_QUIET, *_LOAD, *args)
        outcomes: dict[str, list[str]] = {}
        for call in result.reprec.getcalls("pytest_runtest_logreport"):  # type: ignore[attr-defined]
            report = call.report
            outcomes.setdefault(report.nodeid, []).append(f"{report.when}:{report.outcome}")
        text = result.stdout.str()
        assert "warning internal-error" not in text, text
        requeued = 0
        for line in text.splitlines():
            if " replayed, " in line:
                requeued = int(line.partition(" run, ")[2].partition(" ")[0])
        return {nodeid: " ".join(words) for nodeid, words in outcomes.items()}, requeued


_COUNTING = """
def call(fixturefunc, request, kwargs):
    calls[request.fixturename] += 1
    return real(fixturefunc, request, kwargs)
"""


_generated = settings(
    max_examples=int(os.environ.get("CELL_EXAMPLES", "6")),
    deadline=None,
    derandomize="CELL_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def counting(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.setenv("PYTEST_CELLCACHE_DEBUG", "1")
    bench = Bench(pytester)
    namespace = {"real": _pytest.fixtures.call_fixture_func, "calls": bench.calls}
    # Under a name that is no file's: the suite under test must not take it for code of its own.
    exec(compile(_COUNTING, "<counting>", "exec"), namespace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pytest.fixtures, "call_fixture_func", namespace["call"])
        yield bench


@_generated
@given(world=worlds(), history=edits)
def test_warm_equals_plain(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    history: list[tuple[bool, int, int]],
) -> None:
    with counting(pytester, monkeypatch) as bench:
        bench.write(world)
        clear = ["--cell-cache-clear"]
        for state in (world, world, *_states(world, history)):
            bench.write(state)
            plain, _ = bench.run("-p", "no:cacheprovider")
            most = Counter(bench.calls)
            warm, requeued = bench.run("--cell-cache", *clear)
            assert warm == plain, state.files()["conftest.py"]
            if not requeued:
                assert all(bench.calls[name] <= most[name] for name in bench.calls)
            clear = []


@_generated
@given(world=worlds(STORABLE), history=edits)
def test_what_was_made_once_is_not_made_again(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    history: list[tuple[bool, int, int]],
) -> None:
    with counting(pytester, monkeypatch) as bench:
        clear = ["--cell-cache-clear"]
        made: set[tuple[object, ...]] = set()
        for state in (world, world, *_states(world, history)):
            bench.write(state)
            plain, _ = bench.run("-p", "no:cacheprovider")
            instances = state.instances()
            new = {instances[name] for name in bench.calls if name in instances}
            warm, requeued = bench.run("--cell-cache", *clear)
            assert warm == plain, state.files()["conftest.py"]
            if not requeued and not any("failed" in outcome for outcome in plain.values()):
                again = [n for n in bench.calls if n in instances and instances[n] in made]
                assert not again, (state.files(), bench.calls)
                made |= new
            clear = []


def _states(world: World, history: list[tuple[bool, int, int]]) -> list[World]:
    states = []
    for edit in history:
        world = edited(world, edit)
        states.append(world)
    return states
