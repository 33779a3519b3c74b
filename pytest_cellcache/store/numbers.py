"""Finds numbers in a pickle that mean something in one process only."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Set
from typing import Final

_SCANNED_BYTES: Final = 1 << 18
_ADDRESSES: Final = (0x5500_0000_0000, 0x7FFF_FFFF_FFFF)
"""Where objects and thread ids lie on 64-bit systems; times and counters do not come there."""


def session_number(data: bytes, addresses: Set[int] = frozenset()) -> int | None:
    """Give a number in a pickle that names this process, its threads or its objects."""
    import pickletools

    numbers = {os.getpid(), os.getppid(), threading.get_ident(), threading.get_native_id()}
    if len(data) > _SCANNED_BYTES:
        # Too long to be read number by number; a chance match costs a value that is not kept.
        return min((n for n in numbers if pickle.dumps(n, 5)[2:-1] in data), default=None)
    found = {argument for _, argument, _ in pickletools.genops(data) if type(argument) is int}
    looks_like_address = {n for n in found if _ADDRESSES[0] < n < _ADDRESSES[1] and n % 8 == 0}
    return min(found & (numbers | addresses) | looks_like_address, default=None)
