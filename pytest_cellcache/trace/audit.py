"""Holds the one audit hook of the process: event name -> the function that takes its arguments.

An audit hook can never be removed and costs something on every event, so there is one per
*process*, not per import of this module: pytester imports plugins anew for each in-process run.
That is why the table of listeners hangs off ``sys``, and why an event has a tuple of them. The
table is empty while nothing is traced.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_cellcache.trace.contract import TracerUnavailable

Listener = Callable[[tuple[Any, ...]], None]

_ANCHOR = "_pytest_cellcache_listeners"
_PROBE = "pytest_cellcache.probe"


def listen(event: str, listener: Listener) -> None:
    """Call ``listener`` on each ``event``; it must not raise.

    Raises:
        TracerUnavailable: another audit hook keeps ours out.
    """
    listeners = _listeners()
    listeners[event] = (*listeners.get(event, ()), listener)


def unlisten(event: str, listener: Listener) -> None:
    """Undo ``listen``."""
    listeners = _listeners()
    left = tuple(each for each in listeners.get(event, ()) if each != listener)
    if left:
        listeners[event] = left
    else:
        listeners.pop(event, None)


Listeners = dict[str, tuple[Listener, ...]]


def _listeners() -> Listeners:
    listeners: Listeners | None = getattr(sys, _ANCHOR, None)
    if listeners is None:
        listeners = {}
        sys.addaudithook(_make_hook(listeners))
        heard: list[object] = []
        listeners[_PROBE] = (heard.append,)
        sys.audit(_PROBE)
        del listeners[_PROBE]
        if not heard:  # CPython drops a hook silently when an earlier one objects
            raise TracerUnavailable("an audit hook of this process forbids further ones")
        setattr(sys, _ANCHOR, listeners)
    return listeners


def _make_hook(listeners: Listeners) -> Callable[[str, tuple[Any, ...]], None]:
    find = listeners.get

    def hook(event: str, args: tuple[Any, ...]) -> None:
        for listener in find(event, ()):
            listener(args)

    return hook
