"""Promise 10: no file of the store is unpickled before its origin and checksum were checked."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.store.frames import frame_line

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
    blobs = suite.store / "v1" / "blobs"
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
