from __future__ import annotations

import functools
import os
import pathlib
import sqlite3
import threading
import types
import warnings
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_cellcache.model.digest import digest_bytes
from pytest_cellcache.model.events import Warned
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.pickler import encode
from pytest_cellcache.store.stubs import StubTouched, TouchLog, is_stub
from pytest_cellcache.store.values import ALIGNMENT, Content, Encoded, Root, Scene, Unstorable


class NoNames:
    def reference(self, value: object) -> tuple[str, ...] | None:
        return None

    def namespace(self, members: Mapping[str, Any]) -> tuple[str, ...] | None:
        return None

    def resolve(self, reference: Sequence[str]) -> Any:
        raise LookupError(reference)

    def code(self, code: types.CodeType) -> tuple[str, ...] | None:
        return None

    def resolve_code(self, reference: Sequence[str]) -> types.CodeType:
        raise LookupError(reference)


def load(encoded: Encoded, log: TouchLog | None = None, **roots: str) -> Any:
    content = Content(b"".join(encoded.parts))
    assert content.head_bytes == encoded.head_bytes == len(encoded.parts[0])
    return content.load(Scene("made", NoNames(), log or TouchLog(), roots))


@dataclass
class Point:
    x: int
    y: Any


@pytest.mark.parametrize(
    "value", [1, "text", [1, {"a": (2, 3)}], {1, 2}, Point(1, [2]), bytearray(b"x" * 100_000)]
)
def test_plain_values_come_back(value: Any) -> None:
    assert load(encode(value, NoNames())) == value


def test_parts_become_stubs_and_the_log_tells_of_touches() -> None:
    value = {"conn": sqlite3.connect(":memory:"), "inner": [Point(1, threading.Lock())], "n": 3}
    encoded = encode(value, NoNames())
    assert [(stub.place, stub.type_name) for stub in encoded.stubs] == [
        ("value['conn']", "sqlite3.Connection"),
        ("value['inner'][0].y", "_thread.lock"),
    ]
    log = TouchLog()
    found = load(encoded, log)
    value["conn"].close()
    assert found["n"] == 3
    assert is_stub(found["conn"])
    assert not log.touched
    with pytest.raises(StubTouched, match="conn"):
        found["conn"].cursor()
    for operation in (bool, len, hash, repr, iter, list, str):
        with pytest.raises(StubTouched):
            operation(found["inner"][0].y)  # type: ignore[arg-type]
    assert [place.place for place in log.take()] == ["value['conn']", "value['inner'][0].y"]
    assert not log.take()


def test_callables_stay_callable() -> None:
    found = load(encode([threading.Lock().acquire], NoNames()))
    assert is_stub(found[0])
    assert callable(found[0])


def test_paths_move(tmp_path: pathlib.Path) -> None:
    value = {"path": tmp_path / "a", "text": f"see {tmp_path}/b and {tmp_path}", str(tmp_path): 1}
    encoded = encode(
        value, NoNames(), [Root("here", str(tmp_path)), Root("", os.path.dirname(tmp_path))]
    )
    assert encoded.tokens == {"here"}
    assert os.fsencode(tmp_path) not in b"".join(encoded.parts)
    assert load(encoded, here="/new") == {
        "path": pathlib.Path("/new/a"),
        "text": "see /new/b and /new",
        "/new": 1,
    }


def test_what_is_kept_by_name_and_not_there_is_a_stub() -> None:
    memo = functools.lru_cache(lambda: 1)
    kept = load(encode([memo, functools.reduce], NoNames()))
    assert is_stub(kept[0])
    assert kept[1] is functools.reduce


def test_an_open_file_does_not_come_back_as_its_text(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("text")
    with open(tmp_path / "a", encoding="utf-8") as file:
        assert is_stub(load(encode([file], NoNames()))[0])


@pytest.mark.parametrize("wrap", [str, os.fsencode, pathlib.Path, lambda p: [p / "x"]])
def test_paths_of_the_session_are_refused(tmp_path: pathlib.Path, wrap: Any) -> None:
    with pytest.raises(Unstorable):
        encode([wrap(tmp_path / "a")], NoNames(), [Root("", str(tmp_path))])


@pytest.mark.parametrize("give", [os.getpid, threading.get_ident, lambda: id(NoNames)])
def test_numbers_of_the_process_are_refused(give: Callable[[], int]) -> None:
    number = give()
    with pytest.raises(Unstorable, match=str(number)):
        encode({"a": [number]}, NoNames())


class Buffers:
    """An object whose pickle has a large buffer of its own."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> Any:
        from pickle import PickleBuffer

        return Buffers, (PickleBuffer(self.data),)


@pytest.mark.parametrize("length", [100, 20_000, 200_000])
def test_large_buffers_are_mapped_and_may_be_written(tmp_path: pathlib.Path, length: int) -> None:
    store = DirectoryStore(tmp_path, may_write=True, warn=lambda warned: None)
    encoded = encode(Buffers(array("d", [1.5]) * length), NoNames())
    name = store.put_value(encoded.parts)
    assert name is not None
    head = digest_bytes(encoded.parts[0])
    for _ in range(2):
        view = store.get_value(name, encoded.head_bytes, head)
        assert view is not None
        found = Content(view).load(Scene("made", NoNames(), TouchLog()))
        numbers = memoryview(found.data).cast("B").cast("d")
        assert numbers[7] == 1.5
        numbers[7] = 2.5  # seen by nobody else
    assert encoded.head_bytes < 1 << 16
    assert all(start % ALIGNMENT == 0 for start, _ in Content(view)._sections)


def test_nothing_foreign_or_damaged_is_given_out(tmp_path: pathlib.Path) -> None:
    said: list[Warned] = []
    store = DirectoryStore(tmp_path, may_write=True, warn=said.append)
    encoded = encode([1, 2], NoNames())
    head = digest_bytes(encoded.parts[0])
    name = store.put_value(encoded.parts)
    assert name is not None
    path = next(tmp_path.glob("v*/blobs")) / name
    assert store.get_value(name, encoded.head_bytes, digest_bytes(b"other")) is None
    store.put_value(encoded.parts)
    path.chmod(0o666)
    assert store.get_value(name, encoded.head_bytes, head) is None
    assert [warned.slug for warned in said] == ["store-corrupt", "store-foreign"]
    path.chmod(0o600)
    assert store.get_value(name, encoded.head_bytes, head) is not None
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert store.get_value(name, encoded.head_bytes, head) is None
    assert not path.exists()


class Warns:
    def __reduce__(self) -> Any:
        warnings.warn("pickled", DeprecationWarning, stacklevel=2)
        return Warns.made, ()

    @staticmethod
    def made() -> Warns:
        warnings.warn("made", UserWarning, stacklevel=2)
        return Warns()


def test_nobody_hears_what_classes_warn_of() -> None:
    assert isinstance(load(encode(Warns(), NoNames())), Warns)
