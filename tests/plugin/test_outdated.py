"""A record that holds is of no use where tests came to leave what its test would see now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TESTS: Final = """
from pathlib import Path
import lib

def test_sets(): lib.put({left})

def test_reads(): assert lib.get() == "1"

def test_looks_away(): assert lib.OTHER
"""
KINDS: Final = {
    "global": """
        STATE = ["1"]
        OTHER = 1
        def put(value): STATE[0] = value
        def get(): return STATE[0]
        """,
    "attribute": """
        class K:
            value = "1"
        OTHER = 1
        def put(value): K.value = value
        def get(): return K.value
        """,
    "file": """
        from pathlib import Path
        OTHER = 1
        def put(value):
            if value != "1":
                Path("state.txt").write_text(value)
        def get():
            path = Path("state.txt")
            return path.read_text() if path.exists() else "1"
        """,
}


@pytest.mark.parametrize("kind", KINDS)
def test_who_looked_away_meanwhile_sees_it_now(suite: Suite, kind: str) -> None:
    def written(left: str, reads: str) -> None:
        suite.write("test_a.py", TESTS.format(left=left).replace("assert lib.get()", reads))
        if (path := suite.path / "state.txt").exists():
            path.unlink()

    suite.write("lib.py", KINDS[kind])
    written('"1"', "assert lib.get()")
    suite.both()
    written('"2"', "assert '1'")
    suite.both()
    written('"2"', "assert lib.get()")
    for _ in range(3):
        again = suite.cached()
        assert again.code == 1
        assert "test_looks_away" not in again.names
        if kind == "file":
            (suite.path / "state.txt").unlink(missing_ok=True)
    written('"1"', "assert lib.get()")
    assert suite.cached().code == 0
    suite.cached()
    assert suite.cached().names == []


def test_who_does_not_see_it_is_replayed(suite: Suite) -> None:
    suite.write("lib.py", KINDS["global"])
    text = TESTS.format(left='"1"').replace('assert lib.get() == "1"', "assert lib.OTHER == 1")
    suite.write("test_a.py", text)
    suite.both()
    suite.edit("test_a.py", 'put("1")', 'put("2")')
    suite.edit("test_a.py", "lib.OTHER == 1", "lib.OTHER == 2 - 1")
    suite.both()
    suite.edit("test_a.py", "lib.OTHER == 2 - 1", "lib.OTHER == 1")
    assert suite.both().names == []
