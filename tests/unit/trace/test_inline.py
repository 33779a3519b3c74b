"""However attributes of an object are set, and wherever it keeps them, that is noticed."""

from __future__ import annotations

import types
from typing import Any, Final

import pytest

from pytest_cellcache.trace import batch, inline
from pytest_cellcache.trace.batch import Batch
from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.looks import namespace_ids
from pytest_cellcache.trace.parts import namespace_of, way_to


class Plain:
    a: object

    def __init__(self) -> None:
        self.a = 1.5


class Below(Plain):
    pass


class Slotted:
    __slots__ = ("__dict__", "__weakref__", "s")


def plain() -> Any:
    return Plain()


def below() -> Any:
    return Below()


def slotted() -> Any:
    made: Any = Slotted()
    made.a = 1.5
    return made


def large() -> Any:
    made: Any = type("Large", (), {})()
    for number in range(60):
        setattr(made, f"x{number}", number)
    made.a = 1.5
    return made


def given() -> Any:
    made = Plain()
    made.__dict__ = {"a": 1.5}
    return made


def renamed() -> Any:
    made = Plain()
    vars(made)[1] = "no text"  # type: ignore[index]
    return made


def namespace() -> Any:
    return types.SimpleNamespace(a=1.5)


CHANGES: Final[dict[str, str]] = {
    "attribute": "o.a = 2.5",
    "new": "o.b = 2.5",
    "deleted": "o.a = 2.5; del o.a; o.b = 2.5",
    "item": "vars(o)['a'] = 2.5",
    "new item": "vars(o)['b'] = 2.5",
    "update": "vars(o).update(a=2.5)",
    "clear": "vars(o).clear(); o.b = 2.5",
    "many": "for n in range(50): setattr(o, f'y{n}', n + 2.5)",
    "another dictionary": "o.__dict__ = {'a': 2.5}",
    "equal dictionary": "o.__dict__ = dict(vars(o)); vars(o)['a'] = 2.5",
    "dictionary of another": "o.__dict__ = vars(p); p.a = 2.5",
    "out and in": "x = vars(o).pop('a', 1); o.b = 2.5; o.a = x",
    "other class": "o.__class__ = type('C', type(o).__bases__, {}); o.a = 2.5",
}


@pytest.mark.parametrize("has_threads", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("make", [plain, below, slotted, large, given, renamed, namespace])
def test_a_change_of_attributes_is_noticed(
    monkeypatch: pytest.MonkeyPatch, make: Any, change: str, has_threads: bool
) -> None:
    if make is namespace and ("__class__" in change or "__dict__" in change):
        pytest.skip("cannot be set")
    if make is slotted and "__class__" in change:
        pytest.skip("cannot get such a class")
    monkeypatch.setattr(batch, "may_be_moved", lambda: has_threads)
    objects = [make() for _ in range(20)]
    watched = Batch()
    for each in objects:
        space = namespace_of(each)
        assert space is not None
        held = Held(identity(each), "namespace", space, namespace_ids)
        held.of = way_to(each)
        watched.held.append(held)
    watched.settle()
    for turn in range(3):
        assert not watched.has_changed()
        for again in range(2):
            done = change.replace("2.5", str(1000.5 + 10 * turn + again))
            exec(done, {"o": objects[turn], "p": make()})
            assert watched.has_changed()
            assert [held.ident for held in watched.changed()] == [identity(objects[turn])]
            for held in watched.held:
                held.save()
            watched.settle()


def test_what_has_gone_is_no_change() -> None:
    objects = [plain() for _ in range(3)]
    watched = Batch()
    for each in objects:
        held = Held(identity(each), "namespace", vars(each), namespace_ids)
        held.of = way_to(each)
        watched.held.append(held)
    watched.settle()
    del objects[1], each
    assert watched.changed() == []
    watched.settle()
    objects[0].a = 1000.5
    assert watched.has_changed()
    assert [held.ident for held in watched.changed()] == [identity(objects[0])]


def test_threads_of_tests_are_known() -> None:
    import threading

    before = inline.may_be_moved()
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    try:
        assert inline.may_be_moved()
    finally:
        event.set()
        thread.join()
    assert isinstance(before, bool)
