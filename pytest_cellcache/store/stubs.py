"""Stands for what was not or could not be stored, and notices every use of it.

A stub raises ``StubTouched`` from every operation Python lets it trap. Code may swallow that (a
thread, a task, ``except BaseException``), so the touch log decides and not the exception: an
attempt during which the log grew is cancelled. Not trapped: ``is``, ``id()``, ``type()``,
``callable()`` and being kept somewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple


class StubTouched(BaseException):
    """A live unit used a stub; no ``Exception``, so that user code is less likely to swallow it."""


class StubPlace(NamedTuple):
    """Where a stub stands: ``value['conn']: sqlite3.Connection`` of the fixture ``owner``."""

    owner: str
    place: str
    type_name: str

    def __str__(self) -> str:
        return f"{self.owner}: {self.place}: {self.type_name}"


@dataclass(slots=True)
class TouchLog:
    """What was touched since it was emptied; at most one entry for each stub and attempt."""

    touched: dict[StubPlace, str] = field(default_factory=dict)

    def note(self, place: StubPlace, operation: str) -> None:
        self.touched.setdefault(place, operation)

    def take(self) -> dict[StubPlace, str]:
        """Give what was touched, and forget it."""
        found, self.touched = self.touched, {}
        return found


_OPERATIONS: Final = frozenset(
    """abs add aenter aexit aiter and anext await bool bytes ceil complex contains copy deepcopy
    delattr delete delitem dir divmod enter eq exit float floor floordiv format fspath ge get
    getitem getnewargs getstate gt hash iadd iand ifloordiv ilshift imatmul imod imul index
    instancecheck int invert ior ipow irshift isub iter itruediv ixor le len length_hint lshift lt
    matmul missing mod mul ne neg next or pos pow radd rand rdivmod reduce reduce_ex repr reversed
    rfloordiv rlshift rmatmul rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor set
    setattr setitem sizeof str sub subclasscheck subclasses truediv trunc xor buffer""".split()
)


def _trap(operation: str) -> Callable[..., Any]:
    def trap(self: Any, *_args: Any, **_kwargs: Any) -> Any:
        _touch(self, operation)

    trap.__name__ = operation
    return trap


def _touch(stub: Any, operation: str) -> None:
    place: StubPlace = object.__getattribute__(stub, "_place")
    log: TouchLog = object.__getattribute__(stub, "_log")
    log.note(place, operation)
    raise StubTouched(f"{place} is a stub ({operation})")


def _getattribute(self: Any, name: str) -> Any:
    _touch(self, name)


def _members(*, is_callable: bool) -> dict[str, Any]:
    names = [f"__{name}__" for name in _OPERATIONS]
    members: dict[str, Any] = {name: _trap(name) for name in names}
    members["__slots__"] = ("_log", "_place")
    members["__getattribute__"] = _getattribute
    if is_callable:
        members["__call__"] = _trap("__call__")
    return members


# Two classes, for ``callable()`` asks the type. Made with ``type`` and not written down: about a
# hundred methods that all do the same.
Stub: Final = type("Stub", (), _members(is_callable=False))
CallableStub: Final = type("CallableStub", (), _members(is_callable=True))


def make_stub(place: StubPlace, log: TouchLog, *, is_callable: bool) -> Any:
    """Make a stub that tells ``log`` when it is touched."""
    kind: Any = CallableStub if is_callable else Stub
    stub = object.__new__(kind)
    object.__setattr__(stub, "_place", place)
    object.__setattr__(stub, "_log", log)
    return stub


def is_stub(value: object) -> bool:
    """Say whether a value is a stub, without touching it."""
    return type(value) in (Stub, CallableStub)
