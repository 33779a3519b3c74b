"""Among everything else that is installed, loaded as pytest loads it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

# Kept loaded: pytester drops what an inner run imports, and its plugin imports it in every run.
import hypothesis  # noqa: F401  # only to be loaded
import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

INSTALLED = {point.name for point in entry_points(group="pytest11")}


@pytest.mark.skipif("cellcache" not in INSTALLED, reason="runs from a checkout on the path")
def test_a_run_with_all_installed_plugins(suite: Suite) -> None:
    suite.write("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    suite.write("lib.py", "def one(): return 1\ndef two(): return 2\n")
    suite.write(
        "test_a.py",
        """
        import lib

        def test_plugins(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("xdist")

        def test_one(): assert lib.one() == 1
        def test_two(): assert lib.two() == 2
        """,
    )
    if "asyncio" not in INSTALLED:
        (suite.path / "pytest.ini").unlink()
    with suite.autoloading():
        suite.both()
        assert suite.both().live == []
        suite.edit("lib.py", "return 1", "return 3")
        again = suite.both()
    assert again.names == ["test_one", "test_plugins", "test_one"]
    assert again.code == 1
    assert again.report["warnings"] == []
