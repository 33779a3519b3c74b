"""Coroutine tests of pytest-asyncio and anyio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytest.importorskip("pytest_asyncio")
pytest.importorskip("anyio")


@pytest.mark.parametrize(
    ("plugin", "mark", "fixture"),
    [
        ("pytest_asyncio.plugin", "pytest.mark.asyncio", "pytest_asyncio.fixture"),
        ("anyio.pytest_plugin", "pytest.mark.anyio", "pytest.fixture"),
    ],
)
def test_coroutines_are_replayed_and_their_fixtures_count(
    suite: Suite, plugin: str, mark: str, fixture: str
) -> None:
    suite.write(
        "pytest.ini", "[pytest]\nfilterwarnings = ignore::pytest.PytestDeprecationWarning\n"
    )
    suite.write("lib.py", "async def one(): return 1\nasync def up(): return 1\n")
    suite.write(
        "test_a.py",
        f"""
        import pytest
        import pytest_asyncio
        import lib

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @{fixture}
        async def value():
            yield await lib.up()

        @{mark}
        async def test_one(): assert await lib.one() == 1

        @{mark}
        async def test_up(value): assert value == 1

        def test_alone(): pass
        """,
    )
    args = ("-p", plugin)
    suite.both(*args)
    assert suite.both(*args).live == []
    suite.edit("lib.py", "def one(): return 1", "def one(): return 2 - 1")
    assert suite.both(*args).names == ["test_one"]
    suite.edit("lib.py", "def up(): return 1", "def up(): return 2")
    again = suite.both(*args)
    assert again.names == ["test_up", "test_one", "test_up"]
    assert again.decisions["test_a.py::test_up"]["requeued_for"] == ["test_a.py::test_one"]
