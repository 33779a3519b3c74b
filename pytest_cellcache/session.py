"""Puts a run together: places, tracer, store, graph, life cycle, hooks. Imports every layer.

Life of a run::

    begin       before the first conftest: the tracer starts
    configure   the store opens (and is cleared); hooks are registered
    collected   one snapshot of the inputs, a verdict for every item
    protocol    hits are replayed, misses run traced
    finish      records are written, the report file too; the tracer stops
"""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.graph.locate import sites_of
from pytest_cellcache.hooks.basis import Basis
from pytest_cellcache.hooks.beginning import Started, places_of
from pytest_cellcache.hooks.bytecode import Bytecode
from pytest_cellcache.hooks.collect import CollectWatch
from pytest_cellcache.hooks.collectonly import CollectOnly
from pytest_cellcache.hooks.coverage import has_bound
from pytest_cellcache.hooks.due import Due
from pytest_cellcache.hooks.failures import Failures
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.fixtures import FixtureWatch
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.handling import Handling
from pytest_cellcache.hooks.keeper import Keeper
from pytest_cellcache.hooks.nodestate import NodeWatch
from pytest_cellcache.hooks.options import OptionWatch
from pytest_cellcache.hooks.outputs import UNCACHED
from pytest_cellcache.hooks.protocol import Watcher
from pytest_cellcache.hooks.replayer import Replayer
from pytest_cellcache.hooks.requeue import Requeuer
from pytest_cellcache.hooks.restore import Restorer
from pytest_cellcache.hooks.run import Run
from pytest_cellcache.hooks.shelf import Shelf
from pytest_cellcache.hooks.speeds import Speeds
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.hooks.terminal import ClearedOnly, Terminal, WorkerOutput, show_store
from pytest_cellcache.hooks.valuework import Worker
from pytest_cellcache.lifecycle.inputs import environment_now
from pytest_cellcache.model.events import RunFacts
from pytest_cellcache.model.settings import (
    Settings,
    read_settings,
    tell_workers_of_bound,
)
from pytest_cellcache.store.contract import Cleared
from pytest_cellcache.store.directory import DirectoryStore

_COMPACT_EVERY = 16
"""Writing sessions between two compactions."""


_KEY = pytest.StashKey[Started]()


def begin(config: pytest.Config) -> None:
    """Start tracing, before conftests are imported."""
    if _KEY not in config.stash:
        started = config.stash[_KEY] = Started(config)
        if started.recorder is not None:
            # Here and not when configured: a usage error may come in between.
            config.add_cleanup(started.recorder.stop)


def conftests_loaded(config: pytest.Config) -> None:
    """Look at who reads the options that conftests have defined."""
    if _KEY in config.stash:
        config.stash[_KEY].options.install()


def configure(config: pytest.Config) -> None:
    """Open the store and register the hooks of this run."""
    begin(config)
    started = config.stash[_KEY]
    guard, recorder = started.guard, started.recorder
    settings = _settings(config, guard)
    if settings is None or recorder is None:
        _say_warnings(config, guard)
        return
    if has_bound(config):
        tell_workers_of_bound(config)
        settings = settings._replace(has_bound=True)
    is_worker = hasattr(config, "workerinput")
    store = _open_store(config, settings, guard)
    cleared = store.clear() if settings.clear and not is_worker else None
    Bytecode(config, started.places, store, guard, recorder.resting).install()
    collecting = CollectWatch(recorder, guard)
    run = Run(
        config,
        settings,
        started.places,
        store,
        recorder,
        guard,
        collecting=collecting,
        untraced=started.untraced,
        began_ns=started.began_ns,
        options=started.options,
    )
    modules = FirstParty(config, started.places, run.concerns)
    run.unread = functools.partial(modules.unread, recorder.annotations)
    changes = Changes(run.state_watch, guard, run.blame, recorder.resting)
    run.changes = changes
    recorder.resets.places_of = changes.places_of
    recorder.resets.sites_of = lambda ref: sites_of(run.basis.project, ref) if run.basis else None
    changes.nodes = run.order.nodes = NodeWatch(
        run.concerns, lambda: run.basis.project if run.basis is not None else None
    )
    fixtures = FixtureWatch(recorder, changes, guard, modules)
    shelf = Shelf(run, settings, started.places, is_worker=is_worker)
    worker = Worker(shelf, store, settings, started.places, recorder, modules, changes)
    speeds = Speeds(store, settings.min_seconds, shelf.body_of)
    keeper = Keeper(shelf, worker, settings, started.places, modules, speeds, changes)
    handling = Handling(fixtures, worker, keeper.kept, modules, by_chance=run.order.by_chance)
    watcher = Watcher(run, recorder, fixtures, changes, started.places, guard, handling)
    restorer = Restorer(
        shelf, store, worker, keeper, fixtures, speeds, started.places, guard, is_worker=is_worker
    )
    run.at_end = speeds.keep
    requeuer = Requeuer(
        watcher,
        fixtures,
        restorer,
        changes,
        modules,
        run.collection,
        run.order,
        recorder,
        guard,
        Due(
            run.order,
            fixtures,
            changes,
            guard,
            lambda *told: run.inheriting.seen_by(*told) if run.inheriting else set(),
            lambda seen: run.inheriting.joined(seen) if run.inheriting else seen,
            lambda *told: run.inheriting.overtaken_by(*told) if run.inheriting else [],
        ),
        Failures(
            run.order,
            run.facts_of,
            lambda hit: run.inheriting is None or run.inheriting.is_upset(hit),
            guard,
        ),
    )
    register = config.pluginmanager.register
    # The order matters: of equal hooks the one registered last comes first, wrappers outermost.
    register(collecting, "cellcache-collecting")
    register(fixtures, "cellcache-fixtures")
    register(restorer, "cellcache-restorer")
    register(restorer.flights, "cellcache-flights")
    register(watcher, "cellcache-watcher")
    register(requeuer, "cellcache-requeuer")
    register(requeuer.timers, "cellcache-timers")
    register(Replayer(run, requeuer, fixtures, guard), "cellcache-replayer")
    if is_worker:
        register(WorkerOutput(config, run, guard), "cellcache-worker")
    register(run, "cellcache-run")
    register(run.collection, "cellcache-collection")
    if is_worker:
        return
    facts = _facts(config, settings, store, recorder.tracer_name, cleared)
    register(Terminal(settings, facts, run, guard), "cellcache-terminal")
    if settings.may_write:
        config.add_cleanup(lambda: guard.call(_compact, None, store, settings))


def collect_only(config: pytest.Config) -> None:
    """Register what lists tests from their manifests."""
    guard = Guard()
    settings = _settings(config, guard)
    if settings is None or settings.mode == "refresh":
        return
    folder = _store_folder(config, settings._replace(mode="read"))
    store = DirectoryStore(folder, may_write=False, warn=guard.warn)
    places = places_of(config)
    environ, began_ns = environment_now(), time.time_ns()

    # Not installed: nothing is recorded; it tells whose options are whose all the same.
    known = getattr(config, "known_args_namespace", config.option)
    options = OptionWatch(config, known, None, guard)

    def make_basis() -> Basis:
        reading = settings._replace(mode="read")
        return Basis(
            config, reading, places, store, environ=environ, began_ns=began_ns, options=options
        )

    Bytecode(config, places, store, guard).install()
    lister = CollectOnly(config, places, guard, make_basis)
    config.pluginmanager.register(lister, "cellcache-collect-only")
    config.pluginmanager.register(lister.collection, "cellcache-collection")


def clear_only(config: pytest.Config) -> None:
    """Clear the store of a run that does not use it."""
    guard = Guard()
    settings = _settings(config, guard)
    if settings is not None:
        store = _open_store(config, settings, guard)
        facts = _facts(config, settings, store, "off", store.clear())
        config.pluginmanager.register(ClearedOnly(facts), "cellcache-cleared")
    _say_warnings(config, guard)


def show(config: pytest.Config) -> int | pytest.ExitCode:
    """List what the store holds instead of running tests."""
    try:
        from _pytest.main import wrap_session  # private: how --cache-show and --markers do it
    except ImportError:
        # Without it nobody has configured the cache provider, which says where the store lies.
        text = f"show-unavailable: --cell-cache-show does not work with pytest {pytest.__version__}"
        raise pytest.UsageError(f"{text}; leave it out, everything else works") from None

    def main(config: pytest.Config, session: pytest.Session) -> None:
        guard = Guard()
        settings = _settings(config, guard)
        if settings is not None:
            store = _open_store(config, settings, guard)
            groups = {group: store.read(group) for group in store.groups()}
            show_store(config, groups, store.size_bytes())
        for warned in guard.warned:
            print(f"{warned.slug}: {warned.text}")

    return wrap_session(config, main)


def _settings(config: pytest.Config, guard: Guard) -> Settings | None:
    try:
        return read_settings(config)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


def _store_folder(config: pytest.Config, settings: Settings) -> Path:
    if settings.directory is not None:
        return Path(config.invocation_params.dir) / settings.directory
    cache: Any = getattr(config, "cache", None)
    if cache is None:  # -p no:cacheprovider
        return config.rootpath / UNCACHED
    if settings.may_write:
        try:
            return Path(cache.mkdir("cellcache"))
        except OSError:
            pass  # the store itself will say what is wrong
    # ``mkdir`` is the only public way to learn the place, and it writes.
    folder: Path = getattr(cache, "_cachedir", config.rootpath / ".pytest_cache")
    return folder / "d" / "cellcache"


def _open_store(config: pytest.Config, settings: Settings, guard: Guard) -> DirectoryStore:
    folder = _store_folder(config, settings)
    return DirectoryStore(folder, may_write=settings.may_write, warn=guard.warn)


def _facts(
    config: pytest.Config,
    settings: Settings,
    store: DirectoryStore,
    tracer: str,
    cleared: Cleared | None,
) -> RunFacts:
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("pytest-cellcache")
    except PackageNotFoundError:  # used from a checkout on the path
        release = "unknown"
    folder = _store_folder(config, settings)
    try:
        shown = folder.relative_to(config.rootpath)
    except ValueError:
        shown = folder
    return RunFacts(
        version=release,
        mode=settings.mode,
        store_dir=str(shown),
        tracer=tracer,
        store_bytes=store.size_bytes(),
        cleared_files=cleared.files if cleared else None,
        cleared_bytes=cleared.size_bytes if cleared else None,
    )


def _compact(store: DirectoryStore, settings: Settings) -> None:
    """Compact now and then, and whenever the store is above its bound."""
    stored = store.get_note("sessions")
    count = int(stored) + 1 if stored and stored.isdigit() else 1
    if count < _COMPACT_EVERY and store.size_bytes() <= settings.max_size_bytes:
        store.put_note("sessions", str(count).encode())
        return
    store.compact(settings.max_size_bytes)
    store.put_note("sessions", b"0")


def _say_warnings(config: pytest.Config, guard: Guard) -> None:
    for warned in guard.warned:
        config.issue_config_time_warning(
            pytest.PytestWarning(f"cell cache: {warned.slug}: {warned.text}"), stacklevel=2
        )
