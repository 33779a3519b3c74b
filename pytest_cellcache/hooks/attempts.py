"""The parts of one attempt at an item: its request, its phases, and what it leaves on the item."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

import pytest

from pytest_cellcache.hooks.nodestate import NodeWatch
from pytest_cellcache.store.stubs import StubPlace

Phase = Literal["setup", "call", "teardown"]
INTERRUPTS: Final = (KeyboardInterrupt, pytest.exit.Exception)


class ItemRequest:
    """Gives an item the request of one attempt, as ``_pytest.runner.runtestprotocol`` does.

    ``_request``, ``_initrequest`` and ``funcargs`` are private; who enters has made sure of them.
    """

    def __init__(self, item: Any) -> None:
        self._item = item

    def __enter__(self) -> None:
        if not self._item._request:
            self._item._initrequest()

    def __exit__(self, *_: object) -> None:
        self._item._request = False
        self._item.funcargs = None


class ItemState:
    """What an attempt may leave on its item, and on other objects of pytest."""

    def __init__(self, item: Any, nodes: NodeWatch | None) -> None:
        self._item = item
        self._put_nodes_back = nodes.remember(item) if nodes is not None else None
        self._lists = {
            name: list(getattr(item, name))
            for name in ("own_markers", "user_properties", "_report_sections")
            if isinstance(getattr(item, name, None), list)
        }
        self._dicts = [
            (held, dict(held))
            for held in (
                getattr(item.keywords, "_markers", None),
                getattr(item.stash, "_storage", None),
            )
            if isinstance(held, dict)
        ]

    def restore(self) -> None:
        item = self._item
        if self._put_nodes_back is not None:
            self._put_nodes_back()
        for name, saved in self._lists.items():
            getattr(item, name)[:] = saved
        for held, saved_items in self._dicts:
            held.clear()
            held.update(saved_items)
        if isinstance(item.parent, pytest.Class):
            # A fresh instance of the class, and a method bound to it.
            vars(item).pop("_instance", None)
            vars(item).pop("_obj", None)
            item.obj  # noqa: B018  # made now: unittest's teardown takes it for granted
        vars(item).pop("_excinfo", None)  # unittest; None is the default of its class


def end_for(item: Any, following: pytest.Item) -> pytest.CallInfo[None]:
    """End what an item that runs next does not share."""
    return pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(following),
        when="teardown",
        reraise=INTERRUPTS,
    )


def call_phase(item: pytest.Item, when: Phase, **arguments: Any) -> pytest.CallInfo[None]:
    """Run a phase of an item; nobody hears of how it went."""
    run: Callable[..., Any] = getattr(item.ihook, f"pytest_runtest_{when}")
    return pytest.CallInfo.from_call(
        lambda: run(item=item, **arguments), when=when, reraise=INTERRUPTS
    )


def tell(
    item: pytest.Item,
    reports: Iterable[pytest.TestReport],
    *,
    is_begun: bool = False,
    is_ended: bool = True,
) -> None:
    """Report an item, or a part of what it does."""
    if not is_begun:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    if is_ended:
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def causes_of(touched: Mapping[int | None, StubPlace], name_of: Callable[[int], str]) -> list[str]:
    """Name the producers of stubs, with their places."""
    return [
        f"fixture {name_of(key) if key is not None else '?'}: {place.place}: {place.type_name}"
        for key, place in touched.items()
    ]


def warn_of(caught: Iterable[warnings.WarningMessage]) -> None:
    """Show warnings again: into the log of pytest's own ``catch_warnings``, which reports them."""
    for each in caught:
        warnings.showwarning(each.message, each.category, each.filename, each.lineno)


def once_each(*names: str) -> tuple[str, ...]:
    """Give names without those that were there before."""
    return tuple(dict.fromkeys(names))


def was_importing(excinfo: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Say whether something was raised while a module was imported, or because that failed."""
    error = excinfo.value if excinfo is not None else None
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        at = error.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_name == "<module>":
                return True
            at = at.tb_next
        error = error.__cause__ or error.__context__
    return False
