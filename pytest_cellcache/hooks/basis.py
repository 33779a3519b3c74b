"""What the verdicts of a run rest on: one snapshot, the digests of the present, the verifier.

It is needed before modules are collected, and two things are only known after: the search path (a
test module that is imported puts its folder there) and what is loaded. So the path is foretold
from what the last writing run found in the end, and where that turns out wrong the basis is laid
anew: every verdict that was given is then given again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from json import dumps, loads
from typing import Any, Final

import pytest

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.imports import Imports
from pytest_cellcache.graph.modules import Modules
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.watching import Watching, lists_subclasses
from pytest_cellcache.hooks.facets import facets_of, own_facets_of
from pytest_cellcache.hooks.options import OptionWatch
from pytest_cellcache.hooks.outputs import outputs_of
from pytest_cellcache.lifecycle.footprint import InputKeys
from pytest_cellcache.lifecycle.inputs import Inputs
from pytest_cellcache.lifecycle.verify import Verifier
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.distributions import Distributions
from pytest_cellcache.sources.loaded import loaded_files, outer_folders
from pytest_cellcache.sources.places import Places
from pytest_cellcache.sources.snapshot import Snapshot
from pytest_cellcache.store.contract import Store

STAT_NOTE: Final = "stat"
_DISTRIBUTIONS_NOTE: Final = "distributions"
_PATH_NOTE: Final = "search path"
_WATCHING_NOTE: Final = "watching"
_SUBCLASSES_NOTE: Final = "subclasses"


class Basis:
    """Digests of the present and the verifier that holds records against them.

    Attributes:
        named: relative files that every test depends on by setting.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        places: Places,
        store: Store,
        *,
        environ: Mapping[str, str],
        began_ns: int,
        options: OptionWatch,
    ) -> None:
        self._options = options
        self._config = config
        self._settings = settings
        self._places = places
        self._store = store
        self._environ = environ
        self.snapshot = Snapshot(
            places,
            began_ns=began_ns,
            stat_cache=store.get_note(STAT_NOTE),
            outputs=outputs_of(config, settings),
        )
        self.named = sorted(name for pattern in settings.inputs for name in places.glob(pattern))
        self._watching = _read_object(store.get_note(_WATCHING_NOTE))
        self._kept = _read_path(store.get_note(_PATH_NOTE))
        self.distributions = Distributions(sys.path, store.get_note(_DISTRIBUTIONS_NOTE))
        self.facets, self.own_facets = self._facets()
        roots = self._foretold()
        self.project = Project(
            self.snapshot, self._modules(roots), lambda name: store.get_note(f"cells/{name}")
        )
        self._lay()

    def settle(self) -> bool:
        """Hold it against the end of collection; say whether everything is to be judged again."""
        facets, own = self._facets()
        modules = self._modules(sys.path)
        is_same = (facets, own) == (self.facets, self.own_facets)
        if is_same and modules.roots == self.project.modules.roots:
            return False
        self.facets, self.own_facets = facets, own
        self.project.modules = modules
        self._lay()
        return True

    def input_keys(self) -> InputKeys:
        """Make what gives the keys of inputs."""
        find, names = self.project.modules.find, self.digester.names
        return InputKeys(
            self.snapshot,
            self.inputs,
            self._settings.ignore,
            lambda: outer_folders(self._places),
            lambda name: located.source if (located := find(name)) else None,
            lambda path: names.resolve_dotted(path).keys,
        )

    def keep_path(self) -> None:
        """Tell the next run what the search path was in the end."""
        modules = self.project.modules
        roots, loaded = self._kept
        found = {
            name: self._places.relative(file)
            for name, file in loaded_files().items()
            if self._places.is_first_party(file) and not modules.is_found(name)
        }
        if not roots or not set(modules.roots) <= set(roots) or not found.items() <= loaded.items():
            data = dumps([list(modules.roots), loaded | found])
            self._store.put_note(_PATH_NOTE, data.encode())

    def keep_parsed(self, *, is_final: bool) -> None:
        """Keep what files hold, and at the end which they were."""
        for digest, table in self.project.parsed.items():
            self._store.put_note(f"cells/{digest}", table)
        self.project.parsed.clear()
        if is_final and self.snapshot.stat_cache_grew:
            self._store.put_note(STAT_NOTE, self.snapshot.stat_cache())

    def keep_watching(self) -> None:
        """Spare the next run looking through the code of files that do not change."""
        if not self.watching.rows.keys() <= self._watching.keys():
            data = dumps(self.watching.rows, separators=(",", ":"))
            self._store.put_note(_WATCHING_NOTE, data.encode())

    def lists_subclasses(self, files: Iterable[str]) -> bool:
        """Say whether code of some files asks classes for their subclasses, or did in another run.

        A test that does may be replayed now, and not even be imported.
        """
        if self._store.get_note(_SUBCLASSES_NOTE) is not None:
            return True
        found = any(lists_subclasses(self.project.index(file)) for file in files)
        if found and self._settings.may_write:
            self._store.put_note(_SUBCLASSES_NOTE, b"1")
        return found

    def _lay(self) -> None:
        self.digester = Digester(self.project)
        self.imports = Imports(self.project, self.digester)
        self.watching = Watching(self.project, self._watching)
        self.inputs = Inputs(
            self.snapshot,
            self.digester,
            environ=self._environ,
            run=self.facets | self.own_facets,
            env_ignore=self._settings.env_ignore,
            distributions=self.distributions,
        )
        self.verifier = Verifier(self._store, self.inputs, self.snapshot, self._settings.max_age_s)
        if self._settings.may_write and (parsed := self.distributions.to_keep()) is not None:
            self._store.put_note(_DISTRIBUTIONS_NOTE, parsed)

    def _facets(self) -> tuple[dict[str, Digest], dict[str, Digest]]:
        """Give what counts for every test, and what counts for those that read it."""
        config, places, options = self._config, self._places, self._options
        shared = facets_of(config, places, self.distributions, options)
        own = own_facets_of(config, places, options)
        return shared | {"inputs": digest_parts(self.named)}, own

    def _modules(self, search: Iterable[str]) -> Modules:
        kept = {name: self._places.absolute(file) for name, file in self._kept[1].items()}
        files = {name: file for name, file in kept.items() if os.path.exists(file)}
        loaded = files | loaded_files()
        return Modules(self._places, search, loaded, self.distributions.digest_module)

    def _foretold(self) -> list[str]:
        """Give the search path as it will be when everything is collected, as far as is known."""
        now = self._modules(sys.path).roots
        then = self._kept[0]
        # What is on the path now must be what was left of it then without the folders of tests.
        if [root for root in then if root in now] != list(now):
            return list(sys.path)
        return [self._places.absolute(root) for root in then]


def _read_object(data: bytes | None) -> dict[str, Any]:
    try:
        found: Any = loads(data or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _read_path(data: bytes | None) -> tuple[list[str], dict[str, str]]:
    try:
        found: Any = loads(data or b"[[], {}]")
        roots, loaded = found
        if all(isinstance(root, str) for root in roots) and isinstance(loaded, dict):
            return list(roots), {str(name): str(file) for name, file in loaded.items()}
    except (TypeError, ValueError):
        pass
    return [], {}
