"""Variables of a CI service differ in each run: they count for who asks for one by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Suite

FILES = {
    "settings.py": """
        import os
        ALL = {name.lower(): value for name, value in os.environ.items()}
        RUN = os.environ.get("GITHUB_RUN_ID")
    """,
    "test_it.py": """
        import os
        import subprocess
        import settings
        import pytest

        def test_copied(): assert settings.ALL["app_mode"]
        def test_named_at_import(): assert settings.RUN
        def test_named(): assert os.environ["GITHUB_RUN_ID"]
        def test_child(): subprocess.run(["true"], check=True)
        def test_other(): assert os.environ["BUILD_MODE"]
        def test_beside(reporting): pass
    """,
    "conftest.py": """
        import sys
        sys.path.insert(0, "../elsewhere/site-packages")
        pytest_plugins = ["reporting"]
    """,
    "../elsewhere/site-packages/reporting.py": """
        import os
        import pytest

        def pytest_runtest_logreport(report): os.environ.get("GITHUB_RUN_ID")

        @pytest.fixture
        def reporting(): return os.environ.get("GITHUB_RUN_ID")
    """,
}


@pytest.fixture
def project(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name, text in FILES.items():
        suite.write(name, text)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    monkeypatch.setenv("APP_MODE", "a")
    monkeypatch.setenv("BUILD_MODE", "a")
    suite.both()
    assert suite.cached().names == []
    return suite


def test_another_run_of_the_service(project: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "2")
    assert set(project.both().names) == {"test_named_at_import", "test_named"}


def test_what_no_service_sets_counts_as_ever(
    project: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_MODE", "b")  # such a name is Jenkins's, which does not run this
    assert set(project.both().names) == {"test_copied", "test_child", "test_other"}
    monkeypatch.setenv("APP_MODE", "b")
    assert set(project.both().names) == {"test_copied", "test_child"}
