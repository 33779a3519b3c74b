"""Promise 7: installed but off, nothing of ours acts or is even imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_idle_it_imports_and_writes_nothing(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import sys

        def test_a(request):
            ours = [name for name in sys.modules if name.startswith("pytest_cellcache")]
            assert ours == ["pytest_cellcache", "pytest_cellcache.plugin"]
            for name in ("xxhash", "filelock", "cloudpickle"):
                assert name not in sys.modules
            for name, _ in request.config.pluginmanager.list_name_plugin():
                assert not name.startswith("cellcache-")
        """,
    )
    for args in ((), ("--no-cell-cache",), ("-o", "cell_cache=true", "--no-cell-cache")):
        result = suite.pytester.run(
            sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "-p", "no:asyncio",
            "-p", "no:hypothesispytest", "-p", "no:xdist", *suite.load, *args,
        )  # fmt: skip
        assert result.ret == 0, result.stdout.str()
    assert not suite.store.exists()


def test_collect_only_collects_as_ever(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.cached()
    before = {path: path.stat().st_mtime_ns for path in suite.store.rglob("*")}
    ran = suite.cached("--collect-only", "-q")
    assert "test_a.py::test_a" in ran.text
    assert "cell cache" not in ran.text
    assert {path: path.stat().st_mtime_ns for path in suite.store.rglob("*")} == before
