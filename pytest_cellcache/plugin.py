"""Options only: nothing else of ours is imported until a run asks for the cache.

The hooks of a run live in ``session`` and are registered when it begins, which is before the first
conftest is imported: what imports run and read is part of every footprint.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from typing import Any

import pytest

_MODES = ("auto", "read", "refresh")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("cell-cache", "reactive test cache")
    group.addoption(
        "--cell-cache",
        dest="cell_cache",
        action="store_true",
        default=None,
        help="run only the tests that a change can reach; report the others from the cache",
    )
    group.addoption(
        "--no-cell-cache",
        dest="cell_cache",
        action="store_false",
        help="run everything and keep nothing, whatever the ini file says",
    )
    group.addoption(
        "--cell-cache-clear",
        dest="cell_cache_clear",
        action="store_true",
        default=False,
        help="empty the cache first and say how much it held",
    )
    group.addoption(
        "--cell-cache-mode",
        dest="cell_cache_mode",
        choices=_MODES,
        default="auto",
        help="auto; read: use the cache but write nothing; refresh: run all tests and record them",
    )
    group.addoption(
        "--cell-cache-dir",
        dest="cell_cache_dir",
        default=None,
        metavar="DIR",
        help="keep the cache here (default: .pytest_cache/d/cellcache)",
    )
    group.addoption(
        "--cell-cache-report",
        dest="cell_cache_report",
        default=None,
        metavar="PATH.json",
        help="write every decision of this run to a JSON file",
    )
    group.addoption(
        "--cell-cache-explain",
        dest="cell_cache_explain",
        nargs="?",
        const="",
        default=None,
        metavar="NODEID",
        help="say for each test, or those below NODEID, why it ran or was replayed",
    )
    group.addoption(
        "--cell-cache-show",
        dest="cell_cache_show",
        action="store_true",
        default=False,
        help="list what the cache holds and exit",
    )
    parser.addini("cell_cache", "use --cell-cache by default", type="bool", default=False)
    parser.addini("cell_cache_max_size", "bound of the cache, e.g. 500M", default="1G")
    parser.addini(
        "cell_cache_inputs", "globs of files every test depends on", type="linelist", default=[]
    )
    parser.addini(
        "cell_cache_ignore", "globs of paths that are never inputs", type="linelist", default=[]
    )
    parser.addini(
        "cell_cache_env_ignore", "variables that are never inputs", type="linelist", default=[]
    )
    parser.addini(
        "cell_cache_network", "store tests that use the network, too", type="bool", default=False
    )
    parser.addini("cell_cache_max_age", "do not use outcomes older than this, e.g. 7d", default="")
    parser.addini("cell_cache_min_seconds", "fixtures that take less are not kept", default="0.05")
    parser.addini("cell_cache_tracer", "auto, monitoring or profile", default="auto")


@contextmanager
def _plain_imports() -> Iterator[None]:
    """Import our own modules past pytest's assertion rewriting.

    Pytest rewrites every module of a distribution that has a plugin. On a fresh machine, or where
    no bytecode is written, that compiles all of ours again in every run.
    """
    sys.meta_path.insert(0, PathFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(PathFinder)


def _wants_cache(config: pytest.Config, options: Any) -> bool:
    """Say whether tests are to run with the cache."""
    return not getattr(options, "collectonly", None) and _is_on(config, options)


def _is_on(config: pytest.Config, options: Any) -> bool:
    """Decide from the command line first, then from the ini file."""
    for name in ("setuponly", "setupshow", "setupplan", "showfixtures",
                 "show_fixtures_per_test", "markers", "help", "version", "trace",
                 "cell_cache_show"):  # fmt: skip
        if getattr(options, name, None):
            return False
    chosen = getattr(options, "cell_cache", None)
    return bool(config.getini("cell_cache")) if chosen is None else bool(chosen)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Begin before the first conftest is imported."""
    if _wants_cache(early_config, early_config.known_args_namespace):
        with _plain_imports():
            from pytest_cellcache.session import begin, conftests_loaded

            begin(early_config)
            result = yield
            conftests_loaded(early_config)
            return result
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of a run that caches."""
    # Not first: the cache provider's comes before, and decides where caches lie.
    config.addinivalue_line(
        "markers",
        "cell_cache(enabled=True, inputs=(), env=(), network=False): keep a test out of the cell "
        "cache, declare files (globs) and environment variables that it reads unseen, or store it "
        "although it uses the network",
    )
    if _wants_cache(config, config.option):
        with _plain_imports():
            from pytest_cellcache.session import configure

            configure(config)
    elif config.option.collectonly and _is_on(config, config.option):
        with _plain_imports():
            from pytest_cellcache.session import collect_only

            collect_only(config)
    elif config.option.cell_cache_clear and not hasattr(config, "workerinput"):
        with _plain_imports():
            from pytest_cellcache.session import clear_only

            clear_only(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    """List the store instead of running tests."""
    if config.option.cell_cache_show:
        with _plain_imports():
            from pytest_cellcache.session import show

            return show(config)
    return None
