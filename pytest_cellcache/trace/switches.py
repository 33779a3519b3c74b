"""States that functions of the standard library set and tell, see ``graph.switches``."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_cellcache.sources.loaded import attribute_of, name_of
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.parts import MAX_ITEMS, is_atom, module_of, namespace_of

_OFTEN: Final = frozenset("sys threading gc warnings random pytest hypothesis".split())
"""Modules that are not watched as a whole, as they change all the time."""
_OTHERWISE: Final = frozenset(
    """sys.argv sys.path sys.modules sys.stdin sys.stdout sys.stderr sys.dont_write_bytecode
        sys.meta_path sys.path_hooks sys.excepthook sys.displayhook sys.path_importer_cache
        sys.last_exc sys.last_type sys.last_value sys.last_traceback gc.garbage
        warnings.filters warnings.showwarning warnings.onceregistry warnings._showwarnmsg_impl
        warnings._filters_mutated threading._profile_hook threading._trace_hook""".split()
)
"""What of them is watched in other ways, or not told by what tests do."""
_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)


class Probe(Look):
    """A state that a function tells.

    Args:
        take: gives it.
        put: puts back what ``take`` gave.
        look: gives the same as a tuple of plain values, with identities of objects.
    """

    def __init__(
        self,
        take: Callable[[], tuple[Any, ...]],
        put: Callable[[Any], object],
        look: Callable[[], tuple[Any, ...]] | None = None,
    ) -> None:
        self._take = take
        self._put = put
        self._look = look or take

    def __call__(self, thing: Any) -> list[int]:
        return [hash(self._look())]

    def copy(self) -> Any:
        return self._take()

    def put_back(self, copy: Any) -> bool:
        try:
            self._put(copy)
        except _TROUBLES:
            return False
        return True


class Place(Look):
    """What is found under a dotted name, from a top-level module on: itself, and what it holds.

    It is looked for each time, as the module may be loaded and its global set at any time.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: tuple[Any, ...] = ()

    def __call__(self, thing: Any) -> list[int]:
        return [hash(each) if is_atom(each) else identity(each) for each in self._found()]

    def settle(self) -> None:
        self._kept = self._found()  # so that nothing else gets an identity of these

    def copy(self) -> Any:
        return self._found()

    def put_back(self, copy: Any) -> bool:
        *owners, _ = [*along(self._name, is_whole=True)] or [None]
        space = _space_of(owners[-1]) if owners else None
        if not copy or type(space) is not dict:
            return bool(self._found() == copy)
        value, *held = copy
        space[self._name.rpartition(".")[2]] = value
        if type(value) is dict:
            half = len(held) // 2
            value.clear()
            value.update(zip(held[half:], held[:half], strict=True))
        elif type(value) is list:
            value[:] = held
        elif type(value) is set:
            value.clear()
            value.update(held)
        return True

    def _found(self) -> tuple[Any, ...]:
        value = [None, *along(self._name, is_whole=True)][-1]
        if value is None or type(value) not in (dict, list, set) or len(value) > MAX_ITEMS:
            return (value,)
        rows = (*value.values(), *value) if type(value) is dict else (*value,)
        return (value, *rows)


def is_apart(name: str) -> bool:
    """Say whether what code sets under a dotted name is watched by itself, not with its owner.

    Of libraries what is private is not, as they remember things there: but where it is named.
    """
    top, _, rest = name.partition(".")
    last = rest.rpartition(".")[2]
    if top in _OFTEN:
        return bool(rest) and ".".join(name.split(".")[:2]) not in _OTHERWISE
    return last.startswith("_") and not last.endswith("__")


def outside_name(name: str, is_first_party: Callable[[str], bool]) -> str:
    """Give the dotted name of what one leads to that may begin in the project: ``own.json.x``.

    It begins with a module of others; it is empty for what is the project's.
    """
    things = [*_along(name)]
    for number, thing in enumerate(things, 1):
        module = thing if type(thing) is types.ModuleType else None
        if module is None and issubclass(type(thing), type):
            module = sys.modules.get(module_of(thing))
        if module is None:
            return ""
        if not is_first_party(str(attribute_of(module, "__file__"))):
            found = [name_of(module)]
            if module is not thing:
                found.append(type.__getattribute__(thing, "__qualname__"))
            return name if number == 1 else ".".join([*found, *name.split(".")[number:]])
    return "" if things else name


def along(name: str, *, is_whole: bool = False) -> Iterator[Any]:
    """Give the objects on the way of a dotted name, as far as it leads without code running.

    Args:
        is_whole: give nothing if it does not lead to the end.
    """
    found = [*_along(name)]
    if not is_whole or len(found) == name.count(".") + 1:
        yield from found


def _along(name: str) -> Iterator[Any]:
    parts = name.split(".")
    thing: Any = sys.modules.get(parts[0])
    for number, part in enumerate(parts[1:], 2):
        if thing is None:
            return
        yield thing
        space = _space_of(thing)
        thing = space.get(part) if space is not None else None
        if thing is None:
            thing = sys.modules.get(".".join(parts[:number]))
    if thing is not None:
        yield thing


def _space_of(thing: Any) -> Any:
    if type(thing) is types.ModuleType:
        return vars(thing)
    if issubclass(type(thing), type):
        return type.__getattribute__(thing, "__dict__")
    return namespace_of(thing)


def probe_of(name: str) -> Probe:
    """Give what tells the state that a function tells."""
    take, put = _PROBES[name]

    def safely() -> tuple[Any, ...]:
        try:
            return take()
        except _TROUBLES:  # not loaded yet, or not for this thread
            return ()

    return Probe(safely, put or _finding_out(safely), lambda: (*map(_told, safely()),))


def _finding_out(take: Callable[[], tuple[Any, ...]]) -> Callable[[Any], None]:
    """Give what finds out that a state cannot be put back."""

    def put(before: tuple[Any, ...]) -> None:
        if take() != before:
            raise ValueError("it stays as it is")

    return put


def _told(each: Any) -> object:
    return each if type(each) in (int, float, bool, str, tuple, type(None)) else identity(each)


def _module(name: str) -> Any:
    found = sys.modules.get(name)
    if found is None:
        raise LookupError(name)
    return found


_MANY_FROZEN: Final = 10_000
_is_frozen: list[bool] = []


def _freezing() -> tuple[Any, ...]:
    """Say whether ``gc.freeze`` has been called; asked no more where counting takes its time."""
    if not _is_frozen:
        count = _module("gc").get_freeze_count()
        if count < _MANY_FROZEN:
            return (count > 0,)
        _is_frozen.append(True)
    return (True,)


def _policy() -> tuple[Any, ...]:
    """Give the policy of ``asyncio``, as long as it is not the one that it makes by itself."""
    policy = _module("asyncio.events")._event_loop_policy
    own = type(policy).__module__.partition(".")[0] == "asyncio"
    return (None if policy is None or own else policy,)


def _loop() -> tuple[Any, ...]:
    """Say what whoever asks ``asyncio`` for its loop is given: each test may leave another one."""
    policy = _module("asyncio.events")._event_loop_policy
    local = getattr(policy, "_local", None)
    loop = getattr(local, "_loop", None)
    if loop is None:
        return (bool(getattr(local, "_set_called", False)), "")
    return (loop.is_closed(), type(loop).__qualname__)


def _limits() -> tuple[Any, ...]:
    resource = _module("resource")
    names = sorted(name for name in vars(resource) if name.startswith("RLIMIT_"))
    return tuple(resource.getrlimit(getattr(resource, name)) for name in names)


def _priority() -> tuple[Any, ...]:
    system = _module("posix")
    return (system.getpriority(system.PRIO_PROCESS, 0),)


def _blocked() -> tuple[Any, ...]:
    signals = _module("_signal")
    return tuple(sorted(map(int, signals.pthread_sigmask(signals.SIG_BLOCK, ()))))


def _block(before: tuple[Any, ...]) -> None:
    signals = _module("_signal")
    signals.pthread_sigmask(signals.SIG_SETMASK, before)


def _traced() -> tuple[Any, ...]:
    module = _module("_tracemalloc")
    return (module.get_traceback_limit() if module.is_tracing() else 0,)


def _stack() -> tuple[Any, ...]:
    """Give the size of the stack of new threads; to ask for it is to set it to the default."""
    module = _module("_thread")
    size = module.stack_size()
    if size:
        module.stack_size(size)
    return (size,)


def _flags() -> tuple[Any, ...]:
    return tuple(_module("decimal").getcontext().flags.values())


def _put_flags(before: tuple[Any, ...]) -> None:
    flags = _module("decimal").getcontext().flags
    flags.update(zip(flags, before, strict=True))


_Take = Callable[[], tuple[Any, ...]]
_Put = Callable[[Any], object]
_PROBES: Final[dict[str, tuple[_Take, _Put | None]]] = {
    "asyncio.get_event_loop_policy()": (_policy, None),
    "asyncio.get_event_loop()": (_loop, None),
    "csv.field_size_limit()": (
        lambda: (_module("_csv").field_size_limit(),),
        lambda before: _module("_csv").field_size_limit(*before),
    ),
    "decimal.flags()": (_flags, _put_flags),
    "faulthandler.is_enabled()": (lambda: (_module("faulthandler").is_enabled(),), None),
    "gc.get_freeze_count()": (_freezing, None),
    "gc.get_debug()": (
        lambda: (_module("gc").get_debug(),),
        lambda before: _module("gc").set_debug(*before),
    ),
    "os.getpriority()": (_priority, None),
    "os.sched_getaffinity()": (
        lambda: tuple(sorted(_module("posix").sched_getaffinity(0))),
        lambda before: _module("posix").sched_setaffinity(0, before),
    ),
    "resource.getrlimit()": (_limits, None),
    "signal.pthread_sigmask()": (_blocked, _block),
    "sys.get_asyncgen_hooks()": (
        lambda: tuple(sys.get_asyncgen_hooks()),
        lambda before: sys.set_asyncgen_hooks(*before),
    ),
    "sys.get_coroutine_origin_tracking_depth()": (
        lambda: (sys.get_coroutine_origin_tracking_depth(),),
        lambda before: sys.set_coroutine_origin_tracking_depth(*before),
    ),
    "sys.getswitchinterval()": (
        lambda: (sys.getswitchinterval(),),
        lambda before: sys.setswitchinterval(*before),
    ),
    "threading.stack_size()": (_stack, lambda before: _module("_thread").stack_size(*before)),
    "tracemalloc.get_traceback_limit()": (_traced, None),
}
"""By place: what gives the state, and what puts it back, where that is possible."""
