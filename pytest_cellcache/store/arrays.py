"""Tells which arrays of a value lie in one another's memory, so that they do so again.

Arrays of NumPy are kept one by one. Of two that overlap, such as a matrix and a row of it, copies
would be put back, and what a test writes to one would no longer be seen in the other. So they
become views of the array that owns the memory. Where that is not possible, or something beside the
value has a part of that memory, the value is not kept.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from pytest_cellcache.store.values import Unstorable

_EFFORT: Final = 10_000
"""What NumPy may spend on finding out whether two arrays overlap; beyond, they count as such."""
_MAX_ARRAYS: Final = 100
"""Arrays of one owner that are compared with each other; more are taken to overlap."""
_MAX_GROWTH: Final = 4
"""How many times larger than what is seen of it an owner may be that is kept for its views."""


@dataclass(slots=True)
class _Memory:
    """What arrays lie in.

    Attributes:
        holders: the objects that are known to refer to ``owner``, by ``id``.
        arrays: those of the value.
        near: those of other values and of modules.
    """

    owner: Any
    holders: set[int] = field(default_factory=set)
    arrays: list[Any] = field(default_factory=list)
    near: list[Any] = field(default_factory=list)


def array_type() -> type | None:
    """Give the type of arrays, if there can be any."""
    found = getattr(sys.modules.get("numpy"), "ndarray", None)
    return found if isinstance(found, type) else None


def copies_when_written(kind: type) -> bool:
    """Say whether a class sees to it that nobody notices who shares memory with its objects."""
    if kind.__module__.partition(".")[0] != "pandas":
        return False
    version = str(getattr(sys.modules.get("pandas"), "__version__", "0"))
    return version.partition(".")[0] not in ("0", "1", "2")


def find_views(arrays: Sequence[Any], near: Sequence[Any], parts: Container[int]) -> dict[int, Any]:
    """Map arrays that have to be put back as views to the arrays in which they lie, by ``id``.

    Args:
        arrays: all arrays of a value.
        near: arrays beside it that are there when it is put back.
        parts: ``id`` of each part of the value.

    Raises:
        Unstorable: memory is shared in a way that cannot be put back.
    """
    memories: dict[int, _Memory] = {}
    for array in arrays:
        _memory_of(array, memories).arrays.append(array)
    own = {id(array) for array in arrays}
    used = dict(memories)
    for array in near:
        if id(array) not in own:
            _memory_of(array, memories).near.append(array)
    named = own | {id(array) for array in near}
    views: dict[int, Any] = {}
    for key, memory in used.items():
        if key not in named and _is_shared(memory):
            raise Unstorable("an array shares its memory with something else")
        if key in parts and key not in own:
            raise Unstorable("an array shares its memory with another part of the value")
        if any(_overlap(array, other) for array in memory.arrays for other in memory.near):
            views |= _views_in(memory, memory.near)
        elif _do_overlap(memory.arrays):
            views |= _views_in(memory, [memory.owner], None if key in own else _MAX_GROWTH)
    return views


def _memory_of(array: Any, memories: dict[int, _Memory]) -> _Memory:
    """Give what an array lies in, and note who refers to what on the way there."""
    holder = array
    for lower in _chain(array):
        memories.setdefault(id(lower), _Memory(lower)).holders.add(id(holder))
        holder = lower
    return memories.setdefault(id(holder), _Memory(holder))


def _chain(array: Any) -> Iterator[Any]:
    """Give what an array takes its memory from, what that takes it from, and so on."""
    kind, below = array_type(), array
    while below is not None:
        below = below.obj if type(below) is memoryview else getattr(below, "base", None)
        if below is None or type(below) is bytes:
            return  # of which nobody can notice that they are shared
        yield below
        if type(below) is not memoryview and not isinstance(below, kind or ()):
            return


def _is_shared(memory: _Memory) -> bool:
    """Say whether anything but what is known refers to the owner of some memory."""
    # What this function itself refers to it by differs between versions of Python.
    probe = _Memory(object())
    return _references(memory) - len(memory.holders) > _references(probe)


def _references(memory: _Memory) -> int:
    return sys.getrefcount(memory.owner)


def _do_overlap(arrays: Sequence[Any]) -> bool:
    if len(arrays) < 2 or not any(array.flags.writeable for array in arrays):
        return False
    return len(arrays) > _MAX_ARRAYS or any(_overlap(*pair) for pair in combinations(arrays, 2))


def _overlap(one: Any, other: Any) -> bool:
    try:
        return bool(sys.modules["numpy"].shares_memory(one, other, max_work=_EFFORT))
    except RuntimeError:  # too hard
        return True


def _views_in(
    memory: _Memory, candidates: Sequence[Any], max_growth: int | None = None
) -> dict[int, Any]:
    """Make all arrays in some memory views of one array that holds them."""
    kind, low, high = array_type(), *_bounds(memory.arrays)
    for array in candidates:
        first, last = _bounds([array])
        if (
            all(type(each) is kind for each in (array, *memory.arrays))
            and not array.dtype.hasobject
            and (array.flags.c_contiguous or array.flags.f_contiguous)
            and first <= low
            and high <= last
            and (max_growth is None or last - first <= (high - low) * max_growth)
        ):
            return {id(each): array for each in memory.arrays if each is not array}
    raise Unstorable("arrays share their memory")


def _bounds(arrays: Sequence[Any]) -> tuple[int, int]:
    """Give where the first byte of some arrays lies, and where the one after the last."""
    lows, highs = [], []
    for array in arrays:
        at = _address(array)
        steps = [(n - 1) * size for n, size in zip(array.shape, array.strides, strict=True)]
        lows.append(at + sum(step for step in steps if step < 0))
        highs.append(at + sum(step for step in steps if step > 0) + array.itemsize)
    return min(lows), max(highs)


def parts_of_view(view: Any, owner: Any) -> tuple[Any, ...]:
    """Take a view apart into what ``make_view`` asks for."""
    offset = _address(view) - _address(owner)
    return owner, offset, view.shape, view.strides, view.dtype, view.flags.writeable


def make_view(
    owner: Any, offset: int, shape: Any, strides: Any, dtype: Any, is_writeable: bool
) -> Any:
    """Make an array in the memory of another one."""
    kind: Any = type(owner)
    memory = owner if owner.flags.c_contiguous else owner.T
    view = kind(shape, dtype, memory, offset, strides)
    if not is_writeable:
        view.setflags(write=False)
    return view


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
