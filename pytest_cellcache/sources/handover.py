"""The folder through which traced child processes hand over what they saw.

One log for each process, a JSON object a line, appended as things happen: a process that is killed
has told everything but its end. Each line is opened, written and closed by itself, so a child that
closes or counts its descriptors meets none of ours.
"""

from __future__ import annotations

import contextlib
import os
import posix
from json import dumps, loads
from typing import Any, Final

_CONFIG: Final = "config"
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC

# Those of ``posix`` are never replaced by recording stand-ins.
_open, _write, _close = posix.open, posix.write, posix.close


class Log:
    """What one process writes."""

    def __init__(self, path: str) -> None:
        self.path = path

    def write(self, kind: str, value: Any) -> None:
        """Append a line. Where that fails the log goes: without one nobody vouches for the child.

        A folder that is gone means that nobody listens any more.
        """
        line = dumps([kind, value], separators=(",", ":")).encode() + b"\n"
        try:
            descriptor = _open(self.path, _FLAGS, 0o600)
            try:
                is_whole = _write(descriptor, line) == len(line)
            finally:
                _close(descriptor)
        except OSError:
            is_whole = False
        if not is_whole:
            with contextlib.suppress(OSError):
                posix.unlink(self.path)


class Handover:
    """The folder, made when the first child is started, removed with ``close``.

    Args:
        parent: where to make it.
        config: what every child needs to know.
    """

    def __init__(self, parent: str, config: Any) -> None:
        self.folder = os.path.join(parent, f"cellcache-{os.urandom(12).hex()}")
        self._config = config
        self._count = 0
        self._is_made = False

    def make_token(self) -> str:
        """Name a new child, unlike any other of this run.

        Raises:
            OSError: the folder cannot be made.
        """
        if not self._is_made:
            posix.mkdir(self.folder, 0o700)
            Log(os.path.join(self.folder, _CONFIG)).write(_CONFIG, self._config)
            self._is_made = True
        self._count += 1
        return f"{os.getpid()}-{self._count}"

    def join(self, folder: str) -> None:
        """Use the folder that this process was told of instead of a new one."""
        self.folder = folder
        self._is_made = True

    def log(self, token: str) -> Log:
        return Log(os.path.join(self.folder, token))

    def family(self, token: str) -> list[str]:
        """List the tokens that a process named ``token`` has given to its own forks."""
        if not self._is_made:
            return []
        try:
            return [name for name in posix.listdir(self.folder) if name.startswith(token + ".")]
        except OSError:
            return []

    def read(self, token: str) -> list[tuple[str, Any]]:
        """Give what a child wrote so far; nothing if it never came to life."""
        return read_log(os.path.join(self.folder, token))

    def is_running(self, token: str) -> bool:
        """Say whether a child may still do something; one that never wrote may."""
        kinds = dict(self.read(token))
        pid = kinds["start"]["pid"] if "start" in kinds else kinds.get("forked")
        return "end" not in kinds and (pid is None or is_alive(pid))

    def close(self) -> None:
        if self._is_made:
            import shutil  # not in a child

            shutil.rmtree(self.folder, ignore_errors=True)


def read_log(path: str) -> list[tuple[str, Any]]:
    """Read a log; a damaged line ends it with an entry of the kind ``damaged``."""
    found: list[tuple[str, Any]] = []
    try:
        with open(path, "rb") as file:
            for line in file:
                kind, value = loads(line)
                found.append((kind, value))
    except OSError:
        pass
    except (ValueError, TypeError):
        found.append(("damaged", None))
    return found


def read_config(folder: str) -> Any:
    """Give the ``config`` of a handover in a child; ``None`` if it cannot be read."""
    return dict(read_log(os.path.join(folder, _CONFIG))).get(_CONFIG)


def first_line(path: str) -> str:
    """Give the first line of a file, such as the ``#!`` of a script; empty if there is none."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.readline(1000)).strip()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Say whether a process may still run; one that nobody has waited for is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except FileNotFoundError:
        pass
    except (OSError, IndexError):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
