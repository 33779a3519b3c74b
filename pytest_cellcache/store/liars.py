"""Knows the objects that pickle fine and come back as something else."""

from __future__ import annotations

import gc
import io
import sys
import types
from typing import Any, Final

from pytest_cellcache.store.places import full_name

_LIARS: Final = frozenset(
    """subprocess.Popen threading.Thread threading.Timer tempfile.TemporaryDirectory
    tempfile._TemporaryFileWrapper tempfile.SpooledTemporaryFile os._Environ builtins.memoryview
    mmap.mmap numpy.memmap weakref.WeakValueDictionary weakref.WeakKeyDictionary weakref.WeakSet
    _weakrefset.WeakSet weakref.ReferenceType builtins.weakref logging.LoggerAdapter builtins.object
    weakref.finalize threading.local _thread._local contextvars.Context socket.socket
    multiprocessing.context.Process""".split()
)
"""Types that pickle fine and lie later; ``object()`` is a sentinel, whose identity is its value."""

_LYING_BASES: Final = frozenset(
    """logging.Handler asyncio.events.AbstractEventLoop selectors.BaseSelector threading.Thread
    subprocess.Popen multiprocessing.process.BaseProcess io.IOBase os._Environ
    unittest.mock.NonCallableMock""".split()
)


def is_liar(obj: Any) -> bool:
    """Say whether an object would be put back as something else."""
    kind = type(obj)
    if issubclass(kind, io.TextIOWrapper):  # cloudpickle would keep the text, without the file
        return obj is not sys.stdout and obj is not sys.stderr
    if full_name(kind) in _LIARS:
        return True
    if issubclass(kind, BaseException):  # what led to it is lost
        return any((obj.__traceback__, obj.__cause__, obj.__context__))
    if type(kind).__module__ == "_ctypes":  # in the memory of another one, or holding others
        return obj._b_base_ is not None or bool(obj._objects)
    return any(full_name(base) in _LYING_BASES for base in kind.__mro__)


def mapping_of(proxy: types.MappingProxyType[Any, Any]) -> Any:
    """Give what a proxy shows, which others may change; a copy of what is in a class."""
    shown = gc.get_referents(proxy)[0]
    return dict(proxy) if "__dict__" in shown or "__module__" in shown else shown


def is_at(obj: Any, name: str) -> bool:
    """Say whether an object that asks for being kept by name is there under it."""
    module = getattr(obj, "__module__", None)
    if not isinstance(module, str):
        return True  # pickle looks for it in all modules
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is obj
