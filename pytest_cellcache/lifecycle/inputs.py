"""The present digest of any key: what a record's digests are held against."""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Final

from pytest_cellcache.graph.bringing import Bringing
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.members import Members, members_of, mentions
from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts, digest_text
from pytest_cellcache.model.keys import (
    CODE_KINDS,
    DISTRIBUTION,
    ENV,
    EXISTS,
    FILE,
    FOLDER,
    GLOB,
    GROUP,
    HISTORY,
    LEFT,
    LISTING,
    LOADS,
    LOG,
    MODE,
    MODULE,
    MODULES,
    PROGRAM,
    RUN,
    SOURCES,
    TREE,
    UNIT,
    Key,
)
from pytest_cellcache.model.observation import ALL_VARIABLES
from pytest_cellcache.model.services import is_of_service
from pytest_cellcache.sources.distributions import Distributions
from pytest_cellcache.sources.snapshot import Snapshot

_WRITABLE: Final = {FOLDER: ("directory",), LOG: ("file", "executable")}
"""What of a path is as good as nothing for who makes a folder, or writes at the end of a file."""

GIVEN: Final = "given"
"""``Key.path`` of the ``env`` key of a variable that was set before."""
NEUTRAL_VARIABLES: Final = tuple(
    """PYTEST_* COV_CORE_* COVERAGE_* PYTHONHASHSEED PYTHONDONTWRITEBYTECODE INVOCATION_ID
    JOURNAL_STREAM SYSTEMD_EXEC_PID MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE COLUMNS LINES TERM
    TERM_* COLORTERM NO_COLOR FORCE_COLOR PY_COLORS CLICOLOR* LS_COLORS SSH_* XDG_SESSION_* DBUS_*
    DISPLAY WINDOWID VSCODE_* OLDPWD PWD SHLVL _ PS1 HOSTNAME LOGNAME TMPDIR TMP TEMP TOX_* NOX_*
    VIRTUAL_ENV* _OLD_VIRTUAL_*""".split()
)
"""Variables that never count: they say who runs the tests, where and how it looks."""


class Inputs:
    """Digests keys as of now; every digest is computed once a run.

    Args:
        environ: the environment when the run began.
        run: digests of the facets of the run, by name.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        digester: Digester,
        *,
        environ: Mapping[str, str],
        run: Mapping[str, Digest],
        env_ignore: Iterable[str] = (),
        distributions: Distributions | None = None,
    ) -> None:
        self._distributions = distributions or Distributions(())
        self._snapshot = snapshot
        self._digester = digester
        self._bringing = Bringing(digester)
        self._environ = dict(environ)
        self._run = run
        self._ignored = (*NEUTRAL_VARIABLES, *env_ignore)
        self._neutral: dict[str, bool] = {}
        self._memo: dict[Key, Digest] = {}

    def digest(self, key: Key) -> Digest:
        """Digest a key of any kind; an unknown kind is absent, so that its records miss."""
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._compute(key)
        return found

    def members(self, key: Key) -> Members | None:
        """Give the members of a class, where plain methods can be told apart."""
        return members_of(self._digester, key)

    def mentions(self, key: Key, owner: Key, names: frozenset[str]) -> bool:
        """Say whether the code behind a key may tell which of some methods a class has."""
        return mentions(self._digester, key, owner, names)

    def brings_nothing(self, key: Key) -> bool:
        """Say whether importing the module of a ``loads`` key does nothing to anybody else."""
        return self._bringing.is_nothing(key)

    def is_neutral(self, variable: str) -> bool:
        """Say whether a variable never counts."""
        known = self._neutral.get(variable)
        if known is None:
            known = any(fnmatch.fnmatchcase(variable, pattern) for pattern in self._ignored)
            self._neutral[variable] = known
        return known

    def _compute(self, key: Key) -> Digest:
        kind = key.kind
        if kind == LOADS:
            return self._digester.digest(Key(MODULE, key.path, key.name.rstrip("?")))
        if kind in CODE_KINDS or kind == MODULE:
            return self._digester.digest(key)
        if kind == FILE:
            return self._snapshot.digest_file(key.path)
        if kind == LISTING:
            if key.name == MODULES:
                return self._snapshot.digest_modules(key.path)
            return self._snapshot.digest_listing(key.path)
        if kind == GLOB:
            return digest_parts(self._snapshot.places.glob(key.name))
        if kind == DISTRIBUTION:
            return self._distributions.digest(key.name)
        if kind == PROGRAM:
            return self._program(key.name)
        if kind == EXISTS:
            found = self._snapshot.digest_existence(key.path, with_mode=key.name == MODE)
            is_as_good = found == ABSENT or found in _WRITABLE.get(key.name, ())
            return Digest(key.name) if key.name in _WRITABLE and is_as_good else found
        if kind == SOURCES:
            return self._snapshot.digest_sources()
        if kind == TREE:
            is_history = key.name == HISTORY
            return self._snapshot.digest_history() if is_history else self._snapshot.digest_tree()
        if kind == ENV:
            return Digest(GIVEN) if key.path == GIVEN else self._variable(key.name)
        if kind in (GROUP, LEFT, UNIT):
            return Digest(kind)
        if kind == RUN:
            return self._run.get(key.name, ABSENT)
        return ABSENT

    def _program(self, name: str) -> Digest:
        folder = os.path.dirname(sys.executable)
        search = os.pathsep.join([folder, self._environ.get("PATH", os.defpath)])
        found = shutil.which(name, path=search)
        if found is None:
            return ABSENT
        places = self._snapshot.places
        return self._snapshot.digest_file(places.relative_unresolved(os.path.realpath(found)))

    def _variable(self, name: str) -> Digest:
        if name == ALL_VARIABLES:
            return digest_parts(
                part
                for variable in sorted(self._environ)
                if not self.is_neutral(variable)
                and not is_of_service(variable, self._environ.__contains__)
                for part in (variable, self._environ[variable])
            )
        value = self._environ.get(name)
        if value is not None and name == "PYTHONPATH":  # read by any Python child
            value = value.replace(self._snapshot.places.root, "<root>")
        return ABSENT if value is None else digest_text(value)


def environment_now() -> dict[str, str]:
    """Copy the environment as it is when the run begins."""
    return dict(os.environ)
