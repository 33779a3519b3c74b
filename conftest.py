"""What every test of ours shares; ``pytester`` itself is enabled in pyproject.toml."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own pytest options out of the runs that our tests start."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
