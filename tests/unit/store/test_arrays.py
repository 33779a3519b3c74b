"""Arrays that lie in one another's memory do so again; what cannot is not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_cellcache.store.pickler import encode
from pytest_cellcache.store.sharing import Around, follow
from pytest_cellcache.store.stubs import TouchLog
from pytest_cellcache.store.values import Content, Encoded, Scene, Unstorable

np = pytest.importorskip("numpy")


class NoNames:
    def nothing(self, _value: Any) -> None:
        return None

    reference = namespace = code = resolve = resolve_code = nothing


def load(encoded: Encoded, upstream: object = None) -> Any:
    def shared(_owner: str, path: Sequence[Any]) -> Any:
        return follow(upstream, path)

    scene = Scene("made", NoNames(), TouchLog(), shared=shared)
    return Content(memoryview(bytearray(b"".join(encoded.parts)))).load(scene)


def beside(value: object) -> Around:
    found = Around()
    found.add("up", value, (), 1000)
    return found


VIEWS: dict[str, Callable[[Any], Any]] = {
    "row": lambda whole: whole[3],
    "column": lambda whole: whole[:, 2],
    "transposed": lambda whole: whole.T,
    "backwards": lambda whole: whole[::-1, ::2],
    "other type": lambda whole: whole.view("u1"),
    "one number": lambda whole: whole[1, 1:2],
}


@pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [8, 200])
def test_what_is_written_to_one_is_seen_in_the_other(
    make: Callable[[Any], Any], order: str, size: int
) -> None:
    whole = np.array(np.arange(float(size * size)).reshape(size, size), order=order)
    if order == "F" and make is VIEWS["other type"]:
        whole = whole.T
    view = make(whole)
    value = {"view": view, "whole": whole}
    again = load(encode(value, NoNames()))
    assert (again["whole"] == whole).all()
    assert (again["view"] == view).all()
    assert again["view"].strides == view.strides
    assert again["view"].flags.writeable
    again["whole"][...] = whole[...] = -7
    assert (again["view"] == view).all()


def test_the_owner_need_not_be_part_of_the_value() -> None:
    whole = np.arange(10.0)
    value = [whole[:6], whole[4:]]
    del whole
    again = load(encode(value, NoNames()))
    again[0][5] = -1
    assert list(again[1]) == [4, -1, 6, 7, 8, 9]


def test_what_does_not_overlap_is_kept_apart() -> None:
    table = np.arange(40.0).reshape(10, 4)
    value = {"x": table[:, :3], "y": table[:, 3], "first": table[:0]}
    del table
    again = load(encode(value, NoNames()))
    assert not np.shares_memory(again["x"], again["y"])
    assert again["x"].sum() + again["y"].sum() == 780


def test_a_view_stays_read_only() -> None:
    whole = np.arange(10.0)
    view = whole[2:4]
    view.setflags(write=False)
    again = load(encode([whole, view], NoNames()))
    assert not again[1].flags.writeable
    again[0][2] = 5
    assert again[1][0] == 5


def test_a_part_of_an_upstream_value_is_a_part_of_it_again() -> None:
    upstream = {"data": np.arange(100.0).reshape(10, 10)}
    value = [upstream["data"][3], 1]
    encoded = encode(value, NoNames(), around=beside(upstream))
    assert encoded.owners == {"up"}
    other = {"data": np.zeros((10, 10))}
    load(encoded, other)[0][:] = 5
    assert other["data"].sum() == 50


UNSTORABLE: dict[str, Callable[[], tuple[Any, Any]]] = {
    "of what only somebody else holds": lambda: (lambda a: (a[:5], [a]))(np.arange(10)),
    "of a view that somebody else holds": lambda: (lambda a: (a[:5], [a[2:]]))(np.arange(10)),
    "of a buffer": lambda: (lambda b: ([np.frombuffer(b), b], None))(bytearray(80)),
    "of a buffer elsewhere": lambda: (lambda b: (np.frombuffer(b), b))(bytearray(80)),
    "of objects": lambda: (lambda a: ([a, a[:2]], None))(np.array([[], {}, ()], dtype=object)),
    "of a larger one": lambda: (lambda a: ([a[:9], a[5:9]], None))(np.arange(1000)),
    "of another class": lambda: (lambda a: ([a, a[:1]], None))(np.ma.array([1, 2, 3])),
}


@pytest.mark.parametrize("make", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_is_shared_in_another_way_is_not_kept(make: Callable[[], tuple[Any, Any]]) -> None:
    value, _elsewhere = make()
    with pytest.raises(Unstorable, match="share"):
        encode(value, NoNames())


def test_nobody_notices_shared_bytes() -> None:
    data = bytes(80)
    assert load(encode([np.frombuffer(data), np.frombuffer(data)], NoNames()))[1].sum() == 0
