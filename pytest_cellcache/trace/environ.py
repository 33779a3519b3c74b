"""Notices looks at ``os.environ`` and ``os.environb`` by swapping the class of these two objects.

Sees subscripts, ``get``, ``in``, ``getenv``, iteration and copies. Blind to C's ``getenv`` and to
what a child process inherits.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, FunctionType
from typing import Any

from pytest_cellcache.model.observation import ALL_VARIABLES
from pytest_cellcache.model.services import is_of_service
from pytest_cellcache.trace import unit
from pytest_cellcache.trace.origin import EVERYBODY, caller, removes_if_there, variable_reach
from pytest_cellcache.trace.surrounding import REMOVED, raw_variable

_KEEPER = "wsgiref.handlers"
_HANDING_ON = "setup_environ"
# Set by pytest itself before each phase of each test.
_PYTESTS_OWN = frozenset({"PYTEST_CURRENT_TEST"})
# Names, as the very objects, that somebody got who went through all variables: he asks for their
# values, too, and has named none. The last ones will do.
_HANDED_OUT: deque[Any] = deque(maxlen=256)


class EnvironmentWatch:
    """The swapped classes of one period of recording."""

    def __init__(self) -> None:
        self._swapped: list[tuple[Any, type, type]] = []
        # The class of ``wsgiref`` that hands on a copy made when it was defined; what does that.
        self._handing_on: tuple[Any, Any, Any] | None = None

    def install(self) -> None:
        for environment in (os.environ, getattr(os, "environb", None)):
            if environment is not None:
                plain = type(environment)
                watched = _make_watched(plain)
                environment.__class__ = watched
                self._swapped.append((environment, plain, watched))

    def uninstall(self) -> None:
        for environment, plain, watched in self._swapped:
            if type(environment) is watched:
                environment.__class__ = plain
        self._swapped.clear()
        if self._handing_on is not None:
            base, real, placed = self._handing_on
            if vars(base).get(_HANDING_ON) is placed:
                setattr(base, _HANDING_ON, real)
        self._handing_on = None

    def look_again(self) -> None:
        """Watch what has been loaded meanwhile: who serves requests hands the environment on."""
        base = getattr(sys.modules.get(_KEEPER), "BaseHandler", None)
        if base is None or self._handing_on is not None:
            return
        real = vars(base).get(_HANDING_ON)
        if type(real) is FunctionType:
            placed = _noting(real)
            self._handing_on = base, real, placed
            setattr(base, _HANDING_ON, placed)


def _noting(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def note_and_call(*args: Any, **kwargs: Any) -> Any:
        _note_look(os.environ, None)
        return real(*args, **kwargs)

    return note_and_call


def _make_watched(plain: Any) -> type:
    class Watched(plain):  # type: ignore[misc]
        # The methods that are missing here come down to these.
        def __getitem__(self, key: Any) -> Any:
            _note_look(self, key)
            return super().__getitem__(key)

        def __setitem__(self, key: Any, value: Any) -> None:
            _note_change(self, key)
            super().__setitem__(key, value)

        def __delitem__(self, key: Any) -> None:
            _note_look(self, key)
            _note_change(self, key)
            super().__delitem__(key)

        def __iter__(self) -> Iterator[Any]:
            _note_look(self, None)
            return _handed_out(super().__iter__())

        def __len__(self) -> int:
            _note_look(self, None)
            return int(super().__len__())

        def __repr__(self) -> str:
            _note_look(self, None)
            return str(super().__repr__())

    Watched.__name__ = plain.__name__
    Watched.__qualname__ = plain.__qualname__
    Watched.__module__ = plain.__module__
    return Watched


def _note_look(environment: Any, key: Any) -> None:
    """Note a look at one variable, at all of them if ``key`` is ``None``."""
    try:
        known = ALL_VARIABLES if key is None else key
        units = [*unit.innermost_units()]
        if all(known in each.inherited and not each.looks_again for each in units):
            return  # most looks are repeated ones
        found = (ALL_VARIABLES, None) if key is None else _raw(environment, key)
        if found is None:
            return
        name, value = found
        module, frame = caller()
        if _only_keeps(module, frame, units):
            return
        if value is None and removes_if_there(module, frame):
            unit.charge(lambda each: each.write_variable(name, REMOVED), EVERYBODY)
        elif name not in _PYTESTS_OWN and (reach := variable_reach(module, frame)):
            if is_of_service(name, _is_set):
                if not any(key is each for each in _HANDED_OUT):
                    unit.charge(lambda each: _read_by_name(each, name, value), reach)
                return
            unit.charge(lambda each: each.read_variable(name, value), reach)
    except unit.TROUBLES:
        unit.confess()


def _only_keeps(module: str, frame: FrameType | None, units: Iterable[unit.OpenUnit]) -> bool:
    """Say whether a module copies the environment when it is imported, for what it may serve."""
    if module != _KEEPER or frame is None or frame.f_back is None:
        return False
    names = (frame.f_code.co_name, frame.f_back.f_code.co_name)
    return names == ("read_environ", "BaseHandler") and all(each.is_sited for each in units)


def _handed_out(keys: Iterator[Any]) -> Iterator[Any]:
    for key in keys:
        if is_of_service(os.fsdecode(key), _is_set):
            _HANDED_OUT.append(key)
        yield key


def _read_by_name(each: unit.OpenUnit, name: str, value: object) -> None:
    """Note a look that tells runs apart; plugins, which report such things, look in vain."""
    if each.frames is None or each.frames():
        each.read_variable(name, value)


def _is_set(name: str) -> bool:
    return raw_variable(name) is not None


def _note_change(environment: Any, key: Any) -> None:
    try:
        found = _raw(environment, key)
        if found is not None:
            name, value = found
            if name in _PYTESTS_OWN:
                return
            unit.charge(lambda each: each.write_variable(name, value), EVERYBODY)
    except unit.TROUBLES:
        unit.confess()


def _raw(environment: Any, key: Any) -> tuple[str, object] | None:
    try:
        encoded = environment.encodekey(key)
    except TypeError:  # as the look itself; ``subprocess`` tries ``b"PATH"``, too
        return None
    return os.fsdecode(encoded), environment._data.get(encoded)
