"""Tells what is read for nobody yet: the program that runs next, and where asyncio was asked.

A loop that is debugged, as those of ``IsolatedAsyncioTestCase`` are, keeps with each handle, future
and task the lines that led to it. That tells nobody anything until they are shown: in a ``repr``,
or to who handles exceptions. So what shows them is watched as soon as some are kept.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

from pytest_cellcache.model.observation import CodeRef
from pytest_cellcache.trace import unit
from pytest_cellcache.trace.origin import (
    SOURCES,
    begins_program,
    caller,
    is_ignored_path,
    reach,
)

_getframe = sys._getframe  # tests take it away, as Python has to do without it elsewhere
_HELPER: Final = ("asyncio.format_helpers", "extract_stack")
_KEEPING: Final = frozenset({"asyncio.base_events", "asyncio.futures", "asyncio.tasks"})
"""Modules of asyncio that make futures and tasks, which keep the stack themselves."""
_KEPT: Final = "_source_traceback"
_SHOWING: Final = (
    ("asyncio.base_futures", "", "_future_repr_info"),
    ("asyncio.events", "Handle", "_repr_info"),
    ("asyncio.base_events", "BaseEventLoop", "call_exception_handler"),
)
"""Module, class and name of the functions that show what was kept."""
_IS_SHOWN_BY_NAME: Final = sys.version_info >= (3, 11)
"""Before, what is written in C holds such a function from its own import on."""


def is_bookkeeping(path: str, flags: object, module: str, frame: FrameType | None) -> bool:
    """Say so of a file that is opened, given ``caller()``."""
    return begins_program(path, flags) or keeps_stack(module, frame)


def keeps_stack(module: str, frame: FrameType | None) -> bool:
    """Say whether a source is looked at because asyncio keeps where something was made."""
    if frame is None or not module.startswith("asyncio.") or not _IS_SHOWN_BY_NAME:
        return False
    is_kept = (module, frame.f_code.co_name) == _HELPER
    inner: FrameType | None = _getframe(1)
    while not is_kept and module in _KEEPING and inner is not None and inner is not frame:
        is_extracted = inner.f_code.co_name == "extract_stack"
        is_kept = is_extracted and inner.f_globals.get("__name__") == "traceback"
        inner = inner.f_back
    return is_kept and _watch()


def _watch() -> bool:
    """Watch what shows stacks; say whether all of it is."""
    for owner, name, shown in _places():
        if shown is None:
            return False
        if not hasattr(shown, "notes_lines"):
            setattr(owner, name, _noting(shown))
    return True


def unwatch() -> None:
    """Put the real functions back, except where somebody else has put his own since."""
    for owner, name, shown in _places():
        if hasattr(shown, "notes_lines"):
            setattr(owner, name, shown.__wrapped__)


def _places() -> Iterator[tuple[Any, str, Any]]:
    for module, kind, name in _SHOWING:
        owner: Any = sys.modules.get(module)
        owner = getattr(owner, kind, None) if kind else owner
        yield owner, name, getattr(owner, "__dict__", {}).get(name)


def _noting(shown: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(shown)
    def show(*args: Any) -> Any:
        if unit.LISTENERS:
            _note(args)
        return shown(*args)

    show.notes_lines = True  # type: ignore[attr-defined]
    return show


def _note(args: Iterable[Any]) -> None:
    try:
        hearers = reach(*caller())
        for stack in map(_stack_of, args):
            refs = [CodeRef(each.filename, each.lineno or 0, each.name) for each in stack]
            for ref in refs if hearers else ():
                path = ref.filename
                if os.path.isabs(path) and path.endswith(SOURCES) and not is_ignored_path(path):
                    unit.charge(lambda each, ref=ref: each.show(ref.filename, (ref,)), hearers)  # type: ignore[misc]
    except unit.TROUBLES:
        unit.confess()


def _stack_of(thing: Any) -> Iterable[Any]:
    """Give the lines kept with a future, a handle or what a loop is at, or told of an exception."""
    if type(thing) is not dict:
        return getattr(getattr(thing, "_current_handle", thing), _KEPT, None) or ()
    told = [thing.get("source_traceback") or ()]
    told += [_stack_of(each) for each in thing.values() if type(each) is not dict]
    return [line for each in told for line in each]
