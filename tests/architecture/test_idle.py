"""Installed but off, nothing of ours is loaded besides the options (promise 7)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
import pytest
code = pytest.main(
    ["-p", "pytest_cellcache.plugin", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]
)
loaded = [name for name in sys.modules if name.startswith("pytest_cellcache")]
heavy = [name for name in ("xxhash", "cloudpickle", "filelock", "sqlite3") if name in sys.modules]
print("LOADED", int(code), *sorted(loaded), *heavy)
"""


def loaded_by_a_run(folder: Path, *options: str) -> list[str]:
    (folder / "pytest.ini").write_text("[pytest]\naddopts =\n", encoding="utf-8")
    (folder / "test_it.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    environment = {name: text for name, text in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return line.split()[1:]


def test_off_loads_the_options_only(tmp_path: Path) -> None:
    assert loaded_by_a_run(tmp_path) == ["0", "pytest_cellcache", "pytest_cellcache.plugin"]


def test_collect_only_loads_the_options_only(tmp_path: Path) -> None:
    found = loaded_by_a_run(tmp_path, "--collect-only")
    assert found == ["0", "pytest_cellcache", "pytest_cellcache.plugin"]


def test_off_leaves_nothing_behind(tmp_path: Path) -> None:
    loaded_by_a_run(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if "cellcache" in path.name]


def test_on_loads_no_pickling_and_no_locks(tmp_path: Path) -> None:
    """What a run imports that stores no fixture value and compacts nothing."""
    found = loaded_by_a_run(tmp_path, "--cell-cache")
    assert "pytest_cellcache.session" in found
    assert not {"cloudpickle", "sqlite3"} & set(found)
