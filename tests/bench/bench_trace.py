"""What tracing costs: ``python tests/bench/bench_trace.py`` prints ratios to a plain run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from pytest_cellcache.trace.channel import Channel, ChannelTracer
from pytest_cellcache.trace.contract import TracerUnavailable
from pytest_cellcache.trace.monitoring import Monitoring
from pytest_cellcache.trace.recorder import Recorder, make_recorder

ROUNDS = 7


def leaf(number: int) -> int:
    return number + 1


def calls() -> None:
    for number in range(100_000):
        leaf(number)


def opens() -> None:
    for _ in range(2_000):
        open(__file__).close()


def stats() -> None:
    for _ in range(5_000):
        os.stat(__file__)


def look_up() -> None:
    for _ in range(20_000):
        os.environ.get("HOME")


def is_ours(filename: str) -> bool:
    return filename == __file__


def everywhere() -> Recorder:
    return Recorder((ChannelTracer(Channel(Monitoring(everywhere=True)), is_ours),))


MAKERS: dict[str, Callable[[], Recorder]] = {
    "monitoring": lambda: make_recorder("monitoring", is_ours),
    "monitoring, global": everywhere,
    "profile": lambda: make_recorder("profile", is_ours),
}


def best(work: Callable[[], None]) -> float:
    """Give the shortest time of some rounds in seconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def boundaries(recorder: Recorder) -> None:
    for _ in range(1_000):
        recorder.open_unit()
        leaf(1)
        recorder.close_unit()


def main() -> None:
    """Print one line per tracer."""
    print(f"Python {sys.version.split()[0]}; ratios to plain, best of {ROUNDS}")
    works = (calls, opens, stats, look_up)
    plain = {work: best(work) for work in works}
    for name, make in MAKERS.items():
        recorder = make()
        start = time.perf_counter()
        try:
            recorder.start()
        except TracerUnavailable:
            continue
        started_ms = (time.perf_counter() - start) * 1e3
        recorder.open_unit()
        ratios = [f"{work.__name__} x{best(work) / plain[work]:.2f}" for work in works]
        recorder.close_unit()
        unit_us = best(lambda recorder=recorder: boundaries(recorder)) * 1e3  # type: ignore[misc]
        recorder.stop()
        print(f"{name:>20}: {'  '.join(ratios)}  start {started_ms:.1f} ms  unit {unit_us:.1f} us")


if __name__ == "__main__":
    main()
