"""Iterators, files and locks are put back to where they were, as often as one likes."""

from __future__ import annotations

import gc
import io
import itertools
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_cellcache.trace.rewinding import place_of, put_at

MANY: Final = [object() for _ in range(4)]

ITERATORS: Final[dict[str, Callable[[], Any]]] = {
    "list": lambda: iter(MANY),
    "tuple": lambda: iter((*MANY,)),
    "range": lambda: iter(range(4)),
    "text": lambda: iter("abcd"),
    "bytes": lambda: iter(b"abcd"),
    "dictionary": lambda: iter(dict.fromkeys(MANY)),
    "items": lambda: iter(dict.fromkeys(MANY).items()),
    "set": lambda: iter({1, 2, 3, 4}),
    "reversed": lambda: reversed(MANY),
    "counter": itertools.count,
    "large counter": lambda: itertools.count(sys.maxsize - 2),
    "steps": lambda: itertools.count(1, 10**30),
    "repeated": lambda: itertools.repeat(MANY, 4),
    "until": lambda: iter(lambda: 1, 2),
}


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="reads and writes memory")
@pytest.mark.parametrize("taken", [0, 1, 3])
@pytest.mark.parametrize("name", ITERATORS)
def test_an_iterator_goes_on_from_where_it_was(name: str, taken: int) -> None:
    iterator = ITERATORS[name]()
    list(itertools.islice(iterator, taken))
    place = place_of(iterator)
    found = list(itertools.islice(iterator, 5))
    for _ in range(3):
        assert put_at(iterator, place)
        assert list(itertools.islice(iterator, 5)) == found


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="reads and writes memory")
def test_references_are_counted_right() -> None:
    held = [object(), object()]
    before = sys.getrefcount(held)
    iterator = iter(held)
    place = place_of(iterator)
    for _ in range(100):
        list(iterator)
        assert put_at(iterator, place)
    del iterator, place
    gc.collect()
    assert sys.getrefcount(held) == before


@pytest.mark.parametrize(
    "thing",
    [(number for number in range(3)), itertools.product([1], [2]), object(), itertools.groupby("")],
    ids=["generator", "products", "object", "groups"],
)
def test_what_has_more_than_its_own_memory_has_no_place(thing: object) -> None:
    assert place_of(thing) is None


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("abcdef")
    text, raw = io.StringIO("a"), io.BytesIO(b"a")
    with path.open() as file, path.open("rb") as binary, path.open("a") as writing:
        assert place_of(writing) is None
        file.read(2)
        for each in (file, binary, text, raw):
            place = place_of(each)
            found = each.read()
            assert put_at(each, place)
            assert each.read() == found
        place = place_of(text)
        text.write("b")
        assert put_at(text, place)
        assert text.getvalue() == "a"
        place = place_of(file)
    assert not put_at(file, place)
    assert place_of(file) is None


@pytest.mark.parametrize("is_locked", [False, True])
def test_locks(is_locked: bool) -> None:
    lock = threading.Lock()
    if is_locked:
        lock.acquire()
    place = place_of(lock)
    lock.release() if is_locked else lock.acquire()
    assert put_at(lock, place)
    assert lock.locked() == is_locked
