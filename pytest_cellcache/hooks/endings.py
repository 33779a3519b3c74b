"""Keeps what the teardown of a wider fixture raised where nobody was told of it.

::

    ended for a requeue, or in an attempt that is cancelled -> its teardown raised
        -> set up again before its scope is over -> that instance has a teardown of its own
        -> not                                   -> raised where its scope ends, as in a plain run
    ended in the set-up of a cancelled attempt, which needed it with another parameter
        -> raised in that set-up when the item runs again

Which fixture raised is found in the traceback: pytest ends one in ``FixtureDef.finish``. An error
without such a frame is not kept.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from collections.abc import Collection, Iterator
from typing import Any, Final

import pytest

from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.store.stubs import StubTouched


class Endings:
    """Errors to be raised later, by the fixture definitions that they are from."""

    def __init__(self) -> None:
        # Both by definition, which pytest keeps for as long as the run.
        self._lives: dict[Any, tuple[Any, Instance]] = {}
        self._errors: dict[Any, BaseException] = {}
        # With the node ids of the items in whose set-ups they were raised.
        self._early: dict[Any, tuple[str, BaseException]] = {}

    def begin(self, fixturedef: Any, node: Any, instance: Instance) -> None:
        """Take the set-up of a wider fixture, and the node whose life it shares."""
        self._lives[fixturedef] = node, instance
        self._errors.pop(fixturedef, None)

    def keep(self, excinfo: pytest.ExceptionInfo[BaseException] | None) -> None:
        """Keep what wider fixtures raised in a teardown that is not reported."""
        for error in _leaves(excinfo.value) if excinfo is not None else ():
            fixturedef = _raised_in(error)
            if fixturedef in self._lives and not isinstance(error, StubTouched):
                self._errors[fixturedef] = error
                self._lives[fixturedef][1].has_failed = True

    def keep_first(
        self,
        excinfo: pytest.ExceptionInfo[BaseException] | None,
        nodeid: str,
        called: Collection[pytest.TestReport],
    ) -> None:
        """Take what an item raised in an attempt that is cancelled.

        What its frames hold it would find gone, did it run for the first time.

        Args:
            called: reports of more than its set-up.
        """
        if excinfo is not None and not called:
            self.keep_early(excinfo.value, nodeid)
        for error in _with_causes(excinfo.value) if excinfo is not None and called else ():
            traceback.clear_frames(error.__traceback__)
            for frame, _ in traceback.walk_tb(error.__traceback__):
                _ = frame.f_locals  # before Python 3.13 a copy, which is made anew

    def keep_early(self, error: BaseException, nodeid: str) -> None:
        """Keep what a wider fixture raised that ended in the set-up of an item."""
        for each in _leaves(error):
            fixturedef = _raised_in(each)
            if fixturedef in self._lives and not isinstance(each, StubTouched):
                self._early[fixturedef] = nodeid, each
                self._lives[fixturedef][1].has_failed = True

    def take_early(self, fixturedef: Any, nodeid: str) -> BaseException | None:
        """Give what is to be raised before a fixture is set up for an item, once."""
        known, error = self._early.pop(fixturedef, ("", None))
        return error if known == nodeid else None  # another one has set it up again meanwhile

    def take(self, item: pytest.Item, nextitem: pytest.Item | None) -> BaseException | None:
        """Give what is to be raised when an item has been torn down."""
        if not self._errors:
            return None
        staying = set(nextitem.listchain()) if nextitem is not None else set()
        ending = set(item.listchain()) - staying
        due = [d for d in self._errors if self._lives[d][0] in ending]
        errors = [self._errors.pop(fixturedef) for fixturedef in due]
        return errors[0] if errors else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Give the errors of a group; other errors may have an attribute of that name, too."""
    if isinstance(error, _groups()):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _groups() -> tuple[Any, ...]:
    """Give the class of groups, which older Pythons have from a distribution if at all."""
    backport = sys.modules.get("exceptiongroup")
    homes = (builtins, *([] if backport is None else [backport]))
    return tuple(vars(home)[_GROUP] for home in homes if _GROUP in vars(home))


_GROUP: Final = "BaseExceptionGroup"


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that it leads to."""
    stack: list[BaseException | None] = [error]
    seen = set[int]()
    while stack:
        each = stack.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            stack += [
                each.__cause__,
                each.__context__,
                *(e for e in _leaves(each) if e is not each),
            ]
            yield each


def _raised_in(error: BaseException) -> Any:
    """Give the definition of the fixture in whose teardown an error was raised."""
    found, entry = None, error.__traceback__
    while entry is not None:
        frame = entry.tb_frame
        if frame.f_code.co_name == "finish":
            owner = frame.f_locals.get("self")
            found = owner if isinstance(owner, pytest.FixtureDef) else found
        entry = entry.tb_next
    return found
