"""Promise 10: no file of the store is ever unpickled."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

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
