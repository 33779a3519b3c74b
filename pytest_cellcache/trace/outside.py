"""What tests can leave to each other in the standard library and in other distributions.

Watched beside what first-party modules lead to (``trace.state``): a few states that only functions
give, as *probes*, and the modules, classes and containers that code of the project may write to.
Who reads them is told by the modules that code names, see ``READ_THROUGH``.
"""

from __future__ import annotations

import functools
import locale
import logging
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from pytest_cellcache.graph.switches import PLACES
from pytest_cellcache.model.observation import OUTSIDE
from pytest_cellcache.trace.chance import CHANCE
from pytest_cellcache.trace.collector import collector, put_collector
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.interrupts import handler_of
from pytest_cellcache.trace.look import Look
from pytest_cellcache.trace.looks import mapping_ids, namespace_ids
from pytest_cellcache.trace.modules import LoadedModules
from pytest_cellcache.trace.parts import is_atom, namespace_of
from pytest_cellcache.trace.progress import progress_of
from pytest_cellcache.trace.registers import REGISTERED, dialects, put_dialects, put_rows, rows_of
from pytest_cellcache.trace.subclasses import Registered, is_abstract
from pytest_cellcache.trace.switches import Place, Probe, along, is_apart, outside_name, probe_of
from pytest_cellcache.trace.ways import Ways

MODULES: Final = "sys.modules"
"""Name of what modules are loaded, in changes."""

READ_THROUGH: Final = {
    "locale": ("locale", "time", "datetime", "calendar"),
    "time": ("time", "datetime", "calendar", "email", "logging"),
    "copyreg": ("copyreg", "pickle", "copy", "shelve", "multiprocessing", "cloudpickle", "dill"),
    "email": ("email", "smtplib", "mailbox", "http"),
    "gettext": ("gettext", "argparse", "optparse", "getopt"),
    "multiprocessing": ("multiprocessing", "concurrent"),
    "collections": ("collections", "typing"),
    "numbers": ("numbers", "decimal", "fractions", "statistics"),
    "threading": ("threading", "concurrent", "asyncio"),
    "asyncio": ("asyncio", "anyio", "aiohttp", "tornado", "httpx", "starlette", "fastapi"),
    "sys": ("sys", "argparse", "optparse", "click", "typer", "importlib", "traceback"),
    "os": ("os", "pathlib", "shutil", "tempfile"),
    "sqlite3": ("sqlite3", "sqlalchemy", "django"),
    "socket": ("socket", "ssl", "urllib", "http", "ftplib", "smtplib", "asyncio", "requests"),
}
"""Modules whose users may read what is watched; by default the module itself."""
_NEVER: Final = frozenset(
    "sys builtins warnings random threading gc linecache pytest pluggy hypothesis coverage".split()
)
"""Modules that change all the time, or are watched in another way.

``linecache`` is told the source of generated code, under names of its own, for tracebacks.
"""
_setlocale: Final[Any] = sys.modules["_locale"].setlocale  # likewise
_digits: Final[Any] = getattr(sys, "get_int_max_str_digits", int)  # Python 3.11
_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in """SIGINT SIGTERM SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGHUP SIGPIPE SIGQUIT SIGWINCH
    SIGPROF SIGVTALRM SIGCONT SIGTSTP SIGIO SIGABRT""".split()
    if hasattr(signal, name)
)
_FRESH_CONTEXT: Final = (
    *(28, "ROUND_HALF_EVEN", -999999, 999999, 1, 0),
    *(True, False, True, True, False, False, False, False, False),
)
"""What ``decimal`` begins with, where nobody has loaded it so far."""
_HANDLER_PARTS: Final = ("level", "formatter", "filters")
_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)


class Drawing(Look):
    """The state of ``random``, which ``trace.memory`` puts back."""

    def __call__(self, thing: Any) -> list[int]:
        return [CHANCE.look()]

    def words(self, before: list[int]) -> list[str]:
        return [CHANCE.word(*before)]

    def settle(self) -> None:
        CHANCE.settle()


class Outside:
    """What is watched there.

    Args:
        ways: takes whose each object is.
        add: takes what is compared.
        writes: names, from the top-level module on, what code of a file may write to.

    Attributes:
        modules: what is loaded.
    """

    def __init__(
        self,
        ways: Ways,
        add: Callable[[Held], None],
        is_first_party: Callable[[str], bool],
        writes: Callable[[str], Iterable[str]],
    ) -> None:
        self._ways = ways
        self._add = add
        self._is_first_party = is_first_party
        self._writes = writes
        self._followed: set[str] = set()
        self.modules = LoadedModules()

    def begin(self) -> None:
        """Watch what is always watched."""
        looks: dict[str, Look] = {
            "logging": Probe(_loggers, _put_loggers, _look_at_loggers),
            "decimal": Probe(_context, _put_context),
            "locale": Probe(lambda: (_setlocale(locale.LC_ALL),), _put_locale),
            "signal": Probe(_handlers, _put_handlers, lambda: (*map(identity, _handlers()),)),
            "time": Probe(lambda: time.tzname, lambda _: time.tzset()),
            "sys": Probe(_switches, _put_switches, _look_at_switches),
            "socket": Probe(_timeout, _put_timeout),
            "random": Drawing(),
            MODULES: self.modules,
            "gc": Probe(collector, put_collector),
            "csv": Probe(dialects, put_dialects, lambda: (*map(identity, dialects()),)),
            "codecs": Probe(REGISTERED.codecs, REGISTERED.put_codecs),
            "mimetypes": Probe(REGISTERED.types, REGISTERED.put_types),
            "os": Probe(REGISTERED.umask, REGISTERED.put_umask),
        }
        looks |= {name: self._rows(name) for name in ("copyreg", "sqlite3")}
        for name, look in looks.items():
            self._hold(name, Held(identity(name), "other", name, look))
        for held in hold(sys.modules["builtins"]):
            self._hold("builtins", held)

    def _rows(self, name: str) -> Probe:
        take = functools.partial(rows_of, name, self._is_first_party)
        put = functools.partial(put_rows, name, is_first_party=self._is_first_party)
        return Probe(take, put, lambda: (*map(identity, take()),))

    def follow(self, filenames: Iterable[str]) -> None:
        """Watch the modules, classes and containers that code of some files may write to."""
        written = {name for filename in filenames for name in self._writes(filename)}
        names = {outside_name(name, self._is_first_party) for name in written - self._followed}
        self._followed |= written
        for name in sorted(names - {""}):
            top = name.partition(".")[0]
            if name in PLACES or is_apart(name):
                look = probe_of(name) if name.endswith("()") else Place(name)
                self._hold(top, Held(identity(look), "other", name, look))
            if top not in _NEVER and not top.startswith(("_pytest", "pytest_cellcache")):
                self._follow_along(name)

    def _follow_along(self, name: str) -> None:
        things = [*along(name)]
        for number, thing in enumerate(things, 1):
            is_plain = type(thing) in (types.ModuleType, dict, list, set) or _is_open(thing)
            if identity(thing) not in self._ways.owners and (is_plain or number <= name.count(".")):
                for held in hold(thing):
                    self._hold(name.partition(".")[0], held)

    def _hold(self, name: str, held: Held) -> None:
        self._ways.own(held.ident, (OUTSIDE, name))
        self._add(held)


def hold(thing: Any) -> Iterator[Held]:
    """Compare a module, class, container or object with what it holds now."""
    kind = type(thing)
    if kind is dict:
        yield Held(identity(thing), "mapping", thing, mapping_ids)
    elif kind in (list, set):
        yield Held(identity(thing), "other", thing, _items)
    elif kind is types.ModuleType or _is_open(thing):
        held = Held(identity(thing), "namespace", vars(thing), namespace_ids)
        held.is_foreign = True
        held.owner = thing if isinstance(thing, type) else None
        yield held
        if kind is not types.ModuleType and is_abstract(thing):
            yield Held(identity(thing), "other", thing, Registered())
    elif not issubclass(kind, type):
        look = progress_of(kind)
        if look is not None:
            yield Held(identity(thing), "other", thing, look)
        space = namespace_of(thing)
        if space is not None:
            held = Held(identity(thing), "namespace", space, namespace_ids)
            held.is_foreign = True
            yield held


def word_of(owner: str, word: str) -> str:
    """Say by which word readers can be told: of builtins and modules by their names, or by none."""
    return word if owner in ("builtins", "random", MODULES) else ""


def _is_open(thing: Any) -> bool:
    """Say whether a thing is a class whose attributes can be set."""
    if not issubclass(type(thing), type):
        return False
    is_heap, is_immutable = thing.__flags__ & (1 << 9), thing.__flags__ & (1 << 8)
    return bool(is_heap and not is_immutable)


def _items(thing: Any) -> list[int]:
    return [*map(identity, thing)]


# -- what only functions give -------------------------------------------------------------------


def _loggers() -> tuple[Any, ...]:
    manager = logging.root.manager
    rows: list[Any] = []
    root = logging.root
    own = [each for each in root.handlers if not _is_pytests(each)]
    is_levelled = len(own) < len(root.handlers) and any(
        each.level for each in root.handlers if _is_pytests(each)
    )
    # Within a phase, pytest has its handlers there, and sets the level that was asked for.
    level = None if is_levelled else root.level
    rows.append((root, level, True, root.disabled, tuple(own), tuple(root.filters)))
    strangers: list[tuple[str, Any]] = []
    known: dict[str, Any] = manager.loggerDict  # a stand-in may be put there
    for name, each in list(known.items()):
        if type(each) is logging.PlaceHolder:
            continue
        if not issubclass(type(each), logging.Logger):
            strangers.append((name, each))
        elif each.level or each.handlers or each.filters or each.disabled or not each.propagate:
            own = [handler for handler in each.handlers if not _is_pytests(handler)]
            filters = tuple(each.filters)
            rows.append((each, each.level, each.propagate, each.disabled, tuple(own), filters))
    found = [handler for *_, handlers, _ in rows for handler in handlers]
    found += [] if logging.lastResort is None else [logging.lastResort]
    states = tuple(_handler_state(each) for each in found)
    stays = (*logging._levelToName.items(), *strangers)
    return (manager.disable, stays, states, *rows)


def _handler_state(handler: Any) -> tuple[Any, ...]:
    if issubclass(type(handler), logging.Handler):
        level, formatter, filters = (getattr(handler, name, None) for name in _HANDLER_PARTS)
    else:  # anything may be added as one, and a mock would make up what it is asked for
        level, formatter, filters = map((namespace_of(handler) or {}).get, _HANDLER_PARTS)
    return handler, level, formatter, tuple(filters) if type(filters) is list else ()


def _handler_look(state: tuple[Any, ...]) -> tuple[Any, ...]:
    each, level, formatter, filters = state
    return identity(each), _plain(level), *map(identity, (formatter, *filters))


def _look_at_loggers() -> tuple[Any, ...]:
    disable, stays, states, *rows = _loggers()
    looks = [
        (
            *(identity(each), _plain(level), _plain(propagate), _plain(disabled)),
            *map(identity, (*handlers, None, *filters)),
        )
        for each, level, propagate, disabled, handlers, filters in rows
    ]
    looks += map(_handler_look, states)
    return disable, _look_at_names(stays), *looks


def _look_at_names(stays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((_plain(name), _plain(what)) for name, what in stays)


def _plain(thing: Any) -> Any:
    return thing if is_atom(thing) else identity(thing)


def _is_pytests(handler: Any) -> bool:
    return type(handler).__module__.startswith("_pytest")


def _put_loggers(copy: tuple[Any, ...]) -> None:
    logging.root.manager.disable, stays, states, *rows = copy
    if _look_at_names(stays) != _look_at_names(_loggers()[1]):
        raise ValueError("the name of a level stays, as does what only stands for a logger")
    known = {row[0] for row in rows}
    now = [each for each, *_ in _loggers()[3:]]
    rows += [(each, 0, True, False, (), ()) for each in now if each not in known]
    for each, level, propagate, disabled, handlers, filters in rows:
        if level is not None:
            each.setLevel(level)
        each.propagate, each.disabled = propagate, disabled
        each.handlers[:] = [*handlers, *(h for h in each.handlers if _is_pytests(h))]
        each.filters[:] = filters
    for state in states:
        space = namespace_of(state[0]) or {}
        parts = zip(_HANDLER_PARTS[:2], state[1:3], strict=True)
        space.update((name, part) for name, part in parts if name in space)
        if type(space.get("filters")) is list:
            space["filters"][:] = state[3]
        if _handler_look(_handler_state(state[0])) != _handler_look(state):
            raise ValueError("what a class of handlers keeps in its own way stays")


def _context() -> tuple[Any, ...]:
    decimal: Any = sys.modules.get("decimal")
    if decimal is None:
        return _FRESH_CONTEXT
    now = decimal.getcontext()
    traps = now.traps.values()
    return now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, *traps


def _put_context(copy: tuple[Any, ...]) -> None:
    now = sys.modules["decimal"].getcontext()
    now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, *traps = copy
    now.traps.update(zip(now.traps, traps, strict=True))


def _timeout() -> tuple[Any, ...]:
    network: Any = sys.modules.get("_socket")
    return (network.getdefaulttimeout() if network is not None else None,)


def _put_timeout(copy: tuple[Any]) -> None:
    sys.modules["_socket"].setdefaulttimeout(*copy)


def _put_locale(copy: tuple[str]) -> None:
    locale.setlocale(locale.LC_ALL, *copy)


def _handlers() -> tuple[Any, ...]:
    return tuple(map(handler_of, _SIGNALS))


def _put_handlers(copy: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, copy, strict=True):
        if handler is not None and handler_of(number) is not handler:
            signal.signal(number, handler)


def _switches() -> tuple[Any, ...]:
    kept = (tuple(sys.argv), tuple(sys.meta_path), tuple(sys.path_hooks))
    return sys.getrecursionlimit(), _digits(), *kept, sys.excepthook, sys.displayhook


def _look_at_switches() -> tuple[Any, ...]:
    objects = (sys.excepthook, sys.displayhook, *sys.meta_path, None, *sys.path_hooks)
    return sys.getrecursionlimit(), _digits(), *sys.argv, *map(identity, objects)


def _put_switches(copy: tuple[Any, ...]) -> None:
    limit, digits, argv, finders, path_hooks, sys.excepthook, sys.displayhook = copy
    sys.setrecursionlimit(limit)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(digits)
    sys.argv[:], sys.meta_path[:], sys.path_hooks[:] = argv, finders, path_hooks
