"""What recording inputs costs in a first run.

``python tests/bench/bench_recording.py PROJECT [--python PY] [--rounds N] [pytest's own]`` runs
the suite of a checkout again and again, each round plainly, with the cache, and with the cache but
without the hooks and stand-ins that see inputs, and prints medians of the ratios within a round.
Processor time is compared, as other programs disturb it least.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OFF = "BENCH_RECORDING_OFF"
HERE = Path(__file__).parent


def pytest_load_initial_conftests() -> None:
    """As a plugin of the measured run: let nobody see inputs, if asked to."""
    if os.environ.get(OFF):
        from pytest_cellcache.trace import recorder, unit

        recorder.Watch.add = lambda _, each: unit.LISTENERS.append(each)  # type: ignore[method-assign]
        recorder.Watch.remove = lambda _, each: unit.LISTENERS.remove(each)  # type: ignore[method-assign]


pytest_load_initial_conftests()  # when named with -p, before anything else of ours


def cost_s(python: str, project: Path, args: list[str], *, off: bool = False) -> float:
    """Give the processor time of one run in seconds."""
    path = os.pathsep.join([str(HERE), str(HERE.parents[1]), str(project / "src"), str(project)])
    env = os.environ | {"PYTHONPATH": path}
    if off:
        env[OFF] = "1"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [python, "-m", "pytest", "-q", *args],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    given, rest = parser.parse_known_args()  # what is left is for pytest
    project = given.project.resolve()
    plain, recorded, blind = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        cache = ["-p", "bench_recording", "--cell-cache", f"--cell-cache-dir={folder}/s"]
        cache.append("--cell-cache-clear")
        for _ in range(given.rounds):
            plain.append(cost_s(given.python, project, ["-p", "no:cellcache", *rest]))
            recorded.append(cost_s(given.python, project, [*cache, *rest]))
            blind.append(cost_s(given.python, project, [*cache, *rest], off=True))
    on_off = statistics.median(a / b for a, b in zip(recorded, blind, strict=True))
    first = statistics.median(a / b for a, b in zip(recorded, plain, strict=True))
    print(
        f"{project.name}: inputs recorded x{on_off:.3f} of not recorded; "
        f"first run x{first:.2f} of plain ({statistics.median(plain):.1f} s)"
    )


if __name__ == "__main__":
    main()
