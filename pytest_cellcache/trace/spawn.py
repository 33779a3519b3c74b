"""Starts Python children of this environment so that they are traced, too.

::

    Python of this environment, heeding PYTHONPATH  -> two variables lead it to ``startup``
    a fork                                          -> goes on with a log of its own
    a traced child that turns into another program  -> as if it had started that one
    anything else, or started while importing       -> a program that nobody vouches for

The variables are added where the child is created, below everything that user code sees, and
``startup/sitecustomize.py`` takes them out again before any other code of the child runs.
"""

from __future__ import annotations

import os
import posix
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_cellcache.sources.handover import Handover, first_line
from pytest_cellcache.trace import audit, unit
from pytest_cellcache.trace.kinds import is_executable
from pytest_cellcache.trace.origin import EVERYBODY, caller, process_reach, reach
from pytest_cellcache.trace.programs import note_history, programs_in
from pytest_cellcache.trace.shims import Shim
from pytest_cellcache.trace.surrounding import current_folder

VARIABLE: Final = "PYTEST_CELLCACHE_CHILD"
STARTUP: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")

_BIN: Final = os.path.dirname(sys.executable or "")
_OPTIONS_WITH_VALUE: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_FORKSERVER: Final = "from multiprocessing.forkserver import main"
_TRACKER: Final = "from multiprocessing.resource_tracker import main"


class Children:
    """The stand-ins, and what is known of children, for one period of recording.

    Attributes:
        handover: where traced children write; ``None`` when children cannot be traced.
        own: token of this process, if it is a traced child itself.
        say_end: in such a process, tells what is known at its end only.
        is_forkserver: it is multiprocessing's fork server: what it forks is charged elsewhere.
    """

    def __init__(self) -> None:
        self.handover: Handover | None = None
        self.own: str | None = None
        self.say_end: Callable[[], None] = lambda: None
        self.is_forkserver = False
        self._become_child: Callable[[str], None] | None = None
        self._families: dict[str, int] = {}
        self._claimed: set[str] = set()
        self._living: set[str] = set()
        self._sends: tuple[Any, Any] | None = None
        self._placed: list[tuple[Any, str, Any, Any]] = []
        self._is_spawning = False
        self._forked: str | None = None
        self._has_fork_hooks = False

    def install(self, become_child: Callable[[str], None]) -> None:
        """Put the stand-ins in place.

        Args:
            become_child: called in a fork with its token.
        """
        self._become_child = become_child
        import _posixsubprocess
        import subprocess

        self._place(_posixsubprocess, "fork_exec", self._fork_exec)
        self._place(subprocess, "_fork_exec", self._fork_exec)
        self._place(os, "fork", self._fork)
        self._place(os, "posix_spawn", self._posix_spawn)
        self._place(os, "posix_spawnp", self._posix_spawn)
        self._place(os, "execv", self._exec)
        self._place(os, "execve", self._exec)
        audit.listen("subprocess.Popen", self._on_popen)
        audit.listen("os.posix_spawn", self._on_posix_spawn)
        audit.listen("os.exec", self._on_posix_spawn)
        audit.listen("socket.connect", self._on_connect)
        if not self._has_fork_hooks:  # they cannot be taken back
            os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)
            self._has_fork_hooks = True

    def uninstall(self) -> None:
        audit.unlisten("subprocess.Popen", self._on_popen)
        audit.unlisten("os.posix_spawn", self._on_posix_spawn)
        audit.unlisten("os.exec", self._on_posix_spawn)
        audit.unlisten("socket.connect", self._on_connect)
        for owner, name, shim, original in self._placed:
            if vars(owner).get(name) is shim:
                setattr(owner, name, original)
        self._placed.clear()
        if self.handover is not None and self.own is None:
            self.handover.close()
        self.handover = None
        self._families.clear()
        self._claimed.clear()
        self._living.clear()
        if self._sends is not None:
            kind, real = self._sends
            kind._send_bytes = real
            self._sends = None

    def claim_forks(self) -> None:
        """Charge what multiprocessing's fork server has forked to the units open until now."""
        if self.handover is None:
            return
        for family in self._families:
            for token in self.handover.family(family):
                if token not in self._claimed:
                    self._claimed.add(token)
                    self._living.add(token)
                    unit.charge(lambda each, token=token: each.spawn(token), EVERYBODY)  # type: ignore[misc]

    def _place(self, owner: Any, name: str, route: Callable[..., Any]) -> None:
        real = getattr(owner, name, None)
        if real is not None:
            shim = _SpawnShim(real, route)
            self._placed.append((owner, name, shim, vars(owner).get(name)))
            setattr(owner, name, shim)

    # -- programs --------------------------------------------------------------------------------

    def _fork_exec(self, real: Callable[..., Any], *args: Any) -> Any:
        # (argv, candidates, close_fds, pass_fds, cwd, environment, ...) in all versions so far.
        environment = args[5]
        if environment is not None:
            environment = dict(entry.split(b"=", 1) for entry in environment if b"=" in entry)
        token, environment = self._route(args[0], args[1], environment, args[4])
        if token is not None:
            entries = [b"=".join(pair) for pair in environment.items()]
            args = (*args[:5], entries, *args[6:])
        pid = self._spawn(real, args, {})
        if token in self._families:
            self._families[token] = pid
        return pid

    def _posix_spawn(self, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        path, argv, *rest = args
        given = rest[0] if rest else kwargs.get("env")
        token, environment = self._route(argv, [path], _encoded(given))
        if token is None and given is os.environ:  # handing it over is no look at all of it
            token, environment = "", raw_environment()
        if token is not None:
            args = (path, argv, environment)
            kwargs.pop("env", None)
        return self._spawn(real, args, kwargs)

    def _exec(self, real: Callable[..., Any], path: Any, argv: Any, env: Any = None) -> Any:
        """Turn into another program; ``os.spawnv`` and the like do so in a fork."""
        token, given = None, _encoded(env)
        if self.own is not None:
            token, given = self._route(argv, [path], given)
        if token is None:
            return real(path, argv) if env is None else real(path, argv, env)
        self.say_end()
        return self._spawn(posix.execve, (path, argv, given), {})

    def _spawn(self, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        outer, self._is_spawning = self._is_spawning, True
        try:
            return real(*args, **kwargs)
        finally:
            self._is_spawning = outer

    def _route(
        self, argv: Sequence[Any], candidates: Iterable[Any], environment: Any, cwd: Any = None
    ) -> tuple[str | None, Any]:
        """Decide about a child; give its token and environment if it is to be traced."""
        if not unit.LISTENERS or not (hearers := process_reach()):
            return None, environment
        words = [os.fsdecode(word) for word in argv]
        if _TRACKER in words[-1]:  # runs nothing of anybody's
            return None, environment
        try:
            paths = [os.fsdecode(path) for path in candidates]
            token = self._token_for(words, paths, environment, hearers)
        except unit.TROUBLES:
            token = None
        if token is None:
            for program in programs_in(words):
                unit.charge(lambda each, program=program: each.start_child(program), hearers)  # type: ignore[misc]
            note_history(words, hearers, cwd)
            return None, environment
        assert self.handover is not None
        now = raw_environment()
        given = dict(now) if environment is None else environment
        changed = [
            os.fsdecode(name)
            for name in now.keys() | given.keys()
            if now.get(name) != given.get(name)
        ]
        if is_forkserver(words):
            self._families[token] = 0
        else:
            unit.charge(lambda each: each.spawn(token, changed), hearers)
        return token, lead_to_startup(given, f"{self.handover.folder}/{token}")

    def _token_for(
        self, words: list[str], candidates: list[str], environment: Any, hearers: int
    ) -> str | None:
        if self.handover is None or any(
            each.innermost.is_sited for each in unit.LISTENERS if each.depth < hearers
        ):
            return None
        program = next(filter(is_executable, candidates), "")
        is_own = is_own_python(program, words) and _is_found_in(_BIN, words[0], environment)
        return self._new_token() if is_own else None

    def _new_token(self) -> str:
        assert self.handover is not None
        token = ".".join(filter(None, (self.own, self.handover.make_token())))
        self._living.add(token)
        self._watch_connections()
        return token

    # -- children that outlive the unit that started them ----------------------------------------

    def _watch_connections(self) -> None:
        """See to it that a unit that uses an earlier unit's workers is charged for them."""
        module: Any = sys.modules.get("multiprocessing.connection")
        kind = getattr(module, "Connection", None)
        if kind is None or self._sends is not None:
            return
        real = kind._send_bytes
        self._sends = kind, real

        def send(connection: Any, *args: Any) -> Any:
            self._on_send()
            return real(connection, *args)

        kind._send_bytes = send

    def _on_send(self) -> None:
        units = [each for each in unit.innermost_units() if not each.has_talked]
        if not units or self.handover is None:
            return
        self.claim_forks()
        self._living = {token for token in self._living if self.handover.is_running(token)}
        for each in units:
            each.has_talked = True
            for token in self._living - self._families.keys():
                each.spawn(token)

    def _on_connect(self, args: tuple[Any, ...]) -> None:
        """Charge a fork server that nobody traces: it was started before, or while importing."""
        module: Any = sys.modules.get("multiprocessing.forkserver")
        if module is not None and caller()[0] == module.__name__:
            pid = getattr(module._forkserver, "_forkserver_pid", None)
            if pid not in self._families.values():
                self._charge_unvouched("forkserver")

    def _on_popen(self, args: tuple[Any, ...]) -> None:
        import subprocess

        name = "_fork_exec" if hasattr(subprocess, "_fork_exec") else ""
        import _posixsubprocess

        starter = getattr(subprocess, name) if name else _posixsubprocess.fork_exec
        if not isinstance(starter, _SpawnShim):  # somebody put his own in its place
            self._charge_unvouched(str(args[0]))

    def _on_posix_spawn(self, args: tuple[Any, ...]) -> None:
        if not self._is_spawning:
            self._charge_unvouched(str(args[0]))

    def _charge_unvouched(self, program: str) -> None:
        if unit.LISTENERS and (hearers := process_reach()):
            unit.charge(lambda each: each.start_child(program), hearers)

    # -- forks -----------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        self._forked = None
        if not unit.LISTENERS or not (hearers := reach(*caller())):
            return
        if self._is_spawning:  # a ``preexec_fn``: code that runs between fork and exec
            self._charge_unvouched("preexec_fn")
            return
        try:
            if self.handover is None or any(each.innermost.is_sited for each in unit.LISTENERS):
                raise OSError("nowhere to hand over")
            token = self._new_token()
            self.handover.log(token).write("allocated", os.getpid())
        except unit.TROUBLES:
            self._charge_unvouched("fork")
            return
        self._forked = token
        if not self.is_forkserver:
            unit.charge(lambda each: each.spawn(token), hearers)

    def _fork(self, real: Callable[[], int]) -> int:
        """Write down who was forked: one that is killed before it wakes up did nothing."""
        pid = real()
        if pid and self._forked is not None and self.handover is not None:
            self.handover.log(self._forked).write("forked", pid)
        return pid

    def _after_fork(self) -> None:
        token, self._forked = self._forked, None
        if token is not None and self._become_child is not None:
            self._become_child(token)


class _SpawnShim(Shim):
    """Calls ``note`` with the real function first: it decides about the arguments."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.note(self.real, *args, **kwargs)


def lead_to_startup(environment: Mapping[bytes, bytes], log: str) -> dict[bytes, bytes]:
    """Add what makes a child of ours begin with ``startup``."""
    before = environment.get(b"PYTHONPATH")
    path = os.fsencode(STARTUP)
    mark = b"-" if before is None else b"="
    return {
        **environment,
        b"PYTHONPATH": path + os.fsencode(os.pathsep) + before if before else path,
        VARIABLE.encode(): mark + os.fsencode(log),
    }


def is_own_python(program: str, words: Sequence[str]) -> bool:
    """Say whether a program is this environment's Python, or a script for it, and heeds us."""
    if not os.path.isabs(program):
        program = os.path.join(current_folder() or "", program)
    if os.path.dirname(os.path.normpath(program)) != _BIN:
        return False
    if re.fullmatch(r"python[\d.]*", os.path.basename(program)):
        return _heeds_path(words[1:])
    line = first_line(program)
    interpreter, _, flags = line.removeprefix("#!").strip().partition(" ")
    return (
        line.startswith("#!")
        and os.path.dirname(interpreter) == _BIN
        and os.path.basename(interpreter).startswith("python")
        and _heeds_path(flags.split())
    )


def _is_found_in(folder: str, name: str, environment: Mapping[bytes, bytes] | None) -> bool:
    """Say whether Python finds itself in a folder: it goes by the name that it is given."""
    if os.sep in name:
        return True
    path = (raw_environment() if environment is None else environment).get(b"PATH", b"")
    entries = os.fsdecode(path).split(os.pathsep)
    found = next((each for each in entries if is_executable(os.path.join(each, name))), "")
    return os.path.normpath(found) == folder


def is_forkserver(words: Sequence[str]) -> bool:
    """Say whether a command starts multiprocessing's fork server."""
    return _FORKSERVER in words[-1]


def _heeds_path(words: Sequence[str]) -> bool:
    """Say whether Python given these words looks at ``PYTHONPATH`` and imports ``site``."""
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word in _OPTIONS_WITH_VALUE:
            is_value = True
        elif word.startswith("--"):
            continue
        elif not word.startswith("-") or word == "-":
            return True
        else:
            flags = re.split("[cmWX]", word[1:], maxsplit=1)[0]
            if not set(flags).isdisjoint("IES"):
                return False
            if flags != word[1:]:
                ends = word[1 + len(flags)]
                if ends in "cm":
                    return True
                is_value = len(word) == 2 + len(flags)
    return True


def _encoded(environment: Any) -> dict[bytes, bytes] | None:
    """Give an environment as bytes; ``None`` for that of this process, and without a look at it."""
    if environment is None or environment is os.environ:
        return None
    return {os.fsencode(name): os.fsencode(environment[name]) for name in environment}


def raw_environment() -> dict[bytes, bytes]:
    """Copy the environment without anybody noticing."""
    return dict(os.environb._data)  # type: ignore[attr-defined]


CHILDREN = Children()  # process-wide, as children are
