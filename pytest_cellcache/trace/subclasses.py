"""Tells what counts as a subclass of a class: no container that can be looked at holds that."""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_cellcache.trace.look import Beside, Look
from pytest_cellcache.trace.parts import way_to

ASKED: Final = "__subclasses__"
_abc: Final[Any] = sys.modules["_abc"]


def is_abstract(kind: type) -> bool:
    """Say whether other classes can be registered with a class."""
    return "_abc_impl" in type.__getattribute__(kind, "__dict__")


class Subclasses(Beside):
    """Counts the subclasses of one class, those of its subclasses included, that there have been.

    When one goes is up to the collector, so that this is no change.
    """

    def __init__(self) -> None:
        self._known: list[Callable[[], Any]] = []
        self._added = 0

    def __call__(self, kind: type) -> list[int]:
        known = [each for way in self._known if (each := way()) is not None]
        new = [each for each in _below(kind) if not any(each is other for other in known)]
        if new or len(known) != len(self._known):
            self._added += len(new)
            self._known = [way_to(each) for each in (*known, *new)]
        return [self._added]

    def words(self, before: list[int]) -> list[str]:
        return [ASKED]


def registrations() -> int:
    """Tell how often some class has been registered with an abstract one."""
    token: Any = abc.get_cache_token()
    return int(token)


class Registered(Look):
    """Counts the classes that have been registered with an abstract one.

    Nothing has changed while ``registrations`` is the same.
    """

    def __init__(self) -> None:
        self._token = -1
        self._count = 0

    def __call__(self, kind: type) -> list[int]:
        token = registrations()
        if token != self._token:
            self._token, self._count = token, len(_abc._get_dump(kind)[0])
        return [self._count]


def _below(kind: type) -> Iterator[type]:
    direct: list[type] = type.__subclasses__(kind)
    for each in direct:
        yield each
        yield from _below(each)
