"""Names what pytest, its plugins and we write in a run: no test rests on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_cellcache.model.settings import Settings

_OPTIONS: Final = ("xmlpath", "log_file", "basetemp")
_INIS: Final = ("cache_dir", "log_file")
_COVERAGE: Final = {
    "xml": "coverage.xml",
    "html": "htmlcov",
    "json": "coverage.json",
    "lcov": "coverage.lcov",
}
"""Reports of pytest-cov, and where they go unless somebody says otherwise."""
UNCACHED: Final = ".pytest_cellcache"
"""Where the store lies in the root folder of a run without pytest's cache."""


def outputs_of(config: pytest.Config, settings: Settings) -> Iterator[str]:
    """Give the absolute paths of reports, logs and stores."""
    given = Path(config.invocation_params.dir)
    for path in (settings.directory, settings.report):
        if path:
            yield str(given / path)
    for name in _OPTIONS:
        if path := getattr(config.option, name, None):
            yield str(given / path)
    yield str(config.rootpath / UNCACHED)
    for name in _INIS:
        try:
            path = config.getini(name)
        except (ValueError, KeyError):  # without the plugin that has it
            continue
        if path:
            yield str(config.rootpath / path)
    reports: Any = getattr(config.option, "cov_report", None)
    for kind, path in reports.items() if isinstance(reports, Mapping) else ():
        if kind in _COVERAGE:
            yield str(given / (path or _COVERAGE[kind]))
