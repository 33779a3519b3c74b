"""The numbered promises of ``trace.contract.Tracer``, kept by every tracer of this Python."""

from __future__ import annotations

import _thread
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_cellcache.graph.resetting import Site
from pytest_cellcache.model.observation import STARTED, UNKNOWN, CodeRef
from pytest_cellcache.trace import channel, monitoring, spans
from pytest_cellcache.trace.contract import (
    PROFILER_TAKEN,
    THREAD_UNSEEN,
    Traced,
    Tracer,
    TracerUnavailable,
)
from pytest_cellcache.trace.monitoring import monitoring_tracer
from pytest_cellcache.trace.profiling import profiling_tracer
from pytest_cellcache.trace.resets import ResetProbe

OURS = "/project/subject.py"


def is_ours(filename: str) -> bool:
    return filename == OURS


def global_tracer(is_first_party: Callable[[str], bool]) -> Tracer:
    everywhere = channel.Channel(monitoring.Monitoring(everywhere=True))
    return channel.ChannelTracer(everywhere, is_first_party)


MAKERS: dict[str, Callable[[Callable[[str], bool]], Tracer]] = {"profile": profiling_tracer}
if sys.version_info >= (3, 12):
    MAKERS |= {"monitoring": monitoring_tracer, "monitoring-global": global_tracer}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Callable[[Callable[[str], bool]], Tracer]:
    return MAKERS[request.param]


@pytest.fixture
def tracer(make: Callable[[Callable[[str], bool]], Tracer]) -> Iterator[Tracer]:
    tracer = make(is_ours)
    tracer.start()
    yield tracer
    tracer.stop()


def define(source: str, filename: str = OURS) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "subject"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace


BEFORE = define(
    """
def early(): return inner()
def inner(): return [x for x in range(3)]
def steps():
    yield 1
    yield 2
def patient():
    while True:
        try:
            yield
        except KeyError:
            pass
"""
)


def names(tracer: Tracer) -> set[str]:
    """Close the unit; comprehensions have code of their own before Python 3.12."""
    return {code.name for code in tracer.pop().codes} - {"<listcomp>"}


def test_1_the_innermost_unit_is_charged(tracer: Tracer) -> None:
    subject = define("def outer(): pass\ndef deep(): pass\ndef late(): pass")
    tracer.push()
    subject["outer"]()
    tracer.push()
    subject["deep"]()
    assert names(tracer) == {"deep"}
    subject["late"]()
    assert names(tracer) == {"outer", "late"}


def test_1_code_that_existed_before_the_start(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    asleep = define("def sleeping(): yield")["sleeping"]()  # its function is gone
    next(asleep)
    tracer = make(is_ours)
    tracer.start()
    tracer.push()
    BEFORE["early"]()
    next(asleep, None)
    found = names(tracer)
    tracer.stop()
    assert found == {"early", "inner", "sleeping"}


def test_1_resumed_and_thrown_into(tracer: Tracer) -> None:
    tracer.push()
    steps, patient = BEFORE["steps"](), BEFORE["patient"]()
    next(steps)
    next(patient)
    assert names(tracer) == {"steps", "patient"}
    tracer.push()
    next(steps)
    assert names(tracer) == {"steps"}
    tracer.push()
    patient.throw(KeyError())
    assert names(tracer) == {"patient"}


def test_1_coroutines(tracer: Tracer) -> None:
    coroutine = define("async def main(): pass")["main"]()
    tracer.push()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert names(tracer) == {"main"}


def test_1_a_code_ref_is_what_python_says(tracer: Tracer) -> None:
    tracer.push()
    BEFORE["early"]()
    code = BEFORE["early"].__code__
    assert (OURS, code.co_firstlineno, "early") in tracer.pop().codes


def test_2_every_unit_is_charged(tracer: Tracer) -> None:
    for _ in range(3):
        tracer.push()
        BEFORE["early"]()
        BEFORE["early"]()
        tracer.push()
        BEFORE["early"]()
        assert names(tracer) == {"early", "inner"}
        assert names(tracer) == {"early", "inner"}
        tracer.push()
        assert names(tracer) == set()


def test_3_the_base_unit_gets_the_rest(tracer: Tracer) -> None:
    define("def at_import(): pass\nat_import()")
    tracer.push()
    BEFORE["early"]()
    tracer.pop()
    assert {code.name for code in tracer.base().codes} == {"<module>", "at_import"}
    BEFORE["inner"]()
    assert {"<module>", "at_import", "inner"} <= {code.name for code in tracer.base().codes}


def test_4_other_files_are_not_reported(tracer: Tracer) -> None:
    generated, theirs = define("def f(): pass", "<string>"), define("def g(): pass", "/lib/x.py")
    tracer.push()
    generated["f"]()
    theirs["g"]()
    assert tracer.pop().codes == frozenset()


@pytest.mark.parametrize("inner_name", sorted(MAKERS))
def test_5_tracers_nest(tracer: Tracer, inner_name: str) -> None:
    inner = MAKERS[inner_name](is_ours)
    tracer.push()
    inner.start()
    inner.push()
    BEFORE["early"]()
    seen = inner.pop()
    inner.push()
    BEFORE["steps"]().close()
    next(BEFORE["steps"]())
    inner.stop()
    BEFORE["early"]()
    assert {code.name for code in seen.codes} >= {"early", "inner"}
    outer = tracer.pop()
    assert {code.name for code in outer.codes} >= {"early", "inner", "steps"}
    assert not outer.gaps | seen.gaps
    tracer.push()
    BEFORE["early"]()
    assert names(tracer) == {"early", "inner"}


def test_5_an_inner_tracer_may_have_other_files(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    theirs = define("def g(): pass", "/lib/x.py")["g"]
    outer, inner = make(is_ours), make(lambda filename: filename == "/lib/x.py")
    outer.start()
    outer.push()
    inner.start()
    inner.push()
    theirs()
    BEFORE["early"]()
    assert {code.name for code in inner.pop().codes} == {"g"}
    outer_names = names(outer)
    outer.stop()  # before the inner one: order must not matter
    inner.push()
    theirs()
    assert names(inner) == {"g"}
    inner.stop()
    assert outer_names == {"early", "inner"}


def test_6_threads(tracer: Tracer) -> None:
    tracer.push()
    thread = threading.Thread(target=BEFORE["early"])
    thread.start()
    thread.join()
    traced = tracer.pop()
    assert {code.name for code in traced.codes} >= {"early", "inner"}
    assert not traced.gaps


def test_6_a_thread_that_works_for_several_units(tracer: Tracer) -> None:
    go, done = threading.Semaphore(0), threading.Semaphore(0)

    def work() -> None:
        for _ in range(2):
            go.acquire()
            BEFORE["early"]()
            done.release()

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(2):
        tracer.push()
        go.release()
        done.acquire()
        assert names(tracer) == {"early", "inner"}
    thread.join()


def test_6_code_made_at_run_time(tracer: Tracer) -> None:
    replaced = BEFORE["early"].__code__.replace(co_name="copied", co_firstlineno=99)
    target = define("def f(): pass", "<string>")["f"]
    tracer.push()
    types.FunctionType(replaced, {"inner": int})()
    assert names(tracer) == {"copied"}
    target.__code__ = BEFORE["inner"].__code__.replace(co_name="swapped")
    tracer.push()
    target()
    assert names(tracer) == {"swapped"}
    tracer.push()
    exec(compile("(lambda: None)()", OURS, "exec"))
    eval(compile("(lambda: None)()", OURS, "eval"))
    assert names(tracer) == {"<module>", "<lambda>"}


def test_7_nothing_missed_no_gap(tracer: Tracer) -> None:
    tracer.push()
    BEFORE["early"]()
    assert tracer.pop().gaps == frozenset()


def test_7_raw_threads_are_seen_or_a_gap(tracer: Tracer) -> None:
    done = threading.Lock()
    done.acquire()

    def work() -> None:
        BEFORE["early"]()
        done.release()

    tracer.push()
    _thread.start_new_thread(work, ())
    done.acquire()
    traced = tracer.pop()
    assert "early" in {code.name for code in traced.codes} or traced.gaps == {THREAD_UNSEEN}


def test_7_a_taken_profiler_is_a_gap_until_it_is_free(tracer: Tracer) -> None:
    if tracer.name != "profile":
        pytest.skip("does not use the slot")
    tracer.push()
    sys.setprofile(lambda *_: None)
    tracer.push()
    BEFORE["early"]()
    assert tracer.pop().gaps == {PROFILER_TAKEN}
    sys.setprofile(None)
    assert tracer.pop().gaps == {PROFILER_TAKEN}
    tracer.push()
    BEFORE["early"]()
    traced = tracer.pop()
    assert not traced.gaps
    assert {code.name for code in traced.codes} >= {"early", "inner"}


@contextmanager
def untouched() -> Iterator[None]:
    monitored: Any = getattr(sys, "monitoring", None)

    def state() -> list[object]:
        tools = [monitored.get_tool(tool) for tool in range(6)] if monitored else []
        starters = [_thread.start_new_thread, _thread.start_new]
        return [*tools, *starters, sys.getprofile(), threading.getprofile()]

    before = state()
    yield
    assert state() == before


def test_8_nothing_stays(make: Callable[[Callable[[str], bool]], Tracer]) -> None:
    with untouched():
        for _ in range(2):
            tracer = make(is_ours)
            tracer.start()
            tracer.push()
            BEFORE["early"]()
            tracer.stop()
            tracer.stop()


def test_8_a_thread_that_outlives_the_tracer(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    tracer = make(is_ours)
    tracer.start()
    begun, go = threading.Event(), threading.Event()
    left: list[object] = []

    def work() -> None:
        begun.set()
        go.wait()
        BEFORE["early"]()
        left.append(sys.getprofile())

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    tracer.stop()
    go.set()
    thread.join()
    assert left == [None]


def test_9_users_of_the_profiler_notice_nothing(tracer: Tracer) -> None:
    import cProfile

    profile = cProfile.Profile()
    tracer.push()
    profile.runcall(BEFORE["early"])
    assert any(getattr(entry.code, "co_name", "") == "early" for entry in profile.getstats())
    tracer.pop()
    saved = sys.getprofile()
    events: list[str] = []
    tracer.push()
    sys.setprofile(lambda _frame, event, _arg: events.append(event))
    BEFORE["early"]()
    sys.setprofile(saved)
    BEFORE["early"]()  # a slot that was saved and put back must still be callable
    traced = tracer.pop()
    assert "call" in events
    assert "early" in {code.name for code in traced.codes} or traced.gaps == {PROFILER_TAKEN}


def test_9_users_of_settrace_notice_nothing(tracer: Tracer) -> None:
    before = sys.gettrace()
    lines: list[str] = []

    def trace(frame: types.FrameType, event: str, arg: object) -> Any:
        lines.append(frame.f_code.co_name)
        return trace

    tracer.push()
    sys.settrace(trace)
    BEFORE["early"]()
    sys.settrace(before)
    assert "early" in lines
    assert names(tracer) == {"early", "inner"}


@pytest.fixture
def imports_of(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> Iterator[Callable[..., dict[tuple[str, int], set[str]]]]:
    """Run modules ``/project/NAME.py``; tell what each of their lines ran, by file and line.

    Modules import each other by ``load("NAME")``. A tracer that tells no statements apart skips
    the test, once it has promised nothing.
    """
    tracer = make(lambda filename: filename.startswith("/project/"))
    tracer.start()

    def run(*, first: str = "a", in_unit: bool = False, **sources: str) -> Any:
        loaded: dict[str, dict[str, Any]] = {}

        def load(name: str) -> Any:
            if name not in loaded:
                loaded[name] = {"__name__": name, "load": load, "threading": threading}
                code = compile(sources[name], f"/project/{name}.py", "exec")
                exec(code, loaded[name])
            return types.SimpleNamespace(**loaded[name])

        if in_unit:
            tracer.push()
        load(first)
        if in_unit:
            tracer.pop()
        found = tracer.imports()
        if not found.modules:
            assert not found.statements
            pytest.skip("tells no statements apart")
        assert {label[0] for label in found.statements} <= found.modules
        told: dict[tuple[str, int], set[str]] = {}
        for (filename, line), codes in found.statements.items():
            names = {code.name for code in codes} - {"<listcomp>"}
            told[filename.removeprefix("/project/"), line] = names
        return {label: names for label, names in told.items() if names}

    yield run
    tracer.stop()


HELPER = "def helper(): return deep()\ndef deep(): return 1\ndef other(): pass\n"


def test_10_what_a_statement_runs(imports_of: Any) -> None:
    text = "X = helper()\nY = 1\nother()\nZ = (\n    1,\n    other(),\n)\nhelper()\n"
    told = imports_of(a=HELPER + text)
    assert told == {
        ("a.py", 4): {"helper", "deep"},
        ("a.py", 6): {"other"},
        ("a.py", 9): {"other"},
        ("a.py", 11): {"helper", "deep"},
    }


def test_10_what_runs_again_is_told_again(imports_of: Any) -> None:
    told = imports_of(a=HELPER + "other()\nother()\nother()\n")
    assert told == {("a.py", line): {"other"} for line in (4, 5, 6)}


def test_10_nested_imports(imports_of: Any) -> None:
    told = imports_of(
        a=HELPER + "other()\nb = load('b')\nhelper()\nb.late()\n",
        b="def early(): pass\ndef late(): pass\nearly()\nload('c')\nearly()\n",
        c="def inmost(): pass\ninmost()\n",
    )
    told.pop(("a.py", 5), None)  # the import statement: the code of the module itself
    told.pop(("b.py", 4), None)
    assert told == {
        ("a.py", 4): {"other"},
        ("a.py", 6): {"helper", "deep"},
        ("a.py", 7): {"late"},
        ("b.py", 3): {"early"},
        ("b.py", 5): {"early"},
        ("c.py", 2): {"inmost"},
    }


def test_10_the_code_of_a_module_belongs_to_who_imports_it(imports_of: Any) -> None:
    told = imports_of(a="load('b')\n", b="def f(): pass\nf()\n")
    assert told[("a.py", 1)] == {"<module>"}
    assert told[("b.py", 2)] == {"f"}


@pytest.mark.parametrize("depth", [1, 2])
def test_10_failing_imports_that_the_importer_catches(imports_of: Any, depth: int) -> None:
    told = imports_of(
        a=HELPER + f"try:\n    load('b{depth}')\nexcept KeyError:\n    other()\nhelper()\n",
        b1="def early(): pass\nearly()\nraise KeyError\n",
        b2="load('b1')\n",
    )
    assert told[("a.py", 7)] == {"other"}
    assert told[("a.py", 8)] == {"helper", "deep"}
    assert told[("b1.py", 2)] == {"early"}
    assert ("b1.py", 3) not in told


def test_10_what_raises_is_told_too(imports_of: Any) -> None:
    told = imports_of(
        a="def bad(): raise KeyError\ndef good(): pass\n"
        "try:\n    bad()\nexcept KeyError:\n    pass\ngood()\n"
    )
    assert told == {("a.py", 4): {"bad"}, ("a.py", 7): {"good"}}


def test_10_loops(imports_of: Any) -> None:
    """A loop is one statement: each of its lines may be told what others of it ran."""
    text = "for n in range(3):\n    helper()\n    if n == 2:\n        other()\nlast()\n"
    told = imports_of(a=HELPER + "def last(): pass\n" + text)
    loop = {label: names for label, names in told.items() if 5 <= label[1] <= 8}
    assert set().union(*loop.values()) == {"helper", "deep", "other"}
    assert {label: names for label, names in told.items() if label not in loop} == {
        ("a.py", 9): {"last"}
    }


def test_10_what_comes_after_a_loop_of_one_line_each(imports_of: Any) -> None:
    told = imports_of(a=HELPER + "for n in range(2): other()\nwhile helper() != 1: pass\nX = 1\n")
    assert told == {("a.py", 4): {"other"}, ("a.py", 5): {"helper", "deep"}}


def test_10_decorators_defaults_and_class_bodies(imports_of: Any) -> None:
    told = imports_of(
        a="def deco(f): return f\ndef make(): return 1\n"
        "@deco\ndef f(): pass\n"
        "def g(a=make()): pass\n"
        "class K:\n    a = make()\n    @deco\n    def m(self): pass\n"
        "X = 1\n"
    )
    assert "deco" in told.get(("a.py", 3), set()) | told.get(("a.py", 4), set())
    assert told[("a.py", 5)] == {"make"}
    in_class = set().union(*(names for label, names in told.items() if 6 <= label[1] <= 9))
    assert in_class == {"K", "make", "deco"}
    assert {label[1] for label in told} <= set(range(3, 10))


def test_10_imports_inside_a_unit(imports_of: Any) -> None:
    told = imports_of(in_unit=True, a=HELPER + "X = helper()\nother()\n")
    assert told == {("a.py", 4): {"helper", "deep"}, ("a.py", 5): {"other"}}


def test_10_a_unit_inside_of_which_a_module_is_imported_is_charged_too(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    tracer = make(is_ours)
    tracer.start()
    tracer.push()
    define("def f(): pass\nf()\n")
    assert {"<module>", "f"} <= {code.name for code in tracer.pop().codes}
    assert "f" not in {code.name for code in tracer.imports().outside}
    tracer.stop()


def test_10_a_thread_s_code_is_told_of_no_statement_that_did_not_wait_for_it(
    imports_of: Any,
) -> None:
    told = imports_of(
        a="def work(): inner()\ndef inner(): pass\n"
        "t = threading.Thread(target=work)\n"
        "t.start(); t.join()\nX = 1\n"
    )
    assert {label[1] for label, names in told.items() if names & {"work", "inner"}} <= {4}


def test_10_what_runs_outside_of_statements(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    tracer = make(is_ours)
    tracer.start()
    subject = define("def at_import(): pass\ndef hook(): pass\nat_import()\n")
    subject["hook"]()
    tracer.push()
    BEFORE["early"]()
    tracer.pop()
    found = tracer.imports()
    tracer.stop()
    outside = {code.name for code in found.outside}
    assert "hook" in outside
    assert not {"early", "inner"} & outside
    assert ("at_import" in outside) == (not found.modules)
    assert tracer.label() is None


def test_10_labels_are_told_while_a_statement_is_executed(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    tracer = make(is_ours)
    tracer.start()
    told: list[object] = []
    code = compile("ask()\nX = 1\nif X:\n    ask()\n", OURS, "exec")
    exec(code, {"ask": lambda: told.append(tracer.label())})
    is_told = bool(tracer.imports().modules)
    after = tracer.label()
    tracer.stop()
    assert told == ([(OURS, 1), (OURS, 4)] if is_told else [None, None])
    assert after is None


def test_10_statements_of_very_long_modules_are_not_told_apart(imports_of: Any) -> None:
    """What they run belongs to no statement, not to that which imports them either."""
    table = "def row(): return 1\nX = {\n" + "    'k': 'v',\n" * 3_000 + "}\nrow()\n"
    told = imports_of(a="def f(): pass\nb = load('b')\nf()\nb.row()\n", b=table)
    assert told == {("a.py", 3): {"f"}, ("a.py", 4): {"row"}}


def test_10_other_people_s_modules_have_no_statements(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    """Nor do they hide whose statement is being executed."""
    tracer = make(is_ours)
    tracer.start()
    theirs = compile("callback()\n", "/lib/x.py", "exec")
    define_it = "def mine(): pass\nrun(mine)\n"
    exec(compile(define_it, OURS, "exec"), {"run": lambda f: exec(theirs, {"callback": f})})
    found = tracer.imports()
    tracer.stop()
    assert found.modules <= {OURS}
    if found.modules:
        told = {label: {c.name for c in codes} for label, codes in found.statements.items()}
        assert told == {(OURS, 2): {"mine"}}
    else:
        assert not found.statements


def test_11_what_runs_after_a_rest_is_told(tracer: Tracer) -> None:
    tracer.push()
    BEFORE["early"]()
    with tracer.resting(), tracer.resting():
        tracer.push()
        inner = tracer.pop()
    BEFORE["early"]()
    traced = tracer.pop()
    assert not inner.codes
    assert {code.name for code in traced.codes} >= {"early", "inner"}
    assert not traced.gaps


def test_11_a_unit_that_ends_in_a_rest_has_what_ran_before(tracer: Tracer) -> None:
    tracer.push()
    BEFORE["early"]()
    with tracer.resting():
        assert names(tracer) == {"early", "inner"}
        tracer.push()
    BEFORE["early"]()
    assert names(tracer) == {"early", "inner"}


def test_11_others_hear_of_what_one_does_while_he_rests(
    tracer: Tracer, make: Callable[[Callable[[str], bool]], Tracer]
) -> None:
    inner = make(is_ours)
    inner.start()
    tracer.push()
    with inner.resting():
        BEFORE["early"]()
    assert names(tracer) == {"early", "inner"}
    inner.stop()


def test_11_a_tracer_that_stops_while_it_rests_leaves_nothing(
    make: Callable[[Callable[[str], bool]], Tracer],
) -> None:
    with untouched():
        tracer = make(is_ours)
        tracer.start()
        with tracer.resting():
            tracer.stop()


REMEMBERING = """
import functools, threading
MAKERS = {}
@functools.lru_cache
def kept(n): return MAKERS[n]() if n in MAKERS else 0
@functools.lru_cache
def outer(n): return kept(n)
@functools.lru_cache
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@functools.lru_cache
def raising():
    before()
    raise ValueError
@functools.lru_cache
def steps(): yield helper()
@functools.lru_cache
def with_thread():
    thread = threading.Thread(target=helper)
    thread.start()
    thread.join()
def helper(): return 1
def before(): return 2
def after(): return 3
MAKERS[1] = helper
MAKERS[2] = helper
"""


def within(traced: Traced) -> dict[str, set[str]]:
    """Give what is known of functions by name."""
    found: dict[str, set[str]] = {}
    doubtful = {root.name for root, ref in traced.within if ref == UNKNOWN}
    for root, ref in traced.within:
        if (root, root) in traced.within and root.name not in doubtful:
            found.setdefault(root.name, set()).add(ref.name)
    return found


@pytest.fixture
def remembering(tracer: Tracer) -> dict[str, Any]:
    tracer.push()
    tracer.pop()
    if tracer.name == "profile":
        pytest.skip("promises nothing")
    return define(REMEMBERING)


def test_12_what_runs_within_a_function_is_told_however_often_it_ran(
    tracer: Tracer, remembering: dict[str, Any]
) -> None:
    tracer.push()
    remembering["helper"]()
    remembering["before"]()
    remembering["kept"](1)
    remembering["after"]()
    remembering["kept"](2)
    remembering["kept"](1)
    traced = tracer.pop()
    assert within(traced) == {"kept": {"kept", "helper"}}
    assert {code.name for code in traced.codes} == {"helper", "before", "kept", "after"}
    tracer.push()
    remembering["kept"](1)
    assert not within(tracer.pop())


def test_12_within_another_one(tracer: Tracer, remembering: dict[str, Any]) -> None:
    tracer.push()
    remembering["helper"]()
    remembering["outer"](1)
    assert within(tracer.pop()) == {
        "kept": {"kept", "helper"},
        "outer": {"outer", "kept", "helper"},
    }


def test_12_recursion(tracer: Tracer, remembering: dict[str, Any]) -> None:
    tracer.push()
    assert remembering["fib"](30) == 832040
    remembering["after"]()
    assert within(tracer.pop()) == {"fib": {"fib"}}


def test_12_an_exception_ends_it(tracer: Tracer, remembering: dict[str, Any]) -> None:
    tracer.push()
    for _ in range(2):
        with pytest.raises(ValueError):
            remembering["raising"]()
        remembering["after"]()
    remembering["kept"](1)
    assert within(tracer.pop()) == {"raising": {"raising", "before"}, "kept": {"kept", "helper"}}


def test_12_threads(tracer: Tracer, remembering: dict[str, Any]) -> None:
    tracer.push()
    remembering["helper"]()
    remembering["with_thread"]()
    assert within(tracer.pop()) == {"with_thread": {"with_thread", "helper"}}


def test_12_of_what_goes_on_later_nothing_is_known(
    tracer: Tracer, remembering: dict[str, Any]
) -> None:
    tracer.push()
    assert list(remembering["steps"]()) == [1]
    assert not within(tracer.pop())


def test_12_a_unit_that_ends_within_it(tracer: Tracer, remembering: dict[str, Any]) -> None:
    def crossing() -> None:
        tracer.push()
        remembering["helper"]()
        assert not within(tracer.pop())
        remembering["after"]()

    remembering["MAKERS"][3] = crossing
    tracer.push()
    remembering["kept"](3)
    remembering["outer"](1)
    assert within(tracer.pop()) == {
        "outer": {"outer", "kept", "helper"},
    }


def test_12_very_many(
    tracer: Tracer, remembering: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_MOST", 3)
    tracer.push()
    remembering["after"]()
    tracer.pop()
    tracer.push()
    for number in range(5):
        remembering["kept"](number)
    assert not within(tracer.pop())
    tracer.push()
    remembering["outer"](1)
    assert within(tracer.pop()) == {"outer": {"outer"}}


def test_12_deep_recursion(
    tracer: Tracer, remembering: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_MOST_FRAMES", 500)
    tracer.push()
    remembering["after"]()
    tracer.pop()
    tracer.push()
    remembering["fib"](30)
    remembering["after"]()
    assert not within(tracer.pop())
    tracer.push()
    remembering["kept"](1)
    assert within(tracer.pop()) == {"kept": {"kept", "helper"}}


RESETTING = """
D = {"k": 1}
def reset(n):
    if n:
        D.clear()
    return n
def test():
    reset(1)
def before(): pass
def after(): pass
"""


class Watched(ResetProbe):
    """Knows one site, in line 5 of what it is asked about."""

    def __init__(self, others: frozenset[int] = frozenset()) -> None:
        super().__init__()
        site = Site("D[]", 5, 0, others)
        self.sites_of = lambda ref: [site] if ref.name == "reset" else []
        self.places_of = lambda value: [("file", "D", "")] if type(value) is dict else []


def begun(tracer: Tracer, subject: dict[str, Any], run: list[str], probe: ResetProbe) -> Traced:
    """Let a test run after some functions."""
    code = subject["test"].__code__
    tracer.expect(CodeRef(code.co_filename, code.co_firstlineno, code.co_name), probe)
    tracer.push()
    for name in run:
        subject[name](*([1] if name == "reset" else []))
    return tracer.pop()


def test_13_what_ran_before_the_test_and_what_that_has_reset(tracer: Tracer) -> None:
    traced = begun(tracer, define(RESETTING), ["before", "reset", "test", "after"], Watched())
    assert traced.opening or tracer.name == "profile"
    if traced.opening:
        assert {code.name for code in traced.opening - {STARTED}} == {"before", "reset"}
        assert {(reset.body.name, reset.name) for reset in traced.resets} == {("reset", "D")}
    assert {code.name for code in traced.codes} == {"before", "reset", "test", "after"}


def test_13_not_what_the_test_itself_resets(tracer: Tracer) -> None:
    traced = begun(tracer, define(RESETTING), ["before", "test", "reset"], Watched())
    assert not traced.resets


def test_13_nor_what_a_body_has_looked_at(tracer: Tracer) -> None:
    probe = Watched(frozenset({4}))
    assert not begun(tracer, define(RESETTING), ["reset", "test"], probe).resets


def test_13_nothing_is_known_of_a_test_that_never_begins(tracer: Tracer) -> None:
    assert not begun(tracer, define(RESETTING), ["before", "reset"], Watched()).opening


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring")
def test_monitoring_is_unavailable_when_all_ids_are_taken() -> None:
    monitored: Any = vars(sys)["monitoring"]
    taken = [tool for tool in (3, 4, 5) if monitored.get_tool(tool) is None]
    for tool in taken:
        monitored.use_tool_id(tool, "somebody")
    try:
        with pytest.raises(TracerUnavailable):
            monitoring_tracer(is_ours).start()
    finally:
        for tool in taken:
            monitored.free_tool_id(tool)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="sys.monitoring is there")
def test_monitoring_is_unavailable_on_old_pythons() -> None:
    with pytest.raises(TracerUnavailable):
        monitoring_tracer(is_ours).start()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring")
def test_monitoring_sees_through_gc_freeze() -> None:
    import gc

    tracer = monitoring_tracer(is_ours)
    gc.freeze()
    try:
        tracer.start()
        tracer.push()
        BEFORE["early"]()
        assert names(tracer) == {"early", "inner"}
    finally:
        tracer.stop()
        gc.unfreeze()
