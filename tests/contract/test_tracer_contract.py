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

from pytest_cellcache.trace import channel, monitoring
from pytest_cellcache.trace.contract import (
    PROFILER_TAKEN,
    THREAD_UNSEEN,
    Tracer,
    TracerUnavailable,
)
from pytest_cellcache.trace.monitoring import monitoring_tracer
from pytest_cellcache.trace.profiling import profiling_tracer

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
