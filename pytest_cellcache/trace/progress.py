"""Tells how far files, iterators and hashes have come, and what buffers hold.

No container shows the state of these objects in C. What is asked for it has no effect of its own.
"""

from __future__ import annotations

import array
import ctypes
import gc
import io
import mmap
import os
import stat
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any, Final

from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import is_atom, is_told_by_collector, module_of

_MAX_BYTES: Final = 1 << 20
"""Bytes of one buffer that are looked at; of larger ones only the number."""
_HASHES: Final = frozenset(
    "_hashlib _md5 _sha1 _sha2 _sha256 _sha512 _sha3 _blake2 hmac _hmac".split()
)
_BUFFERS: Final[tuple[Any, ...]] = (
    bytearray,
    array.array,
    mmap.mmap,
    memoryview,
    ctypes.Structure.__base__,
)
_FILES: Final[tuple[Any, ...]] = (
    *(io.FileIO, io.BufferedReader, io.BufferedRandom),
    io.TextIOWrapper,
)
_STREAMS: Final = 3
"""Files of the process itself, which have numbers below."""
_TROUBLES: Final = (TypeError, ValueError, OSError, AttributeError, BufferError)


def progress_of(kind: type) -> Any:
    """Give what tells states of objects of a type apart; ``None`` where nothing is known."""
    if issubclass(kind, _BUFFERS) or _is_array(kind):
        return bytes_ids
    if issubclass(kind, BaseException):
        return _exception_ids
    if issubclass(kind, _FILES):
        return _file_ids
    if module_of(kind) == "decimal" and hasattr(kind, "clear_flags"):
        return _context_ids
    if module_of(kind) in _HASHES and "digest" in type.__getattribute__(kind, "__dict__"):
        return _hash_ids
    return _inner_ids if is_told_by_collector(kind) else None


def bytes_of(buffer: Any) -> bytes | None:
    """Give what a buffer holds; ``None`` where that is much, or cannot be told."""
    try:
        with memoryview(buffer) as view:
            return view.tobytes() if view.nbytes <= _MAX_BYTES else None
    except _TROUBLES:  # closed, or with items of an odd kind
        return None


def put_bytes(buffer: Any, content: bytes) -> bool:
    """Put back what a buffer held; say whether that worked."""
    if issubclass(type(buffer), bytearray):
        bytearray.__setitem__(buffer, slice(None), content)
        return True
    if issubclass(type(buffer), array.array):
        array.array.__delitem__(buffer, slice(None))
        array.array.frombytes(buffer, content)
        return True
    try:
        with memoryview(buffer) as view, view.cast("B") as flat:
            flat[:] = content
    except _TROUBLES:
        return False
    return True


def _is_array(kind: type) -> bool:
    found = attribute_of(sys.modules.get("numpy"), "ndarray")
    return isinstance(found, type) and issubclass(kind, found)


def bytes_ids(buffer: Any) -> list[int]:
    """Identify what a buffer holds, or its size."""
    found = bytes_of(buffer)
    if found is not None:
        return [hash(found)]
    try:
        with memoryview(buffer) as view:
            return [view.nbytes]
    except _TROUBLES:
        return []


def _file_ids(file: Any) -> list[int]:
    """Tell how far a file on disk has been read, by asking nothing that waits or writes.

    Of files that are only written it is not told: their content is, and those who add to a log
    would all rest on each other.
    """
    kind = next(base for base in _FILES if issubclass(type(file), base))
    try:
        number = kind.fileno(file)
        is_plain = number >= _STREAMS and stat.S_ISREG(os.fstat(number).st_mode)
        if not is_plain:
            return []
        if kind.writable(file):
            return _both_ids(file, kind, number) if kind.readable(file) else []
        if kind is not io.TextIOWrapper:
            return [kind.tell(file)]
        # It does not tell while it is iterated over; then what it has read ahead does, in part.
        return [os.lseek(number, 0, os.SEEK_CUR), _place_in(file), *_inner_ids(file)]
    except _TROUBLES:
        return [-1]


def _both_ids(file: Any, kind: Any, number: int) -> list[int]:
    """Tell how far a file has come that may be read as well, and when it was written last.

    A text says that only after it has written what it keeps, which others must not find early:
    but nobody else finds a file that has no name.
    """
    found = os.fstat(number)
    if kind is io.TextIOWrapper:
        place = _place_in(file) if not found.st_nlink else os.lseek(number, 0, os.SEEK_CUR)
        return [place, os.fstat(number).st_mtime_ns]
    return [kind.tell(file), found.st_size, found.st_mtime_ns]


def is_in_memory(file: Any) -> bool:
    """Say whether an object is a file without a number: no reading moves it that others can see."""
    kind = next((base for base in _FILES if issubclass(type(file), base)), None)
    try:
        return kind is not None and not kind.closed.__get__(file) and kind.fileno(file) is None
    except io.UnsupportedOperation:
        return True
    except _TROUBLES:
        return False


def _place_in(file: io.TextIOWrapper) -> int:
    try:
        return hash(io.TextIOWrapper.tell(file))
    except OSError:
        return -1


def _exception_ids(error: Any) -> list[int]:
    """Identify what an exception was made with, and its cause; not where it was raised last."""
    found = [*BaseException.__dict__["args"].__get__(error), error.__cause__]
    for base in type(error).__mro__:
        if base is not BaseException and base.__module__ == "builtins":
            members = type.__getattribute__(base, "__dict__").values()
            is_member = types.MemberDescriptorType  # others are computed
            found += [each.__get__(error) for each in members if isinstance(each, is_member)]
    return [hash(each) if is_atom(each) else identity(each) for each in found]


def _context_ids(context: Any) -> list[int]:
    """Tell apart what a context of ``decimal`` makes of numbers; not what it has met so far."""
    settings = (context.prec, context.rounding, context.Emin, context.Emax, context.capitals)
    return [hash((*settings, context.clamp, *context.traps.values()))]


def _hash_ids(made: Any) -> list[int]:
    try:
        return [hash(made.digest())]
    except TypeError:  # of any length
        return [hash(made.digest(16))]


def _inner_ids(value: Any) -> list[int]:
    """Identify what the collector finds in an object, and the numbers that pickling would keep."""
    found = [
        hash(inner) if is_atom(inner) else identity(inner) for inner in gc.get_referents(value)
    ]
    if module_of(type(value)) == "itertools":
        found += _numbers_in(_reduced(value))
    elif hasattr(type(value), "line_num"):
        found.append(value.line_num)
    return found


def _reduced(iterator: Any) -> Any:
    reduce = type.__getattribute__(type(iterator), "__dict__").get("__reduce__")
    with warnings.catch_warnings():  # since Python 3.12 it says that it will go
        warnings.simplefilter("ignore")
        try:
            return reduce(iterator) if reduce is not None else ()
        except _TROUBLES:
            return ()


def _numbers_in(value: Any) -> Iterator[int]:
    if type(value) is int or type(value) is bool:
        yield value
    elif type(value) is tuple:
        for each in value:
            yield from _numbers_in(each)
    elif hasattr(type(value), "__length_hint__"):
        yield type(value).__length_hint__(value)
