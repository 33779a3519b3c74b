"""What pytest-cov measures in a run: replayed tests cover nothing.

Where the total must not fall below a bound, all tests run, as the exit code would be another one.
"""

from __future__ import annotations

from typing import Any

import pytest

_PLUGIN = "_cov"
"""What pytest-cov registers as where it was asked to measure."""


def is_measured(config: pytest.Config) -> bool:
    """Say whether pytest-cov measures what this run covers."""
    plugin: Any = config.pluginmanager.get_plugin(_PLUGIN)
    return plugin is not None and not getattr(plugin, "_disabled", False)


def has_bound(config: pytest.Config) -> bool:
    """Say whether the run fails where it covers too little, by an option or a file of coverage.

    Known in the process that sums up, not in workers of pytest-xdist.
    """
    options: Any = getattr(config.pluginmanager.get_plugin(_PLUGIN), "options", None)
    return is_measured(config) and bool(getattr(options, "cov_fail_under", None))
