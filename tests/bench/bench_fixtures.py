"""What a slow session fixture gains, side by side with plain pytest: prints wall-clock seconds.

::

    python tests/bench/bench_fixtures.py [--rounds 3] [--tests 200] [--megabytes 50] [--seconds 2]

A generated project of one session fixture, which takes long by sleeping and gives a buffer, and of
tests that use it, under ``-n 2``. Each round runs plain pytest, the first run with the cache, plain
pytest after an edit of one test, and the run with the cache after it; ratios are within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFTEST = """
import pickle
import time
import pytest


class Table:
    def __init__(self, data):
        self.data = memoryview(data).cast("B")

    def __reduce_ex__(self, protocol):
        return Table, (pickle.PickleBuffer(self.data),)


@pytest.fixture(scope="session")
def table():
    time.sleep({seconds})
    return Table(bytearray({megabytes} << 20))
"""
TEST = "def test_{n}(table):\n    assert len(table.data) > {n}\n"
PER_MODULE = 20


def generate(folder: Path, tests: int, megabytes: int, seconds: float) -> None:
    """Make the project."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST.format(seconds=seconds, megabytes=megabytes))
    for first in range(0, tests, PER_MODULE):
        text = "\n".join(TEST.format(n=n) for n in range(first, min(first + PER_MODULE, tests)))
        (folder / f"test_{first:04}.py").write_text(text)


def run(folder: Path, *args: str) -> float:
    """Run the project; give the seconds it took.

    Raises:
        RuntimeError: it did not pass.
    """
    began_s = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", *args],
        cwd=folder, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {"first run": [], "after one edit": []}
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "project")
            generate(folder, chosen.tests, chosen.megabytes, chosen.seconds)
            cached = ("--cell-cache", f"--cell-cache-dir={temporary}/store")
            found["first run"].append((run(folder, "-p", "no:cellcache"), run(folder, *cached)))
            edited = folder / "test_0000.py"
            edited.write_text(edited.read_text().replace("> 0", f"> -1 - {number}", 1))
            after = run(folder, "-p", "no:cellcache"), run(folder, *cached)
            found["after one edit"].append(after)
    print("| run | plain | with the cache | / plain |\n|---|---|---|---|")
    for kind, rows in found.items():
        plain_s, cached_s = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = statistics.median(ours / plain for plain, ours in rows)
        print(f"| {kind} | {plain_s:.2f} s | {cached_s:.2f} s | {ratio:.2f} |")


if __name__ == "__main__":
    main()
