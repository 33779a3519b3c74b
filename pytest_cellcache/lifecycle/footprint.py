"""Turns what was seen of a unit into the keys of its footprint, or into a reason not to keep it."""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pytest_cellcache.graph.mains import MAIN_MODULE
from pytest_cellcache.graph.project import Project
from pytest_cellcache.lifecycle.inputs import GIVEN, Inputs
from pytest_cellcache.model import reasons
from pytest_cellcache.model.keys import (
    BODY,
    DISTRIBUTION,
    ENV,
    EXISTS,
    FILE,
    FOLDER,
    HISTORY,
    IMPORTS,
    LISTING,
    LOG,
    MAIN,
    MODE,
    MODULE,
    NAME,
    PROGRAM,
    RUN,
    SURFACE,
    TREE,
    Key,
)
from pytest_cellcache.model.observation import ALL_VARIABLES, CWD, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.sources.listings import SKIPPED_FOLDERS
from pytest_cellcache.sources.snapshot import Snapshot

_SKIPPED_ENDINGS: Final = (".pyc", ".pyo", ".coverage", ".coveragerc")


class InputKeys:
    """Makes keys of observed inputs.

    Attributes:
        relative: gives the name that keys have of a file.

    Args:
        ignore: globs of relative paths that never count.
        folders: gives the absolute folders of first-party modules outside the project root.
        source_of: gives the source of a first-party module by its dotted name.
        resolve: gives the keys that decide what a dotted path leads to.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        inputs: Inputs,
        ignore: Iterable[str],
        folders: Callable[[], Iterable[str]] = tuple,
        source_of: Callable[[str], str | None] = lambda _: None,
        resolve: Callable[[str], Iterable[Key]] = lambda _: (),
    ) -> None:
        self._source_of = source_of
        self._resolve = resolve
        self._snapshot = snapshot
        self._places = snapshot.places
        self.relative = snapshot.places.relative
        self._inputs = inputs
        self._ignore = tuple(ignore)
        self._names: dict[str, tuple[str, ...]] = {}
        self._folders = folders
        self._roots: tuple[str, ...] = (self._places.root + os.sep,)
        self.look_around()

    def note_touched(self, seen: Observation) -> None:
        """Tell the snapshot what a unit wrote and left as it was."""
        for path, before, after in seen.touched:
            for name in self.names_of(path):
                self._snapshot.note_touch(name, before, after)

    def look_around(self, is_made: Callable[[str], bool] = lambda _: False) -> None:
        """Take in the folders of modules that have been imported since.

        Args:
            is_made: says of a folder whether some unit made it: what lies there is no input.
        """
        roots = {self._places.root, *(path for path in self._folders() if not is_made(path))}
        if len(roots) != len(self._roots):
            self._roots = tuple(sorted(root + os.sep for root in roots))
            self._names.clear()

    def keys(
        self, seen: Observation, written: frozenset[str], assigned: frozenset[str] = frozenset()
    ) -> set[Key]:
        """Give the keys of files, directories, variables and children that a unit consulted.

        What a unit wrote before it read it is not among its observed inputs.

        Args:
            written: absolute paths that were written for it: by its fixtures, or before the first
                test. What another test wrote is an input in flux, and the unit is not stored.
            assigned: variables that were set for it in the same way.
        """
        found: set[Key] = set()
        listed = dict(seen.listed)
        for path in seen.listings:
            for name in self.names_of(path):
                views = self._views_of(name, path, listed, seen.writes | written)
                self._snapshot.note_names(name, views)
        consulted = (
            (seen.reads - seen.appends, FILE, ""),
            (seen.listings, LISTING, ""),
            (seen.stats, EXISTS, ""),
            (seen.folders, EXISTS, FOLDER),
            (seen.reads & seen.appends, EXISTS, LOG),
            (seen.modes, EXISTS, MODE),
        )
        for paths, kind, what in consulted:
            for path in paths:
                for name in self._names_then(path, seen):
                    # ``sqlite3.connect`` opens for writing what a test may only read: what has
                    # not changed since the run began was not written.
                    is_absent = path in seen.absent
                    if path in written and (
                        self._snapshot.is_in_flux(name)
                        or self._snapshot.is_absent(name) != is_absent
                    ):
                        continue
                    if kind != LISTING and what not in (FOLDER, LOG):
                        self._snapshot.note_view(name, is_absent=is_absent)
                    found.add(Key(kind, name, what))
        found |= {Key(RUN, "", name) for name in seen.options}
        if CWD in seen.around:
            found.add(Key(RUN, "", CWD))
        found |= {Key(DISTRIBUTION, "", name) for name in seen.distributions}
        for asked in seen.imports:
            module, _, wanted = asked.partition(":")
            if module == MAIN_MODULE:
                found |= {Key(MAIN, name) for name in self.names_of(wanted)}
                continue
            found.add(Key(MODULE, "", module))
            source = self._source_of(module)
            if wanted:
                found.update(self._resolve(f"{module}.{wanted}"))
            elif source is not None:  # what is read of it has computed names, too
                found.add(Key(SURFACE, source))
            if source is not None:
                found.add(Key(IMPORTS, source, source))
        for variable in seen.variables:
            if not self._inputs.is_neutral(variable):
                is_given = variable in assigned and variable not in seen.inherited
                found.add(Key(ENV, GIVEN if is_given else "", variable))
        if seen.children:
            found |= {Key(TREE), Key(ENV, "", ALL_VARIABLES)}
            found |= {Key(PROGRAM, "", name) for name in map(self._program, seen.children) if name}
        if any(self._decide(os.path.join(path, "x")) for path in seen.repositories):
            found.add(Key(TREE, "", HISTORY))
        return found

    def _views_of(
        self,
        name: str,
        path: str,
        listed: Mapping[str, tuple[str, ...] | None],
        written: frozenset[str],
    ) -> set[str]:
        """Digest the names somebody found in a directory, and those of them that nobody wrote."""
        if path not in listed:
            return set()
        names = listed[path]
        found = self._snapshot.digest_names
        if names is None:
            return {found(name, None)}
        others = [each for each in names if os.path.join(path, each.rstrip("/@")) not in written]
        return {found(name, names), found(name, others)}

    def _program(self, given: str) -> str | None:
        """Name a program in records; ``None`` for what the tree holds, or for no program."""
        folder, name = os.path.split(given)
        if folder == os.path.dirname(sys.executable):
            return name
        if given.startswith(self._places.root + os.sep) or shutil.which(given) is None:
            return None
        return given

    def names_of(self, path: str) -> tuple[str, ...]:
        """Name an input in records, as given and as what it links to; empty if it never counts."""
        if path not in self._names:
            given, real = os.path.normpath(path), os.path.realpath(path)
            names = (self._decide(given), self._decide(real) if real != given else None)
            self._names[path] = tuple(dict.fromkeys(name for name in names if name is not None))
        return self._names[path]

    def _names_then(self, path: str, seen: Observation) -> tuple[str, ...]:
        """Name an input as it was consulted.

        Of what was not there and was made later it is not known where it would have led.
        """
        names = self.names_of(path)
        if path in seen.absent and path in seen.writes:
            given = self._decide(os.path.normpath(path))
            return tuple(name for name in names if name == given)
        return names

    def _decide(self, path: str) -> str | None:
        if path.startswith(self._places.foreign) or not (path + os.sep).startswith(self._roots):
            return None
        name = self._places.relative_unresolved(path)
        if self._snapshot.is_written_by_run(name):
            return None
        if not SKIPPED_FOLDERS.isdisjoint(name.split("/")) or name.endswith(_SKIPPED_ENDINGS):
            return None
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self._ignore):
            return None
        return name


def may_ask_entries(project: Project, ran: Iterable[Key]) -> bool:
    """Say whether code that ran may ask an entry of a directory for the status of its file."""
    return any(
        key.kind not in (BODY, NAME)
        or any("stat" in refs.attrs or refs.reflects for refs in project.refs_of(key))
        for key in ran
    )


def barrier_of(seen: Observation, *, may_connect: bool = False) -> Reason | None:
    """Say why a unit that was seen doing this cannot be vouched for.

    Args:
        may_connect: the user vouches for what answers on the network.
    """
    if seen.gaps:
        return Reason(reasons.GAP, ", ".join(sorted(seen.gaps)))
    if seen.hosts and not may_connect:
        return Reason(reasons.NETWORK, ", ".join(sorted(seen.hosts)))
    return None
