"""Notices whose frames code gets hold of: in which line something runs is told by nothing else.

Not by ``tb_lineno``, which raises no event, nor by code objects.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from pytest_cellcache.model.observation import UNKNOWN, CodeRef
from pytest_cellcache.trace import audit, unit
from pytest_cellcache.trace.contract import TRACE_FUNCTION
from pytest_cellcache.trace.origin import is_ignored_path

_getframe = sys._getframe  # tests take it away
_LEADING: Final = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
"""Attributes that give the frame of something."""
_OURS: Final = "pytest_cellcache."
_KEEPING: Final = frozenset({"typing", "collections", "enum", "dataclasses"})
"""Modules that take a frame for the name of a module, and give it to nobody."""
_BLIND: Final = ("pytest_cellcache.", "coverage.", "hypothesis.")
"""Who looks at all objects, or traces, and gives none of that away."""
_RESTORING: Final = frozenset({"doctest"})
"""Modules that install what there was before."""
_OUTERMOST: Final = frozenset({"pytest_pyfunc_call", "from_call"})
"""Functions of pytest that call tests and fixtures: beyond them nothing is the project's."""
_MOST: Final = 1 << 14
"""Files of which it is remembered whose they are."""

_ASKING: Final[set[int]] = set()
"""Threads that are in a listener of this module; process-wide because events are."""
_FOREIGN: Final[dict[str, bool]] = {}


def listen() -> None:
    """Start to notice."""
    for event, listener in _LISTENERS.items():
        audit.listen(event, listener)


def unlisten() -> None:
    """Undo ``listen``."""
    for event, listener in _LISTENERS.items():
        audit.unlisten(event, listener)


def _alone(
    listener: Callable[[tuple[Any, ...], str], None], names: frozenset[str] | None = None
) -> audit.Listener:
    """Make a listener hear nothing of what it does itself, and tell it which module asks.

    Args:
        names: second arguments of events that it is told of; all if there are none.
    """

    def heard(args: tuple[Any, ...]) -> None:
        if names is not None and args[1] not in names:
            return
        thread = threading.get_ident()
        if thread in _ASKING:
            return
        _ASKING.add(thread)
        try:
            module = _getframe(2).f_globals.get("__name__")
            listener(args, module if isinstance(module, str) else "")
        except unit.TROUBLES:
            _note({UNKNOWN})
        finally:
            _ASKING.discard(thread)

    return heard


def _on_getframe(args: tuple[Any, ...], module: str) -> None:
    if module not in _KEEPING and not module.startswith(_OURS):
        _note_frame(args[0] if args else _getframe(3))


def _on_getattr(args: tuple[Any, ...], module: str) -> None:
    if not module.startswith(_OURS):
        _note_frame(getattr(args[0], args[1]))


def _on_all(_: tuple[Any, ...], module: str) -> None:
    if not module.startswith(_BLIND):
        _note({UNKNOWN})


def _on_tracing(_: tuple[Any, ...], module: str) -> None:
    """Note a function that is called with frames, and during which nothing is seen to run."""
    if module == "threading":  # a thread begins: what was installed there for all of them
        hooks = (threading.gettrace(), threading.getprofile())
        makers = [str(getattr(hook, "__module__", "")) for hook in hooks if hook is not None]
    else:
        makers = [module]
    if not all(maker.startswith(_BLIND) or maker in _RESTORING for maker in makers):
        _note({UNKNOWN})
        for each in unit.innermost_units():
            each.gaps.add(TRACE_FUNCTION)


def _note_frame(frame: FrameType | None) -> None:
    """Note a frame and those that it was called from."""
    is_alone = "_pytest.pytester" not in sys.modules
    found: set[CodeRef] = set()
    while frame is not None:
        code = frame.f_code
        if is_alone and code.co_name in _OUTERMOST and "_pytest" in code.co_filename:
            break
        name = code.co_filename
        if not (_FOREIGN[name] if name in _FOREIGN else _is_foreign(name)):
            found.add(CodeRef(name, code.co_firstlineno, code.co_name))
        frame = frame.f_back
    if found:
        _note(found)


def _is_foreign(name: str) -> bool:
    if len(_FOREIGN) >= _MOST:  # generated names may be without number
        _FOREIGN.clear()
    answer = _FOREIGN[name] = name.startswith("<") or is_ignored_path(name)
    return answer


def _note(found: set[CodeRef]) -> None:
    for each in unit.innermost_units():
        each.framed |= found


_LISTENERS: Final[dict[str, audit.Listener]] = {
    "sys._getframe": _alone(_on_getframe),
    "object.__getattr__": _alone(_on_getattr, _LEADING),
    **dict.fromkeys(
        """sys._current_frames sys._current_exceptions gc.get_objects gc.get_referrers
        gc.get_referents""".split(),
        _alone(_on_all),
    ),
    **dict.fromkeys(
        "sys.settrace sys.setprofile sys.monitoring.register_callback".split(), _alone(_on_tracing)
    ),
}
