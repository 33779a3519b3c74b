"""Importing a server reads the environment for those whom it may serve, and for nobody else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Suite

FILES = {
    "serving.py": """
        import io
        from wsgiref import simple_server
        from wsgiref.handlers import SimpleHandler

        class Handler(SimpleHandler):
            pass

        def add(a, b): return a + b

        def serve():
            handler = Handler(io.BytesIO(), io.BytesIO(), io.StringIO(), {})
            handler.setup_environ()
            return handler.environ
    """,
    "test_it.py": """
        import serving

        def test_add(): assert serving.add(1, 2) == 3
        def test_serve(): assert serving.serve()["APP_MODE"] in "ab"
    """,
}


@pytest.fixture(autouse=True)
def _imported_by_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("wsgiref")]:
        monkeypatch.delitem(sys.modules, name)  # each run imports it
    monkeypatch.setenv("APP_MODE", "a")


def test_only_who_is_served_rests_on_the_environment(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in FILES.items():
        suite.write(name, text)
    assert suite.both().code == 0
    assert suite.cached().names == []
    monkeypatch.setenv("APP_MODE", "b")
    assert suite.both().names == ["test_serve"]


def test_who_imports_it_while_he_runs_rests_on_the_environment(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write(
        "test_it.py",
        """
        def test_late():
            from wsgiref.handlers import BaseHandler
            assert BaseHandler.os_environ["APP_MODE"] in "ab"
        def test_beside(): pass
        """,
    )
    assert suite.both().code == 0
    assert suite.cached().names == []
    monkeypatch.setenv("APP_MODE", "b")
    assert suite.both().names == ["test_late"]
