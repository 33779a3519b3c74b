"""What runs cost, side by side with plain pytest: prints a table of medians of ratios.

::

    python tests/bench/bench_runs.py                          a generated project
    python tests/bench/bench_runs.py --project DIR [--tests PATH ...]   yours, not changed by this
    python tests/bench/bench_runs.py --growth 10 30 100 [--plot FILE.svg]

Each round runs every kind of run once, one after the other, and takes ratios within the round, so
that a busy machine slows both sides. Processor time of the whole process tree is measured, not the
wall clock. ``pytest-testmon`` is measured where it is installed. The one edit that is measured adds
a line to a function of the generated project.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

TESTS_PER_MODULE = 50
_QUIET = ("-q", "-p", "no:randomly")


def generate(folder: Path, modules: int, tests: int = TESTS_PER_MODULE) -> None:
    """Make a project of as many modules, each with a test module of its own."""
    for name in ("pkg", "tests"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (folder / "pkg" / "__init__.py").write_text("")
    for number in range(modules):
        source = "".join(f"def f_{n}(x):\n    return x + {n}\n" for n in range(tests))
        (folder / "pkg" / f"mod_{number:04}.py").write_text(source)
        cases = "".join(
            f"def test_{n}():\n    assert m.f_{n}(1) == {n + 1}\n" for n in range(tests)
        )
        header = f"from pkg import mod_{number:04} as m\n"
        (folder / "tests" / f"test_{number:04}.py").write_text(header + cases)


@dataclass
class Measured:
    """One run: processor seconds, peak memory, and how many tests it reported."""

    cpu_s: float
    peak_mb: float
    tests: int


@dataclass
class Bench:
    """A project, and the runs that are compared."""

    project: Path
    tests: Sequence[str]
    store: Path
    rounds: int
    python: str = sys.executable
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *args: str, tests: Sequence[str] | None = None) -> Measured:
        command = [self.python, "-m", "pytest", *_QUIET, *args]
        command += self.tests if tests is None else tests
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                command, cwd=self.project, env=environment | self.env, stdout=output, stderr=output
            )
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
            output.seek(0)
            last = (output.read().splitlines() or [""])[-1]
        counted = re.findall(r"(\d+) (?:passed|skipped|xfailed|xpassed|failed)", last)
        counted += re.findall(r"(\d+)(?:/\d+)? tests collected", last)
        return Measured(
            used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, sum(map(int, counted))
        )

    def cached(self, *args: str) -> Measured:
        return self.run("--cell-cache", f"--cell-cache-dir={self.store}", *args)

    def plain(self, *args: str, tests: Sequence[str] | None = None) -> Measured:
        return self.run("-p", "no:cellcache", *args, tests=tests)


def measure(bench: Bench, edited: Path | None, *, with_testmon: bool) -> dict[str, list[Measured]]:
    """Run every kind of run as often as there are rounds."""
    with tempfile.TemporaryDirectory() as empty:
        Path(empty, "test_empty.py").write_text("def test_empty():\n    pass\n")
        found: dict[str, list[Measured]] = {}

        def note(kind: str, measured: Measured) -> None:
            found.setdefault(kind, []).append(measured)

        testmon = ("-p", "no:cellcache", "--testmon")
        off = () if not with_testmon else ("-p", "no:testmon")
        bench.plain(*off)  # bytecode of all that is imported
        for _ in range(bench.rounds):
            note("empty", bench.plain(*off, tests=[f"--rootdir={empty}", empty]))
            note("plain", bench.plain(*off))
            note("collect-only", bench.plain("--collect-only", *off))
            note("installed, off", bench.run(*off))
            shutil.rmtree(bench.store, ignore_errors=True)
            note("first", bench.cached(*off))
            note("unchanged", bench.cached(*off))
            note("collect-only, cached", bench.cached("--collect-only", *off))
            if edited is not None:
                text = edited.read_text()
                edited.write_text(text.replace("    return", "    x += 0\n    return", 1))
                note("one edit", bench.cached(*off))
                edited.write_text(text)
            if with_testmon:
                (bench.project / ".testmondata").unlink(missing_ok=True)
                note("testmon, first", bench.run(*testmon))
                note("testmon, unchanged", bench.run(*testmon))
        return found


def table(found: dict[str, list[Measured]], store_bytes: int) -> str:
    """Write medians of ratios to the plain and the empty run of the same round."""
    tests = found["plain"][0].tests
    rows = [
        "| run | processor time | / plain | / empty | above empty, per test |",
        "|---|---|---|---|---|",
    ]
    for kind, runs in found.items():
        cpu_s = statistics.median(run.cpu_s for run in runs)
        pairs = list(zip(runs, found["plain"], found["empty"], strict=True))
        to_plain = statistics.median(run.cpu_s / plain.cpu_s for run, plain, _ in pairs)
        to_empty = statistics.median(run.cpu_s / empty.cpu_s for run, _, empty in pairs)
        above = statistics.median(run.cpu_s - empty.cpu_s for run, _, empty in pairs)
        each_us = 1e6 * above / tests if tests else 0
        rows.append(
            f"| {kind} | {cpu_s:.2f} s | {to_plain:.3f} | {to_empty:.2f} | {each_us:.0f} us |"
        )
    size = store_bytes / tests if tests else 0
    return "\n".join([*rows, "", f"{tests} tests; store: {size:.0f} bytes a test"])


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def growth(sizes: Sequence[int], rounds: int, plot: Path | None) -> str:
    """Measure generated projects of as many modules, and draw what came out."""
    kinds = ("plain", "first", "unchanged", "collect-only, cached", "one edit")
    rows = [
        "| modules | tests | " + " | ".join(kinds) + " | peak memory, unchanged | bytes a test |",
        "|---|---|" + "---|" * len(kinds) + "---|---|",
    ]
    points: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for modules in sizes:
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder, "project")
            generate(project, modules)
            bench = Bench(project, ["tests"], Path(folder, "store"), rounds)
            found = measure(bench, project / "pkg" / "mod_0000.py", with_testmon=False)
            stored = size_of(bench.store)
        tests = modules * TESTS_PER_MODULE
        medians = {kind: statistics.median(run.cpu_s for run in found[kind]) for kind in kinds}
        for kind in kinds:
            points[kind].append((tests, medians[kind]))
        peak = max(run.peak_mb for run in found["unchanged"])
        cells = " | ".join(f"{medians[kind]:.2f} s" for kind in kinds)
        rows.append(f"| {modules} | {tests} | {cells} | {peak:.0f} MB | {stored / tests:.0f} |")
        print(rows[-1], file=sys.stderr, flush=True)
    if plot is not None:
        plot.write_text(draw(points))
    return "\n".join(rows)


def draw(points: dict[str, list[tuple[float, float]]]) -> str:
    """Give an SVG of processor seconds against tests, with linear axes."""
    width, height, left, low = 640, 360, 60, 40
    far = max(x for line in points.values() for x, _ in line)
    high = max(y for line in points.values() for _, y in line)
    colours = ("#444444", "#c04020", "#2060c0", "#208040", "#a040a0")

    def place(x: float, y: float) -> str:
        across = left + (width - left - 170) * x / far
        return f"{across:.1f},{height - low - (height - low - 20) * y / high:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<polyline points="{place(0, high)} {place(0, 0)} {place(far, 0)}" fill="none" '
        'stroke="black"/>',
        f'<text x="{left - 50}" y="24">{high:.1f} s</text>',
        f'<text x="{left - 20}" y="{height - low + 4}">0</text>',
        f'<text x="{width - 210}" y="{height - low + 20}">{far:.0f} tests</text>',
    ]
    for number, (kind, line) in enumerate(points.items()):
        colour = colours[number % len(colours)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{width - 150}" y="{40 + 18 * number}" fill="{colour}">{kind}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, help="measure this project, not a generated one")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="what to run of it")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter with its requirements"
    )
    parser.add_argument("--modules", type=int, default=20, help="size of the generated project")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="+", metavar="MODULES")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    if options.growth:
        print(growth(options.growth, options.rounds, options.plot))
        return
    with_testmon = options.python == sys.executable and find_spec("testmon") is not None
    with tempfile.TemporaryDirectory() as folder:
        project, edited = options.project, None
        if project is None:
            project = Path(folder, "project")
            generate(project, options.modules)
            edited = project / "pkg" / "mod_0000.py"
        bench = Bench(project, options.tests, Path(folder, "store"), options.rounds, options.python)
        found = measure(bench, edited, with_testmon=with_testmon)
        print(table(found, size_of(bench.store)))


if __name__ == "__main__":
    main()
