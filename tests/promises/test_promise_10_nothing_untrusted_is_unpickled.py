"""Promise 10: no file of the store is unpickled or run that another user could have written."""

from __future__ import annotations

import ast
import base64
import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pytest_cellcache
from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.frames import frame, frame_line

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_a_store_full_of_pickles_loads_none(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write("test_a.py", "def test_a(): print('x')\n")
    suite.cached()
    for path in suite.store.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(pickle.dumps({"a": 1}))
    loaded: list[Any] = []
    monkeypatch.setattr(pickle, "loads", loaded.append)
    monkeypatch.setattr(pickle, "load", loaded.append)
    monkeypatch.setattr(pickle, "Unpickler", loaded.append)
    assert suite.cached().names == ["test_a"]
    assert suite.cached().names == []
    assert loaded == []


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_pickles_in_valid_wrappings_are_not_loaded_either(suite: Suite) -> None:
    mark = suite.path.parent / f"{suite.path.name}-mark"
    trap = pickle.dumps(Trap(mark))
    code = f"__import__('os').mkdir({str(mark)!r})".encode()
    suite.write("test_a.py", "def test_a(): print('x')\n")

    def wrap_notes(payload: bytes) -> None:
        for path in suite.store.glob("v*/notes/*"):
            path.write_bytes(frame(path.name, payload))

    def wrap_blobs(payload: bytes) -> None:
        # Blobs are named by their content: the records must name the new one.
        name = digest_bytes(payload)
        (folder,) = suite.store.glob("v*/blobs")
        (folder / name).write_bytes(frame(name, payload))
        store = DirectoryStore(suite.store, may_write=True, warn=lambda warned: None)
        for entry in store.read("test_a.py"):
            body = dict(entry.body) | {"graph": name}
            later = type(entry)(entry.unit, entry.created_s + 1, (name,), body)
            assert store.append("test_a.py", [later])

    def wrap_segments(payload: bytes) -> None:
        for path in suite.store.glob("v*/segments/*/*"):
            header = json.loads(path.read_bytes().partition(b"\n")[0])
            header["checksum"] = digest_bytes(payload)
            path.write_bytes(json.dumps(header).encode() + b"\n" + payload)

    def wrap_reports(payload: bytes) -> None:
        store = DirectoryStore(suite.store, may_write=True, warn=lambda warned: None)
        for entry in store.read("test_a.py"):
            body = dict(entry.body) | {"result": base64.b64encode(payload).decode()}
            later = type(entry)(entry.unit, entry.created_s + 1, entry.blobs, body)
            assert store.append("test_a.py", [later])

    # A refreshing run asks for the notes, an ordinary one for the others.
    for wrap, mode in (
        (wrap_notes, "refresh"), (wrap_blobs, "auto"), (wrap_segments, "auto"),
        (wrap_reports, "auto"),
    ):  # fmt: skip
        for payload in (trap, code):
            suite.cached("--cell-cache-clear")
            wrap(payload)
            assert suite.cached(f"--cell-cache-mode={mode}").code == 0
            assert not mark.exists(), (wrap, payload)


def test_no_module_of_ours_can_load_a_pickle() -> None:
    """Whatever loads one, or code, is listed here with its reason."""
    allowed = {
        # Code of rewritten modules, from notes that nobody else can have written.
        os.path.join("hooks", "bytecode.py"),
        # The values of fixtures, from bytes that were checked.
        os.path.join("store", "pickler.py"),
        # Parts of the above that only write.
        os.path.join("store", "functions.py"),
        os.path.join("store", "numbers.py"),
    }
    forbidden = {"pickle", "_pickle", "cloudpickle", "marshal", "shelve", "dill"}
    root = Path(pytest_cellcache.__file__).parent
    for path in root.rglob("*.py"):
        if str(path.relative_to(root)) in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not forbidden & {alias.name.partition(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in forbidden, path


VALUE = """
    import pytest

    @pytest.fixture(scope="session")
    def made():
        return [1, 2]

    def one(): return 1

    def test_a(made):
        assert made == [1, 2] and one() == 1
"""


@pytest.mark.parametrize("harm", ["damaged", "forged", "writable by others", "in such a folder"])
def test_a_value_that_somebody_could_have_written(suite: Suite, harm: str) -> None:
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write("test_a.py", VALUE)
    suite.cached()
    blobs = next(suite.store.glob("v*/blobs"))
    found = [path for path in blobs.iterdir() if b"cellval1" in path.read_bytes()]
    assert len(found) == 1
    evil = suite.path / "evil"
    if harm == "damaged":
        data = bytearray(found[0].read_bytes())
        data[-2] ^= 1
        found[0].write_bytes(data)
    elif harm == "forged":
        # Whole and well-formed, under the name of the recorded one.
        payload = f"cos\nmkdir\n(V{evil}\ntR.".encode()
        header = b'{"pickle": %d, "sections": [], "buffers": [], "trees": [], "stubs": []}'
        header %= len(payload)
        content = b"cellval1" + len(header).to_bytes(8, "little") + header + payload
        line = frame_line(found[0].name, "raw", len(content), digest_bytes(content))
        found[0].write_bytes(line + content)
    elif harm == "writable by others":
        found[0].chmod(0o622)
    else:
        blobs.chmod(0o777)
    suite.edit("test_a.py", "return 1\n", "return 2 - 1\n")
    again = suite.cached()
    assert again.code == 0
    assert [f["source"] for f in again.report["fixtures"]] == ["ran"]
    assert not evil.exists()
    slugs = {warning["slug"] for warning in again.report["warnings"]}
    assert slugs <= {"store-corrupt", "store-foreign"}
    assert slugs
