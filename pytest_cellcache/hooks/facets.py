"""Facets of a run that count for every test: interpreter, distributions, plugins, options."""

from __future__ import annotations

import locale
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.neutral import NEUTRAL_OPTIONS
from pytest_cellcache.hooks.options import OptionWatch
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.observation import CWD
from pytest_cellcache.sources.distributions import Distributions
from pytest_cellcache.sources.places import Places

_NEUTRAL_INI: Final = frozenset(
    """cache_dir testpaths addopts norecursedirs console_output_style junit_suite_name junit_logging
    junit_log_passing_tests junit_duration_report junit_family verbosity_assertions
    verbosity_test_cases verbosity_subtests minversion required_plugins log_cli log_cli_level
    log_cli_format log_cli_date_format log_file log_file_mode log_file_level log_file_format
    log_file_date_format truncation_limit_lines truncation_limit_chars tmp_path_retention_count
    tmp_path_retention_policy faulthandler_timeout faulthandler_exit_on_timeout rsyncdirs
    rsyncignore looponfailroots python_files markers pythonpath strict_markers
    strict_config""".split()
)

_STRICTNESS: Final = ("strict", "strict_markers", "strict_config", "strict_parametrization_ids")
"""Options and ini values that turn what is registered into errors of collection."""

_NEUTRAL_PLUGINS: Final = frozenset(
    {"terminal", "terminalprogress", "junitxml", "pastebin", "xdist", "xdist.looponfail"}
)
"""Plugins that show results or share them out; xdist's workers do without the first."""


def facets_of(
    config: pytest.Config, places: Places, distributions: Distributions, options: OptionWatch
) -> dict[str, Digest]:
    """Digest what counts for every test of a run."""
    return {
        "python": digest_parts(_interpreter()),
        "plugins": digest_parts(
            [*_plugins(config, places), distributions.digest_plugins(_plugin_distributions(config))]
        ),
        "options": digest_parts(_options(config, places, options)),
        "ini": digest_parts(_ini(config, places, options)),
    }


def collecting_facts(
    config: pytest.Config, plugins: Sequence[str], own: Mapping[str, Digest]
) -> Digest:
    """Digest what steers the collection of a module beside what counts for every test.

    Args:
        plugins: relative files of the first-party conftests and plugins that apply to it.
        own: options and ini values of conftests: their hooks may read them.
    """
    option = config.option
    rows = [f"{name}={getattr(option, name, None)!r}" for name in _STRICTNESS]
    for name in _STRICTNESS:
        try:
            rows.append(f"ini {name}={config.getini(name)!r}")
        except (ValueError, KeyError):  # of another version of pytest
            continue
    return digest_parts(
        [
            *("plugins", *plugins, "strict", *rows, "markers", *config.getini("markers")),
            *(part for name in sorted(own) for part in (name, own[name])),
        ]
    )


def _interpreter() -> list[str]:
    flags = sys.flags
    return [
        sys.version,
        sys.implementation.name,
        # Not ``platform.platform``, which starts a child process.
        sys.platform,
        platform.machine(),
        f"{flags.optimize} {flags.dev_mode} {flags.utf8_mode} {flags.isolated}",
        *sys.warnoptions,
        str(locale.setlocale(locale.LC_ALL)),
        str(os.environ.get("TZ")),
        *(f"{name}={os.environ.get(name)}" for name in ("LANG", "LC_ALL", "LC_CTYPE")),
    ]


def _plugin_distributions(config: pytest.Config) -> set[str]:
    """Name the distributions of pytest and of active plugins; ours counts by its own schema."""
    found = {"pytest"}
    for _, distribution in config.pluginmanager.list_plugin_distinfo():
        found.add(str(distribution.metadata["Name"]))
    return found - {"pytest-cellcache"}


def _plugins(config: pytest.Config, places: Places) -> list[str]:
    """List active plugins by name; first-party ones count by their code instead."""
    names = set()
    for name, plugin in config.pluginmanager.list_name_plugin():
        filename = str(getattr(plugin, "__file__", "") or "")
        if plugin is None or not filename or places.is_first_party(filename):
            continue
        if name in _NEUTRAL_PLUGINS:
            continue
        if name and not name.startswith(("pytest_cellcache", "cellcache")):
            names.add(name if not os.path.isabs(name) else os.path.basename(name))
    return sorted(names)


def plugin_files(config: pytest.Config, places: Places) -> tuple[str, ...]:
    """List the files of first-party plugins and conftests, relative to the project root."""
    plugins = config.pluginmanager.get_plugins()
    known = config.stash.get(_PLUGIN_FILES, None)
    if known is not None and known[0] == plugins:
        return known[1]
    found = set()
    for plugin in plugins:
        filename = getattr(plugin, "__file__", None)
        if isinstance(filename, str) and places.is_first_party(filename):
            found.add(places.relative(filename))
    files = tuple(sorted(found))
    config.stash[_PLUGIN_FILES] = plugins, files
    return files


_PLUGIN_FILES: Final = pytest.StashKey[tuple[set[Any], tuple[str, ...]]]()
"""The plugins there were when their files were listed last, and these: asked for each module."""


def own_facets_of(config: pytest.Config, places: Places, options: OptionWatch) -> dict[str, Digest]:
    """Digest what counts for the tests that ask for it.

    Options and ini values of conftests, and the directory in which the run was started.
    """
    found = {CWD: digest_parts([_started_in(config, places)])}
    found |= {
        f"option {name}": digest_parts([_text(value, places)])
        for name, value in vars(config.option).items()
        if options.is_own_option(name)
    }
    for name in getattr(getattr(config, "_parser", None), "_inidict", None) or ():
        if options.is_own_ini(name):
            found[f"ini {name}"] = digest_parts([_ini_text(config, name, places)])
    return found


def _started_in(config: pytest.Config, places: Places) -> str:
    folder = os.path.realpath(config.invocation_params.dir)
    return os.path.relpath(folder, os.path.realpath(places.root))


def _options(config: pytest.Config, places: Places, options: OptionWatch) -> list[str]:
    return [
        f"{name}={_text(value, places)}"
        for name, value in sorted(vars(config.option).items())
        if name not in NEUTRAL_OPTIONS
        and not name.startswith("cell_cache")
        and not options.is_own_option(name)
    ]


def _ini(config: pytest.Config, places: Places, options: OptionWatch) -> list[str]:
    """List the values of the ini options that somebody has registered.

    ``_inidict`` is private: there is no public way to list them. Without it the ini file counts
    as text.
    """
    known: Any = getattr(getattr(config, "_parser", None), "_inidict", None)
    if known is None:
        path = config.inipath
        return [path.read_text(encoding="utf-8", errors="replace") if path else ""]
    return [
        f"{name}={_ini_text(config, name, places)}"
        for name in sorted(known)
        if name not in _NEUTRAL_INI
        and not name.startswith("cell_cache")
        and not options.is_own_ini(name)
    ]


def _ini_text(config: pytest.Config, name: str, places: Places) -> str:
    try:
        return _text(config.getini(name), places)
    except (ValueError, KeyError, TypeError) as error:
        return type(error).__name__


def _text(value: Any, places: Places) -> str:
    if isinstance(value, (str, int, float, bool, type(None))):
        return repr(value).replace(places.root, "<root>")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item, places) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_text(value[key], places)}" for key in sorted(value)) + "}"
    return type(value).__qualname__
