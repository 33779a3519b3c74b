"""What modules consulted that were imported before the tracer could start.

Pytest imports the categories of warning filters and the plugins named on the command line before it
asks plugins to begin. What these modules ran and read meanwhile nobody can tell afterwards, so
another process imports them once more, traced, while this one goes on; it is asked when the first
outcome is to be recorded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from json import dumps, loads
from typing import Any, Final

from pytest_cellcache.model.observation import (
    UNKNOWN,
    CodeRef,
    Observation,
    Site,
    Spawned,
    Touched,
)
from pytest_cellcache.trace.contract import Early, Imports

_SCRIPT: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup", "early.py")
_COVERAGE: Final = ("COV_CORE_DATAFILE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""Variables by which coverage.py measures child processes."""
_PATIENCE_S: Final = 120
_TROUBLES: Final = (OSError, ValueError, TypeError, LookupError, RecursionError,
                    subprocess.SubprocessError)  # fmt: skip

_TUPLES: Final[dict[str, Callable[..., Any]]] = {
    kind.__name__: kind for kind in (CodeRef, Early, Imports, Observation, Site, Spawned, Touched)
}
"""What is told besides plain tuples, sets, mappings, texts and numbers."""

_PROGRAM: Final = Observation(children=frozenset({sys.executable}), on_stack=frozenset({UNKNOWN}))
"""It may have consulted anything of the project."""


def early_to_json(early: Early) -> bytes:
    """Write down what ``early_from_json`` gives."""
    return dumps(_told(early)).encode()


def early_from_json(data: bytes) -> Early:
    """Read what another process has told.

    Raises:
        ValueError, TypeError, LookupError: it is something else.
    """
    found = _read(loads(data))
    if not isinstance(found, Early):
        raise TypeError("no early imports")
    return found


def _told(value: Any) -> Any:
    if isinstance(value, tuple):
        kind = type(value).__name__
        return ["tuple" if kind not in _TUPLES else kind, *map(_told, value)]
    if isinstance(value, (set, frozenset)):
        return ["set", *map(_told, value)]
    if isinstance(value, Mapping):
        return ["mapping", *(_told(pair) for pair in value.items())]
    return value


def _read(told: Any) -> Any:
    if not isinstance(told, list):
        return told
    kind, *rest = told
    values = [*map(_read, rest)]
    if kind in _TUPLES:
        return _TUPLES[kind](*values)
    return {"tuple": tuple, "set": frozenset, "mapping": dict}[kind](values)


class EarlyImports:
    """Imports modules again in a process of its own.

    Args:
        modules: names, in the order in which they were imported.
        foreign, own: of ``Places``.
        tracer: which one is wanted.
    """

    def __init__(
        self,
        modules: Sequence[str],
        *,
        foreign: Sequence[str],
        own: str,
        tracer: str,
    ) -> None:
        self._wanted = {
            "modules": list(modules),
            "foreign": list(foreign),
            "own": own,
            "tracer": tracer,
            "path": list(sys.path),
            "argv": list(sys.argv),
            "variables": {name: os.environ[name] for name in _COVERAGE if name in os.environ},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._found: Early | None = None

    def begin(self) -> None:
        """Start the process, before anything is traced here."""
        flags: Any = getattr(subprocess, "_args_from_interpreter_flags", list)()
        environment = {name: value for name, value in os.environ.items() if name not in _COVERAGE}
        try:
            self._process = subprocess.Popen(
                [sys.executable, *flags, _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            assert self._process.stdin is not None
            self._process.stdin.write(dumps(self._wanted).encode())
            self._process.stdin.close()
            self._process.stdin = None
        except _TROUBLES:
            self.stop()

    def found(self) -> Early:
        """Say what they did; where that could not be told, anything of the project may count."""
        if self._found is None:
            self._found = self._read()
        return self._found

    def heard(self) -> frozenset[str]:
        """Give the absolute files of the modules of which everything is known."""
        codes = self.found().seen.codes
        return frozenset(ref.filename for ref in codes if ref.name == "<module>")

    def count_whole(self, files: Collection[str]) -> None:
        """Tell statements of some modules apart no longer, by absolute file."""
        seen, imports, assigned = self.found()
        told = {label: ran for label, ran in imports.statements.items() if label[0] not in files}
        untold = (ran for label, ran in imports.statements.items() if label not in told)
        outside = imports.outside.union(*untold)
        self._found = Early(
            seen, Imports(told, imports.modules.difference(files), outside), assigned
        )

    def _read(self) -> Early:
        process, self._process = self._process, None
        if process is None:
            return Early(_PROGRAM)
        try:
            told, _ = process.communicate(timeout=_PATIENCE_S)
            return early_from_json(told)
        except subprocess.TimeoutExpired:
            _end(process)
        except _TROUBLES:
            pass
        return Early(_PROGRAM)

    def stop(self) -> None:
        """Wait for it no longer."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
