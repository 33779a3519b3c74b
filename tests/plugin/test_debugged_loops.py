"""A loop that is debugged keeps where it was asked: that counts for who comes to see it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="what is written in C shows lines unseen"
)

_CORE = """
    import asyncio

    async def one():
        await asyncio.sleep(0)
        return 1

    async def other():
        return 2

    def fail():
        raise ValueError("failed")

    async def made():
        task = asyncio.create_task(one())
        await task
        return task

    async def gathered():
        return await asyncio.gather(one(), asyncio.ensure_future(one()))

    async def pooled():
        return await asyncio.get_running_loop().run_in_executor(None, int, "1")

    async def called(when=None):
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        handle = loop.call_later(when, done.set) if when else loop.call_soon(done.set)
        shown = repr(handle) if when else ""
        await done.wait()
        return shown

    async def failing():
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0.01)
    """
_QUIET = """
    import asyncio
    from unittest import IsolatedAsyncioTestCase
    import core

    class TestQuiet(IsolatedAsyncioTestCase):
        async def asyncSetUp(self): self.task = asyncio.create_task(core.one())
        async def test_task(self): assert (await core.made()).result() == 1
        async def test_set_up(self): assert await self.task == 1
        async def test_gathered(self): assert await core.gathered() == [1, 1]
        async def test_pooled(self): assert await core.pooled() == 1
        async def test_called(self): assert await core.called() == ""
        async def test_other(self): assert await core.other() == 2
    def test_run():
        loop = asyncio.new_event_loop()
        loop.set_debug(True)
        assert loop.run_until_complete(core.made()).result() == 1
        loop.close()
    """
_SHOWING = """
    import asyncio
    from unittest import IsolatedAsyncioTestCase
    import core

    class TestShowing(IsolatedAsyncioTestCase):
        async def test_repr(self): assert "core.py:" in repr(await core.made())
        async def test_handle(self): assert "core.py:" in await core.called(0.01)
        async def test_own_handler(self):
            seen, loop = [], asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: seen.append(context))
            await core.failing()
            assert "source_traceback" in seen[0]
        async def test_default_handler(self):
            with self.assertLogs("asyncio") as logs:
                await core.failing()
            assert "core.py" in logs.output[0]
        async def test_attribute(self):
            assert (await core.made())._source_traceback[-1].lineno > 0
    """


def _ran_after(suite: Suite, old: str, new: str) -> set[str]:
    """Name what an edit reaches, without those that must run before these."""
    suite.edit("core.py", old, new)
    tests = suite.both().decisions.items()
    changed = [nodeid for nodeid, test in tests if (test["reason"] or {}).get("slug") == "changed"]
    return {nodeid.rpartition("::")[2] for nodeid in changed}


def test_who_does_not_see_it_does_not_rest_on_lines(suite: Suite) -> None:
    suite.write("core.py", _CORE)
    suite.write("test_a.py", _QUIET)
    suite.warm()
    assert _ran_after(suite, "import asyncio\n", "import asyncio\n\n# A comment.\n") == set()
    suite.edit("test_a.py", "class TestQuiet", "# A comment.\nclass TestQuiet")
    assert suite.both().names == []
    assert _ran_after(suite, "return 2", "return 1 + 1") == {"test_other"}
    assert _ran_after(suite, "return task", "return (+1, task)[1]") == {"test_task", "test_run"}


def test_who_sees_it_does(suite: Suite) -> None:
    suite.write("core.py", _CORE)
    suite.write("test_a.py", _SHOWING)
    suite.warm()
    every = {"test_repr", "test_handle", "test_own_handler", "test_default_handler"}
    every.add("test_attribute")
    assert _ran_after(suite, "import asyncio\n", "import asyncio\n\n# A comment.\n") == every


def test_who_sees_what_a_fixture_was_asked(suite: Suite) -> None:
    suite.write("core.py", _CORE)
    suite.write(
        "test_a.py",
        """
        import asyncio
        import pytest
        import core

        @pytest.fixture(scope="module")
        def task():
            async def run(): return await core.made()
            return asyncio.run(run(), debug=True)
        def test_result(task): assert task.result() == 1
        def test_shown(task): assert "core.py:" in f"{task!r}"
        def test_later(task): assert task.done()
        """,
    )
    suite.warm()
    ran = _ran_after(suite, "import asyncio\n", "import asyncio\n\n# A comment.\n")
    assert "test_shown" in ran


def test_functions_are_put_back(suite: Suite) -> None:
    suite.write("core.py", _CORE)
    suite.write("test_a.py", _QUIET)
    suite.cached()
    from asyncio import base_events, base_futures, events

    for function in (
        base_futures._future_repr_info,  # type: ignore[attr-defined]
        events.Handle._repr_info,  # type: ignore[attr-defined]
        base_events.BaseEventLoop.call_exception_handler,
    ):
        assert not hasattr(function, "__wrapped__")
